"""What a composed sample says of its hands: joints, cameras, boxes, visibility, occlusion."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.compose import annotation_kernels as moved
from handbench.compose.composer import Masks, cutout_affine
from handbench.compose.cutout import Cutout
from handbench.compose.kernels import count_pixels
from handbench.compose.paste import Paste
from handbench.formats.aih_plain_recipes import Move
from handbench.hands.visibility import BALL, CAUSES, DISK, Visibility, finger_means, skeleton_points

_COVERED = [1 + CAUSES.index(name) for name in ("self", "other", "border")]
_JOINTS = 21


def annotate(
    paste: Paste, target: Cutout, other: Cutout | None, masks: Masks
) -> tuple[dict[str, dict[str, Any] | None], dict[str, Any]]:
    """Returns what a sample says of its hands, and of how they lie over each other.

    Returns:
        ``right`` and ``left`` -> the fields of a hand (docs/formats.md), None for an absent one; and
        ``occlusion`` of the target, ``overlap_target`` and ``overlap_other`` (the pixels that both have, over
        those of either), ``overlaps``.
    """
    counts = count_pixels(masks.target, masks.other, masks.target_visible, masks.other_visible)
    whole, beside, both, seen, other_seen = counts.tolist()
    nothing = np.zeros_like(masks.target)
    hands: dict[str, dict[str, Any] | None] = {"right": None, "left": None}
    front = nothing if paste.target_front else masks.other | masks.other_arm
    hands[target.side.value] = _hand(paste.target_move, paste.size, target, (whole, seen), front)
    if other is not None:
        front = masks.target if paste.target_front else nothing
        hands[other.side.value] = _hand(paste.other_move, paste.size, other, (beside, other_seen), front)
    return hands, {
        "occlusion": 1.0 - seen / whole if whole else None,
        "overlap_target": both / whole if whole else 0.0,
        "overlap_other": both / beside if beside else 0.0,
        "overlaps": both > 0,
    }


def _hand(
    move: Move, size: int, cutout: Cutout, pixels: tuple[int, int], front: npt.NDArray[np.uint8]
) -> dict[str, Any]:
    """Returns the fields of one hand; ``pixels`` are those of the whole hand and of what is seen."""
    hand = cutout.annotation()
    forward, turn, K = moved.moved_camera(cutout_affine(move, cutout, size), hand["K"])
    pose = np.array(hand["pose"], np.float32)
    root, transl = moved.moved_params(
        turn, hand["pose"][:3].astype(np.float64), hand["transl"].astype(np.float64),
        hand["rest_wrist"].astype(np.float64),
    )  # fmt: skip
    pose[:3] = root
    joints, places, box = moved.moved_points(forward, turn, hand["joints"], hand["joints_2d"], hand["hull"])
    shares = _visibility(joints, K, hand["self_seen"], front)
    whole, seen = pixels
    return {
        "side": cutout.side.value,
        "K": K,
        "pose": pose,
        "betas": hand["betas"],
        "transl": transl.astype(np.float32),
        "joints": joints.astype(np.float32),
        "joints_2d": places,
        "joints_valid": hand["joints_valid"],
        "box": box,
        "occlusion": 1.0 - seen / whole if whole else 1.0,
        "visibility": shares.joints,
        "visibility_causes": shares.causes,
        "finger_visibility": shares.fingers,
        "covered_by": shares.main_cause(),
    }


def _visibility(joints: FloatArray, K: FloatArray, own: Any, front: npt.NDArray[np.uint8]) -> Visibility:
    """Measures visibility from masks: a share that the photograph shows, times what is left open here."""
    shares = moved.shares_seen(skeleton_points(joints), K, BALL, own, front, DISK)
    causes = np.zeros((_JOINTS, len(CAUSES)), dtype=np.float32)
    for column, at in enumerate(_COVERED):
        causes[:, at - 1] = shares[:_JOINTS, 1 + column]
    seen = np.ascontiguousarray(shares[:, 0])
    return Visibility(np.zeros((0, 2), np.float32), seen[:_JOINTS], causes, finger_means(seen))
