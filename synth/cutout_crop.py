"""The square about a hand that a cut-out stores."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from handbench.arrays import FloatArray, ImageArray
from handbench.camera import resize_affine
from handbench.compose.cutout import NOMINAL

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


def cut_square(
    image: ImageArray, affine: FloatArray, side: int, border: Literal["edge", "black"]
) -> ImageArray:
    """Returns the square (side, side, 3) of a photograph (h, w, 3), shrunk without aliasing.

    Beyond the photograph its ``edge`` goes on, or it is ``black``.
    """
    factor = float(affine[0, 0])
    if factor < 0.7:
        width, height = (max(1, round(factor * n)) for n in image.shape[1::-1])
        shrunk = resize_affine(width / image.shape[1], height / image.shape[0])
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
        lift, back = np.eye(3), np.eye(3)
        lift[:2], back[:2] = affine, shrunk
        affine = (lift @ np.linalg.inv(back))[:2]
    size = (side, side)
    if border == "black":
        return np.asarray(cv2.warpAffine(image, affine, size, flags=cv2.INTER_LINEAR), np.uint8)
    cut = cv2.warpAffine(image, affine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return _softened(np.asarray(cut, np.uint8), _inside(image, affine, side))


def _inside(image: ImageArray, affine: FloatArray, side: int) -> tuple[int, int, int, int]:
    """Returns the columns and rows (x0, y0, x1, y1) of the square that lie inside the photograph."""
    height, width = image.shape[:2]
    low, high = affine[:, 2], affine[:, :2] @ [width - 1, height - 1] + affine[:, 2]
    x0, y0 = np.clip(np.ceil(low), 0, side).astype(int).tolist()
    x1, y1 = np.clip(np.floor(high) + 1, 0, side).astype(int).tolist()
    return x0, y0, x1, y1


def _softened(cut: ImageArray, inside: tuple[int, int, int, int]) -> ImageArray:
    """Blurs what lies beyond the photograph: a continued edge alone is a field of stripes."""
    x0, y0, x1, y1 = inside
    if (x1 - x0, y1 - y0) == cut.shape[1::-1] or x0 >= x1 or y0 >= y1:
        return cut
    soft = np.asarray(cv2.GaussianBlur(cut, (0, 0), _SOFT, borderType=cv2.BORDER_REPLICATE), np.uint8)
    soft[y0:y1, x0:x1] = cut[y0:y1, x0:x1]
    return soft
