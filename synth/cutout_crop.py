"""The square about a hand that a cut-out stores."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.camera import apply_affine, resize_affine
from handbench.compose.cutout import NOMINAL

Border = Literal["mirror", "black"]
"""What lies beyond a photograph."""

_SOFT = 5.0  # standard deviation [px of the square]


def square_affine(box: FloatArray, scale: float, margin: int) -> FloatArray:
    """Returns the (2, 3) affine from a photograph to the stored square.

    Args:
        box: (4,) x, y, w, h [px] of the hand.
        scale: side of the nominal square over the box's longer side.
        margin: rim round the nominal square [px].
    """
    x, y, w, h = box.tolist()
    factor = NOMINAL / (scale * max(w, h))
    middle = margin + (NOMINAL - 1) / 2
    return np.array(
        [[factor, 0.0, middle - factor * (x + w / 2)], [0.0, factor, middle - factor * (y + h / 2)]]
    )


def cut_square(image: ImageArray, affine: FloatArray, side: int) -> ImageArray:
    """Returns the square (side, side, 3) of a photograph (h, w, 3), without aliasing; beyond it its edge."""
    factor = float(affine[0, 0])
    if factor < 0.7:
        width, height = (max(1, round(factor * n)) for n in image.shape[1::-1])
        shrunk = resize_affine(width / image.shape[1], height / image.shape[0])
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
        lift, back = np.eye(3), np.eye(3)
        lift[:2], back[:2] = affine, shrunk
        affine = (lift @ np.linalg.inv(back))[:2]
    return np.asarray(
        cv2.warpAffine(
            image, affine, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )  # fmt: skip


def fill_beyond(
    square: ImageArray, affine: FloatArray, size: tuple[int, int], hand: npt.NDArray[np.uint8], border: Border
) -> ImageArray:
    """Fills what lies beyond the photograph: with its mirror image, but never with a mirrored hand.

    Args:
        square: (S, S, 3) of :func:`cut_square`.
        affine: (2, 3) from the photograph to it.
        size: (width, height) of the photograph [px].
        hand: (S, S) 0 or 1, hand and forearm: they go on with the edge, their mirror image is blurred away.
        border: ``mirror`` or ``black``.
    """
    side = len(square)
    low, high = apply_affine(affine, np.array([[0.0, 0.0], [size[0] - 1.0, size[1] - 1.0]]))
    left, top = np.clip(np.ceil(low), 0, side).astype(int).tolist()
    right, bottom = np.clip(np.floor(high) + 1, 0, side).astype(int).tolist()
    if (left, top, right, bottom) == (0, 0, side, side) or right - left < 2 or bottom - top < 2:
        return square
    rim = (top, side - bottom, left, side - right)
    inside = (slice(top, bottom), slice(left, right))
    if border == "black":
        return np.asarray(cv2.copyMakeBorder(square[inside], *rim, cv2.BORDER_CONSTANT), np.uint8)
    filled = np.asarray(cv2.copyMakeBorder(square[inside], *rim, cv2.BORDER_REFLECT_101), np.uint8)
    wide = cv2.dilate(hand, np.ones((9, 9), np.uint8))
    ghost = np.asarray(cv2.copyMakeBorder(wide[inside], *rim, cv2.BORDER_REFLECT_101), np.uint8)
    soft = np.asarray(cv2.GaussianBlur(square, (0, 0), _SOFT, borderType=cv2.BORDER_REPLICATE), np.uint8)
    mixed = _mixed(_mixed(filled, soft, ghost), square, hand)
    mixed[inside] = square[inside]
    return mixed


def _mixed(below: ImageArray, above: ImageArray, mask: npt.NDArray[np.uint8]) -> ImageArray:
    """Lays one picture (h, w, 3) over another where a mask says so, with a soft edge beyond it."""
    if not mask.any():
        return below.copy()
    share = np.minimum(2.0 * cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 2.0), 1.0)[..., None]
    return np.asarray(np.rint(below + share * (above.astype(np.float32) - below)), np.uint8)
