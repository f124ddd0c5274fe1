"""The open wrist of a posed hand: where a forearm starts, and which way it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.hands.model import HandModel

AROUND = 16
"""Vertices of the open wrist, and of every ring of a forearm."""


@dataclass(frozen=True, slots=True)
class WristRim:
    """The open edge of a posed hand and the frame in which the arm leaves it.

    Attributes:
        points: (16, 3) the rim [m], in winding order.
        slopes: (16, 3) unit vectors in which the skin leaves the rim, away from the hand.
        center: (3,) [m].
        frame: (3, 3) rows: towards the thumb's side, across the palm's plane, out of the hand.
    """

    points: FloatArray
    slopes: FloatArray
    center: FloatArray
    frame: FloatArray


@lru_cache(maxsize=8)
def _rim_neighbours(model: HandModel) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Returns for each rim vertex its neighbours inside the hand, (16, k), and their weights, (16, k)."""
    loop = [int(v) for v in model.wrist_loop]
    rows = [
        sorted({int(v) for face in model.faces if vertex in face for v in face} - set(loop))
        for vertex in loop
    ]
    width = max(len(row) for row in rows)
    index = np.array([row + [row[0]] * (width - len(row)) for row in rows], dtype=np.int64)
    weight = np.array([[1 / len(row)] * len(row) + [0.0] * (width - len(row)) for row in rows])
    return index, weight


def wrist_rim(model: HandModel, vertices: FloatArray, joints16: FloatArray) -> WristRim:
    """Measures the open wrist of a posed hand.

    Args:
        model: the hand model, for its topology.
        vertices: (778, 3) [m].
        joints16: (16, 3) MANO16 [m].
    """
    index, weight = _rim_neighbours(model)
    points, slopes, center, frame = (
        np.empty((AROUND, 3)),
        np.empty((AROUND, 3)),
        np.empty(3),
        np.empty((3, 3)),
    )
    _measure(vertices, model.wrist_loop, index, weight, joints16, points, slopes, center, frame)
    return WristRim(points, slopes, center, frame)


def rim_radius(rim: WristRim) -> float:
    """Returns half the greatest width of the open wrist [m]."""
    return _half_width(rim.points, rim.frame)


@numba.njit(cache=True, nogil=True)
def _cross(a: FloatArray, b: FloatArray, out: FloatArray) -> None:
    out[0] = a[1] * b[2] - a[2] * b[1]
    out[1] = a[2] * b[0] - a[0] * b[2]
    out[2] = a[0] * b[1] - a[1] * b[0]


@numba.njit(cache=True, nogil=True)
def _dot(a: FloatArray, b: FloatArray) -> float:
    return float(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


@numba.njit(cache=True, nogil=True)
def _measure(
    vertices: FloatArray,
    loop: npt.NDArray[np.int64],
    index: npt.NDArray[np.int64],
    weight: FloatArray,
    joints: FloatArray,
    points: FloatArray,
    slopes: FloatArray,
    center: FloatArray,
    frame: FloatArray,
) -> None:
    """Fills what `wrist_rim` returns."""
    count = loop.shape[0]
    center[:] = 0.0
    for i in range(count):
        points[i] = vertices[loop[i]]
        center += points[i] / count
        slopes[i] = points[i]
        for k in range(index.shape[1]):
            slopes[i] -= weight[i, k] * vertices[index[i, k]]
        slopes[i] /= np.sqrt(_dot(slopes[i], slopes[i]))
    side, across, out, area = frame[0], frame[1], frame[2], np.empty(3)
    out[:] = 0.0
    for i in range(count):
        _cross(points[i] - center, points[(i + 1) % count] - center, area)
        out += area
    out /= np.sqrt(_dot(out, out))
    if _dot(out, joints[4] - joints[0]) > 0:
        out *= -1.0
    side[:] = joints[1] - joints[7]
    side -= out * _dot(side, out)
    side /= np.sqrt(_dot(side, side))
    _cross(out, side, across)


@numba.njit(cache=True, nogil=True)
def _half_width(points: FloatArray, frame: FloatArray) -> float:
    widest = 0.0
    for row in range(2):
        low, high = np.inf, -np.inf
        for i in range(points.shape[0]):
            across = _dot(points[i] - points[0], frame[row])
            low, high = min(low, across), max(high, across)
        widest = max(widest, high - low)
    return widest / 2


def wrist_frame(joints16: FloatArray) -> FloatArray:
    """Returns the hand's frame, (3, 3) rows: along the fingers, across the palm's plane, to the thumb."""
    along = joints16[4] - joints16[0]
    along = along / np.linalg.norm(along)
    side = joints16[1] - joints16[7]
    side = side - along * (side @ along)
    side = side / np.linalg.norm(side)
    return np.stack([along, np.cross(along, side), side])
