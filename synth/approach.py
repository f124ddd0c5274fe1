"""How far a hand can be moved along a direction before it touches the other one.

Both surfaces are drawn as height maps seen along the direction; the smallest difference over the cells
that both cover is the free way. Coming from far away along a straight line the hands never pass through
each other, whatever their poses.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray

FaceArray = npt.NDArray[np.int32]

FINE = 0.003
"""Side of a cell of the height maps [m]: finer than the 5 mm triangles of a hand."""

COARSE = 0.0045
"""The same where a place is only tried."""

LEAN_DEPTH = 0.025
"""Surfaces up to this much farther apart than where they touch first count when a palm is laid flat [m]."""


@numba.njit(cache=True, nogil=True)
def _basis(direction: FloatArray) -> FloatArray:
    axis = 0
    for k in range(1, 3):
        if abs(direction[k]) < abs(direction[axis]):
            axis = k
    out = np.zeros((3, 3))
    dot = direction[axis]
    square = 0.0
    for k in range(3):
        out[0, k] = -dot * direction[k]
        out[2, k] = direction[k]
    out[0, axis] += 1.0
    for k in range(3):
        square += out[0, k] ** 2
    for k in range(3):
        out[0, k] /= np.sqrt(square)
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        out[1, k] = direction[i] * out[0, j] - direction[j] * out[0, i]
    return out


@numba.njit(cache=True, nogil=True)
def _project(vertices: FloatArray, basis: FloatArray, box: FloatArray, cell: float) -> FloatArray:
    """Returns vertices in the basis; across the direction in cells. Writes the box (2, 2) of the latter."""
    out = np.empty_like(vertices)
    box[0], box[1] = np.inf, -np.inf
    for i in range(vertices.shape[0]):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        for k in range(2):
            value = (x * basis[k, 0] + y * basis[k, 1] + z * basis[k, 2]) / cell
            out[i, k] = value
            box[0, k], box[1, k] = min(box[0, k], value), max(box[1, k], value)
        out[i, 2] = x * basis[2, 0] + y * basis[2, 1] + z * basis[2, 2]
    return out


@numba.njit(cache=True, nogil=True)
def _draw(heights: FloatArray, points: FloatArray, faces: FaceArray, low: FloatArray, sign: float) -> None:
    """Draws the surface into ``heights``; keeps the largest value of sign * height in each cell."""
    rows, columns = heights.shape
    u, v = low[0], low[1]
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        x0, x1, x2 = points[a, 0] - u, points[b, 0] - u, points[c, 0] - u
        y0, y1, y2 = points[a, 1] - v, points[b, 1] - v, points[c, 1] - v
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        # Only the skin that looks towards the other hand can touch it first.
        if area * sign <= 1e-12:
            continue
        top, bottom = max(int(np.ceil(min(y0, y1, y2))), 0), min(int(np.floor(max(y0, y1, y2))), rows - 1)
        left, right = max(int(np.ceil(min(x0, x1, x2))), 0), min(int(np.floor(max(x0, x1, x2))), columns - 1)
        if top > bottom or left > right:
            continue
        z0 = sign * points[a, 2]
        z1, z2 = sign * points[b, 2] - z0, sign * points[c, 2] - z0
        # Weights of the second and third corner grow evenly along a row and from row to row.
        w1x, w1y = (y2 - y0) / area, -(x2 - x0) / area
        w2x, w2y = -(y1 - y0) / area, (x1 - x0) / area
        for j in range(top, bottom + 1):
            for i in range(left, right + 1):
                w1 = (i - x0) * w1x + (j - y0) * w1y
                w2 = (i - x0) * w2x + (j - y0) * w2y
                if w1 >= -1e-9 and w2 >= -1e-9 and w1 + w2 <= 1.0 + 1e-9:
                    z = z0 + w1 * z1 + w2 * z2
                    if z > heights[j, i]:
                        heights[j, i] = z


@numba.njit(cache=True, nogil=True)
def _lean(gaps: FloatArray, least: float, depth: float, cell: float) -> tuple[float, float, float, float]:
    """Fits a plane to the cells whose gap is near the least; returns its two slopes and the cells' middle."""
    n = sx = sy = sz = sxx = sxy = syy = sxz = syz = 0.0
    for j in range(gaps.shape[0]):
        for i in range(gaps.shape[1]):
            z = gaps[j, i]
            if z < least + depth:
                x, y = i * cell, j * cell
                n, sx, sy, sz = n + 1.0, sx + x, sy + y, sz + z
                sxx, sxy, syy, sxz, syz = sxx + x * x, sxy + x * y, syy + y * y, sxz + x * z, syz + y * z
    if n * cell * cell < 1.5e-4:
        return 0.0, 0.0, sx / max(n, 1.0), sy / max(n, 1.0)
    mx, my, mz = sx / n, sy / n, sz / n
    sxx, sxy, syy = sxx / n - mx * mx, sxy / n - mx * my, syy / n - my * my
    sxz, syz = sxz / n - mx * mz, syz / n - my * mz
    den = sxx * syy - sxy * sxy
    if den < 1e-10:
        return 0.0, 0.0, mx, my
    return (sxz * syy - syz * sxy) / den, (syz * sxx - sxz * sxy) / den, mx, my


@numba.njit(cache=True, nogil=True)
def free_way(
    fixed: FloatArray,
    moving: FloatArray,
    fixed_faces: FaceArray,
    moving_faces: FaceArray,
    direction: FloatArray,
    cell: float,
) -> tuple[float, FloatArray, FloatArray]:
    """Returns how far ``moving`` can go along ``direction`` until it touches ``fixed``.

    Args:
        fixed: (V, 3) vertices of the hand that stays [m].
        moving: (V, 3) vertices of the hand that moves [m].
        fixed_faces: (F, 3) faces of the first, outward.
        moving_faces: (F, 3) faces of the second, outward.
        direction: (3,) unit vector.
        cell: side of a cell of the height maps [m].

    Returns:
        The signed way [m] from where the moving hand is now: negative where it has to step back, infinite
        where the hands pass each other without touching. Then the rotation vector (3,) that would lay the
        moving surface flat on the other, and the point (3,) of the moving hand about which to turn.
    """
    basis = _basis(direction)
    box_a, box_b = np.empty((2, 2)), np.empty((2, 2))
    a, b = _project(fixed, basis, box_a, cell), _project(moving, basis, box_b, cell)
    low, high = np.maximum(box_a[0], box_b[0]), np.minimum(box_a[1], box_b[1])
    turn, pivot = np.zeros(3), np.zeros(3)
    if high[0] <= low[0] or high[1] <= low[1]:
        return np.inf, turn, pivot
    rows, columns = int(high[1] - low[1]) + 1, int(high[0] - low[0]) + 1
    ahead = np.full((rows, columns), -np.inf)
    facing = np.full((rows, columns), -np.inf)
    _draw(ahead, b, moving_faces, low, 1.0)
    _draw(facing, a, fixed_faces, low, -1.0)
    way, height = np.inf, 0.0
    for j in range(rows):
        for i in range(columns):
            gap = -facing[j, i] - ahead[j, i]
            if gap < way:
                way, height = gap, ahead[j, i]
            facing[j, i] = gap
    if way < np.inf:
        slope_x, slope_y, x, y = _lean(facing, way, LEAN_DEPTH, cell)
        for k in range(3):
            turn[k] = slope_y * basis[0, k] - slope_x * basis[1, k]
            pivot[k] = (
                (low[0] * cell + x) * basis[0, k] + (low[1] * cell + y) * basis[1, k] + height * basis[2, k]
            )
    return way, turn, pivot
