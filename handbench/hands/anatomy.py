"""Joint angles that mean something: flexion, abduction and twist of each joint, and how far they go.

A joint turns by ``R = A^T Rx(flexion) Ry(abduction) Rz(twist) A``; the rows of A are the joint's axes in the
rest frame: flexion curls the finger towards the palm, positive abduction moves a finger towards the thumb and
the thumb away from the palm, twist turns it about its own bone. The same angles give mirrored poses on the
two hands.

The functions take any leading axes. One hand costs some microseconds: a sampler may call them at each draw.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numba import njit

from handbench.arrays import FloatArray
from handbench.hands.model import HandModel
from handbench.skeleton import MANO16, tip_vertices
from handbench.types import Side

FLEXION, ABDUCTION, TWIST = 0, 1, 2

_MCP_ABDUCTION = {"index": (-22, 25), "middle": (-18, 18), "ring": (-22, 18), "little": (-35, 22)}
# At full flexion the collateral ligaments leave this share of the sideways range (Kapandji, The Physiology of
# the Joints 1, chapter 5).
FLEXED_SHARE = 0.4
FULL_FLEXION = float(np.deg2rad(90.0))


def _limits() -> FloatArray:
    """Returns (15, 3, 2) degrees: least and greatest angle of each joint of MANO16 but the wrist.

    Active ranges of Kapandji and of the American Academy of Orthopaedic Surgeons, with the passive reserve of
    some 10 degrees that contact and grasping use. The thumb's first joint is its saddle joint.
    """
    table: dict[str, tuple[tuple[float, float], ...]] = {
        "thumb1": ((-35, 45), (-35, 45), (-35, 35)),
        "thumb2": ((-25, 75), (-15, 15), (-15, 15)),
        "thumb3": ((-30, 95), (-3, 3), (-6, 6)),
    }
    for finger, sideways in _MCP_ABDUCTION.items():
        table[f"{finger}1"] = ((-35, 95), sideways, (-10, 10))
        table[f"{finger}2"] = ((-12, 118), (-3, 3), (-4, 4))
        table[f"{finger}3"] = ((-18, 90), (-3, 3), (-4, 4))
    return np.array([table[name] for name in MANO16.names[1:]], dtype=np.float64)


LIMITS_DEGREES = _limits()
"""(15, 3, 2) least and greatest flexion, abduction and twist of each joint, MANO16 without the wrist."""

IS_KNUCKLE = np.array([name[-1] == "1" and not name.startswith("thumb") for name in MANO16.names[1:]])


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The joint axes of one hand model.

    Attributes:
        side: which hand.
        axes: (15, 3, 3), for each joint of MANO16 but the wrist the unit axes of flexion, abduction and
            twist, one a row, in the rest frame.
        limits: (15, 3, 2) [rad].
    """

    side: Side
    axes: FloatArray
    limits: FloatArray

    def pose_from_angles(self, angles: FloatArray) -> FloatArray:
        """Turns angles (..., 15, 3) [rad] into the axis-angle pose (..., 45) of the 15 joints."""
        flat = np.ascontiguousarray(angles, dtype=np.float64).reshape(-1, 15, 3)
        return np.asarray(_to_pose(self.axes, flat)).reshape(*np.shape(angles)[:-2], 45)

    def angles_from_pose(self, pose: FloatArray) -> FloatArray:
        """Turns a pose (..., 45), or (..., 48) with the root first, into angles (..., 15, 3) [rad]."""
        flat = np.ascontiguousarray(np.asarray(pose)[..., -45:], dtype=np.float64).reshape(-1, 15, 3)
        return np.asarray(_to_angles(self.axes, flat)).reshape(*np.shape(pose)[:-1], 15, 3)

    def bounds(self, angles: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Returns the least and greatest angles (..., 15, 3) [rad]; a bent knuckle moves less sideways."""
        low = np.broadcast_to(self.limits[..., 0], np.shape(angles)).copy()
        high = np.broadcast_to(self.limits[..., 1], np.shape(angles)).copy()
        bent = np.clip(np.asarray(angles)[..., IS_KNUCKLE, FLEXION] / FULL_FLEXION, 0.0, 1.0)
        share = 1.0 - (1.0 - FLEXED_SHARE) * bent
        low[..., IS_KNUCKLE, ABDUCTION] *= share
        high[..., IS_KNUCKLE, ABDUCTION] *= share
        return low, high

    def clamp_angles(self, angles: FloatArray) -> FloatArray:
        """Returns the nearest angles (..., 15, 3) [rad] that a hand can take."""
        # Flexion first: it decides the sideways range.
        angles = np.clip(angles, self.limits[..., 0], self.limits[..., 1])
        return np.asarray(np.clip(angles, *self.bounds(angles)))

    def clamp_pose(self, pose: FloatArray) -> FloatArray:
        """Returns the pose (..., 45 or 48) with every joint brought inside its limits; the root is kept."""
        clamped = self.pose_from_angles(self.clamp_angles(self.angles_from_pose(pose)))
        return np.concatenate([np.asarray(pose)[..., :-45], clamped], axis=-1)

    def violation(self, pose: FloatArray) -> FloatArray:
        """Returns how far each joint of a pose (..., 45 or 48) is beyond its limits, (..., 15) [rad]."""
        angles = self.angles_from_pose(pose)
        low, high = self.bounds(angles)
        return np.asarray(np.maximum(np.maximum(low - angles, angles - high), 0.0).max(axis=-1))


@functools.lru_cache(maxsize=32)
def anatomy(model: HandModel) -> Anatomy:
    """Finds the joint axes of any model in MANO's topology, from its rest joints.

    The flexion axis is square to the bone and to the palm's normal. The thumb's palmar direction points
    forward, out of the palm and towards the little finger in equal parts: its nail faces the other way.
    """
    joints = model.rest_joints
    tips = dict(
        zip(("thumb", "index", "middle", "ring", "little"), tip_vertices("smplx", model.side), strict=True)
    )
    forward, palmar, radial = palm_frame(model)
    thumb_palmar = forward + palmar - radial
    axes = np.empty((15, 3, 3))
    for j, name in enumerate(MANO16.names[1:], 1):
        finger, number = name[:-1], int(name[-1])
        end = joints[j + 1] if number < 3 else model.v_template[tips[finger]]
        bone = _unit(end - joints[j])
        flexion = _unit(np.cross(bone, thumb_palmar if finger == "thumb" else palmar))
        # Rotation axes mirror with the opposite sign, so that equal angles are mirrored poses.
        twist = bone if model.side is Side.RIGHT else -bone
        axes[j - 1] = flexion, np.cross(twist, flexion), twist
    axes.flags.writeable = False
    return Anatomy(model.side, axes, np.deg2rad(LIMITS_DEGREES))


def palm_frame(model: HandModel) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Returns unit directions of the rest hand: to the fingers, out of the palm, to the thumb's side."""
    joints = model.rest_joints
    bases = joints[[MANO16.index(f"{finger}1") for finger in ("index", "middle", "ring", "little")]]
    across = _unit(bases[0] - bases[3])
    forward = bases.mean(axis=0) - joints[0]
    forward = _unit(forward - across * _dot(forward, across))
    palmar = np.cross(across, forward) * (1.0 if model.side is Side.RIGHT else -1.0)
    return forward, palmar, across


def _dot(a: FloatArray, b: FloatArray) -> float:
    # Not BLAS: the axes decide every sampled pose, and are to be the same on every machine.
    return float(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / np.sqrt(_dot(vector, vector)))


@njit(cache=True, nogil=True)
def _to_pose(axes: FloatArray, angles: FloatArray) -> FloatArray:
    out = np.empty_like(angles)
    for n in range(len(angles)):
        for j in range(15):
            sf, cf = np.sin(0.5 * angles[n, j, 0]), np.cos(0.5 * angles[n, j, 0])
            sa, ca = np.sin(0.5 * angles[n, j, 1]), np.cos(0.5 * angles[n, j, 1])
            st, ct = np.sin(0.5 * angles[n, j, 2]), np.cos(0.5 * angles[n, j, 2])
            # The product of the three quaternions, in the joint's own axes.
            w = cf * ca * ct - sf * sa * st
            x = sf * ca * ct + cf * sa * st
            y = cf * sa * ct - sf * ca * st
            z = cf * ca * st + sf * sa * ct
            sine = np.sqrt(x * x + y * y + z * z)
            factor = 2.0 if sine < 1e-12 else 2.0 * np.arctan2(sine, w) / sine
            for c in range(3):
                out[n, j, c] = factor * (x * axes[j, 0, c] + y * axes[j, 1, c] + z * axes[j, 2, c])
    return out


@njit(cache=True, nogil=True)
def _to_angles(axes: FloatArray, pose: FloatArray) -> FloatArray:
    out = np.empty_like(pose)
    for n in range(len(pose)):
        for j in range(15):
            a, b, c = pose[n, j, 0], pose[n, j, 1], pose[n, j, 2]
            angle = np.sqrt(a * a + b * b + c * c)
            factor = 0.5 if angle < 1e-12 else np.sin(0.5 * angle) / angle
            w = np.cos(0.5 * angle)
            x = factor * (a * axes[j, 0, 0] + b * axes[j, 0, 1] + c * axes[j, 0, 2])
            y = factor * (a * axes[j, 1, 0] + b * axes[j, 1, 1] + c * axes[j, 1, 2])
            z = factor * (a * axes[j, 2, 0] + b * axes[j, 2, 1] + c * axes[j, 2, 2])
            sine = 2.0 * (x * z + w * y)
            out[n, j, 0] = np.arctan2(2.0 * (w * x - y * z), 1.0 - 2.0 * (x * x + y * y))
            out[n, j, 1] = np.arcsin(min(1.0, max(-1.0, sine)))
            out[n, j, 2] = np.arctan2(2.0 * (w * z - x * y), 1.0 - 2.0 * (y * y + z * z))
    return out
