"""Where a record looks: square crops about a hand or a pair, in the scene's picture."""

from __future__ import annotations

from dataclasses import dataclass

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
    low, high = points.min(axis=0), points.max(axis=0)
    return np.concatenate([low, high - low])


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
    jitter = np.clip(rng.normal(size=3), -2.0, 2.0)
    longer = float(max(box[2], box[3], 1e-3))
    side = longer * factor * float(np.exp(settings.scale_jitter * jitter[0]))
    centre = box[:2] + 0.5 * box[2:] + settings.center * longer * jitter[1:]
    return float(centre[0] - side / 2), float(centre[1] - side / 2), side, side


def box_in_crop(box: FloatArray, crop: tuple[float, float, float, float], size: int) -> FloatArray:
    """Returns a box (4,) x, y, w, h [px] of the scene's picture in the pixels of a crop drawn at ``size``."""
    factor = size / crop[2]
    corner = factor * (box[:2] - np.array(crop[:2])) - 0.5
    return np.concatenate([corner, factor * box[2:]])
