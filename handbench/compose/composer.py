"""Composes a sample from a row of the recipe table and its two cut-outs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.compose import kernels
from handbench.compose.cutout import NOMINAL, Cutout
from handbench.compose.effects import FIELD_UNIT, apply_effects, noise_field
from handbench.compose.paste import Paste, source_affine
from handbench.compose.pictures import differ
from handbench.formats.aih_plain_recipes import Move

_RULES = {"threshold": kernels.THRESHOLD, "nearest": kernels.NEAREST, "truncated": kernels.TRUNCATED}
_NOTHING: npt.NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
_FEATHER = 0.8  # standard deviation of the soft edge [px of the cut-out]
_SHADE_CELL, _SHADE_REACH = 4, 2.0  # contact shadows are made on cells of 4 px and reach 2 of them

Mask8 = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Masks:
    """What a composed picture shows of each hand, (N, N) uint8 of 0 and 1.

    Attributes:
        target: the whole target.
        other: the whole other hand; empty where there is none.
        target_visible: what is seen of the target.
        other_visible: what is seen of the other hand.
    """

    target: Mask8
    other: Mask8
    target_visible: Mask8
    other_visible: Mask8


@dataclass(frozen=True, slots=True)
class Composed:
    """A composed sample, before JPEG.

    Attributes:
        image: (N, N, 3) uint8 RGB, both hands.
        target_image: (N, N, 3) the target's photograph alone, under the same light, blur and noise.
        removed: (N, N) bool, where the two may differ.
        masks: of both hands.
    """

    image: ImageArray
    target_image: ImageArray
    removed: BoolArray
    masks: Masks


def cutout_affine(move: Move, cutout: Cutout, size: int) -> FloatArray:
    """Returns the (2, 3) affine from a composed picture of ``size`` to the cut-out's stored picture."""
    return source_affine(move, size, cutout.margin, NOMINAL)


def compose_masks(paste: Paste, target: Cutout, other: Cutout | None) -> Masks:
    """Composes the masks alone.

    Args:
        paste: the row.
        target: its target's cut-out.
        other: the other hand's; None where the row says so.
    """
    rule, size = _RULES[paste.mask], paste.size
    whole = kernels.warp_mask(
        target.mask, cutout_affine(paste.target_move, target, size), _box(target), size, rule
    )
    if other is None:
        none = np.zeros_like(whole)
        return Masks(whole, none, whole, none)
    beside = kernels.warp_mask(
        other.mask, cutout_affine(paste.other_move, other, size), _box(other), size, rule
    )
    if paste.target_front:
        return Masks(whole, beside, whole, beside & (1 - whole))
    return Masks(whole, beside, whole & (1 - beside), beside)


def compose(paste: Paste, target: Cutout, other: Cutout | None) -> Composed:
    """Composes a sample; the same row and cut-outs give the same bytes.

    Args:
        paste: the row.
        target: its target's cut-out.
        other: the other hand's; None where the row says so.

    Raises:
        CorruptError: when a picture of a cut-out does not decode.
    """
    masks = compose_masks(paste, target, other)
    alone = _target_picture(paste, target)
    if other is None:
        picture = apply_effects(alone, paste.effects)
        return Composed(picture, picture, np.zeros(picture.shape[:2], np.bool_), masks)
    both = alone.copy()
    _paste_other(both, paste, target, other, masks)
    removed = differ(both, alone, paste.effects.blur_radius)
    return Composed(apply_effects(both, paste.effects), apply_effects(alone, paste.effects), removed, masks)


def _target_picture(paste: Paste, target: Cutout) -> ImageArray:
    size = paste.size
    border = cv2.BORDER_REPLICATE if target.fields["border"] == "edge" else cv2.BORDER_CONSTANT
    picture: Any = cv2.warpAffine(
        target.picture(),
        cutout_affine(paste.target_move, target, size),
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=border,
    )
    if paste.blur[0] > 0:
        picture = _blurred(picture, paste.blur[0])
    if paste.noise[0] > 0:
        noise = noise_field(size, size)
        row, column = _noise_place(paste)
        kernels.add_noise(picture, noise, row, 3 * column, paste.noise[0] / FIELD_UNIT)
    return np.asarray(picture)


def _paste_other(both: ImageArray, paste: Paste, target: Cutout, other: Cutout, masks: Masks) -> None:
    size = paste.size
    affine = cutout_affine(paste.other_move, other, size)
    hand: Any = other.hand()
    if paste.blur[1] > 0:
        hand = _blurred(hand, paste.blur[1])
    hard = paste.mode == "hard"
    shade = _shade(masks.target if paste.target_front else masks.other, paste.shadow)
    behind = _NOTHING
    if paste.target_front:
        behind = masks.target * np.uint8(255) if hard else _soft_picture(paste, target)
    elif len(shade):
        kernels.darken(both, shade, masks.target)
    if hard:
        # The mask itself decides: what is outside keeps its pixel.
        behind = np.maximum(behind, (1 - masks.other) * np.uint8(255)) if len(behind) else (
            (1 - masks.other) * np.uint8(255)
        )  # fmt: skip
        soft: Mask8 = np.full(hand.shape[:2], 255, np.uint8)
    else:
        soft = _soft_hand(other)
    row, column = _noise_place(paste)
    kernels.paste_hand(
        both, hand, soft, np.array(other.hand_box, np.float64), affine, behind,
        shade if paste.target_front else _NOTHING, np.array(paste.light, np.float32),
        noise_field(size, size), row, 3 * column, paste.noise[1] / FIELD_UNIT,
    )  # fmt: skip


def _box(cutout: Cutout) -> FloatArray:
    return np.array(cutout.hand_box, np.float64)


def _noise_place(paste: Paste) -> tuple[int, int]:
    """Returns where matched noise lies in the field: elsewhere than the camera's own."""
    row, column = paste.effects.noise_offset
    return (row + 251) % 512, (column + 127) % 512


def _soft_hand(cutout: Cutout) -> Mask8:
    x, y, w, h = cutout.hand_box
    part = cutout.mask[y : y + h, x : x + w] * np.uint8(255)
    return np.asarray(cv2.GaussianBlur(part, (5, 5), _FEATHER, borderType=cv2.BORDER_CONSTANT))


def _soft_picture(paste: Paste, target: Cutout) -> Mask8:
    """Returns the target's soft mask (N, N) as the picture sees it."""
    soft = np.zeros_like(target.mask)
    x, y, w, h = target.hand_box
    soft[y : y + h, x : x + w] = _soft_hand(target)
    size = paste.size
    return np.asarray(
        cv2.warpAffine(
            soft,
            cutout_affine(paste.target_move, target, size),
            (size, size),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
    )


def _shade(front: Mask8, strength: float) -> Mask8:
    """Returns how much light the hand in front leaves (N, N), 255 all; empty without shadows."""
    if strength <= 0:
        return _NOTHING
    size = len(front)
    cells = max(size // _SHADE_CELL, 1)
    small: Any = cv2.resize(front * np.uint8(255), (cells, cells), interpolation=cv2.INTER_AREA)
    wide: Any = cv2.GaussianBlur(small, (13, 13), _SHADE_REACH, borderType=cv2.BORDER_CONSTANT)
    left: Any = cv2.LUT(wide, _shade_table(round(strength, 6)))
    return np.asarray(cv2.resize(left, (size, size), interpolation=cv2.INTER_LINEAR))


@lru_cache(maxsize=64)
def _shade_table(strength: float) -> Mask8:
    return np.asarray(np.rint(255.0 * (1.0 - strength * np.arange(256) / 255.0)), np.uint8)


def _blurred(picture: ImageArray, sigma: float) -> ImageArray:
    side = 2 * max(1, int(np.ceil(3 * sigma))) + 1
    return np.asarray(cv2.GaussianBlur(picture, (side, side), sigma, borderType=cv2.BORDER_REPLICATE))
