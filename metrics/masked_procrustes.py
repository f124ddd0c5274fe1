"""Errors after a similarity fit of the joints that are known: rotation, scale, translation; no mirroring."""

from __future__ import annotations

import numpy as np
from numba import njit

from handbench.arrays import BoolArray, FloatArray
from handbench.metrics.distances import Points

_SWEEPS = 16
"""Sweeps of Jacobi's method over a symmetric 4 x 4 matrix; it converges in five or six."""


def procrustes_errors(true: Points, predicted: Points, valid: BoolArray) -> FloatArray:
    """Returns the (N, P) distances [unit of the points] after each set's own least-squares similarity.

    Horn 1987 (unit quaternions): the rotation is proper, so a mirrored hand keeps its error. Only valid
    points enter the fit; the others are NaN. NaN too where fewer than three are valid, or a valid one is NaN.
    A prediction without extent goes to the mean of the true points.

    Args:
        true: (N, P, 3).
        predicted: (N, P, 3).
        valid: (N, P).
    """
    out = np.empty(valid.shape)
    _errors(
        np.ascontiguousarray(true, dtype=np.float64), np.ascontiguousarray(predicted, dtype=np.float64),
        np.ascontiguousarray(valid), out,
    )  # fmt: skip
    return out


@njit(cache=True, nogil=True)
def _errors(true: FloatArray, predicted: FloatArray, valid: BoolArray, out: FloatArray) -> None:
    N, V, R, M = np.empty((4, 4)), np.empty((4, 4)), np.empty((3, 3)), np.empty((3, 3))
    mean_t, mean_p = np.empty(3), np.empty(3)
    for n in range(len(out)):
        out[n] = np.nan
        count = 0
        mean_t[:], mean_p[:] = 0.0, 0.0
        for j in range(valid.shape[1]):
            if valid[n, j]:
                count += 1
                for a in range(3):
                    mean_t[a] += true[n, j, a]
                    mean_p[a] += predicted[n, j, a]
        if count < 3 or not np.isfinite(mean_t.sum() + mean_p.sum()):
            continue
        for a in range(3):
            mean_t[a] /= count
            mean_p[a] /= count
        spread = _products(true[n], predicted[n], valid[n], mean_t, mean_p, M)
        _horn(M, N)
        _rotation(V[:, _diagonal(N, V)], R)
        scale = 0.0
        if spread > 0:
            for a in range(3):
                for b in range(3):
                    scale += R[b, a] * M[a, b]
            scale /= spread
        for j in range(valid.shape[1]):
            if valid[n, j]:
                square = 0.0
                for a in range(3):
                    moved = mean_t[a] - true[n, j, a]
                    for b in range(3):
                        moved += scale * R[a, b] * (predicted[n, j, b] - mean_p[b])
                    square += moved * moved
                out[n, j] = np.sqrt(square)


@njit(cache=True, nogil=True)
def _products(
    true: FloatArray, predicted: FloatArray, valid: BoolArray, mean_t: FloatArray, mean_p: FloatArray,
    M: FloatArray,
) -> float:  # fmt: skip
    """Fills the (3, 3) sums of products of one set's centred points; returns the prediction's variance."""
    M[:] = 0.0
    spread = 0.0
    for j in range(len(valid)):
        if valid[j]:
            x, y, z = true[j, 0] - mean_t[0], true[j, 1] - mean_t[1], true[j, 2] - mean_t[2]
            for a in range(3):
                p = predicted[j, a] - mean_p[a]
                spread += p * p
                M[a, 0] += p * x
                M[a, 1] += p * y
                M[a, 2] += p * z
    return spread


@njit(cache=True, nogil=True)
def _horn(M: FloatArray, N: FloatArray) -> None:
    """Fills Horn's symmetric matrix of the sums of products M[a, b] = sum p_a t_b (equation 45)."""
    N[0, 0] = M[0, 0] + M[1, 1] + M[2, 2]
    N[1, 1] = M[0, 0] - M[1, 1] - M[2, 2]
    N[2, 2] = M[1, 1] - M[0, 0] - M[2, 2]
    N[3, 3] = M[2, 2] - M[0, 0] - M[1, 1]
    N[0, 1] = M[1, 2] - M[2, 1]
    N[0, 2] = M[2, 0] - M[0, 2]
    N[0, 3] = M[0, 1] - M[1, 0]
    N[1, 2] = M[0, 1] + M[1, 0]
    N[1, 3] = M[2, 0] + M[0, 2]
    N[2, 3] = M[1, 2] + M[2, 1]
    for a in range(4):
        for b in range(a):
            N[a, b] = N[b, a]


@njit(cache=True, nogil=True)
def _diagonal(N: FloatArray, V: FloatArray) -> int:
    """Turns a symmetric N (4, 4) diagonal, its eigenvectors into the columns of V; returns the largest's."""
    V[:] = 0.0
    for a in range(4):
        V[a, a] = 1.0
    for _ in range(_SWEEPS):
        off = diagonal = 0.0
        for a in range(4):
            diagonal += N[a, a] * N[a, a]
            for b in range(a + 1, 4):
                off += N[a, b] * N[a, b]
        if off <= 1e-30 * diagonal:
            break
        for a in range(3):
            for b in range(a + 1, 4):
                if N[a, b] != 0.0:
                    _turn(N, V, a, b)
    best = 0
    for a in range(1, 4):
        if N[a, a] > N[best, best]:
            best = a
    return best


@njit(cache=True, nogil=True)
def _turn(N: FloatArray, V: FloatArray, a: int, b: int) -> None:
    """One rotation of Jacobi's method: N[a, b] becomes 0."""
    theta = (N[b, b] - N[a, a]) / (2.0 * N[a, b])
    t = 1.0 / (abs(theta) + np.sqrt(theta * theta + 1.0))
    if theta < 0:
        t = -t
    c = 1.0 / np.sqrt(t * t + 1.0)
    s = t * c
    for k in range(4):
        x, y = N[k, a], N[k, b]
        N[k, a], N[k, b] = c * x - s * y, s * x + c * y
    for k in range(4):
        x, y = N[a, k], N[b, k]
        N[a, k], N[b, k] = c * x - s * y, s * x + c * y
        x, y = V[k, a], V[k, b]
        V[k, a], V[k, b] = c * x - s * y, s * x + c * y


@njit(cache=True, nogil=True)
def _rotation(q: FloatArray, R: FloatArray) -> None:
    w, x, y, z = q[0], q[1], q[2], q[3]
    R[0, 0], R[0, 1], R[0, 2] = w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)
    R[1, 0], R[1, 1], R[1, 2] = 2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)
    R[2, 0], R[2, 1], R[2, 2] = 2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z
