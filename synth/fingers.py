"""The fast kinematics of one hand, and the thumb that meets the fingers without passing through them."""

from __future__ import annotations

import numba
import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.hands.rotations import about, product

CHAINS = np.array([[12, 13, 14], [0, 1, 2], [3, 4, 5], [9, 10, 11], [6, 7, 8]])
"""Rows of the 15 joints of each finger, thumb to little."""

ROWS = np.array([0, 3, 9, 6])
"""Where index, middle, ring and little finger start among the 15 joints."""

SPREAD = np.array([1.0, 0.12, -0.75, -1.35])
"""Sideways bending of index, middle, ring and little finger a unit of spread; positive: to the thumb."""

DEGREE = np.pi / 180.0

SOFT = 0.001
"""Fingertips press into the palm by this much [m]."""

OPENING = (np.deg2rad(0.8), np.deg2rad(2.5), np.deg2rad(2.5))
"""How base, middle and end joint of a finger open in one step."""

SAMPLES = 6
"""Points of a finger that may not pass through another one: middle and end of each bone."""


@numba.njit(cache=True, nogil=True)
def joint_rotation(axes: FloatArray, angles: FloatArray) -> FloatArray:
    """Returns the (3, 3) local rotation of one joint.

    Args:
        axes: (3, 3) rows: unit axes of flexion, abduction and twist in the rest frame.
        angles: (3,) flexion, abduction, twist [rad]; the twist acts first, the flexion last, as in
            :mod:`handbench.hands.anatomy`.
    """
    out = about(axes[0], angles[0])
    if angles[1] != 0.0:
        out = product(out, about(axes[1], angles[1]))
    if angles[2] != 0.0:
        out = product(out, about(axes[2], angles[2]))
    return out


@numba.njit(cache=True, nogil=True)
def _pose_finger(
    chain: FloatArray, axes: FloatArray, angles: FloatArray, first: int, samples: FloatArray
) -> None:
    """Writes the sample points (SAMPLES, 3) of one finger; the last one is the pad of the tip.

    Args:
        chain: (4, 3) base, middle, end joint and tip at rest [m].
        axes: (15, 3, 3) see :func:`joint_rotation`.
        angles: (15, 3) [rad].
        first: the row of the finger's base joint.
        samples: (SAMPLES, 3) written.
    """
    x, y, z = chain[0, 0], chain[0, 1], chain[0, 2]
    turn = joint_rotation(axes[first], angles[first])
    for k in range(3):
        if k > 0:
            turn = product(turn, joint_rotation(axes[first + k], angles[first + k]))
        bx, by, bz = (
            chain[k + 1, 0] - chain[k, 0],
            chain[k + 1, 1] - chain[k, 1],
            chain[k + 1, 2] - chain[k, 2],
        )
        dx = turn[0, 0] * bx + turn[0, 1] * by + turn[0, 2] * bz
        dy = turn[1, 0] * bx + turn[1, 1] * by + turn[1, 2] * bz
        dz = turn[2, 0] * bx + turn[2, 1] * by + turn[2, 2] * bz
        # The pad lies before the tip, where the finger is still thick.
        far = 1.0 if k < 2 else 0.75
        near = 0.5 if k < 2 else 0.3
        samples[2 * k, 0], samples[2 * k, 1], samples[2 * k, 2] = x + near * dx, y + near * dy, z + near * dz
        samples[2 * k + 1, 0], samples[2 * k + 1, 1], samples[2 * k + 1, 2] = (
            x + far * dx,
            y + far * dy,
            z + far * dz,
        )
        x, y, z = x + dx, y + dy, z + dz


@numba.njit(cache=True, nogil=True)
def vary_angles(
    angles: FloatArray, parallel: FloatArray, z: FloatArray, low: FloatArray, high: FloatArray
) -> None:
    """Varies a pose in place: all fingers together, neighbours alike, each a little on its own.

    Args:
        angles: (15, 3) [rad]; the abduction of the four knuckles is meant from where fingers are parallel.
        parallel: (4,) the abduction [rad] that makes straight fingers parallel.
        z: (24,) normal numbers, standard deviation 1 for a natural variety.
        low: (15, 3) lower limits [rad].
        high: (15, 3) upper limits [rad].
    """
    own = np.empty(4)
    own[0], own[1] = z[1], 0.5 * z[1] + 0.7 * z[2]
    own[2], own[3] = 0.6 * z[2] + 0.6 * z[3], 0.7 * z[3] + 0.6 * z[4]
    for f in range(4):
        row = ROWS[f]
        angles[row, 0] += (5.6 * z[0] + 6.0 * own[f] + 3.0 * z[5 + f]) * DEGREE
        angles[row + 1, 0] += (7.0 * z[0] + 6.0 * own[f] + 6.0 * z[9 + f]) * DEGREE
        # The end joint follows the middle one (one tendon bends both), but straight fingers may bend back.
        angles[row + 2, 0] = 0.6 * angles[row + 1, 0] + 5.0 * z[13 + f] * DEGREE
        # Bent knuckles lock the sideways movement, and bent fingers are parallel without any.
        flexion = angles[row, 0]
        free = 1.0 - 0.8 * min(max(flexion / (80.0 * DEGREE), 0.0), 1.0)
        spread = angles[row, 1] + (2.0 * z[17] * SPREAD[f] + 1.2 * own[f]) * DEGREE
        angles[row, 1] = parallel[f] * max(np.cos(flexion), 0.0) + free * spread
    angles[12, 0] += 6.0 * z[18] * DEGREE
    angles[12, 1] += 7.0 * z[19] * DEGREE
    angles[12, 2] = 0.3 * angles[12, 1] + 4.0 * z[20] * DEGREE
    angles[13, 0] += 8.0 * z[21] * DEGREE
    angles[14, 0] += 10.0 * z[22] * DEGREE
    for j in range(15):
        for k in range(3):
            angles[j, k] = min(max(angles[j, k], low[j, k]), high[j, k])


@numba.njit(cache=True, nogil=True)
def open_fingers(
    angles: FloatArray,
    chains: FloatArray,
    axes: FloatArray,
    radii: FloatArray,
    flesh: FloatArray,
    flesh_radii: FloatArray,
) -> None:
    """Opens the four fingers, in place, until their tips only press into the palm.

    Args:
        angles: (15, 3) [rad].
        chains: (5, 4, 3) joints and tips at rest, thumb to little [m].
        axes: (15, 3, 3) see :func:`joint_rotation`.
        radii: (5, 3) half the thickness of each bone [m].
        flesh: (P, 3) centres of spheres in the palm [m].
        flesh_radii: (P,) their radii [m].
    """
    samples = np.empty((SAMPLES, 3))
    for f in range(1, 5):
        first = CHAINS[f, 0]
        for _ in range(20):
            _pose_finger(chains[f], axes, angles, first, samples)
            deepest = 0.0
            for i in range(2, SAMPLES):
                for j in range(flesh.shape[0]):
                    reach = radii[f, i // 2] + flesh_radii[j]
                    x, y, z = (
                        samples[i, 0] - flesh[j, 0],
                        samples[i, 1] - flesh[j, 1],
                        samples[i, 2] - flesh[j, 2],
                    )
                    square = x * x + y * y + z * z
                    if square < reach * reach:
                        deepest = max(deepest, reach - np.sqrt(square))
            if deepest <= SOFT:
                break
            for k, share in enumerate(OPENING):
                angles[first + k, 0] -= share


@numba.njit(cache=True, nogil=True)
def _cost(
    samples: FloatArray, radii: FloatArray, touch: BoolArray, over: bool, palm: FloatArray, palm_radius: float
) -> float:
    """Returns how badly the thumb stands [m^2]: inside fingers or palm, or off what it should touch."""
    total = 0.0
    for i in range(SAMPLES):
        x, y, z = samples[0, i, 0], samples[0, i, 1], samples[0, i, 2]
        own = radii[0, i // 2]
        for f in range(1, 5):
            for j in range(SAMPLES):
                reach = own + radii[f, j // 2]
                square = (
                    (x - samples[f, j, 0]) ** 2 + (y - samples[f, j, 1]) ** 2 + (z - samples[f, j, 2]) ** 2
                )
                if square < reach * reach:
                    gap = reach - np.sqrt(square)
                    total += 4.0 * gap * gap
        if i >= 2:
            reach = own + palm_radius
            for j in range(palm.shape[0]):
                square = (x - palm[j, 0]) ** 2 + (y - palm[j, 1]) ** 2 + (z - palm[j, 2]) ** 2
                if square < reach * reach:
                    gap = reach - np.sqrt(square)
                    total += 4.0 * gap * gap
    goal = 2 if over else SAMPLES - 1
    last = SAMPLES - 1
    for f in range(1, 5):
        if touch[f]:
            square = 0.0
            for c in range(3):
                square += (samples[0, last, c] - samples[f, goal, c]) ** 2
            gap = np.sqrt(square) - radii[0, 2] - radii[f, goal // 2]
            total += gap * gap
    return total


@numba.njit(cache=True, nogil=True)
def settle_thumb(
    angles: FloatArray,
    chains: FloatArray,
    axes: FloatArray,
    radii: FloatArray,
    low: FloatArray,
    high: FloatArray,
    touch: BoolArray,
    over: bool,
    palm: FloatArray,
    palm_radius: float,
) -> float:
    """Moves the thumb, and a little the fingers that it touches, to where it meets them.

    A search along one angle at a time with shrinking steps; near the drawn angles it costs least.

    Args:
        angles: (15, 3) [rad], changed in place.
        chains: (5, 4, 3) joints and tips at rest, thumb to little [m].
        axes: (15, 3, 3) see :func:`joint_rotation`.
        radii: (5, 3) half the thickness of each bone [m].
        low: (15, 3) lower limits [rad].
        high: (15, 3) upper limits [rad].
        touch: (5,) which fingers' tips the thumb's tip meets.
        over: the thumb lies over the middle bones of those fingers instead.
        palm: (P, 3) points inside the palm [m].
        palm_radius: half the thickness of the palm there [m].

    Returns:
        The remaining cost [m^2].
    """
    # Joint and axis of each free angle; the last one bends the touched fingers.
    free = np.array([[12, 0], [12, 1], [12, 2], [13, 0], [14, 0], [-1, 0]])
    start, trial = angles.copy(), angles.copy()
    samples = np.empty((5, SAMPLES, 3))
    for f in range(5):
        _pose_finger(chains[f], axes, angles, CHAINS[f, 0], samples[f])
    moved = samples.copy()
    best = _cost(samples, radii, touch, over, palm, palm_radius)
    if best < 1e-9:
        return best
    count = 6 if np.any(touch) and not over else 5
    step = 0.30
    for _ in range(9):
        for n in range(count):
            for sign in (1.0, -1.0):
                if n < 5:
                    j, a = free[n, 0], free[n, 1]
                    trial[j, a] = min(max(trial[j, a] + sign * step, low[j, a]), high[j, a])
                else:
                    _bend_touched(trial, touch, 0.5 * sign * step, low, high)
                for f in range(5):
                    if f == 0 or (n == 5 and touch[f]):
                        _pose_finger(chains[f], axes, trial, CHAINS[f, 0], moved[f])
                change = 0.0
                for j in range(15):
                    for a in range(3):
                        change += (trial[j, a] - start[j, a]) ** 2
                # A radian away from the drawn pose weighs as much as 5 mm.
                cost = _cost(moved, radii, touch, over, palm, palm_radius) + 2.5e-5 * change
                if cost < best:
                    best, angles[:], samples[:] = cost, trial, moved
                    break
                trial[:], moved[:] = angles, samples
        step *= 0.7
    return best


@numba.njit(cache=True, nogil=True)
def _bend_touched(
    angles: FloatArray, touch: BoolArray, step: float, low: FloatArray, high: FloatArray
) -> None:
    for f in range(1, 5):
        if touch[f]:
            for k, share in enumerate((1.0, 0.7, 0.4)):
                j = CHAINS[f, k]
                angles[j, 0] = min(max(angles[j, 0] + share * step, low[j, 0]), high[j, 0])
