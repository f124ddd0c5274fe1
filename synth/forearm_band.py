"""A watch or a bracelet around a forearm."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.synth import forearm_mesh as mesh
from handbench.synth.background_paint import drawn_color
from handbench.synth.forearm_rim import AROUND, WristRim
from handbench.synth.forearm_wear import METALS, Wear
from handbench.synth.scene import Part
from handbench.types import Side


def make_band(rng: np.random.Generator, rim: WristRim, aim: FloatArray, wear: Wear, side: Side) -> Part:
    """Makes a strap around the wrist, and the case of a watch on its back."""
    watch = wear.band_kind == "watch"
    at = float(rng.uniform(0.022, 0.04))
    half = float(rng.uniform(0.007, 0.011)) if watch else float(rng.uniform(0.0015, 0.004))
    thick = 0.0025 if watch else half
    stations = at + np.array([-half, -half, half, half])
    offsets = np.repeat(np.array([-0.002, thick, thick, -0.002])[:, None], AROUND, axis=1)
    vertices, faces = mesh.tube(rim, aim, stations, wear.girth, offsets, False)
    faces = faces[: 3 * 2 * AROUND]
    colors = np.tile(np.asarray(wear.band_color, np.uint8), (len(vertices), 1))
    if watch:
        points, frames = mesh.spine(rim.center, rim.frame, aim, np.array([at]))
        dorsal = frames[0, 1] * (-1.0 if side is Side.RIGHT else 1.0)
        case, case_faces, case_colors = _watch_case(rng, points[0], frames[0], dorsal, vertices)
        faces = np.concatenate([faces, case_faces + len(vertices)])
        vertices = np.concatenate([vertices, case])
        colors = np.concatenate([colors, case_colors])
    return Part(f"{side.value}_band", vertices, faces.astype(np.int32), side, colors=colors, gloss=0.6)


def _watch_case(
    rng: np.random.Generator, center: FloatArray, frame: FloatArray, dorsal: FloatArray, strap: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.int32], ImageArray]:
    radius, tall = float(rng.uniform(0.015, 0.021)), float(rng.uniform(0.006, 0.010))
    base = float(((strap - center) @ dorsal).max()) - 0.003
    count = AROUND
    angle = np.arange(count) * (2 * np.pi / count)
    circle = np.cos(angle)[:, None] * frame[0] + np.sin(angle)[:, None] * frame[2]
    rings = [
        center + dorsal * (base + h) + circle * (radius * r)
        for h, r in ((0.0, 1.0), (tall, 1.0), (tall, 0.86), (tall - 0.0006, 0.84))
    ]
    vertices = np.concatenate([*rings, (center + dorsal * (base + tall - 0.0006))[None]])
    wall = mesh.tube_faces(len(rings), False)
    last, middle = (len(rings) - 1) * count, len(rings) * count
    dial = np.array([[last + i, last + (i + 1) % count, middle] for i in range(count)])
    case = np.asarray(METALS[int(rng.integers(3))], np.uint8)
    face = np.asarray(drawn_color(rng, (0.0, 0.3), (0.05, 0.95)) * 255, np.uint8)
    colors = np.concatenate([np.tile(case, (3 * count, 1)), np.tile(face, (count + 1, 1))])
    return vertices, np.concatenate([wall, dial]).astype(np.int32), colors
