"""Holes of pictures filled without any learning: what painting must beat."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.errors import HandbenchError

RADIUS = 3.0
"""Of Telea's neighbourhood [px]."""
_GREY = 128
"""Of a picture that is nothing but a hole."""


def fill_telea(
    images: ImageArray, holes: BoolArray, inside: BoolArray | None = None, radius: float = RADIUS
) -> ImageArray:
    """Fills holes from their rims inwards (Telea 2004, as ``cv2.inpaint`` has it).

    Args:
        images: (N, h, w, 3) uint8.
        holes: (N, h, w) bool, what is filled.
        inside: (N, h, w) bool, where a crop shows its picture: the black beyond it is not what holes are
            filled with. None: everywhere.
        radius: of the neighbourhood that a pixel is filled from [px].

    Returns:
        (N, h, w, 3) uint8; outside of the holes the pictures as they came.

    Raises:
        HandbenchError: when shapes differ.
    """

    def paint(image: ImageArray, hole: BoolArray, known: BoolArray) -> ImageArray:
        filled = cv2.inpaint(image, (~known).astype(np.uint8), radius, cv2.INPAINT_TELEA)
        return np.asarray(filled[hole], np.uint8)

    return _filled(images, holes, inside, paint)


def fill_mean(images: ImageArray, holes: BoolArray, inside: BoolArray | None = None) -> ImageArray:
    """Fills holes with the mean colour of what is no hole.

    Args:
        images: (N, h, w, 3) uint8.
        holes: (N, h, w) bool, what is filled.
        inside: (N, h, w) bool, where a crop shows its picture; None: everywhere.

    Returns:
        (N, h, w, 3) uint8; outside of the holes the pictures as they came.

    Raises:
        HandbenchError: when shapes differ.
    """
    return _filled(images, holes, inside, lambda image, _, known: np.round(image[known].mean(axis=0)))


def _filled(
    images: ImageArray, holes: BoolArray, inside: BoolArray | None,
    paint: Callable[[ImageArray, BoolArray, BoolArray], FloatArray | ImageArray],
) -> ImageArray:  # fmt: skip
    """Puts into each hole what ``paint`` makes of a picture, its hole and the pixels that are known."""
    out = _checked(images, holes, inside)
    for i, hole in enumerate(holes):
        known = ~hole if inside is None else ~hole & inside[i]
        if hole.any():
            out[i][hole] = paint(out[i], hole, known) if known.any() else _GREY
    return out


def _checked(images: ImageArray, holes: BoolArray, inside: BoolArray | None) -> ImageArray:
    """Returns a copy of the pictures, once they are known to fit their masks."""
    for mask in (holes, inside):
        if mask is not None and (images.ndim != 4 or mask.shape != images.shape[:3]):
            raise HandbenchError(
                f"pictures {images.shape} and masks {mask.shape} differ in size", "give a mask a picture"
            )
    return images.copy(order="C")
