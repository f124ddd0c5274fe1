"""Smooth random fields in space and distances to lines, the same for the same points on every machine."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Float32 = npt.NDArray[np.float32]


@njit(cache=True, nogil=True)
def _hash(i: int, j: int, k: int, seed: int) -> float:
    """Returns a value in -1 to 1 for an integer cell."""
    h = (i * 73856093) ^ (j * 19349663) ^ (k * 83492791) ^ (seed * 2654435761)
    h = ((h ^ (h >> 13)) * 1274126177) & 0x7FFFFFFF
    h = ((h ^ (h >> 16)) * 668265263) & 0x7FFFFFFF
    return float((h >> 7) & 0xFFFF) / 32767.5 - 1.0


@njit(cache=True, nogil=True)
def value_noise(points: Float32, cell: float, seed: int) -> Float32:
    """Returns smooth noise (N,) in -1 to 1 at points (N, 3), with lattice cells of `cell` (same unit)."""
    out = np.empty(len(points), dtype=np.float32)
    for n in range(len(points)):
        x, y, z = points[n, 0] / cell, points[n, 1] / cell, points[n, 2] / cell
        i, j, k = math.floor(x), math.floor(y), math.floor(z)
        u, v, w = x - i, y - j, z - k
        u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
        total = 0.0
        for c in range(8):
            a, b, d = c & 1, (c >> 1) & 1, (c >> 2) & 1
            weight = (u if a else 1 - u) * (v if b else 1 - v) * (w if d else 1 - w)
            total += weight * _hash(i + a, j + b, k + d, seed)
        out[n] = total
    return out


@njit(cache=True, nogil=True)
def spots(points: Float32, cell: float, radius: float, seed: int) -> Float32:
    """Returns round spots (N,) in 0 to 1: one at a random place of every lattice cell, of random size."""
    out = np.empty(len(points), dtype=np.float32)
    for n in range(len(points)):
        i, j, k = (
            math.floor(points[n, 0] / cell),
            math.floor(points[n, 1] / cell),
            math.floor(points[n, 2] / cell),
        )
        dx = points[n, 0] - cell * (i + 0.5 + 0.32 * _hash(i, j, k, seed))
        dy = points[n, 1] - cell * (j + 0.5 + 0.32 * _hash(i, j, k, seed + 1))
        dz = points[n, 2] - cell * (k + 0.5 + 0.32 * _hash(i, j, k, seed + 2))
        size = max(radius * (0.55 + 0.45 * _hash(i, j, k, seed + 3)), 0.2)
        strength = min(max(_hash(i, j, k, seed + 4) + 0.2, 0.0), 1.0)
        out[n] = math.exp(-(dx * dx + dy * dy + dz * dz) / (size * size)) * strength
    return out


@njit(cache=True, nogil=True)
def path_distance(points: Float32, path: Float32) -> Float32:
    """Returns the distance (N,) of plane points (N, 2) to a polyline (S, 2)."""
    out = np.empty(len(points), dtype=np.float32)
    for n in range(len(points)):
        best = np.inf
        for s in range(len(path) - 1):
            ax, ay = path[s]
            dx, dy = path[s + 1, 0] - ax, path[s + 1, 1] - ay
            px, py = points[n, 0] - ax, points[n, 1] - ay
            t = min(max((px * dx + py * dy) / (dx * dx + dy * dy), 0.0), 1.0)
            ex, ey = px - t * dx, py - t * dy
            best = min(best, ex * ex + ey * ey)
        out[n] = math.sqrt(best)
    return out
