"""Where the forearms go: bent at the wrist within its range, away from the other hand and the other arm."""

from __future__ import annotations

import numba
import numpy as np

from handbench.arrays import FloatArray
from handbench.hands.rotations import about, dot, turned

ARM_LENGTH = 0.22
"""How much of a forearm is kept clear [m]."""

ARM_RADIUS = 0.032
"""Half the thickness of a forearm near the wrist [m]."""

WRIST_SPREAD = (np.deg2rad(25.0), np.deg2rad(11.0))
"""Standard deviations of flexion and of sideways bending [rad]; the limits are three and two times that."""


@numba.njit(cache=True, nogil=True)
def _segment_distance(a: FloatArray, u: FloatArray, b: FloatArray, v: FloatArray) -> float:
    """Returns the least distance of the segments a + s u and b + t v with s and t in 0..1."""
    w = a - b
    uu, uv, vv, uw, vw = dot(u, u), dot(u, v), dot(v, v), dot(u, w), dot(v, w)
    den = uu * vv - uv * uv
    s = min(max((uv * vw - vv * uw) / den, 0.0), 1.0) if den > 1e-12 else 0.0
    t = min(max((uv * s + vw) / vv, 0.0), 1.0) if vv > 1e-12 else 0.0
    s = min(max((uv * t - uw) / uu, 0.0), 1.0) if uu > 1e-12 else 0.0
    d = w + s * u - t * v
    return float(np.sqrt(dot(d, d)))


@numba.njit(cache=True, nogil=True)
def _clear_of_hand(wrist: FloatArray, arm: FloatArray, joints: FloatArray) -> float:
    """Returns the free distance between an arm and the other hand's joints, less both radii."""
    least = np.inf
    for j in range(joints.shape[0]):
        x, y, z = joints[j, 0] - wrist[0], joints[j, 1] - wrist[1], joints[j, 2] - wrist[2]
        along = min(max(x * arm[0] + y * arm[1] + z * arm[2], 0.0), ARM_LENGTH)
        x, y, z = x - along * arm[0], y - along * arm[1], z - along * arm[2]
        least = min(least, np.sqrt(x * x + y * y + z * z))
    return float(least - ARM_RADIUS - 0.010)


@numba.njit(cache=True, nogil=True)
def choose_arms(
    joints_a: FloatArray, frame_a: FloatArray, joints_b: FloatArray, frame_b: FloatArray, draws: FloatArray
) -> tuple[FloatArray, float]:
    """Chooses the two forearms among some draws: the first pair that is clear, or else the clearest.

    Args:
        joints_a: (21, 3) OPENPOSE21 of the first hand [m].
        frame_a: (3, 3) columns f, n, s of the first hand.
        joints_b: the same of the second hand.
        frame_b: the same of the second hand.
        draws: (K, 2, 2) standard normal numbers.

    Returns:
        (2, 3) unit vectors from wrist to elbow, and how far arms and hands stay apart [m], negative where
        they pass through each other.
    """
    count = draws.shape[0]
    arms = np.empty((2, count, 3))
    for h in range(2):
        frame = frame_a if h == 0 else frame_b
        f, n, s = frame[:, 0].copy(), frame[:, 1].copy(), frame[:, 2].copy()
        for k in range(count):
            bend = WRIST_SPREAD[0] * min(max(draws[k, h, 0], -3.0), 3.0)
            side = WRIST_SPREAD[1] * min(max(draws[k, h, 1], -2.0), 2.0)
            arms[h, k] = turned(about(n, side), turned(about(s, bend), -f))
    best, best_value = np.zeros((2, 3)), -np.inf
    clear = np.empty((2, count))
    for k in range(count):
        clear[0, k] = min(0.01, _clear_of_hand(joints_a[0], arms[0, k], joints_b))
        clear[1, k] = min(0.01, _clear_of_hand(joints_b[0], arms[1, k], joints_a))
    for k in range(count):
        for m in range(count):
            value = min(clear[0, k], clear[1, m])
            if value <= best_value:
                continue
            gap = _segment_distance(
                joints_a[0], ARM_LENGTH * arms[0, k], joints_b[0], ARM_LENGTH * arms[1, m]
            )
            value = min(value, gap - 2 * ARM_RADIUS)
            if value > best_value:
                best_value = value
                best[0], best[1] = arms[0, k], arms[1, m]
        if best_value >= 0.0:
            break
    return best, best_value
