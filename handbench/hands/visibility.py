"""How much of each joint and finger is seen, and what covers the rest.

A joint lies inside flesh, so "seen" means: over a 5 mm ball around the joint, nothing lies in front but the
flesh that belongs to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.hands.model import HandModel, forward
from handbench.skeleton import OPENPOSE21

BALL = 0.005
CAUSES = ("self", "other", "object", "border")
"""What can cover a joint: its own hand or arm, the other hand or arm, an object, the picture's border."""

# A sunflower: even, and the same for every joint.
_ANGLES = np.arange(21) * np.pi * (3.0 - np.sqrt(5.0))
DISK = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], -1) * np.sqrt((np.arange(21) + 0.5) / 21)[:, None]
"""(21, 2) points of the unit disk."""

_BONES = np.array([bone for bone in OPENPOSE21.bones if bone[0] != 0])


@dataclass(frozen=True, slots=True)
class Visibility:
    """What is seen of one hand's skeleton.

    Attributes:
        pixels: (21, 2) where each joint projects [px].
        joints: (21,) share of each joint's ball that is seen.
        causes: (21, 4) share covered by each of ``CAUSES``; joints + causes sum to 1.
        fingers: (5,) mean over four joints and the three bone centres, thumb to little.
    """

    pixels: npt.NDArray[np.float32]
    joints: npt.NDArray[np.float32]
    causes: npt.NDArray[np.float32]
    fingers: npt.NDArray[np.float32]

    def main_cause(self) -> list[str]:
        """Returns what covers most of each joint, or "" where over half of it is seen."""
        worst = self.causes.argmax(axis=1).tolist()
        return [
            "" if seen > 0.5 else CAUSES[cause]
            for seen, cause in zip(self.joints.tolist(), worst, strict=True)
        ]


def flesh_thickness(model: HandModel) -> FloatArray:
    """Returns the (21,) depth of flesh [m] that may lie in front of each joint without covering it.

    Twice the joint's distance from the skin and 3 mm: under the 21 mm at which a neighbouring finger's front
    begins. A fingertip is a point of the skin and takes its last joint's value.
    """
    mesh = forward(model, np.zeros((1, 48)), np.zeros((1, 10)), np.zeros((1, 3)))
    gaps = np.linalg.norm(mesh.joints21[0][:, None] - mesh.vertices[0][None], axis=-1).min(axis=1)
    flesh = 2.0 * gaps + 0.003
    flesh[4::4] = flesh[3::4]
    return np.asarray(flesh)


def skeleton_points(joints: FloatArray) -> FloatArray:
    """Returns the (36, 3) points whose visibility is measured: the joints (21, 3), then 15 bone centres."""
    return np.concatenate([joints, 0.5 * (joints[_BONES[:, 0]] + joints[_BONES[:, 1]])])


def self_seen(
    joints: FloatArray, flesh: FloatArray, K: FloatArray, own_depth: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Returns (36,) shares of the balls about :func:`skeleton_points` that the hand itself leaves open.

    Args:
        joints: (21, 3) [m], camera frame, OPENPOSE21.
        flesh: (21,) [m] from :func:`flesh_thickness`.
        K: (3, 3) intrinsics [px].
        own_depth: (h, w) depth of the hand alone [m], inf where it is not.
    """
    nearest = np.where(np.isfinite(own_depth), 0, -1).astype(np.int8)
    seen, _ = _shares(joints, flesh, _BONES, K, nearest, own_depth, 0, np.zeros(1, np.int8), DISK)
    inside = seen[:, 0] + seen[:, 1]
    return np.where(inside > 0, seen[:, 0] / np.where(inside > 0, inside, 1), 1).astype(np.float32)


def joint_visibility(
    joints: FloatArray,
    flesh: FloatArray,
    K: FloatArray,
    nearest: npt.NDArray[np.int8],
    own_depth: npt.NDArray[np.float32],
    own_part: int,
    owners: npt.NDArray[np.int8],
) -> Visibility:
    """Measures the visibility of one hand's joints and fingers.

    Args:
        joints: (21, 3) [m], camera frame, OPENPOSE21.
        flesh: (21,) [m] from :func:`flesh_thickness`.
        K: (3, 3) intrinsics [px].
        nearest: (h, w) index of the nearest part, -1 for none.
        own_depth: (h, w) depth of this hand's own layer [m].
        own_part: index of this hand's part.
        owners: (parts,) what covering by each part counts as: an index into ``CAUSES``.
    """
    seen, pixels = _shares(joints, flesh, _BONES, K, nearest, own_depth, own_part, owners, DISK)
    return Visibility(pixels[:21], seen[:21, 0], seen[:21, 1:], finger_means(seen[:, 0]))


@nb.njit(cache=True, nogil=True)
def finger_means(seen: Any) -> Any:
    """Averages each finger's four joints and the three bone centres between them, (5,) of (36,)."""
    out = np.empty(5, dtype=np.float32)
    for i in range(5):
        joint, bone = 1 + 4 * i, 21 + 3 * i
        joints = seen[joint] + seen[joint + 1] + seen[joint + 2] + seen[joint + 3]
        bones = seen[bone] + seen[bone + 1] + seen[bone + 2]
        out[i] = (joints + bones) / np.float32(7.0)
    return out


@nb.njit(cache=True, nogil=True)
def _shares(
    joints: Any,
    flesh: Any,
    bones: Any,
    K: Any,
    nearest: Any,
    own_depth: Any,
    own_part: int,
    owners: Any,
    disk: Any,
) -> Any:
    height, width = nearest.shape
    count = len(joints) + len(bones)
    out = np.zeros((count, 5), dtype=np.float32)
    pixels = np.empty((count, 2), dtype=np.float32)
    part_of_one = np.float32(1.0 / len(disk))
    for i in range(count):
        a, b = (i, i) if i < len(joints) else (bones[i - len(joints), 0], bones[i - len(joints), 1])
        x, y, z = 0.5 * (joints[a] + joints[b])
        depth = z - max(flesh[a], flesh[b])
        if z <= 0.0:
            out[i, 4] = 1.0
            pixels[i] = np.nan
            continue
        u = (K[0, 0] * x + K[0, 1] * y) / z + K[0, 2]
        v = (K[1, 0] * x + K[1, 1] * y) / z + K[1, 2]
        pixels[i, 0], pixels[i, 1] = u, v
        radius = 0.5 * (abs(K[0, 0]) + abs(K[1, 1])) * BALL / z
        for k in range(len(disk)):
            column = int(np.floor(u + radius * disk[k, 0] + 0.5))
            row = int(np.floor(v + radius * disk[k, 1] + 0.5))
            slot = 0
            if row < 0 or column < 0 or row >= height or column >= width:
                slot = 4
            else:
                part = nearest[row, column]
                if part == own_part:
                    slot = 0 if own_depth[row, column] >= depth else 1
                elif part >= 0:
                    slot = 1 + owners[part]
            out[i, slot] += part_of_one
    return out, pixels
