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
from handbench.compose.pictures import Window, record_two, window_of
from handbench.formats.aih_plain_recipes import Move

_RULES = {"threshold": kernels.THRESHOLD, "nearest": kernels.NEAREST, "truncated": kernels.TRUNCATED}
_NOTHING: npt.NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
_FEATHER = 3  # width of the soft edge [px of the cut-out]
_SHADE_CELL, _SHADE_REACH = 8, 1.1  # contact shadows are made on cells of 8 px and reach about 2 of them

# Deviation -> boxes that blur by so much: one of 3 px blurs by 0.8 px, two by 1.2, one of 5 px by 1.4.
_BOXES = ((0.98, (3,)), (1.28, (3, 3)), (1.52, (5,)), (float("inf"), (5, 3)))

Mask8 = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Masks:
    """What a composed picture shows of each hand, (N, N) uint8 of 0 and 1.

    Attributes:
        target: the whole target.
        other: the whole other hand; empty where there is none.
        target_visible: what is seen of the target.
        other_visible: what is seen of the other hand.
        other_arm: the other hand's forearm where it is pasted too; it belongs to no hand.
    """

    target: Mask8
    other: Mask8
    target_visible: Mask8
    other_visible: Mask8
    other_arm: Mask8


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
        target.mask, cutout_affine(paste.target_move, target, size), _box(target.hand_box), size, rule
    )
    if other is None:
        none = np.zeros_like(whole)
        return Masks(whole, none, whole, none, none)
    affine = cutout_affine(paste.other_move, other, size)
    beside = kernels.warp_mask(other.mask, affine, _box(other.hand_box), size, rule)
    arm = np.zeros_like(whole)
    if paste.arm and other.arm is not None:
        arm = kernels.warp_mask(other.arm, affine, _box(other.paste_box), size, rule)
    if paste.target_front:
        return Masks(whole, beside, whole, beside & (1 - whole), arm)
    return Masks(whole, beside, whole & (1 - (beside | arm)), beside, arm)


def compose(paste: Paste, target: Cutout, other: Cutout | None, masks: Masks | None = None) -> Composed:
    """Composes a sample; the same row and cut-outs give the same bytes.

    Args:
        paste: the row.
        target: its target's cut-out.
        other: the other hand's; None where the row says so.
        masks: what :func:`compose_masks` gives for these, where the caller has it.

    Raises:
        CorruptError: when a picture of a cut-out does not decode.
    """
    masks = compose_masks(paste, target, other) if masks is None else masks
    alone = _target_picture(paste, target)
    if other is None:
        picture = apply_effects(alone, paste.effects)
        return Composed(picture, picture, np.zeros(picture.shape[:2], np.bool_), masks)
    both = alone.copy()
    window, changed = _paste_other(both, paste, target, other, masks)
    image, target_image, removed = record_two(both, alone, paste.effects, window, changed)
    return Composed(image, target_image, removed, masks)


def _target_picture(paste: Paste, target: Cutout) -> ImageArray:
    size = paste.size
    border = cv2.BORDER_REPLICATE if target.fields["border"] == "mirror" else cv2.BORDER_CONSTANT
    # Four channels: OpenCV warps them in less than half the time of three.
    warped = cv2.warpAffine(
        target.picture(),
        cutout_affine(paste.target_move, target, size),
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=border,
    )
    picture = np.asarray(cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB), np.uint8)
    if paste.blur[0] > 0:
        picture = _blurred(picture, paste.blur[0])
    if paste.noise[0] > 0:
        noise = noise_field(size, size)
        row, column = _noise_place(paste)
        kernels.add_noise(picture, noise, row, 3 * column, paste.noise[0] / FIELD_UNIT)
    return picture


def _paste_other(
    both: ImageArray, paste: Paste, target: Cutout, other: Cutout, masks: Masks
) -> tuple[Window, Mask8]:
    """Pastes the other hand, and the shadow between the two.

    Returns:
        A window outside which nothing changed, and (h, w) where inside it something did.
    """
    size = paste.size
    pasted = masks.other | masks.other_arm
    front = masks.target if paste.target_front else pasted
    window = window_of(pasted).grown(_SHADE_CELL * 3 if paste.shadow > 0 else 3, size)
    place = window.slices
    shade = _shade(front, paste.shadow, window) if paste.shadow > 0 else _NOTHING
    keep = _NOTHING
    changed = np.zeros(window.size[::-1], np.uint8)
    if paste.target_front:
        keep = _soft_target(paste, target, window, masks)
    elif len(shade):
        kernels.darken(both[place], shade, masks.target[place], changed)
    layer = _other_layer(paste, other, window, pasted)
    row, column = _noise_place(paste)
    kernels.blend(
        both[place], layer, keep, shade if paste.target_front else _NOTHING,
        np.array(paste.light, np.float32), noise_field(size, size), row + window.top,
        3 * (column + window.left), paste.noise[1] / FIELD_UNIT, changed,
    )  # fmt: skip
    return window, changed


def _other_layer(paste: Paste, other: Cutout, window: Window, pasted: Mask8) -> Mask8:
    """Returns the other hand (h, w, 4) as a window of the picture sees it; the last channel is its share."""
    hand = other.hand()
    if paste.blur[1] > 0:
        hand = _blurred(hand, paste.blur[1])
    hand[..., 3] = _soft(other, other.paste_box, paste.arm)
    affine = cutout_affine(paste.other_move, other, paste.size)
    affine = _shifted(affine, window, other.paste_box)
    layer = np.asarray(
        cv2.warpAffine(
            hand, affine, window.size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
        ),
        np.uint8,
    )  # fmt: skip
    if paste.mode == "hard":
        layer[..., 3] = pasted[window.slices] * np.uint8(255)
    return layer


def _soft_target(paste: Paste, target: Cutout, window: Window, masks: Masks) -> Mask8:
    """Returns how much of each pixel of a window the target keeps in front, (h, w), 255 all."""
    if paste.mode == "hard":
        return masks.target[window.slices] * np.uint8(255)
    affine = cutout_affine(paste.target_move, target, paste.size)
    return np.asarray(
        cv2.warpAffine(
            _soft(target, target.hand_box, False), _shifted(affine, window, target.hand_box), window.size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT,
        ),
        np.uint8,
    )  # fmt: skip


def _shifted(affine: FloatArray, window: Window, box: tuple[int, int, int, int]) -> FloatArray:
    """Returns an affine between a picture and a cut-out as one between a window of it and a box of that."""
    moved = affine.copy()
    moved[:, 2] += affine[:, :2] @ (window.left, window.top)
    moved[:, 2] -= box[:2]
    return moved


def _box(box: tuple[int, int, int, int]) -> FloatArray:
    return np.array(box, np.float64)


def _noise_place(paste: Paste) -> tuple[int, int]:
    """Returns where matched noise lies in the field: elsewhere than the camera's own."""
    row, column = paste.effects.noise_offset
    return (row + 251) % 512, (column + 127) % 512


def _soft(cutout: Cutout, box: tuple[int, int, int, int], arm: bool) -> Mask8:
    """Returns how much of each pixel in a box of a cut-out is hand, or forearm, (h, w), 255 all."""
    x, y, w, h = box
    place = slice(y, y + h), slice(x, x + w)
    mask = cutout.mask[place]
    part = (mask | cutout.arm[place] if arm and cutout.arm is not None else mask) * np.uint8(255)
    return np.asarray(cv2.blur(part, (_FEATHER, _FEATHER), borderType=cv2.BORDER_CONSTANT))


def _shade(front: Mask8, strength: float, window: Window) -> Mask8:
    """Returns how much light the hand in front leaves in a window (h, w), 255 all."""
    # Whole cells about the window, and as far as a shadow reaches.
    outer = window.grown(_SHADE_CELL * 3, len(front)).snapped(_SHADE_CELL, len(front))
    width, height = (max(side // _SHADE_CELL, 1) for side in outer.size)
    part = front[outer.slices] * np.uint8(255)
    small: Any = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    wide: Any = cv2.GaussianBlur(small, (7, 7), _SHADE_REACH, borderType=cv2.BORDER_CONSTANT)
    left: Any = cv2.LUT(wide, _shade_table(round(strength, 6)))
    shade: Any = cv2.resize(left, outer.size, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(shade[window.inside(outer)])


@lru_cache(maxsize=1024)
def _shade_table(strength: float) -> Mask8:
    return np.asarray(np.rint(255.0 * (1.0 - strength * np.arange(256) / 255.0)), np.uint8)


def _blurred(picture: ImageArray, sigma: float) -> ImageArray:
    """Blurs by a deviation of about ``sigma`` [px] with boxes: a fifth of a Gaussian's time, and unseen."""
    for sides in (side for most, side in _BOXES if sigma < most):
        for side in sides:
            picture = np.asarray(cv2.blur(picture, (side, side), borderType=cv2.BORDER_REPLICATE), np.uint8)
        return picture
    raise ValueError(f"a blur of {sigma} px")
