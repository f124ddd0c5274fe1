"""Marks on panels: outlined skeletons, circles and boxes, in colours that colour-blind readers tell apart."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.show.draw import INK
from handbench.skeleton import OPENPOSE21
from handbench.types import Side

Color = tuple[int, int, int]

FINGERS: tuple[Color, ...] = (
    (213, 94, 0), (240, 228, 66), (0, 158, 115), (86, 180, 233), (204, 121, 167),
)  # fmt: skip
"""Thumb to little: vermilion, yellow, green, sky blue, purple of Okabe and Ito's palette."""

SIDES: dict[Side, Color] = {Side.RIGHT: (0, 114, 178), Side.LEFT: (230, 159, 0)}
"""Of boxes: right blue, left orange, of the same palette."""

WORST: Color = (255, 255, 255)
_DARK: Color = INK
_SHIFT = 4
_FAR = 1 << 20


def _fine(point: FloatArray) -> tuple[int, int]:
    x, y = np.clip(np.round(point * (1 << _SHIFT)), -_FAR, _FAR).astype(int)
    return int(x), int(y)


def line(image: ImageArray, a: FloatArray, b: FloatArray, color: Sequence[int], width: int) -> None:
    """Draws a line between two points [px], anti-aliased."""
    cv2.line(image, _fine(a), _fine(b), tuple(color), width, cv2.LINE_AA, _SHIFT)


def disc(image: ImageArray, at: FloatArray, radius: float, color: Sequence[int], width: int = -1) -> None:
    """Draws a disc, or a circle of some width [px]."""
    cv2.circle(
        image, _fine(at), round(radius * (1 << _SHIFT)), tuple(color), width, cv2.LINE_AA, _SHIFT
    )  # fmt: skip


def skeleton(image: ImageArray, points: FloatArray, side: Side) -> None:
    """Draws a hand's skeleton with a dark outline, in place.

    Args:
        image: (h, w, 3) uint8 RGB.
        points: (21, 2) [px], OPENPOSE21; what has a NaN is left out.
        side: which hand: colours its wrist.
    """
    known: BoolArray = np.asarray(np.isfinite(points).all(axis=1))
    if not known.any():
        return
    # Small hands get thin bones, or their fingers run together.
    thick = int(np.clip(round(float(np.ptp(points[known], axis=0).max()) / 60), 1, 3))
    bones = [bone for bone in OPENPOSE21.bones if known[list(bone)].all()]
    radius = thick + 0.5
    for parent, child in bones:
        line(image, points[parent], points[child], _DARK, thick + (3 if thick > 1 else 2))
    for joint in np.flatnonzero(known):
        disc(image, points[joint], radius + 1.5, _DARK)
    for parent, child in bones:
        line(image, points[parent], points[child], FINGERS[(child - 1) // 4], thick)
    for joint in np.flatnonzero(known):
        if joint:
            disc(image, points[joint], radius, FINGERS[(joint - 1) // 4])
        else:
            disc(image, points[joint], radius + 2.5, _DARK)
            disc(image, points[joint], radius + 1, SIDES[side])


def ring(image: ImageArray, at: FloatArray, radius: float) -> None:
    """Draws a white circle between two dark ones, in place: it is seen on any ground."""
    disc(image, at, radius, _DARK, 6)
    disc(image, at, radius, WORST, 3)


def box(image: ImageArray, low: FloatArray, high: FloatArray, color: Sequence[int]) -> None:
    """Draws an upright box with a dark outline, in place."""
    for shade, width in ((_DARK, 4), (tuple(color), 2)):
        cv2.rectangle(image, _fine(low), _fine(high), shade, width, cv2.LINE_AA, _SHIFT)


def frame(image: ImageArray) -> ImageArray:
    """Draws a thin dark edge about a panel, in place, and returns it."""
    cv2.rectangle(image, (0, 0), (image.shape[1] - 1, image.shape[0] - 1), (120, 122, 126), 1)
    return image
