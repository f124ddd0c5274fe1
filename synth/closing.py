"""Fingers that close around the other hand until they touch it."""

from __future__ import annotations

import numba
import numpy as np

from handbench.arrays import FloatArray, IndexArray
from handbench.hands.rotations import about, turned

STEP = np.deg2rad(10.0)
"""A joint closes in steps of this size; the one that meets something is halved."""

HALVINGS = 3


@numba.njit(cache=True, nogil=True)
def _near(spheres: FloatArray, base: FloatArray, reach: float) -> FloatArray:
    """Returns the spheres that come within ``reach`` of a point."""
    out = np.empty_like(spheres)
    count = 0
    for i in range(spheres.shape[0]):
        limit = reach + spheres[i, 3]
        square = (
            (spheres[i, 0] - base[0]) ** 2 + (spheres[i, 1] - base[1]) ** 2 + (spheres[i, 2] - base[2]) ** 2
        )
        if square < limit * limit:
            out[count] = spheres[i]
            count += 1
    return out[:count]


@numba.njit(cache=True, nogil=True)
def _turn(
    spheres: FloatArray,
    segments: IndexArray,
    first: int,
    joint: FloatArray,
    axis: FloatArray,
    angle: float,
    out: FloatArray,
) -> None:
    """Writes one finger's spheres after bending one joint; segments before ``first`` stay."""
    turn = about(axis, angle)
    for i in range(spheres.shape[0]):
        out[i] = spheres[i]
        if segments[i] >= first:
            x, y, z = spheres[i, 0] - joint[0], spheres[i, 1] - joint[1], spheres[i, 2] - joint[2]
            for c in range(3):
                out[i, c] = joint[c] + turn[c, 0] * x + turn[c, 1] * y + turn[c, 2] * z


@numba.njit(cache=True, nogil=True)
def _deeper(
    moved: FloatArray,
    start: FloatArray,
    segments: IndexArray,
    first: int,
    others: FloatArray,
    tolerance: float,
) -> bool:
    """Whether moved spheres lie deeper than ``tolerance`` in other spheres, and deeper than at the start."""
    for i in range(moved.shape[0]):
        if segments[i] < first:
            continue
        for j in range(others.shape[0]):
            reach = moved[i, 3] + others[j, 3] - tolerance
            dx, dy, dz = moved[i, 0] - others[j, 0], moved[i, 1] - others[j, 1], moved[i, 2] - others[j, 2]
            square = dx * dx + dy * dy + dz * dz
            if square >= reach * reach:
                continue
            dx, dy, dz = start[i, 0] - others[j, 0], start[i, 1] - others[j, 1], start[i, 2] - others[j, 2]
            if square < dx * dx + dy * dy + dz * dz - 1e-9:
                return True
    return False


@numba.njit(cache=True, nogil=True)
def close_fingers(
    spheres: FloatArray,
    fingers: IndexArray,
    segments: IndexArray,
    joints: FloatArray,
    axes: FloatArray,
    room: FloatArray,
    others: FloatArray,
    tolerance: float,
) -> FloatArray:
    """Bends thumb and fingers of a hand towards its palm, joint after joint from the base, until they touch.

    A joint that nothing stops bends by a third of its room: fingers do not grasp air.

    Args:
        spheres: (S, 4) spheres of the hand as it stands [m].
        fingers: (S,) 0 thumb to 4 little finger, -1 palm.
        segments: (S,) 0 to 2, the segment of the finger.
        joints: (5, 3, 3) base, middle and end joint of each finger, thumb first [m].
        axes: (5, 3, 3) unit axes; turning about them bends the joint towards the palm.
        room: (5, 3) how far each joint may still bend [rad]; 0 keeps a joint as it is.
        others: (T, 4) spheres of the other hand [m].
        tolerance: how deep spheres may meet [m].

    Returns:
        (5, 3) the bend of each joint [rad].
    """
    bends = np.zeros((5, 3))
    for finger in range(5):
        if np.max(room[finger]) <= 0.0:
            continue
        ids = np.flatnonzero(fingers == finger)
        now = spheres[ids]
        moved = np.empty_like(now)
        own = segments[ids]
        places, turns = joints[finger].copy(), axes[finger].copy()
        near = _near(others, places[0], 0.13)
        for k in range(3):
            limit = room[finger, k]
            if limit <= 0.0:
                continue
            free, blocked = 0.0, -1.0
            while free < limit and blocked < 0.0:
                trial = min(free + STEP, limit)
                _turn(now, own, k, places[k], turns[k], trial, moved)
                if _deeper(moved, now, own, k, near, tolerance):
                    blocked = trial
                else:
                    free = trial
            if blocked < 0.0:
                free = 0.33 * limit
            else:
                for _ in range(HALVINGS):
                    trial = 0.5 * (free + blocked)
                    _turn(now, own, k, places[k], turns[k], trial, moved)
                    if _deeper(moved, now, own, k, near, tolerance):
                        blocked = trial
                    else:
                        free = trial
            bends[finger, k] = free
            _turn(now, own, k, places[k], turns[k], free, moved)
            now[:] = moved
            turn = about(turns[k], free)
            for m in range(k + 1, 3):
                places[m] = places[k] + turned(turn, places[m] - places[k])
                turns[m] = turned(turn, turns[m])
    return bends


def finger_segments(bones: IndexArray, fingers: IndexArray) -> IndexArray:
    """Returns (S,) 0 base, 1 middle, 2 end segment of spheres moved by MANO16 joints ``bones``."""
    return np.where(fingers >= 0, (bones - 1) % 3, 0).astype(np.int64)
