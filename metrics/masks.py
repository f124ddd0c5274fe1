"""How well masks agree: IoU of areas, F-measure of boundaries."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from handbench.arrays import BoolArray, FloatArray, ImageArray, IndexArray

BOUNDARY_SHARE = 0.008
"""Tolerance of boundaries as a share of the picture's diagonal (Perazzi et al. 2016, DAVIS)."""


def unpack_masks(packed: ImageArray, size: tuple[int, int]) -> BoolArray:
    """Returns masks (N, h, w) of packed bits.

    Args:
        packed: (N, ceil(h w / 8)) uint8, as in :class:`handbench.predictions.HandPredictions`.
        size: width and height [px].
    """
    width, height = size
    bits = np.unpackbits(packed, axis=1, count=width * height)
    return bits.view(np.bool_).reshape(len(packed), height, width)


def occluded_part(amodal: BoolArray, visible: BoolArray) -> BoolArray:
    """Returns what is hidden of hands: in the whole hand's masks (N, h, w) and not in the visible ones."""
    return amodal & ~visible


def mask_iou(a: BoolArray, b: BoolArray) -> FloatArray:
    """Returns the (N,) intersection over union of masks (N, h, w); NaN where both are empty.

    NaN says that there was nothing to measure, so a mean over samples leaves it out: a hand that is nowhere
    hidden says nothing about its occluded part. One empty mask beside a mask that is not gives 0.
    """
    return packed_iou(np.packbits(a.reshape(len(a), -1), axis=1), np.packbits(b.reshape(len(b), -1), axis=1))


def packed_iou(a: ImageArray, b: ImageArray) -> FloatArray:
    """Returns :func:`mask_iou` of masks as packed bits (N, B); the bits beyond the mask are 0 in both."""
    both = np.bitwise_count(a & b).sum(axis=1, dtype=np.int64)
    either = np.bitwise_count(a | b).sum(axis=1, dtype=np.int64)
    return np.where(either > 0, both / np.maximum(either, 1), np.nan)


def boundary_f(a: BoolArray, b: BoolArray, tolerance: float | None = None) -> FloatArray:
    """Returns the (N,) boundary F-measures of predicted masks (N, h, w) against true ones.

    As the DAVIS benchmark defines it (Perazzi et al. 2016, after Martin et al. 2004): a pixel is on the
    boundary when it differs from its right, lower or lower right neighbour. Precision is the share of the
    predicted boundary within the tolerance of the true one, recall the other way round; F is their harmonic
    mean, 0 where both are 0.

    Where neither mask has a boundary it is NaN (DAVIS: 1), for the reason of :func:`mask_iou`. Where one has
    none it is 0, as in DAVIS.

    Args:
        a: (N, h, w) predicted.
        b: (N, h, w) true.
        tolerance: [px]; by default 0.008 of the diagonal, rounded up: 3 px of 256 x 256.
    """
    if tolerance is None:
        tolerance = float(np.ceil(BOUNDARY_SHARE * np.hypot(*a.shape[1:])))
    reach = int(tolerance)
    v, u = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    near = u * u + v * v <= tolerance * tolerance
    # The nearest come first: most pixels have a partner there.
    steps = np.stack([v[near], u[near]], axis=1)
    steps = np.ascontiguousarray(steps[np.argsort((steps**2).sum(axis=1), kind="stable")], dtype=np.int64)
    return np.asarray(_boundary_f(np.ascontiguousarray(a), np.ascontiguousarray(b), steps))


@njit(cache=True, nogil=True)
def _boundary_f(a: BoolArray, b: BoolArray, steps: IndexArray) -> FloatArray:
    out = np.empty(len(a))
    for i in range(len(a)):
        mine, other = _boundary(a[i]), _boundary(b[i])
        hit, total = _near(mine, other, steps)
        found, wanted = _near(other, mine, steps)
        if total == 0 and wanted == 0:
            out[i] = np.nan
        elif hit == 0 or found == 0:
            out[i] = 0.0
        else:
            precision, recall = hit / total, found / wanted
            out[i] = 2 * precision * recall / (precision + recall)
    return out


@njit(cache=True, nogil=True)
def _boundary(mask: BoolArray) -> BoolArray:
    """Marks pixels that differ from the next one to the right, below, or both; outside nothing differs."""
    height, width = mask.shape
    out = np.zeros((height, width), dtype=np.bool_)
    for v in range(height):
        below = min(v + 1, height - 1)
        for u in range(width):
            right = min(u + 1, width - 1)
            here = mask[v, u]
            out[v, u] = mask[v, right] != here or mask[below, u] != here or mask[below, right] != here
    return out


@njit(cache=True, nogil=True)
def _near(mine: BoolArray, other: BoolArray, steps: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Counts the pixels of one boundary that have one of the other near, and all of them."""
    height, width = mine.shape
    hit = total = 0
    for v in range(height):
        for u in range(width):
            if not mine[v, u]:
                continue
            total += 1
            for k in range(len(steps)):
                row, column = v + steps[k, 0], u + steps[k, 1]
                if 0 <= row < height and 0 <= column < width and other[row, column]:
                    hit += 1
                    break
    return hit, total
