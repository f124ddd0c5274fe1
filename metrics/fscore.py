"""The F-score between two meshes: how many vertices have one of the other mesh nearer than a threshold.

HO-3D's official script (eval.py, ``calculate_fscore``): for each vertex the least distance to the other mesh,
strictly below the threshold; F = 2 a b / (a + b) of the two shares, 0 where both are 0.

Whether *any* vertex is near is all that counts, so both meshes are sorted along the longest side of the true
one and only a window as wide as the largest threshold is looked at, in float32. Where a least distance
lies within 1 micrometre of a threshold it is computed again in double precision over all vertices, so that
counts are those of the official formula exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from handbench.arrays import FloatArray, IndexArray

THRESHOLDS = (0.005, 0.015)
"""HO-3D's thresholds [m]."""

GUARD = 1e-6
"""Least distances this close to a threshold [m] are computed again in double precision."""

Float32 = npt.NDArray[np.float32]

_FAR = np.float32(1e30)


def f_counts(
    true: npt.NDArray[np.floating[Any]],
    predicted: npt.NDArray[np.floating[Any]],
    thresholds: tuple[float, ...] = THRESHOLDS,
) -> IndexArray:
    """Counts vertices that have one of the other mesh nearer than each threshold (``<``).

    Args:
        true: (N, V, 3) [m].
        predicted: (N, W, 3) [m].
        thresholds: T distances [m].

    Returns:
        (N, T, 2): true vertices near the prediction, predicted vertices near the truth.
    """
    out = np.empty((len(true), len(thresholds), 2), dtype=np.int64)
    a, b = np.asarray(true, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    _count_frames(a, b, np.asarray(thresholds, dtype=np.float64), out)
    return out


def f_scores(counts: IndexArray, true_vertices: int, predicted_vertices: int) -> FloatArray:
    """Returns the (N, T) F-scores, 0 to 1, of counts (N, T, 2); 0 where both shares are 0."""
    a = counts[..., 0] / true_vertices
    b = counts[..., 1] / predicted_vertices
    both = a + b
    return np.where(both > 0, 2 * a * b / np.where(both > 0, both, 1.0), 0.0)


@njit(cache=True, nogil=True)
def _count_frames(true: FloatArray, predicted: FloatArray, thresholds: FloatArray, out: IndexArray) -> None:
    for n in range(true.shape[0]):
        _count(true[n], predicted[n], thresholds, out[n])


@njit(cache=True, nogil=True)
def _count(true: FloatArray, predicted: FloatArray, thresholds: FloatArray, out: IndexArray) -> None:
    reach = thresholds.max() + 2 * GUARD
    axis = 0
    centre = np.empty(3)
    widest = -1.0
    for c in range(3):
        low, high = true[:, c].min(), true[:, c].max()
        centre[c] = (low + high) / 2
        if high - low > widest:
            widest, axis = high - low, c
    a, order_a = _sorted(true, centre, axis)
    b, order_b = _sorted(predicted, centre, axis)
    square_a = np.full(a.shape[1], _FAR)
    square_b = np.full(b.shape[1], _FAR)
    _lower(b, a, np.float32(reach), axis, square_a)
    _lower(a, b, np.float32(reach), axis, square_b)
    for t in range(len(thresholds)):
        out[t, 0] = _near(square_a, order_a, true, predicted, thresholds[t])
        out[t, 1] = _near(square_b, order_b, predicted, true, thresholds[t])


@njit(cache=True, nogil=True)
def _sorted(points: FloatArray, centre: FloatArray, axis: int) -> tuple[Float32, IndexArray]:
    """Returns (3, V) coordinates about the centre, sorted along an axis, and whose they are."""
    order = np.argsort(points[:, axis])
    out = np.empty((3, points.shape[0]), dtype=np.float32)
    for i in range(points.shape[0]):
        for c in range(3):
            out[c, i] = np.float32(points[order[i], c] - centre[c])
    return out, order


@njit(cache=True, nogil=True)
def _lower(a: Float32, b: Float32, reach: np.float32, axis: int, squares: Float32) -> None:
    """Lowers each squared distance of b's points to the least one to a's, where that is within reach."""
    first = 0
    last = 0
    size = b.shape[1]
    for i in range(a.shape[1]):
        along = a[axis, i]
        while first < size and b[axis, first] < along - reach:
            first += 1
        while last < size and b[axis, last] <= along + reach:
            last += 1
        x, y, z = b[0, first:last], b[1, first:last], b[2, first:last]
        _lower_window(a[0, i], a[1, i], a[2, i], x, y, z, squares[first:last])


# A minimum kept in an array becomes vector code, 6 times as fast; one kept in a variable does not.
@njit(cache=True, nogil=True, fastmath=True)
def _lower_window(
    px: np.float32, py: np.float32, pz: np.float32, x: Float32, y: Float32, z: Float32, squares: Float32
) -> None:
    for j in range(x.shape[0]):
        dx, dy, dz = px - x[j], py - y[j], pz - z[j]
        squares[j] = min(squares[j], dx * dx + dy * dy + dz * dz)


@njit(cache=True, nogil=True)
def _near(
    squares: Float32, order: IndexArray, points: FloatArray, others: FloatArray, threshold: float
) -> int:
    count = 0
    for i in range(len(squares)):
        distance = np.sqrt(np.float64(squares[i]))
        if abs(distance - threshold) <= GUARD:
            distance = _exact(points[order[i]], others)
        count += distance < threshold
    return count


@njit(cache=True, nogil=True)
def _exact(point: FloatArray, others: FloatArray) -> float:
    best = np.inf
    for j in range(others.shape[0]):
        dx, dy, dz = point[0] - others[j, 0], point[1] - others[j, 1], point[2] - others[j, 2]
        best = min(best, np.sqrt(dx * dx + dy * dy + dz * dz))
    return best
