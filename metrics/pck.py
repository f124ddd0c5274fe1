"""PCK curves (percentage of correct keypoints) and the area under them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray

Values = npt.NDArray[np.floating[Any]]

THRESHOLDS = np.linspace(0.0, 0.05, 100)
"""HO-3D's (and FreiHAND's) thresholds [m]: 100 from 0 to 50 mm."""


def pck_curve(distances: Values, thresholds: FloatArray = THRESHOLDS) -> FloatArray:
    """Returns the (T,) share, 0 to 1, of distances that are at most each threshold (``<=``; NaN left out).

    Args:
        distances: any shape, in the unit of the thresholds.
        thresholds: (T,) rising.
    """
    places = np.searchsorted(thresholds, distances[np.isfinite(distances)], "left")
    counts = np.bincount(places, minlength=len(thresholds) + 1)[: len(thresholds)]
    return np.asarray(np.cumsum(counts) / max(places.size, 1))


def auc_shares(distances: Values, thresholds: FloatArray = THRESHOLDS) -> FloatArray:
    """Returns what each distance adds to the area under the PCK curve, 0 to 1: their mean is the AUC.

    HO-3D's official script integrates the curve with trapezoids and divides by the area of a curve that is 1
    everywhere (utils/eval_util.py). The integral is linear in the curve, so each distance has a share: the
    normalised integral of its own step function. NaN stays NaN.

    Args:
        distances: any shape, in the unit of the thresholds.
        thresholds: (T,) rising, equally spaced or not.
    """
    widths = np.diff(thresholds)
    weights = np.zeros(len(thresholds))
    weights[:-1] += widths / 2
    weights[1:] += widths / 2
    shares = np.concatenate([np.cumsum(weights[::-1])[::-1], [0.0]])
    # By its own first value, so that a distance of 0 adds exactly 1.
    shares /= shares[0]
    found = np.asarray(shares[np.searchsorted(thresholds, distances, "left")])
    return np.where(np.isnan(distances), np.nan, found)
