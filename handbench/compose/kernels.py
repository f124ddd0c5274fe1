"""Warps, pastes and shares in numba: what composing spends its time on."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

THRESHOLD, NEAREST, TRUNCATED = 0, 1, 2
_BITS = 16
_ONE = 1 << _BITS


@nb.njit(cache=True, nogil=True)
def reach(affine: Any, box: Any, size: int) -> tuple[int, int, int, int]:
    """Returns the columns and rows (x0, y0, x1, y1) of a picture whose source pixels may lie in a box.

    Args:
        affine: (2, 3) from the picture's pixels to the source's.
        box: x, y, w, h [px] of the source.
        size: side of the picture [px].
    """
    a, b, c = affine[0, 0], affine[0, 1], affine[0, 2]
    d, e, f = affine[1, 0], affine[1, 1], affine[1, 2]
    det = a * e - b * d
    x0, y0, x1, y1 = np.inf, np.inf, -np.inf, -np.inf
    for k in range(4):
        u = box[0] - 1.0 + (box[2] + 1.0) * (k % 2) - c
        v = box[1] - 1.0 + (box[3] + 1.0) * (k // 2) - f
        x, y = (e * u - b * v) / det, (a * v - d * u) / det
        x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x), max(y1, y)
    return (
        max(int(np.floor(x0)), 0), max(int(np.floor(y0)), 0),
        min(int(np.ceil(x1)) + 1, size), min(int(np.ceil(y1)) + 1, size),
    )  # fmt: skip


@nb.njit(cache=True, nogil=True)
def warp_mask(mask: Any, affine: Any, box: Any, size: int, rule: int) -> Any:
    """Returns a mask (S, S) of 0 and 1 as a picture (size, size) sees it; outside ``box`` it is 0."""
    out = np.zeros((size, size), dtype=np.uint8)
    x0, y0, x1, y1 = reach(affine, box, size)
    height, width = mask.shape
    one = np.float64(_ONE)
    right, down = np.int64(np.rint(affine[0, 0] * one)), np.int64(np.rint(affine[1, 0] * one))
    sides = np.empty(4, np.int64)
    for k in range(4):
        sides[k] = np.int64(np.floor((box[k % 2] - 2.0 + (k // 2) * (box[2 + k % 2] + 3.0)) * one))
    # Nearest pixels are those of a place half a pixel on, rounded down.
    half = np.int64(_ONE // 2) if rule == NEAREST else np.int64(0)
    for y in range(y0, y1):
        u = np.int64(np.rint((affine[0, 0] * x0 + affine[0, 1] * y + affine[0, 2]) * one)) + half
        v = np.int64(np.rint((affine[1, 0] * x0 + affine[1, 1] * y + affine[1, 2]) * one)) + half
        row = out[y]
        # Of the row only what lies in the box: a turned box fills half of the picture's part about it.
        first, last = _clipped(u, right, sides[0], sides[2], 0, x1 - x0)
        first, last = _clipped(v, down, sides[1], sides[3], first, last)
        u, v = u + right * first, v + down * first
        for x in range(x0 + first, x0 + last):
            j, i = u >> _BITS, v >> _BITS
            p, q = u & (_ONE - 1), v & (_ONE - 1)
            u += right
            v += down
            if i < 0 or j < 0 or i + 1 >= height or j + 1 >= width:
                continue
            a, b, c, d = mask[i, j], mask[i, j + 1], mask[i + 1, j], mask[i + 1, j + 1]
            total = a + b + c + d
            if rule == NEAREST:
                row[x] = a
            elif total == 4:
                row[x] = 1
            elif total > 0:
                top, bottom = (_ONE - p) * a + p * b, (_ONE - p) * c + p * d
                share = (_ONE - q) * top + q * bottom
                # Cut to whole numbers it is 1 only where every pixel that counts is 1.
                row[x] = share >= (_ONE * _ONE // 2 if rule == THRESHOLD else _ONE * _ONE)
    return out


@nb.njit(cache=True, nogil=True)
def _clipped(start: Any, step: Any, low: Any, high: Any, first: Any, last: Any) -> Any:
    """Returns the n from ``first`` to below ``last`` with low <= start + n step <= high, or a few more."""
    if step == 0:
        return (first, last) if low <= start <= high else (first, first)
    one, two = (low - start) // step, (high - start) // step
    first, last = max(first, min(one, two)), min(last, max(one, two) + 2)
    return first, max(first, last)


@nb.njit(cache=True, nogil=True)
def blend(
    picture: Any, layer: Any, keep: Any, shade: Any, light: Any, noise: Any, row: int, column: int,
    deviation: float, changed: Any,
) -> None:  # fmt: skip
    """Lays a hand over a picture, in place.

    Args:
        picture: (h, w, 3) uint8.
        layer: (h, w, 4) uint8, the hand's colours and its share of each pixel.
        keep: (h, w) uint8, how much of what is there stays in front (0 nothing, 255 all); or (0, 0).
        shade: (h, w) uint8, how much light the hand keeps (255 all); or (0, 0).
        light: (3,) float32 factor on the hand's colours.
        noise: (H, 3 W) int8 field.
        row: of the field that the picture's first row takes.
        column: the same, of its first value.
        deviation: factor on the field; 0 for none.
        changed: (h, w) uint8, gets a 1 where the picture has another value now.
    """
    height, width = layer.shape[:2]
    full, half = np.float32(255), np.float32(0.5)
    kept, shaded, noisy = keep.shape[0] > 0, shade.shape[0] > 0, deviation > 0
    grain = np.float32(deviation)
    for y in range(height):
        for x in range(width):
            share = np.float32(layer[y, x, 3])
            if kept:
                share *= np.float32(255 - keep[y, x]) / full
            if share < half:
                continue
            share /= full
            dim = np.float32(shade[y, x]) / full if shaded else np.float32(1)
            for c in range(3):
                colour = np.float32(layer[y, x, c]) * light[c] * dim
                if noisy:
                    colour += grain * np.float32(noise[row + y, column + 3 * x + c])
                below = np.float32(picture[y, x, c])
                value = np.uint8(min(max(below + share * (colour - below) + half, np.float32(0)), full))
                if value != picture[y, x, c]:
                    picture[y, x, c] = value
                    changed[y, x] = 1


@nb.njit(cache=True, nogil=True)
def darken(picture: Any, shade: Any, mask: Any, changed: Any) -> None:
    """Takes light from the pixels (h, w, 3) under a mask, in place; ``shade`` (h, w), 255 keeps all.

    ``changed`` (h, w) gets a 1 where the picture has another value now.
    """
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            if mask[y, x] and shade[y, x] < 255:
                for c in range(3):
                    value = np.uint8((np.int32(picture[y, x, c]) * np.int32(shade[y, x]) + 127) // 255)
                    if value != picture[y, x, c]:
                        picture[y, x, c] = value
                        changed[y, x] = 1


@nb.njit(cache=True, nogil=True)
def add_noise(picture: Any, noise: Any, row: int, column: int, deviation: float) -> None:
    """Adds a noise field times ``deviation`` to a picture (N, N, 3), in place."""
    height, width = picture.shape[:2]
    flat = picture.reshape(height, 3 * width)
    for y in range(height):
        for x in range(3 * width):
            value = np.float32(flat[y, x]) + np.float32(deviation) * noise[row + y, column + x]
            flat[y, x] = np.uint8(min(max(value + np.float32(0.5), np.float32(0)), np.float32(255)))


@nb.njit(cache=True, nogil=True)
def count_overlap(target: Any, other: Any) -> tuple[int, int, int]:
    """Returns the pixels of two masks (N, N) of 0 and 1, and of what they share."""
    first = second = both = 0
    for y in range(target.shape[0]):
        for x in range(target.shape[1]):
            a, b = target[y, x], other[y, x]
            first += a
            second += b
            both += a & b
    return first, second, both


@nb.njit(cache=True, nogil=True)
def count_pixels(target: Any, other: Any, target_seen: Any, other_seen: Any) -> Any:
    """Counts four masks (N, N) of 0 and 1: target, other, what both share, and what is seen of either."""
    counts = np.zeros(5, np.int64)
    for y in range(target.shape[0]):
        # 32 bits are enough for a row, and run twice as wide.
        a = b = c = d = e = np.uint32(0)
        for x in range(target.shape[1]):
            a += target[y, x]
            b += other[y, x]
            c += target[y, x] & other[y, x]
            d += target_seen[y, x]
            e += other_seen[y, x]
        row = (a, b, c, d, e)
        for k in range(5):
            counts[k] += row[k]
    return counts
