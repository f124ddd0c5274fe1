"""How much of each hand is hidden from a viewpoint, counted on a coarse grid of cells.

The hands are their spheres (:mod:`handbench.synth.spheres`), the forearms rows of spheres behind the wrists.
A forearm hides the other hand and is counted with no hand.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, IndexArray

DepthArray = npt.NDArray[np.float32]

CELLS = 40
"""Cells along each side of the grid: about 7 mm for two hands."""

FAR = np.float32(1e9)
"""Depth of a cell that nothing covers [m]."""

FEWEST = 4
"""Directions that are always tried, so that the choice is not always the first that will do."""

_BULGE = np.sqrt(1.0 - (np.arange(64) + 0.5) / 64)
"""Height of a unit sphere by the square of the distance from its axis, in 64 steps."""


@numba.njit(cache=True, nogil=True)
def _splat(
    depth: DepthArray, spheres: FloatArray, R: FloatArray, t: FloatArray, scale: float, owner: int
) -> None:
    """Draws spheres into one layer of the nearest depth."""
    half = CELLS / 2
    for i in range(spheres.shape[0]):
        x, y, z, radius = spheres[i, 0], spheres[i, 1], spheres[i, 2], spheres[i, 3]
        depth_z = R[2, 0] * x + R[2, 1] * y + R[2, 2] * z + t[2]
        if depth_z < 0.05:
            continue
        by_z = scale / depth_z
        u = half + by_z * (R[0, 0] * x + R[0, 1] * y + R[0, 2] * z + t[0])
        v = half + by_z * (R[1, 0] * x + R[1, 1] * y + R[1, 2] * z + t[1])
        r = by_z * radius
        steps = 64.0 / (r * r)
        top, bottom = max(int(np.ceil(v - r)), 0), min(int(np.floor(v + r)), CELLS - 1)
        left, right = max(int(np.ceil(u - r)), 0), min(int(np.floor(u + r)), CELLS - 1)
        for j in range(top, bottom + 1):
            row = (j - v) * (j - v)
            for k in range(left, right + 1):
                step = int(steps * (row + (k - u) * (k - u)))
                if step < 64:
                    near = np.float32(depth_z - radius * _BULGE[step])
                    if near < depth[owner, j, k]:
                        depth[owner, j, k] = near


@numba.njit(cache=True, nogil=True)
def hidden_shares(
    spheres: FloatArray, owners: IndexArray, R: FloatArray, t: FloatArray, scale: float, depth: DepthArray
) -> tuple[float, float]:
    """Returns the share of each of the two hands that the other hand or a forearm hides.

    Args:
        spheres: (S, 4) centre and radius [m], grouped by owner.
        owners: (5,) where the groups start: first hand, second hand, first arm, second arm, end.
        R: (3, 3) world to camera.
        t: (3,) world to camera [m].
        scale: cells a unit of x / z.
        depth: (4, CELLS, CELLS) float32 scratch space.

    Returns:
        Two shares in 0..1.
    """
    depth[:] = FAR
    for group in range(4):
        _splat(depth, spheres[owners[group] : owners[group + 1]], R, t, scale, group)
    shares = np.empty(2)
    for hand in range(2):
        whole = seen = 0
        for j in range(CELLS):
            for k in range(CELLS):
                z = depth[hand, j, k]
                # A forearm grows out of its own hand: it hides the other one only.
                front = min(depth[1 - hand, j, k], depth[3 - hand, j, k])
                whole += z < FAR
                seen += (z < FAR) & (z <= front)
        shares[hand] = 1.0 - seen / max(whole, 1)
    return shares[0], shares[1]


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
    between them is narrowed, because the hidden share changes continuously along it.

    Args:
        spheres: see :func:`hidden_shares`.
        owners: see :func:`hidden_shares`.
        centre: (3,) point to look at [m].
        candidates: (N, 3) unit vectors from the centre towards the camera.
        distance: of the camera from the centre [m].
        scale: cells a unit of x / z.
        target: wanted share of the more hidden hand.
        steps: how often to narrow it.

    Returns:
        The unit vector (3,) and the share that it gives.
    """
    depth = np.empty((4, CELLS, CELLS), dtype=np.float32)
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
        if low_value >= 0.0 and high_value <= 1.0 and n >= FEWEST - 1:
            break
    if low_value >= 0.0 and high_value <= 1.0:
        for _ in range(steps):
            if min(target - low_value, high_value - target) < 0.012:
                break
            # The share grows about evenly along the way: start where a straight line meets the target.
            part = min(max((target - low_value) / (high_value - low_value), 0.12), 0.88)
            middle = (1.0 - part) * low + part * high
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


@numba.njit(cache=True, nogil=True)
def enclose(points: FloatArray) -> tuple[FloatArray, float]:
    """Returns the middle (3,) of the box of points (N, 3), and how far the farthest one is from it [m]."""
    low, high = points[0].copy(), points[0].copy()
    for i in range(points.shape[0]):
        for k in range(3):
            low[k], high[k] = min(low[k], points[i, k]), max(high[k], points[i, k])
    centre = 0.5 * (low + high)
    square = 0.0
    for i in range(points.shape[0]):
        x, y, z = points[i, 0] - centre[0], points[i, 1] - centre[1], points[i, 2] - centre[2]
        square = max(square, x * x + y * y + z * z)
    return centre, np.sqrt(square)


@numba.njit(cache=True, nogil=True)
def clear_directions(draws: FloatArray, arms: FloatArray, most: float, count: int) -> FloatArray:
    """Normalises directions (N, 3) and keeps those towards which no forearm points.

    Args:
        draws: any vectors.
        arms: (A, 3) unit vectors.
        most: largest cosine of the angle to a forearm.
        count: how many are kept at most.

    Returns:
        At least one: the clearest, where none is clear.
    """
    out = np.empty((count, 3))
    kept, least = 0, np.inf
    for i in range(draws.shape[0]):
        if kept == count:
            break
        length = np.sqrt(draws[i, 0] ** 2 + draws[i, 1] ** 2 + draws[i, 2] ** 2)
        x, y, z = draws[i, 0] / length, draws[i, 1] / length, draws[i, 2] / length
        ahead = -np.inf
        for a in range(arms.shape[0]):
            ahead = max(ahead, x * arms[a, 0] + y * arms[a, 1] + z * arms[a, 2])
        if kept == 0 and ahead < least:
            least = ahead
            out[0, 0], out[0, 1], out[0, 2] = x, y, z
        if ahead <= most:
            out[kept, 0], out[kept, 1], out[kept, 2] = x, y, z
            kept += 1
    return out[: max(kept, 1)]
