"""Small rotations in numba, for the kernels that place hands."""

from __future__ import annotations

import numba
import numpy as np

from handbench.arrays import FloatArray


@numba.njit(cache=True, nogil=True)
def product(a: FloatArray, b: FloatArray) -> FloatArray:
    """Returns a b for (3, 3) matrices, in plain arithmetic: ``@`` would call BLAS."""
    out = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]
    return out


@numba.njit(cache=True, nogil=True)
def turned(a: FloatArray, v: FloatArray) -> FloatArray:
    """Returns a v for a (3, 3) matrix and a (3,) vector."""
    out = np.empty(3)
    for i in range(3):
        out[i] = a[i, 0] * v[0] + a[i, 1] * v[1] + a[i, 2] * v[2]
    return out


@numba.njit(cache=True, nogil=True)
def moved_points(points: FloatArray, R: FloatArray, t: FloatArray) -> FloatArray:
    """Returns R x + t for points (N, 3)."""
    out = np.empty_like(points)
    for n in range(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        for i in range(3):
            out[n, i] = R[i, 0] * x + R[i, 1] * y + R[i, 2] * z + t[i]
    return out


@numba.njit(cache=True, nogil=True)
def dot(a: FloatArray, b: FloatArray) -> float:
    """Returns the scalar product of two vectors (3,)."""
    return float(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


@numba.njit(cache=True, nogil=True)
def about(axis: FloatArray, angle: float) -> FloatArray:
    """Returns the (3, 3) rotation about a unit axis (3,) by ``angle`` [rad]."""
    c, s = np.cos(angle), np.sin(angle)
    x, y, z = axis[0], axis[1], axis[2]
    out = np.empty((3, 3))
    out[0, 0], out[0, 1], out[0, 2] = c + x * x * (1 - c), x * y * (1 - c) - z * s, x * z * (1 - c) + y * s
    out[1, 0], out[1, 1], out[1, 2] = y * x * (1 - c) + z * s, c + y * y * (1 - c), y * z * (1 - c) - x * s
    out[2, 0], out[2, 1], out[2, 2] = z * x * (1 - c) - y * s, z * y * (1 - c) + x * s, c + z * z * (1 - c)
    return out


@numba.njit(cache=True, nogil=True)
def exponential(rotvec: FloatArray) -> FloatArray:
    """Returns the (3, 3) rotation of an axis-angle vector (3,)."""
    angle = np.sqrt(rotvec[0] ** 2 + rotvec[1] ** 2 + rotvec[2] ** 2)
    if angle < 1e-12:
        out = np.eye(3)
        out[0, 1], out[1, 0] = -rotvec[2], rotvec[2]
        out[0, 2], out[2, 0] = rotvec[1], -rotvec[1]
        out[1, 2], out[2, 1] = -rotvec[0], rotvec[0]
        return out
    return about(rotvec / angle, angle)


@numba.njit(cache=True, nogil=True)
def logarithm(matrix: FloatArray) -> FloatArray:
    """Returns the axis-angle vector (3,) of a rotation (3, 3), with angle in [0, pi]."""
    # 4 q_i^2 for i = w, x, y, z; the largest gives the stablest quaternion.
    m = matrix
    squares = np.empty(4)
    squares[0] = 1 + m[0, 0] + m[1, 1] + m[2, 2]
    squares[1] = 1 + m[0, 0] - m[1, 1] - m[2, 2]
    squares[2] = 1 - m[0, 0] + m[1, 1] - m[2, 2]
    squares[3] = 1 - m[0, 0] - m[1, 1] + m[2, 2]
    best = int(np.argmax(squares))
    q = np.empty(4)
    if best == 0:
        q[0], q[1], q[2], q[3] = squares[0], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    elif best == 1:
        q[0], q[1], q[2], q[3] = m[2, 1] - m[1, 2], squares[1], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]
    elif best == 2:
        q[0], q[1], q[2], q[3] = m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], squares[2], m[1, 2] + m[2, 1]
    else:
        q[0], q[1], q[2], q[3] = m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], squares[3]
    q /= np.sqrt(np.sum(q * q))
    if q[0] < 0:
        q = -q
    sine = np.sqrt(q[1] ** 2 + q[2] ** 2 + q[3] ** 2)
    factor = 2.0 if sine < 1e-12 else 2.0 * np.arctan2(sine, q[0]) / sine
    return q[1:] * factor


@numba.njit(cache=True, nogil=True)
def mean_point(weights: FloatArray, points: FloatArray) -> FloatArray:
    """Returns the weighted sum (3,) of points (N, 3)."""
    out = np.zeros(3)
    for n in range(points.shape[0]):
        for i in range(3):
            out[i] += weights[n] * points[n, i]
    return out


@numba.njit(cache=True, nogil=True)
def shaped_points(points: FloatArray, directions: FloatArray, betas: FloatArray) -> FloatArray:
    """Returns points (N, 3) moved by shape directions (N, 3, 10) times betas (10,)."""
    out = points.copy()
    for n in range(points.shape[0]):
        for i in range(3):
            for k in range(betas.shape[0]):
                out[n, i] += directions[n, i, k] * betas[k]
    return out
