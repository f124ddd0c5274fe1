"""What a composed sample says of its hands: joints, cameras, boxes, visibility, occlusion."""

from __future__ import annotations

from typing import Any

import numpy as np

from handbench.arrays import FloatArray
from handbench.camera import apply_affine, invert_affine
from handbench.compose import kernels
from handbench.compose.composer import Masks, cutout_affine
from handbench.compose.cutout import Cutout
from handbench.compose.paste import Paste
from handbench.formats.aih_plain_recipes import Move
from handbench.hands.rotations import exponential, logarithm, product, turned
from handbench.hands.visibility import BALL, CAUSES, DISK, Visibility, finger_means, skeleton_points

_SELF, _OTHER, _BORDER = (CAUSES.index(name) for name in ("self", "other", "border"))


def hand_annotations(
    paste: Paste, target: Cutout, other: Cutout | None, masks: Masks
) -> dict[str, dict[str, Any] | None]:
    """Returns ``right`` and ``left`` -> the fields of a hand (docs/formats.md), None for an absent one."""
    hands: dict[str, dict[str, Any] | None] = {"right": None, "left": None}
    nothing = np.zeros_like(masks.target)
    front_of_target = nothing if paste.target_front else masks.other | masks.other_arm
    hands[target.side.value] = _hand(
        paste.target_move, paste.size, target, masks.target, masks.target_visible, front_of_target
    )
    if other is not None:
        front_of_other = masks.target if paste.target_front else nothing
        hands[other.side.value] = _hand(
            paste.other_move, paste.size, other, masks.other, masks.other_visible, front_of_other
        )
    return hands


def overlap_fields(masks: Masks) -> dict[str, Any]:
    """Returns the target's ``occlusion``, ``depth_order`` by role, and both ratios of the overlap."""
    first, second, both = kernels.count_overlap(masks.target, masks.other)
    seen = int(masks.target_visible.sum())
    return {
        "occlusion": 1.0 - seen / first if first else None,
        "overlap_target": both / first if first else 0.0,
        "overlap_other": both / second if second else 0.0,
        "overlaps": both > 0,
    }


def _hand(move: Move, size: int, cutout: Cutout, whole: Any, seen: Any, front: Any) -> dict[str, Any]:
    hand = cutout.annotation()
    affine = invert_affine(cutout_affine(move, cutout, size))
    turn = _turn_of(affine)
    pose, transl = _turned_params(hand, turn)
    K = np.asarray(_lifted(affine) @ hand["K"] @ turn.T)
    joints = np.asarray(hand["joints"], dtype=np.float64) @ turn.T
    amount, visible = int(whole.sum()), int(seen.sum())
    shares = _visibility(hand, joints, K, affine, front)
    return {
        "side": cutout.side.value,
        "K": K,
        "pose": pose.astype(np.float32),
        "betas": hand["betas"],
        "transl": transl.astype(np.float32),
        "joints": joints.astype(np.float32),
        "joints_2d": apply_affine(affine, np.asarray(hand["joints_2d"], np.float64)).astype(np.float32),
        "joints_valid": hand["joints_valid"],
        "box": _bounds(apply_affine(affine, np.asarray(hand["hull"], np.float64))),
        "occlusion": 1.0 - visible / amount if amount else 1.0,
        "visibility": shares.joints,
        "visibility_causes": shares.causes,
        "finger_visibility": shares.fingers,
        "covered_by": shares.main_cause(),
    }


def _visibility(hand: Any, joints: FloatArray, K: FloatArray, affine: FloatArray, front: Any) -> Visibility:
    """Measures visibility from masks: a share that the photograph shows, times what is left open here."""
    points = skeleton_points(np.asarray(joints))
    pixels = points @ K.T
    places = pixels[:, :2] / pixels[:, 2:]
    radii = 0.5 * (abs(K[0, 0]) + abs(K[1, 1])) * BALL / points[:, 2]
    own = np.asarray(hand["self_seen"], dtype=np.float32)
    # K has the picture's scale but after a rotation its diagonal is that of a turned frame: equal by design.
    open_, behind, outside = kernels.shares_seen(places, radii, own, front, DISK).T
    causes = np.zeros((len(points), len(CAUSES)), dtype=np.float32)
    causes[:, _OTHER], causes[:, _BORDER] = behind, outside
    causes[:, _SELF] = open_ * (1 - own)
    seen = open_ * own
    return Visibility(
        places[:21].astype(np.float32), seen[:21], np.ascontiguousarray(causes[:21]), finger_means(seen)
    )


def _turn_of(affine: FloatArray) -> FloatArray:
    """Returns the (3, 3) rotation about the optical axis that is in a similarity (2, 3)."""
    scale = float(np.hypot(affine[0, 0], affine[1, 0]))
    c, s = affine[0, 0] / scale, affine[1, 0] / scale
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _turned_params(hand: Any, turn: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Turns pose and translation about the camera: the root turns about the rest wrist."""
    pose, wrist = np.array(hand["pose"], np.float64), np.asarray(hand["rest_wrist"], np.float64)
    pose[:3] = logarithm(product(turn, exponential(pose[:3])))
    return pose, turned(turn, wrist + np.asarray(hand["transl"], np.float64)) - wrist


def _lifted(affine: FloatArray) -> FloatArray:
    lift = np.eye(3)
    lift[:2] = affine
    return lift


def _bounds(points: FloatArray) -> Any:
    low, high = points.min(axis=0), points.max(axis=0)
    return np.array([*low, *(high - low)], dtype=np.float32)
