"""Distances between points, and what is averaged of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.floating[Any]]


def point_distances(true: Points, predicted: Points) -> Points:
    """Returns the (..., P) Euclidean distances of points (..., P, D), in their unit.

    The mean over P is MPJPE of joints and MPVPE of vertices; of pixels it is the end-point error (EPE).
    """
    difference = true - predicted
    squares: Points = np.einsum("...i,...i->...", difference, difference)
    return np.sqrt(squares)


def mean_valid(values: Points, valid: npt.NDArray[np.bool_]) -> Points:
    """Returns the mean over the last axis of the values that are valid; NaN where none is."""
    count = valid.sum(axis=-1)
    total = np.where(valid, values, 0.0).sum(axis=-1)
    mean: Points = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean
