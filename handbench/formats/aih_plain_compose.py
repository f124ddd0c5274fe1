"""Composes a sample of AIH_syn from two crops, pixel for pixel as the official reader does.

A left target and its partner are mirrored first, so that the target counts as a right hand; each crop is
warped; the covering hand is pasted in front with a hard edge. :func:`compose` gives the result mirrored back:
here a left hand stays a left hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.camera import flip_affine
from handbench.formats.aih_plain import SIZE
from handbench.formats.aih_plain_recipes import Move

_BOX = 255.0
_Scalar = TypeVar("_Scalar", np.uint8, np.bool_)


@dataclass(frozen=True)
class Pasted:
    """A composed sample; the covering hand is in front, so all of it is visible.

    Attributes:
        image: (256, 256, 3) uint8 RGB, both hands.
        target_image: the warped target's crop alone: what de-occlusion and removal should give.
        target_amodal: (256, 256) bool.
        target_visible: what the covering hand leaves of it.
        other_amodal: (256, 256) bool.
    """

    image: ImageArray
    target_image: ImageArray
    target_amodal: BoolArray
    target_visible: BoolArray
    other_amodal: BoolArray


def move_affine(move: Move) -> npt.NDArray[np.float32]:
    """Returns the (2, 3) float32 affine from a crop to its moved picture, computed as officially.

    The box [0, 0, 255, 255] is shifted, scaled and turned about its centre and mapped onto 256 x 256 pixels:
    its centre goes to (128, 128), half a pixel beside the true one.
    """
    centre = _single([_BOX * shift + 0.5 * _BOX for shift in move.shift])
    # Rounded to float32 where the official reader rounds, so that the last bits agree.
    half = float(np.float32(0.5 * _BOX * move.scale))
    angle = np.pi * move.degrees / 180
    sine, cosine = float(np.sin(angle)), float(np.cos(angle))
    down, right = _single([-half * sine, half * cosine]), _single([half * cosine, half * sine])
    source = np.stack([centre, centre + down, centre + right])
    middle = SIZE[0] / 2
    goal = _single([[middle, middle], [middle, 2 * middle], [2 * middle, middle]])
    return np.asarray(cv2.getAffineTransform(source, goal), dtype=np.float32)


def _single(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def whole_affine(move: Move, mirrored: bool) -> FloatArray:
    """Returns the (2, 3) affine from a crop as it is stored to the composed picture, mirroring undone."""
    lift = np.eye(3)
    lift[:2] = move_affine(move)
    if mirrored:
        flip = np.eye(3)
        flip[:2] = flip_affine(SIZE[0])
        lift = flip @ lift @ flip
    return lift[:2]


def move_picture(picture: ImageArray, move: Move, gain: FloatArray) -> ImageArray:
    """Returns a crop (h, w, 3) uint8 warped bilinearly to 256 x 256, black outside, times a colour gain."""
    warped = cv2.warpAffine(picture, move_affine(move), SIZE, flags=cv2.INTER_LINEAR)
    return np.asarray(np.clip(warped.astype(np.float32) * gain, 0, 255).astype(np.uint8))


def move_mask(mask: BoolArray, move: Move) -> BoolArray:
    """Returns a mask (h, w) warped bilinearly: OpenCV rounds it at one half, so no edge is lost."""
    warped = cv2.warpAffine(mask.astype(np.uint8), move_affine(move), SIZE, flags=cv2.INTER_LINEAR)
    return np.asarray(warped > 0)


def compose(
    target: tuple[ImageArray, BoolArray],
    other: tuple[ImageArray, BoolArray],
    moves: tuple[Move, Move],
    gain: FloatArray,
    mirrored: bool,
) -> Pasted:
    """Pastes one crop over another.

    Args:
        target: picture and amodal mask of the hand that is kept.
        other: of the covering hand.
        moves: of the target and of the other hand.
        gain: (3,) colour gain of both.
        mirrored: whether the target is a left hand: then the recipe means both crops mirrored.
    """
    kept = move_picture(_mirror(target[0], mirrored), moves[0], gain)
    cover = move_picture(_mirror(other[0], mirrored), moves[1], gain)
    whole = move_mask(_mirror(target[1], mirrored), moves[0])
    front = move_mask(_mirror(other[1], mirrored), moves[1])
    return Pasted(
        _mirror(np.where(front[..., None], cover, kept), mirrored),
        _mirror(kept, mirrored),
        _mirror(whole, mirrored),
        _mirror(whole & ~front, mirrored),
        _mirror(front, mirrored),
    )


def _mirror(array: npt.NDArray[_Scalar], mirrored: bool) -> npt.NDArray[_Scalar]:
    return np.ascontiguousarray(array[:, ::-1]) if mirrored else array
