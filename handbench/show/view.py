"""A part of a picture at the size in which it is drawn, with the camera that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.camera import apply_affine, crop_affine, warped_intrinsics

Box = tuple[float, float, float, float]

_OUTSIDE = (226, 226, 224)


@dataclass(frozen=True)
class View:
    """What a panel shows.

    Attributes:
        image: (h, w, 3) uint8 RGB.
        affine: (2, 3) pixel of the picture to pixel of the panel.
        K: (3, 3) intrinsics of the panel [px].
    """

    image: ImageArray
    affine: FloatArray
    K: FloatArray

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) [px]."""
        return self.image.shape[1], self.image.shape[0]

    @property
    def scale(self) -> float:
        """Pixels of the panel a pixel of the picture."""
        return float(self.affine[0, 0])

    def moved(self, points: npt.NDArray[Any]) -> FloatArray:
        """Returns points (..., 2) of the picture in pixels of the panel."""
        return apply_affine(self.affine, np.asarray(points, np.float64))


def open_view(image: ImageArray, K: FloatArray, window: Box, size: tuple[int, int]) -> View:
    """Cuts a window out of a picture and scales it.

    Args:
        image: (h, w, 3) uint8 RGB.
        K: (3, 3) intrinsics of the picture [px].
        window: x, y, w, h [px], outer edges; what lies outside the picture is light grey.
        size: (width, height) of the panel [px].
    """
    affine = crop_affine(window, size)
    scale = float(affine[0, 0])
    if scale < 1:
        # An area average first: a warp alone skips pixels.
        inner = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
        small = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
        fx, fy = image.shape[1] / inner[0], image.shape[0] / inner[1]
        shift = affine[:, :2] @ np.array([(fx - 1) / 2, (fy - 1) / 2]) + affine[:, 2]
        inside = np.column_stack([affine[:, :2] * (fx, fy), shift])
    else:
        small, inside = image, affine
    shown = cv2.warpAffine(
        small, inside, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=_OUTSIDE
    )
    return View(np.asarray(shown, np.uint8), affine, warped_intrinsics(K, affine))


def whole(shape: tuple[int, ...]) -> Box:
    """Returns the window that shows a picture of shape (h, w, ...) whole."""
    return (-0.5, -0.5, float(shape[1]), float(shape[0]))


def window_about(boxes: npt.NDArray[Any], shape: tuple[int, ...], room: float = 1.5) -> Box:
    """Returns a square window about boxes, inside the picture as far as it fits.

    Args:
        boxes: (N, 4) x, y, w, h [px]; rows with NaN do not count; without any the picture is shown whole.
        shape: (h, w, ...) of the picture.
        room: side of the window over the longer side of all boxes together.
    """
    height, width = shape[:2]
    boxes = boxes[np.isfinite(boxes).all(axis=1)] if len(boxes) else boxes
    if not len(boxes):
        low, high = np.array([-0.5, -0.5]), np.array([width - 0.5, height - 0.5])
        room = 1.0
    else:
        low, high = boxes[:, :2].min(axis=0), (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    side = max(float((high - low).max()) * room, 8.0)
    corner = (low + high) / 2 - side / 2
    for axis, length in enumerate((width, height)):
        most = length - 0.5 - side
        corner[axis] = (most - 0.5) / 2 if side > length else np.clip(corner[axis], -0.5, most)
    return (float(corner[0]), float(corner[1]), side, side)
