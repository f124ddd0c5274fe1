"""Things that pass close before one camera and hide the hand for a stated number of frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.camera import Camera
from handbench.hands.rotations import exponential
from handbench.synth.background_paint import drawn_color
from handbench.synth.scene import Part

PASSER = "passer"
"""Name of the part."""

SHAPES = {"train": ((1.0, 1.0, 1.0), (0.35, 0.35, 0.8)), "test": ((0.55, 1.0, 0.6), (0.3, 1.0, 1.0))}
"""Exponents (along the axis, around it) and flatness of superellipsoids: ball and box; cushion and drum."""

_ROWS, _COLUMNS = 25, 48


@dataclass(frozen=True)
class PasserSettings:
    """How things pass.

    Attributes:
        lengths: for how many frames the hand is hidden; each in turn, in an order of its own per camera.
        pause: frames between two of them.
        nearness: distance from the camera as a share of the hand's.
        cover: size of the thing, in radii of the hand as the camera sees it.
        approach: frames from beside the hand to before it, and away again.
        drift: movement while it hides the hand, in radii of the hand.
    """

    lengths: tuple[int, ...] = (1, 5, 15, 30)
    pause: tuple[int, int] = (6, 18)
    nearness: tuple[float, float] = (0.3, 0.42)
    cover: tuple[float, float] = (1.5, 1.8)
    approach: tuple[int, int] = (1, 4)
    drift: float = 0.15


@dataclass(frozen=True)
class Passing:
    """One thing passing before one camera.

    Attributes:
        first: the first frame in which the hand is hidden.
        length: for how many frames.
        approach: frames before and after in which the thing is on its way.
        angle: direction of its way in the picture [rad].
        nearness: distance from the camera as a share of the hand's.
        cover: its size in radii of the hand.
        drift: movement while it hides the hand, in radii of the hand.
        shape: number of its shape.
        turn: (3,) axis-angle of the thing.
        color: (2, 3) sRGB of its stripes.
    """

    first: int
    length: int
    approach: int
    angle: float
    nearness: float
    cover: float
    drift: float
    shape: tuple[float, float, float]
    turn: FloatArray
    color: npt.NDArray[np.uint8]

    def shift(self, frame: int) -> float | None:
        """Returns how far beside the hand the thing is, in radii of the hand; None when it is not there."""
        last = self.first + self.length - 1
        if frame < self.first - self.approach or frame > last + self.approach:
            return None
        # Beside: its own radius, the hand's, and a little.
        away = self.cover + 1.6
        if frame < self.first:
            return -away * (self.first - frame) / self.approach
        if frame > last:
            return away * (frame - last) / self.approach
        return self.drift * (2 * (frame - self.first) / max(self.length - 1, 1) - 1)


def plan_passings(
    rng: np.random.Generator, frames: int, split: str, settings: PasserSettings | None = None
) -> tuple[Passing, ...]:
    """Draws what passes before one camera, one thing after the other until the take ends.

    Args:
        rng: the camera's stream.
        frames: length of the take.
        split: ``train`` or ``test``: which shapes are used.
        settings: what to draw from.
    """
    s = settings or PasserSettings()
    passings: list[Passing] = []
    at, order = 0, list(rng.permutation(s.lengths))
    while True:
        length = int(order[len(passings) % len(order)])
        approach = int(rng.integers(s.approach[0], s.approach[1] + 1))
        first = at + approach + int(rng.integers(s.pause[0], s.pause[1] + 1))
        if first + length + approach > frames:
            return tuple(passings)
        shapes = SHAPES[split]
        passings.append(
            Passing(
                first, length, approach, float(rng.uniform(0, 2 * np.pi)),
                float(rng.uniform(*s.nearness)), float(rng.uniform(*s.cover)), s.drift,
                shapes[int(rng.integers(len(shapes)))], rng.uniform(-1.5, 1.5, 3),
                np.array([255 * drawn_color(rng) for _ in range(2)]).astype(np.uint8),
            )
        )  # fmt: skip
        at = first + length + approach


def passer_part(passing: Passing, frame: int, hand: FloatArray, camera: Camera) -> Part | None:
    """Places the thing before the hand.

    Args:
        passing: what passes.
        frame: which frame.
        hand: (N, 3) points of the hand, camera frame [m].
        camera: its intrinsics count.

    Returns:
        the part in the camera's frame, or None where it is not there or the hand is behind the camera.
    """
    shift = passing.shift(frame)
    if shift is None or hand[:, 2].min() < 0.1:
        return None
    flat = hand[:, :2] / hand[:, 2:]
    low, high = flat.min(axis=0), flat.max(axis=0)
    middle = (low + high) / 2
    radius = float(np.sqrt(((flat - middle) ** 2).sum(axis=1).max()))
    z = passing.nearness * float(np.median(hand[:, 2]))
    place = middle + shift * radius * np.array([np.cos(passing.angle), np.sin(passing.angle)])
    body, faces, stripes = _superellipsoid(passing.shape)
    turned = body @ exponential(passing.turn).T
    # The outline must hold a circle of the wanted size, whichever way the thing is turned.
    reach = float(np.sqrt((turned[:, :2] ** 2).sum(axis=1)).min(initial=np.inf, where=_rim(turned)))
    vertices = turned * (passing.cover * radius * z / reach) + np.array([*(place * z), z])
    vertices[:, 2] = np.maximum(vertices[:, 2], 0.03)
    return Part(PASSER, vertices, faces, None, colors=passing.color[stripes], gloss=0.25)


def _rim(points: FloatArray) -> npt.NDArray[np.bool_]:
    """Tells which points (V, 3) are the outermost in their direction, of 36, as seen along z."""
    sector = ((np.arctan2(points[:, 1], points[:, 0]) + np.pi) / (2 * np.pi) * 36).astype(int) % 36
    reach = np.hypot(points[:, 0], points[:, 1])
    best = np.zeros(36)
    np.maximum.at(best, sector, reach)
    return np.asarray(reach >= best[sector] - 1e-12)


def _superellipsoid(
    shape: tuple[float, float, float],
) -> tuple[FloatArray, npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Makes a closed mesh of about unit radius; also which of two colours each vertex has."""
    along, around, flat = shape
    v = np.linspace(-np.pi / 2, np.pi / 2, _ROWS)[:, None]
    u = np.arange(_COLUMNS)[None] * (2 * np.pi / _COLUMNS)
    ring = _power(np.cos(v), along)
    grid = np.stack(
        [ring * _power(np.cos(u), around), ring * _power(np.sin(u), around),
         flat * _power(np.sin(v), along) + 0 * u], axis=-1,
    )  # fmt: skip
    k, i = np.meshgrid(np.arange(_ROWS - 1), np.arange(_COLUMNS), indexing="ij")
    a, b = k * _COLUMNS + i, k * _COLUMNS + (i + 1) % _COLUMNS
    faces = np.stack([np.stack([a, b, b + _COLUMNS], -1), np.stack([a, b + _COLUMNS, a + _COLUMNS], -1)], 2)
    stripes = np.broadcast_to((np.arange(_ROWS) // 3 % 3 == 1)[:, None], (_ROWS, _COLUMNS)).reshape(-1)
    return grid.reshape(-1, 3), faces.reshape(-1, 3).astype(np.int32), stripes.astype(np.int64)


def _power(value: FloatArray, exponent: float) -> FloatArray:
    return np.asarray(np.sign(value) * np.abs(value) ** exponent)
