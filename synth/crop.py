"""Where a record looks: square crops about a hand or a pair, in the scene's picture."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from handbench.arrays import FloatArray


@dataclass(frozen=True)
class CropSettings:
    """Keys of the crop.

    Attributes:
        scale: side of a hand's crop over the longer side of the hand's amodal box.
        scale_jitter: standard deviation of the logarithm of that factor, cut at two deviations.
        center: standard deviation of the crop's centre, as a share of the box's longer side.
        pair_scale: the same factor for the crop of both hands.
    """

    scale: float = 2.0
    scale_jitter: float = 0.12
    center: float = 0.06
    pair_scale: float = 1.35


def points_box(points: FloatArray) -> FloatArray:
    """Returns the (4,) box x, y, w, h [px] of points (N, 2) [px]."""
    x0, y0, x1, y1 = _bounds(points)
    return np.array([x0, y0, x1 - x0, y1 - y0])


@numba.njit(cache=True, nogil=True)
def _bounds(points: FloatArray) -> tuple[float, float, float, float]:
    """Returns the least and the greatest coordinates."""
    x0, y0 = points[0]
    x1, y1 = x0, y0
    for i in range(1, len(points)):
        x, y = points[i]
        x0, x1 = min(x0, x), max(x1, x)
        y0, y1 = min(y0, y), max(y1, y)
    return x0, y0, x1, y1


def crop_box(
    box: FloatArray, factor: float, rng: np.random.Generator, settings: CropSettings
) -> tuple[float, float, float, float]:
    """Draws a square crop about a box.

    Args:
        box: (4,) x, y, w, h [px] of what the crop is about.
        factor: mean of the crop's side over the box's longer side.
        rng: the record's stream.
        settings: the jitter.

    Returns:
        x, y, w, h [px] of a square.
    """
    scale, right, down = (min(max(jitter, -2.0), 2.0) for jitter in rng.normal(size=3).tolist())
    x, y, w, h = box.tolist()
    longer = max(w, h, 1e-3)
    side = longer * factor * float(np.exp(settings.scale_jitter * scale))
    reach = settings.center * longer
    return x + 0.5 * w + reach * right - side / 2, y + 0.5 * h + reach * down - side / 2, side, side


def box_in_crop(box: FloatArray, crop: tuple[float, float, float, float], size: int) -> FloatArray:
    """Returns a box (4,) x, y, w, h [px] of the scene's picture in the pixels of a crop drawn at ``size``."""
    factor = size / crop[2]
    x, y, w, h = box.tolist()
    return np.array([factor * (x - crop[0]) - 0.5, factor * (y - crop[1]) - 0.5, factor * w, factor * h])
