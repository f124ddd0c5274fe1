"""Distances of joints from their true places, each set's root on the true one."""

from __future__ import annotations

import numpy as np
from numba import njit

from handbench.arrays import BoolArray, FloatArray
from handbench.metrics.distances import Points


def rooted_distances(
    true: Points, predicted: Points, valid: BoolArray, scale: FloatArray, root: int
) -> FloatArray:
    """Returns the (N, P) distances [unit of the points] with roots aligned; NaN where not valid.

    Args:
        true: (N, P, 3).
        predicted: (N, P, 3).
        valid: (N, P).
        scale: (N,) factor of the predicted set, about its root.
        root: index of the point that is put on the true one.
    """
    out = np.empty(valid.shape)
    _distances(
        np.ascontiguousarray(true, dtype=np.float64), np.ascontiguousarray(predicted, dtype=np.float64),
        np.ascontiguousarray(valid), np.ascontiguousarray(scale), root, out,
    )  # fmt: skip
    return out


@njit(cache=True, nogil=True)
def _distances(
    true: FloatArray, predicted: FloatArray, valid: BoolArray, scale: FloatArray, root: int, out: FloatArray
) -> None:
    for n in range(out.shape[0]):
        for j in range(out.shape[1]):
            if not valid[n, j]:
                out[n, j] = np.nan
                continue
            square = 0.0
            for c in range(3):
                moved = scale[n] * (predicted[n, j, c] - predicted[n, root, c])
                wanted = true[n, j, c] - true[n, root, c]
                square += (moved - wanted) ** 2
            out[n, j] = np.sqrt(square)
