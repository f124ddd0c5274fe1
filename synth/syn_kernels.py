"""The search for moves whose hands overlap as asked, by a quick look at few pixels."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np


@nb.njit(cache=True, nogil=True)
def first_near(
    target: Any, other: Any, moves: Any, margins: Any, nominal: int, size: int, step: int, over_target: bool,
    low: float, high: float, start: int,
) -> int:  # fmt: skip
    """Returns the first of the drawn moves, from ``start`` on, whose overlap seems to lie in a range; or -1.

    Every ``step``-th pixel of the picture is looked up in both masks.

    Args:
        target: (S, S) uint8 mask.
        other: (S, S) uint8 mask.
        moves: (K, 2, 4) shift x, shift y, scale, angle [rad] of the target and of the other hand.
        margins: (2,) rims of both stored pictures [px].
        nominal: side of the nominal square [px].
        size: side of the picture [px].
        step: pixels from one to the next.
        over_target: whether the share is over the target, else over the other hand.
        low: of the range.
        high: of the range.
        start: first move to look at.
    """
    affine = np.empty((2, 2, 3))
    for k in range(start, len(moves)):
        for i in range(2):
            _affine(moves[k, i], margins[i], nominal, size, affine[i])
        whole = both = 0
        for y in range(step // 2, size, step):
            for x in range(step // 2, size, step):
                one, two = _at(target, affine[0], x, y), _at(other, affine[1], x, y)
                whole += one if over_target else two
                both += one & two
        ratio = both / whole if whole else 0.0
        if low <= ratio < high:
            return k
    return -1


@nb.njit(cache=True, nogil=True)
def _affine(move: Any, margin: int, nominal: int, size: int, out: Any) -> None:
    """Fills the (2, 3) affine of :func:`handbench.compose.paste.source_affine`."""
    factor = move[2] * nominal / size
    c, s = factor * np.cos(move[3]), factor * np.sin(move[3])
    middle, centre = (size - 1) / 2, margin + (nominal - 1) / 2
    out[0, 0], out[0, 1] = c, -s
    out[1, 0], out[1, 1] = s, c
    out[0, 2] = centre + nominal * move[0] - c * middle + s * middle
    out[1, 2] = centre + nominal * move[1] - s * middle - c * middle


@nb.njit(cache=True, nogil=True)
def _at(mask: Any, affine: Any, x: int, y: int) -> int:
    column = int(np.floor(affine[0, 0] * x + affine[0, 1] * y + affine[0, 2] + 0.5))
    row = int(np.floor(affine[1, 0] * x + affine[1, 1] * y + affine[1, 2] + 0.5))
    if row < 0 or column < 0 or row >= mask.shape[0] or column >= mask.shape[1]:
        return 0
    return int(mask[row, column])
