"""Text in pictures, anti-aliased: outlines of matplotlib's own sans-serif, drawn at four times the size."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import ImageArray
from handbench.show.draw import INK

_FINE = 4
_SHIFT = 4


@functools.lru_cache(maxsize=4096)
def _coverage(text: str, size: int, bold: bool) -> tuple[npt.NDArray[np.float32], int]:
    """Returns how much of each pixel a line of text covers, and the row of its base line."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    outlines = []
    # matplotlib fails at a text without an outline.
    if text.strip():
        path = TextPath((0, 0), text.replace("$", r"\$"), size=size * _FINE, prop=font)
        outlines = [np.asarray(line, np.float64) for line in path.to_polygons(closed_only=True)]
    up, down = size + 2, size // 2 + 1
    width = max((float(line[:, 0].max()) for line in outlines), default=0.0)
    large = np.zeros(((up + down) * _FINE, (int(width / _FINE) + 3) * _FINE), np.uint8)
    points = [
        np.round((line * (1, -1) + (_FINE, up * _FINE)) * (1 << _SHIFT)).astype(np.int32) for line in outlines
    ]
    if points:
        cv2.fillPoly(large, points, (255,), cv2.LINE_AA, _SHIFT)
    shape = (large.shape[1] // _FINE, large.shape[0] // _FINE)
    small = cv2.resize(large, shape, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255), up


def text_width(text: str, size: int, bold: bool = False) -> int:
    """Returns the width [px] of a line."""
    return int(_coverage(text, size, bold)[0].shape[1])


def write(
    image: ImageArray,
    text: str,
    at: tuple[int, int],
    size: int = 14,
    color: Sequence[int] = INK,
    bold: bool = False,
) -> None:
    """Writes a line of text into (h, w, 3) uint8; ``at`` is the left end of its base line; cut at the border.

    Args:
        image: changed in place.
        text: one line.
        at: x, y [px].
        size: of the font [px].
        color: RGB.
        bold: heavier.
    """
    cover, base = _coverage(text, size, bold)
    x, y = at[0], at[1] - base
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + cover.shape[1], image.shape[1]), min(y + cover.shape[0], image.shape[0])
    if right <= left or bottom <= top:
        return
    share = cover[top - y : bottom - y, left - x : right - x, None]
    area = image[top:bottom, left:right]
    mixed = area + share * (np.array(color, np.float32) - area)
    image[top:bottom, left:right] = np.round(mixed).astype(np.uint8)


def fitted(text: str, width: int, size: int, bold: bool = False) -> str:
    """Returns a text that is not wider than ``width`` [px]: its middle is left out where it would be."""
    if text_width(text, size, bold) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        short = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
        if text_width(short, size, bold) <= width:
            return short
    return ""


def tag(image: ImageArray, text: str, at: tuple[int, int], size: int = 13) -> None:
    """Writes white text on a dark plate whose left upper corner is ``at``, moved into the picture."""
    cover, _ = _coverage(text, size, False)
    width, height = cover.shape[1] + 8, size + 9
    x = int(np.clip(at[0], 0, max(image.shape[1] - width, 0)))
    y = int(np.clip(at[1], 0, max(image.shape[0] - height, 0)))
    area = image[y : y + height, x : x + width]
    area[:] = np.round(0.25 * area + 0.75 * np.array(INK)).astype(np.uint8)
    write(image, text, (x + 4, y + size + 2), size, (255, 255, 255))
