"""Where a fit starts: the best of a few hand shapes, laid rigidly onto the joints."""

from __future__ import annotations

import numpy as np
from numba import njit

from handbench.arrays import FloatArray
from handbench.hands.anatomy import FLEXION, Anatomy
from handbench.hands.fit_kernel import copy_row, copy_rows
from handbench.skeleton import MANO16

_FINGERS = ("index", "middle", "ring", "little")
_FULL_CURL = np.deg2rad([75.0, 95.0, 60.0])


def start_angles(body: Anatomy) -> FloatArray:
    """Returns (K, 15, 3) [rad]: the hand from flat to fist, and with one or two fingers stretched."""
    curls = [(c, c, c, c) for c in (0.0, 0.25, 0.5, 0.75, 1.0)]
    curls += [(0.1, 0.9, 0.9, 0.9), (0.1, 0.1, 0.9, 0.9), (0.9, 0.1, 0.1, 0.1), (0.6, 0.3, 0.1, 0.1)]
    angles = np.zeros((len(curls), 15, 3))
    for row, curl in zip(angles, curls, strict=True):
        for finger, amount in zip(_FINGERS, curl, strict=True):
            first = MANO16.index(f"{finger}1") - 1
            row[first : first + 3, FLEXION] = amount * _FULL_CURL
    return body.clamp_angles(angles)


@njit(cache=True, nogil=True)
def best_start(
    shapes: FloatArray, target: FloatArray, weight: FloatArray, rotation: FloatArray, shift: FloatArray
) -> int:
    """Lays each shape (K, 21, 3) onto the target (21, 3).

    Args:
        shapes: (K, 21, 3) [m].
        target: (21, 3) [m].
        weight: (21,).
        rotation: receives the (3, 3) turn of the best shape.
        shift: receives its (3,) shift.

    Returns:
        The number of the shape whose weighted points come nearest.
    """
    best, least = 0, np.inf
    turn, move = np.empty((3, 3)), np.empty(3)
    for k in range(len(shapes)):
        distance = _align(shapes[k], target, weight, turn, move)
        if distance < least:
            best, least = k, distance
            copy_rows(turn, rotation)
            copy_row(move, shift)
    return best


@njit(cache=True, nogil=True)
def _align(
    source: FloatArray, target: FloatArray, weight: FloatArray, turn: FloatArray, move: FloatArray
) -> float:
    """Fits target ~ turn source + move (Horn 1987); returns the weighted sum of squares that is left."""
    total, mean_s, mean_t = 0.0, np.zeros(3), np.zeros(3)
    for p in range(len(source)):
        if weight[p] > 0.0:
            total += weight[p]
            for c in range(3):
                mean_s[c] += weight[p] * source[p, c]
                mean_t[c] += weight[p] * target[p, c]
    for c in range(3):
        mean_s[c], mean_t[c] = mean_s[c] / total, mean_t[c] / total
    s = np.zeros((3, 3))
    for p in range(len(source)):
        if weight[p] > 0.0:
            for a in range(3):
                for b in range(3):
                    s[a, b] += weight[p] * (source[p, a] - mean_s[a]) * (target[p, b] - mean_t[b])
    matrix = np.empty((4, 4))
    matrix[0, 0] = s[0, 0] + s[1, 1] + s[2, 2]
    matrix[1, 1], matrix[2, 2] = s[0, 0] - s[1, 1] - s[2, 2], s[1, 1] - s[0, 0] - s[2, 2]
    matrix[3, 3] = s[2, 2] - s[0, 0] - s[1, 1]
    matrix[0, 1], matrix[0, 2], matrix[0, 3] = s[1, 2] - s[2, 1], s[2, 0] - s[0, 2], s[0, 1] - s[1, 0]
    matrix[1, 2], matrix[1, 3], matrix[2, 3] = s[0, 1] + s[1, 0], s[2, 0] + s[0, 2], s[1, 2] + s[2, 1]
    for a in range(4):
        for b in range(a):
            matrix[a, b] = matrix[b, a]
    w, x, y, z = _largest_eigenvector(matrix)
    turn[0, 0], turn[0, 1], turn[0, 2] = 1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)
    turn[1, 0], turn[1, 1], turn[1, 2] = 2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)
    turn[2, 0], turn[2, 1], turn[2, 2] = 2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)
    for a in range(3):
        move[a] = mean_t[a] - turn[a, 0] * mean_s[0] - turn[a, 1] * mean_s[1] - turn[a, 2] * mean_s[2]
    left = 0.0
    for p in range(len(source)):
        if weight[p] > 0.0:
            for a in range(3):
                value = turn[a, 0] * source[p, 0] + turn[a, 1] * source[p, 1] + turn[a, 2] * source[p, 2]
                left += weight[p] * (value + move[a] - target[p, a]) ** 2
    return left


@njit(cache=True, nogil=True)
def _largest_eigenvector(matrix: FloatArray) -> tuple[float, float, float, float]:
    """Returns the unit eigenvector of the greatest eigenvalue of a symmetric (4, 4), by Jacobi."""
    vectors = np.zeros((4, 4))
    for k in range(4):
        vectors[k, k] = 1.0
    for _ in range(12):
        for p in range(3):
            for q in range(p + 1, 4):
                if matrix[p, q] == 0.0:
                    continue
                theta = (matrix[q, q] - matrix[p, p]) / (2.0 * matrix[p, q])
                t = (1.0 if theta >= 0.0 else -1.0) / (abs(theta) + np.sqrt(theta * theta + 1.0))
                c = 1.0 / np.sqrt(t * t + 1.0)
                s = t * c
                for k in range(4):
                    a, b = matrix[k, p], matrix[k, q]
                    matrix[k, p], matrix[k, q] = c * a - s * b, s * a + c * b
                for k in range(4):
                    a, b = matrix[p, k], matrix[q, k]
                    matrix[p, k], matrix[q, k] = c * a - s * b, s * a + c * b
                    a, b = vectors[k, p], vectors[k, q]
                    vectors[k, p], vectors[k, q] = c * a - s * b, s * a + c * b
    best = 0
    for k in range(1, 4):
        if matrix[k, k] > matrix[best, best]:
            best = k
    return vectors[0, best], vectors[1, best], vectors[2, best], vectors[3, best]
