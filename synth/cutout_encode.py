"""What a cut-out keeps: its pictures encoded, what is read off them, its hand and its score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.hands.model import HandModel
from handbench.store.fields import encode_fields
from handbench.store.masks import encode_mask
from handbench.synth.cutout_arm import Mask8
from handbench.synth.cutout_measure import continued_colours, hand_blur, hand_light, hand_noise
from handbench.synth.poses import rest_wrist
from handbench.types import HandParams

_PAD = 4
_SCORE_ERROR = 0.02


def hand_entry(
    model: HandModel, params: HandParams, joints: FloatArray, valid: BoolArray, K: FloatArray,
    seen: npt.NDArray[np.float32],
) -> dict[str, Any]:  # fmt: skip
    """Returns what a cut-out says of its hand.

    Args:
        model: of the side.
        params: camera frame.
        joints: (21, 3) [m], camera frame, OPENPOSE21.
        valid: (21,) whether each is annotated.
        K: (3, 3) intrinsics of the stored picture [px].
        seen: (36,) from :func:`handbench.hands.visibility.self_seen`.
    """
    pixels = joints @ K.T
    return {
        "K": K,
        "pose": params.pose.astype(np.float32),
        "betas": params.betas.astype(np.float32),
        "transl": params.transl.astype(np.float32),
        "rest_wrist": rest_wrist(model, params.betas).astype(np.float32),
        "joints": joints.astype(np.float32),
        "joints_2d": (pixels[:, :2] / pixels[:, 2:]).astype(np.float32),
        "joints_valid": valid,
        "self_seen": seen,
    }


def encode_cutout(
    square: ImageArray, mask: Mask8, arm: Mask8 | None, fields: dict[str, Any], hand: dict[str, Any],
    quality: int,
) -> dict[str, bytes]:  # fmt: skip
    """Encodes the pictures of a cut-out, and adds to its fields what is read off them.

    Args:
        square: (S, S, 3) the photograph about the hand.
        mask: (S, S) 0 or 1, the whole hand.
        arm: (S, S) 0 or 1, its forearm; None where none was found.
        fields: get ``hand_box``, ``paste_box``, ``arm``, ``light``, ``blur``, ``noise``.
        hand: of :func:`hand_entry`; gets ``hull``.
        quality: of the JPEGs.
    """
    whole = mask if arm is None else mask | arm
    box, paste_box = (_padded(cv2.boundingRect(part), len(mask)) for part in (mask, whole))
    window, paste = _window(box), _window(paste_box)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = np.concatenate([np.asarray(contour)[:, 0] for contour in contours])
    fields["hand_box"], fields["paste_box"], fields["arm"] = list(box), list(paste_box), arm is not None
    fields["light"] = hand_light(square, mask).astype(np.float32)
    fields["blur"] = hand_blur(square[window], mask[window])
    fields["noise"] = hand_noise(square[window], mask[window])
    hand["hull"] = np.asarray(cv2.convexHull(outline)[:, 0], np.float32)
    blobs = {
        "image": _jpeg(square, quality),
        "hand": _jpeg(continued_colours(square[paste], whole[paste]), quality),
        "mask": encode_mask(mask.view(np.bool_)),
        "annotation": encode_fields(hand),
    }
    if arm is not None:
        blobs["arm"] = encode_mask(arm.view(np.bool_))
    return blobs


def score(quality: Mapping[str, float]) -> float:
    """Returns how good a cut-out is, 0 to 1: agreement, contrast and share inside, less for a poor fit."""
    fit = max(0.0, 1.0 - quality["fit_error"] / _SCORE_ERROR)
    return quality["agreement"] * quality["contrast"] * quality["inside"] * fit


def _window(box: tuple[int, int, int, int]) -> tuple[slice, slice]:
    x, y, w, h = box
    return slice(y, y + h), slice(x, x + w)


def _padded(box: Any, side: int) -> tuple[int, int, int, int]:
    x, y, w, h = (int(v) for v in box)
    x0, y0 = max(x - _PAD, 0), max(y - _PAD, 0)
    return x0, y0, min(x + w + _PAD, side) - x0, min(y + h + _PAD, side) - y0


def _jpeg(image: ImageArray, quality: int) -> bytes:
    return bytes(
        simplejpeg.encode_jpeg(
            np.ascontiguousarray(image), quality=quality, colorspace="RGB", colorsubsampling="420"
        )
    )
