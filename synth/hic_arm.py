"""The arm behind the scanned hand, whose mesh ends two fingers' breadth behind the wrist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.formats.motion import Motion
from handbench.formats.scan import SkinnedScan
from handbench.hands.rotations import about
from handbench.hands.topology import vertex_normals
from handbench.synth.background_paint import drawn_color

AROUND = 40
"""Vertices of a ring."""

FOREARM = 0.25
"""From the end of the mesh to the elbow [m]."""

_ELBOW = 0.06  # over this length the arm bends [m]
_BEND = np.deg2rad(80.0)
_BEYOND = np.array([0.01, 0.02, 0.03, 0.045, 0.08, 0.14, 0.22, 0.38, 0.58, 0.85])
_GIRTH = ([0.0, 0.12, 0.2, 0.25, 0.4, 1.1], [1.0, 1.38, 1.58, 1.5, 1.75, 1.9])
_STAND_OFF = 0.0003  # of a bare arm where it lies over the mesh [m]
_ANGLES = np.arange(AROUND) * 2 * np.pi / AROUND

Paint = Callable[[FloatArray, FloatArray], ImageArray]


@dataclass(frozen=True)
class ArmTube:
    """An arm, rigid with the bone ``Lower Arm``.

    Attributes:
        vertices: (V, 3) [m] in the bind pose.
        faces: (F, 3) int32.
        colors: (V, 3) uint8 sRGB.
        bone: which bone of the motion carries it.
    """

    vertices: FloatArray
    faces: npt.NDArray[np.int32]
    colors: ImageArray
    bone: int

    def pose(self, motion: Motion, frame: int) -> FloatArray:
        """Returns the vertices (V, 3) [m] of one frame."""
        bind, now = motion.bind[self.bone], motion.frames[frame, self.bone]
        return np.asarray((self.vertices - bind[:, 3]) @ bind[:, :3] @ now[:, :3].T + now[:, 3])


def make_arm(
    scan: SkinnedScan,
    motion: Motion,
    shoulder: FloatArray,
    cloth: np.random.Generator | None,
    paint: Paint,
) -> ArmTube:
    """Makes the arm of a scan: bare, going on with the outline where the mesh ends, or in a sleeve.

    Behind the elbow it turns towards the shoulder, so that no arm ends in mid-air.

    Args:
        scan: the hand.
        motion: any motion of it.
        shoulder: (3,) direction from the elbow to the shoulder, in the frame of the bind pose.
        cloth: draws a sleeve; both arms of a person are given equal streams. None for a bare arm.
        paint: gives the colours (N, 3) of a bare arm's points and normals, each (N, 3), in the bind pose.
    """
    bone = next(i for i, name in enumerate(motion.bones) if name.startswith("Lower Arm"))
    frame = motion.bind[bone]
    local = (scan.vertices - frame[:, 3]) @ frame[:, :3]
    end = float(local[:, 0].min())  # the bone runs towards the hand
    over = end + np.array([0.014, 0.010, 0.006, 0.0035])
    behind = np.concatenate([end - over, np.linspace(0.006, FOREARM, 20), FOREARM + _BEYOND])
    centre, outline = _outlines(local, over)
    swell = np.interp(behind[len(over) :], *_GIRTH)[:, None]
    # Farther back the section of the wrist turns into a round, thicker arm.
    round_off = np.sqrt(np.clip(behind[len(over) :, None] / FOREARM, 0.0, 1.0))
    rings = np.concatenate(
        [outline, (outline[-1] * (1 - round_off) + outline[-1].mean() * round_off) * swell]
    )
    if cloth is not None:
        phase = cloth.uniform(0.0, 6.0)
        rings = rings + 0.0045 + 0.0012 * np.sin(behind * 95.0 + phase)[:, None]
        behind, rings = np.concatenate([behind[:1], behind]), np.concatenate([rings[:1] - 0.005, rings])
    start = np.array([end, *centre])
    points = _tube(start, behind, rings, shoulder @ frame[:, :3])
    vertices = points.reshape(-1, 3) @ frame[:, :3].T + frame[:, 3]
    faces = _tube_faces(len(behind))
    colors = paint(vertices, vertex_normals(vertices, faces)) if cloth is None else _cloth(cloth, len(behind))
    return ArmTube(vertices, faces, colors, bone)


def _tube(start: FloatArray, behind: FloatArray, rings: FloatArray, shoulder: FloatArray) -> FloatArray:
    """Returns rings (S, AROUND, 3) [m] along -x from ``start``, and past the elbow towards the shoulder."""
    back = np.array([-1.0, 0.0, 0.0])
    axis = np.cross(back, shoulder)
    size = float(np.linalg.norm(axis))
    angle = min(np.arctan2(size, float(back @ shoulder)), _BEND)
    axis = axis / size if size > 1e-6 else np.array([0.0, 0.0, 1.0])
    points = np.empty((*rings.shape, 3))
    place, last = start, 0.0
    circle = np.stack([np.zeros(AROUND), np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
    for i, (at, ring) in enumerate(zip(behind, rings, strict=True)):
        bent = about(axis, angle * float(np.clip((at - FOREARM) / _ELBOW + 0.5, 0.0, 1.0)))
        place = place + (at - last) * (bent @ back)
        last = at
        points[i] = place + ring[:, None] * (circle @ bent.T)
    return points


def _outlines(local: FloatArray, stations: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns the middle (2,) and the radius (S, AROUND) of the mesh's outline at stations along the bone."""
    band = local[local[:, 0] < stations[0] + 0.003]
    centre = 0.5 * (band[:, 1:].min(axis=0) + band[:, 1:].max(axis=0))
    offset = band[:, 1:] - centre
    angle, radius = np.arctan2(offset[:, 1], offset[:, 0]), np.hypot(offset[:, 0], offset[:, 1])
    rows = []
    for station in stations:
        turn = (angle[:, None] - _ANGLES + np.pi) % (2 * np.pi) - np.pi
        away = ((band[:, 0] - station) / 0.003)[:, None] ** 2 + (turn / 0.14) ** 2
        # The flat end of the mesh has vertices inside its outline: the outermost count.
        weight = np.exp(-away) * (radius > 0.8 * np.median(radius))[:, None]
        rows.append((weight * radius[:, None]).sum(axis=0) / weight.sum(axis=0))
    return centre, np.stack(rows) + _STAND_OFF


def _cloth(rng: np.random.Generator, rings: int) -> ImageArray:
    """Colours rings of cloth: plain, or striped across."""
    first = drawn_color(rng, (0.05, 0.6), (0.12, 0.8))
    second = drawn_color(rng, (0.05, 0.6), (0.12, 0.8))
    striped = rng.random() < 0.4
    mix = (np.arange(rings) % 6 < 2) if striped else np.zeros(rings, bool)
    tones = np.where(mix[:, None], second, first)
    noise = 1.0 + 0.04 * rng.standard_normal((rings, AROUND, 1))
    return np.asarray(np.clip(np.rint(255 * tones[:, None] * noise), 0, 255).reshape(-1, 3), np.uint8)


def _tube_faces(rings: int) -> npt.NDArray[np.int32]:
    """Returns the triangles of a tube that is open at both ends."""
    k, i = np.meshgrid(np.arange(rings - 1), np.arange(AROUND), indexing="ij")
    a, b = k * AROUND + i, k * AROUND + (i + 1) % AROUND
    quads = np.stack([a, a + AROUND, b, b, a + AROUND, b + AROUND], axis=-1)
    return quads.reshape(-1, 3).astype(np.int32)
