"""The small linear algebra of fitting in plain compiled arithmetic: no LAPACK, the same on every machine."""

from __future__ import annotations

import numpy as np
from numba import njit

from handbench.arrays import FloatArray


@njit(cache=True, nogil=True)
def cholesky(matrix: FloatArray, n: int) -> bool:
    """Replaces the lower half of the leading (n, n) by its Cholesky factor; False where not definite."""
    for i in range(n):
        for j in range(i + 1):
            value = matrix[i, j]
            for k in range(j):
                value -= matrix[i, k] * matrix[j, k]
            if i == j:
                if value <= 0.0:
                    return False
                matrix[i, i] = np.sqrt(value)
            else:
                matrix[i, j] = value / matrix[j, j]
    return True


@njit(cache=True, nogil=True)
def cholesky_solve(factor: FloatArray, n: int, vector: FloatArray) -> None:
    """Solves in place with what :func:`cholesky` left."""
    for i in range(n):
        value = vector[i]
        for k in range(i):
            value -= factor[i, k] * vector[k]
        vector[i] = value / factor[i, i]
    for i in range(n - 1, -1, -1):
        value = vector[i]
        for k in range(i + 1, n):
            value -= factor[k, i] * vector[k]
        vector[i] = value / factor[i, i]


@njit(cache=True, nogil=True)
def root_pose(rotation: FloatArray) -> FloatArray:
    """Turns a rotation matrix (3, 3) into an axis-angle vector (3,) [rad], through its quaternion."""
    trace = rotation[0, 0] + rotation[1, 1] + rotation[2, 2]
    quaternion, largest = np.empty(4), 3
    for c in range(3):
        if rotation[c, c] > (trace if largest == 3 else rotation[largest, largest]):
            largest = c
    if largest == 3:
        quaternion[3] = 1.0 + trace
        for c in range(3):
            a, b = (c + 1) % 3, (c + 2) % 3
            quaternion[c] = rotation[b, a] - rotation[a, b]
    else:
        a, b = (largest + 1) % 3, (largest + 2) % 3
        quaternion[largest] = 1.0 + rotation[largest, largest] - rotation[a, a] - rotation[b, b]
        quaternion[a] = rotation[largest, a] + rotation[a, largest]
        quaternion[b] = rotation[largest, b] + rotation[b, largest]
        quaternion[3] = rotation[b, a] - rotation[a, b]
    sign = -1.0 if quaternion[3] < 0.0 else 1.0
    sine = np.sqrt(quaternion[0] ** 2 + quaternion[1] ** 2 + quaternion[2] ** 2)
    factor = sign * 2.0 * np.arctan2(sine, sign * quaternion[3]) / sine if sine > 0.0 else 0.0
    out = np.empty(3)
    for c in range(3):
        out[c] = factor * quaternion[c]
    return out


@njit(cache=True, nogil=True)
def bounded_step(matrix: FloatArray, vector: FloatArray, betas: FloatArray, limit: float) -> FloatArray:
    """Returns the Newton step (10,) of the betas that keeps each of them within the limit."""
    n = len(betas)
    step, held = np.zeros(n), np.zeros(n, np.bool_)
    system, right, free = np.empty((n, n)), np.empty(n), np.empty(n, np.int64)
    for _ in range(n):
        count = 0
        for i in range(n):
            if not held[i]:
                free[count] = i
                count += 1
        for i in range(count):
            right[i] = -vector[free[i]]
            for k in range(n):
                if held[k]:
                    right[i] -= matrix[free[i], k] * step[k]
            for k in range(i + 1):
                system[i, k] = matrix[free[i], free[k]]
            system[i, i] += 1e-9
        if not cholesky(system, count):
            break
        cholesky_solve(system, count, right)
        inside = True
        for i in range(count):
            b = free[i]
            step[b] = right[i]
            if abs(betas[b] + step[b]) > limit:
                step[b] = (limit if betas[b] + step[b] > 0.0 else -limit) - betas[b]
                held[b], inside = True, False
        if inside:
            break
    return step
