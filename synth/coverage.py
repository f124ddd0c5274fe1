"""How much of each hand is hidden from a viewpoint, counted on a coarse grid of cells.

The hands are their spheres (:mod:`handbench.synth.spheres`), the forearms rows of spheres behind the wrists.
A forearm hides the other hand and is counted with no hand.
"""

from __future__ import annotations

import numba
import numpy as np

from handbench.arrays import FloatArray, IndexArray

CELLS = 72
"""Cells along each side of the grid: about 4 mm for two hands."""


@numba.njit(cache=True, nogil=True)
def _splat(
    depth: FloatArray, spheres: FloatArray, R: FloatArray, t: FloatArray, scale: float, owner: int
) -> None:
    """Draws spheres into one layer of the nearest depth."""
    half = CELLS / 2
    for i in range(spheres.shape[0]):
        x = R[0, 0] * spheres[i, 0] + R[0, 1] * spheres[i, 1] + R[0, 2] * spheres[i, 2] + t[0]
        y = R[1, 0] * spheres[i, 0] + R[1, 1] * spheres[i, 1] + R[1, 2] * spheres[i, 2] + t[1]
        z = R[2, 0] * spheres[i, 0] + R[2, 1] * spheres[i, 1] + R[2, 2] * spheres[i, 2] + t[2]
        if z < 0.05:
            continue
        u, v, r = half + scale * x / z, half + scale * y / z, scale * spheres[i, 3] / z
        top, bottom = max(int(np.ceil(v - r)), 0), min(int(np.floor(v + r)), CELLS - 1)
        for j in range(top, bottom + 1):
            width = np.sqrt(max(r * r - (j - v) ** 2, 0.0))
            left, right = max(int(np.ceil(u - width)), 0), min(int(np.floor(u + width)), CELLS - 1)
            for k in range(left, right + 1):
                bulge = np.sqrt(max(r * r - (j - v) ** 2 - (k - u) ** 2, 0.0)) * z / scale
                depth[owner, j, k] = min(depth[owner, j, k], z - bulge)


@numba.njit(cache=True, nogil=True)
def hidden_shares(
    spheres: FloatArray, owners: IndexArray, R: FloatArray, t: FloatArray, scale: float, depth: FloatArray
) -> tuple[float, float]:
    """Returns the share of each of the two hands that the other hand or a forearm hides.

    Args:
        spheres: (S, 4) centre and radius [m], grouped by owner.
        owners: (5,) where the groups start: first hand, second hand, first arm, second arm, end.
        R: (3, 3) world to camera.
        t: (3,) world to camera [m].
        scale: cells a unit of x / z.
        depth: (4, CELLS, CELLS) scratch space.

    Returns:
        Two shares in 0..1.
    """
    depth[:] = np.inf
    for group in range(4):
        _splat(depth, spheres[owners[group] : owners[group + 1]], R, t, scale, group)
    whole, seen = np.zeros(2), np.zeros(2)
    for j in range(CELLS):
        for k in range(CELLS):
            for hand in range(2):
                z = depth[hand, j, k]
                if z == np.inf:
                    continue
                whole[hand] += 1.0
                # A forearm grows out of its own hand: it hides the other one only.
                if z <= depth[1 - hand, j, k] and z <= depth[3 - hand, j, k]:
                    seen[hand] += 1.0
    return 1.0 - seen[0] / max(whole[0], 1.0), 1.0 - seen[1] / max(whole[1], 1.0)


@numba.njit(cache=True, nogil=True)
def look(
    centre: FloatArray, towards: FloatArray, down: FloatArray, distance: float
) -> tuple[FloatArray, FloatArray]:
    """Returns R (3, 3) and t (3,) of a camera at ``centre + distance * towards`` that looks at ``centre``."""
    z = -towards
    x = np.empty(3)
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        x[k] = down[i] * z[j] - down[j] * z[i]
    length = np.sqrt(np.sum(x * x))
    if length < 1e-6:
        # Looking straight along ``down``: any roll will do.
        axis = int(np.argmin(np.abs(z)))
        x[:] = -z[axis] * z
        x[axis] += 1.0
        length = np.sqrt(np.sum(x * x))
    R = np.empty((3, 3))
    for k in range(3):
        R[0, k] = x[k] / length
        R[2, k] = z[k]
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        R[1, k] = z[i] * R[0, j] - z[j] * R[0, i]
    t = np.empty(3)
    for k in range(3):
        t[k] = -(R[k, 0] * centre[0] + R[k, 1] * centre[1] + R[k, 2] * centre[2])
    t[2] += distance
    return R, t


@numba.njit(cache=True, nogil=True)
def search(
    spheres: FloatArray,
    owners: IndexArray,
    centre: FloatArray,
    candidates: FloatArray,
    distance: float,
    scale: float,
    target: float,
    steps: int,
) -> tuple[FloatArray, float]:
    """Finds a direction from which the more hidden hand is hidden by ``target``.

    Candidates are tried in order until one lies below and one above the target; then the great circle
    between them is halved, because the hidden share changes continuously along it.

    Args:
        spheres: see :func:`hidden_shares`.
        owners: see :func:`hidden_shares`.
        centre: (3,) point to look at [m].
        candidates: (N, 3) unit vectors from the centre towards the camera.
        distance: of the camera from the centre [m].
        scale: cells a unit of x / z.
        target: wanted share of the more hidden hand.
        steps: how often to halve.

    Returns:
        The unit vector (3,) and the share that it gives.
    """
    depth = np.empty((4, CELLS, CELLS))
    down = np.array([0.0, 1.0, 0.0])
    low, high = np.zeros(3), np.zeros(3)
    low_value, high_value = -1.0, 2.0
    for n in range(candidates.shape[0]):
        R, t = look(centre, candidates[n], down, distance)
        a, b = hidden_shares(spheres, owners, R, t, scale, depth)
        value = max(a, b)
        if value <= target and value > low_value:
            low_value, low[:] = value, candidates[n]
        if value > target and value < high_value:
            high_value, high[:] = value, candidates[n]
        if low_value >= 0.0 and high_value <= 1.0 and n >= 5:
            break
    if low_value >= 0.0 and high_value <= 1.0:
        for _ in range(steps):
            if min(target - low_value, high_value - target) < 0.01:
                break
            middle = low + high
            length = np.sqrt(np.sum(middle * middle))
            if length < 1e-6:
                break
            middle /= length
            R, t = look(centre, middle, down, distance)
            a, b = hidden_shares(spheres, owners, R, t, scale, depth)
            value = max(a, b)
            if value <= target:
                low_value, low[:] = value, middle
            else:
                high_value, high[:] = value, middle
    if low_value < 0.0 or high_value - target < target - low_value:
        return high, high_value
    return low, low_value
