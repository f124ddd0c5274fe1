"""Random two-hand scenes to measure and compare renderers with; not a recipe, and no attempt at realism."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from handbench.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from handbench.hands.library import load_hand_model
from handbench.hands.model import HandModel, forward_one
from handbench.hands.skin import atlas_uv
from handbench.seeding import rng_for
from handbench.synth.scene import FloatArray, HandScene, Lights, Part
from handbench.types import HandParams, Side

Texture = npt.NDArray[np.uint8]


def trial_scene(
    seed: int,
    size: int = 256,
    spread: float = 1.0,
    textures: tuple[Texture, Texture] | None = None,
    arms: bool = True,
) -> HandScene:
    """Makes a scene of a right and a left hand close together, with forearms, before a plain background.

    Args:
        seed: names the scene.
        size: width and height [px].
        spread: 1 fills the picture; less shows the hands smaller (further away).
        textures: skin of the right and the left hand; a coarse pattern otherwise.
        arms: whether the hands have forearms.
    """
    rng = rng_for(seed, "trial-scene")
    distance = rng.uniform(0.5, 0.8)
    focal = spread * size * rng.uniform(1.9, 2.4) * distance / 0.6
    K = np.array([[focal, 0.0, (size - 1) / 2], [0.0, focal, (size - 1) / 2], [0.0, 0.0, 1.0]])
    view = axis_angle_to_matrix(rng.normal(size=3) * 2.0)
    parts: list[Part] = []
    for index, side in enumerate((Side.RIGHT, Side.LEFT)):
        model = load_hand_model("procedural", side)
        vertices = _posed(model, view, rng)
        place = rng.normal(size=3) * np.array([0.03, 0.03, 0.035]) + np.array([0.0, 0.0, distance])
        vertices = vertices - vertices[:778].mean(0) + place
        texture = textures[index] if textures is not None else _pattern(rng)
        name = side.value
        parts.append(
            Part(name, vertices, model.closed_faces, side, True, texture, atlas_uv(), None, gloss=0.15)
        )
        if arms:
            parts.append(_arm(f"{name}_arm", vertices, model, side))
    background = np.full((size, size, 3), rng.integers(60, 220, 3), np.uint8)
    toward = np.array([rng.uniform(-0.7, 0.7), rng.uniform(-1.0, 0.2), -1.0])
    fill = np.array([rng.uniform(-1.0, 1.0), rng.uniform(-0.2, 0.8), -0.6])
    directions = np.stack([toward / np.linalg.norm(toward), fill / np.linalg.norm(fill)])
    lights = Lights(
        np.array([0.32, 0.33, 0.36]), directions, np.array([[0.78, 0.74, 0.68], [0.14, 0.16, 0.2]])
    )
    return HandScene(K, (size, size), tuple(parts), lights, background, distance + 0.12)


def _posed(model: HandModel, view: FloatArray, rng: np.random.Generator) -> FloatArray:
    pose = np.zeros(48)
    pose[3:] = rng.normal(size=45) * 0.2 + rng.uniform(0.0, 1.0) * model.hands_mean
    turn = axis_angle_to_matrix(rng.normal(size=3) * 0.6)
    pose[:3] = matrix_to_axis_angle(view @ turn)
    return forward_one(model, HandParams(model.side, pose, rng.normal(size=10), np.zeros(3))).vertices


def _arm(name: str, vertices: FloatArray, model: HandModel, side: Side) -> Part:
    """Makes a tapered tube of 200 faces that starts inside the wrist."""
    loop = vertices[model.wrist_loop]
    centre = loop.mean(0)
    axis = centre - vertices[:778].mean(0)
    axis /= np.linalg.norm(axis)
    across = loop[0] - centre
    across -= axis * (across @ axis)
    radius = float(np.linalg.norm(loop - centre, axis=1).mean())
    across /= np.linalg.norm(across)
    other = np.cross(axis, across)
    n, rings = 10, 11
    turn = np.linspace(0.0, 2.0 * np.pi, n, endpoint=False)
    circle = np.cos(turn)[:, None] * across + np.sin(turn)[:, None] * other
    along = np.linspace(-0.006, 0.22, rings)
    swell = radius * (1.0 + 0.5 * np.clip(along / 0.2, 0.0, 1.0))
    points = centre + along[:, None, None] * axis + swell[:, None, None] * circle[None]
    k, i = np.meshgrid(np.arange(rings - 1), np.arange(n), indexing="ij")
    a, b = k * n + i, k * n + (i + 1) % n
    faces = np.concatenate([np.stack([a, b, b + n], -1), np.stack([a, b + n, a + n], -1)]).reshape(-1, 3)
    colors = np.full((rings * n, 3), (196, 150, 125), np.uint8)
    return Part(name, points.reshape(-1, 3), faces.astype(np.int32), side, colors=colors, gloss=0.1)


def _pattern(rng: np.random.Generator) -> Texture:
    base = rng.integers(90, 230, 3)
    coarse = rng.integers(-25, 25, (52, 52, 1))
    fine = np.repeat(np.repeat(coarse, 7, axis=0), 7, axis=1)
    return np.asarray(np.clip(base + fine, 0, 255), np.uint8)
