"""Drawing on pictures: skeletons, mask outlines, labels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.skeleton import OPENPOSE21

FINGER_COLORS = ((230, 75, 60), (240, 170, 40), (90, 190, 80), (60, 150, 230), (165, 100, 220))
"""Thumb to little, RGB."""

INK, PAPER, FAINT = (32, 34, 38), (250, 250, 248), (150, 152, 156)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_skeleton(
    image: ImageArray, joints_2d: FloatArray, visibility: npt.NDArray[np.float32]
) -> ImageArray:
    """Draws a hand's skeleton over a picture, fingers in colours, covered joints hollow.

    Args:
        image: (h, w, 3) uint8 RGB; not changed.
        joints_2d: (21, 2) [px], OPENPOSE21; bones with a NaN end are left out.
        visibility: (21,) share of each joint that is seen.
    """
    out = np.ascontiguousarray(image).copy()
    scale = 8  # cv2 draws at 1/8 px with shift=3
    points = np.round(np.nan_to_num(joints_2d, nan=-1e4) * scale).astype(int)
    for parent, child in OPENPOSE21.bones:
        color = FINGER_COLORS[(child - 1) // 4]
        if np.isfinite(joints_2d[[parent, child]]).all():
            cv2.line(out, points[parent], points[child], color, 1, cv2.LINE_AA, shift=3)
    for joint in range(21):
        if np.isfinite(joints_2d[joint]).all():
            color = PAPER if joint == 0 else FINGER_COLORS[(joint - 1) // 4]
            cv2.circle(out, points[joint], 5 * scale // 2, color, -1, cv2.LINE_AA, shift=3)
            if visibility[joint] <= 0.5:
                cv2.circle(out, points[joint], 3 * scale // 2, INK, -1, cv2.LINE_AA, shift=3)
    return out


def mask_picture(mask: BoolArray, color: Sequence[int]) -> ImageArray:
    """Returns a mask as a picture (h, w, 3): the colour on dark paper."""
    return np.where(mask[..., None], np.array(color, np.uint8), np.array(INK, np.uint8))


def write_label(
    image: ImageArray, text: str, at: tuple[int, int], size: float = 0.4, color: Sequence[int] = INK
) -> None:
    """Writes a line of text into a picture; ``at`` is the left end of its base line."""
    cv2.putText(image, text, at, _FONT, size, tuple(color), 1, cv2.LINE_AA)


def fit(image: ImageArray, size: int) -> ImageArray:
    """Returns a picture scaled to a square of ``size`` pixels."""
    how = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size, size), interpolation=how), dtype=np.uint8)
