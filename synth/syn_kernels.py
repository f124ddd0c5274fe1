"""A quick look at how two moved masks overlap."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np


@nb.njit(cache=True, nogil=True)
def coarse_overlap(
    first: Any, second: Any, first_affine: Any, second_affine: Any, size: int, step: int
) -> tuple[int, int, int]:
    """Counts every ``step``-th pixel of a picture (size, size) in two masks and in both, by nearest pixels.

    Args:
        first: (S, S) uint8 mask.
        second: (S, S) uint8 mask.
        first_affine: (2, 3) from the picture to the first mask.
        second_affine: (2, 3) from the picture to the second mask.
        size: side of the picture [px].
        step: pixels from one to the next.
    """
    a = b = both = 0
    for y in range(step // 2, size, step):
        for x in range(step // 2, size, step):
            one = _at(first, first_affine, x, y)
            two = _at(second, second_affine, x, y)
            a += one
            b += two
            both += one & two
    return a, b, both


@nb.njit(cache=True, nogil=True)
def _at(mask: Any, affine: Any, x: int, y: int) -> int:
    column = int(np.floor(affine[0, 0] * x + affine[0, 1] * y + affine[0, 2] + 0.5))
    row = int(np.floor(affine[1, 0] * x + affine[1, 1] * y + affine[1, 2] + 0.5))
    if row < 0 or column < 0 or row >= mask.shape[0] or column >= mask.shape[1]:
        return 0
    return int(mask[row, column])
