"""Anatomical frames and named points of a posed hand."""

from __future__ import annotations

import numba
import numpy as np

from handbench.arrays import FloatArray
from handbench.hands.rotations import about, dot, exponential, mean_point, product, turned
from handbench.synth.fingers import joint_rotation
from handbench.synth.pair_kinds import PairKind

_ANCHORS: dict[str, tuple[tuple[int, float], ...]] = {
    "palm": ((0, 0.28), (5, 0.2), (9, 0.2), (13, 0.16), (17, 0.16)),
    "middles": ((6, 0.25), (10, 0.25), (14, 0.25), (18, 0.25)),
    "tips": ((4, 0.1), (8, 0.25), (12, 0.25), (16, 0.2), (20, 0.2)),
    "index_tip": ((8, 1.0),),
    "ends": ((6, 0.1), (10, 0.1), (14, 0.1), (18, 0.1), (7, 0.15), (11, 0.15), (15, 0.15), (19, 0.15)),
    "index_end": ((7, 0.6), (8, 0.4)),
    "grip": ((4, 0.5), (8, 0.5)),
    "grasp": ((5, 0.15), (9, 0.35), (13, 0.2), (10, 0.3)),
}
"""Named points as weighted means of OPENPOSE21 joints."""


_WEIGHTS = {name: np.zeros(21) for name in _ANCHORS}
for _name, _parts in _ANCHORS.items():
    for _row, _weight in _parts:
        _WEIGHTS[_name][_row] = _weight

_F, _N, _S = np.eye(3)


def anchor_point(joints: FloatArray, name: str) -> FloatArray:
    """Returns a named point (3,) of joints (21, 3) in OPENPOSE21."""
    return np.asarray(mean_point(_WEIGHTS[name], joints))


@numba.njit(cache=True, nogil=True)
def hand_frame(joints: FloatArray, right: bool) -> FloatArray:
    """Returns the (3, 3) unit columns f (along the fingers), n (out of the palm), s (towards the thumb).

    Fingers do not move it: only the wrist and the knuckles count. Right-handed for a right hand (f x n = s),
    left-handed for a left one.

    Args:
        joints: (21, 3) OPENPOSE21 [m].
        right: whether it is a right hand.
    """
    out = np.empty((3, 3))
    sign = 1.0 if right else -1.0
    f = joints[9] - joints[0]
    f /= np.sqrt(dot(f, f))
    n = sign * np.cross(joints[5] - joints[0], joints[17] - joints[0])
    n -= dot(n, f) * f
    n /= np.sqrt(dot(n, n))
    out[:, 0] = f
    out[:, 1] = n
    out[:, 2] = sign * np.cross(f, n)
    return out


def resting_frame(kind: PairKind) -> FloatArray:
    """Returns the (3, 3) columns f, n, s of hand B in A's (f, n, s), before anything is drawn."""
    f = np.array(kind.fingers, dtype=np.float64)
    f /= np.sqrt(f @ f)
    n = np.array(kind.palm, dtype=np.float64)
    n -= (n @ f) * f
    n /= np.sqrt(n @ n)
    # The other hand's frame is left-handed where A's is right-handed.
    return np.stack([f, n, -np.cross(f, n)], axis=1)


def partner_frame(
    kind: PairKind, resting: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draws how hand B stands in A's frame.

    Args:
        kind: the kind of interaction.
        resting: see :func:`resting_frame`.
        rng: the scene's stream.

    Returns:
        (3, 3) columns f, n, s of B in A's (f, n, s), and the unit direction (3,) in which B comes.
    """
    frame, way = resting, np.array(kind.way, dtype=np.float64)
    if kind.mirror_plane is not None:
        lean = np.deg2rad(rng.uniform(*kind.mirror_plane))
        way = -np.array([np.sin(lean), np.cos(lean), 0.0])
        frame = np.eye(3) - 2.0 * way[:, None] * way
    if kind.swing is not None:
        angle = np.deg2rad(rng.uniform(*kind.swing)) * (1.0 if rng.random() < 0.5 else -1.0)
        frame = product(about(_N, angle), frame)
    if kind.tilt is not None:
        # Fingers lean towards A: from f towards -n.
        frame = product(about(_S, -np.deg2rad(rng.uniform(*kind.tilt))), frame)
        way = frame[:, 0] - _F
    jitter = exponential(np.deg2rad(np.array(kind.turn)) * rng.standard_normal(3))
    return product(jitter, frame), way / np.sqrt(dot(way, way))


@numba.njit(cache=True, nogil=True)
def flexion_axes(axes: FloatArray, angles: FloatArray, R: FloatArray) -> FloatArray:
    """Returns the (15, 3) unit flexion axes of a posed hand.

    Args:
        axes: (15, 3, 3) rest axes, see :func:`handbench.synth.fingers.joint_rotation`.
        angles: (15, 3) [rad].
        R: (3, 3) rotation of the whole hand.
    """
    out = np.empty((15, 3))
    for finger in range(5):
        turn = R.copy()
        for k in range(3):
            j = 3 * finger + k
            out[j] = turned(turn, axes[j, 0])
            turn = product(turn, joint_rotation(axes[j], angles[j]))
    return out
