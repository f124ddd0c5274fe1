"""Warps, pastes and shares in numba: what composing spends its time on."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

THRESHOLD, NEAREST, TRUNCATED = 0, 1, 2
_WHOLE = 1.0 - 1e-6


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
    for y in range(y0, y1):
        for x in range(x0, x1):
            u = affine[0, 0] * x + affine[0, 1] * y + affine[0, 2]
            v = affine[1, 0] * x + affine[1, 1] * y + affine[1, 2]
            if rule == NEAREST:
                i, j = int(np.floor(v + 0.5)), int(np.floor(u + 0.5))
                if 0 <= i < height and 0 <= j < width:
                    out[y, x] = mask[i, j]
                continue
            i, j = int(np.floor(v)), int(np.floor(u))
            if i < 0 or j < 0 or i + 1 >= height or j + 1 >= width:
                continue
            top, bottom = mask[i, j] + mask[i, j + 1], mask[i + 1, j] + mask[i + 1, j + 1]
            if top + bottom == 0:
                continue
            if top + bottom == 4:
                out[y, x] = 1
                continue
            p, q = u - j, v - i
            value = (1 - q) * ((1 - p) * mask[i, j] + p * mask[i, j + 1]) + q * (
                (1 - p) * mask[i + 1, j] + p * mask[i + 1, j + 1]
            )
            out[y, x] = value >= (0.5 if rule == THRESHOLD else _WHOLE)
    return out


@nb.njit(cache=True, nogil=True)
def paste_hand(
    picture: Any, hand: Any, soft: Any, box: Any, affine: Any, keep: Any, shade: Any, light: Any, noise: Any,
    row: int, column: int, deviation: float,
) -> None:  # fmt: skip
    """Pastes a hand into a picture, in place.

    Args:
        picture: (N, N, 3) uint8.
        hand: (h, w, 3) uint8, colours also beyond its outline.
        soft: (h, w) uint8, how much of each pixel is hand.
        box: x, y, w, h [px] of ``hand`` in the source that ``affine`` leads to.
        affine: (2, 3) from the picture's pixels to the source's.
        keep: (N, N) uint8, how much of what is there stays in front (0 nothing, 255 all); or (0, 0).
        shade: (N, N) uint8, how much light the hand keeps (255 all); or (0, 0).
        light: (3,) float32 factor on the hand's colours.
        noise: (H, 3 W) int8 field.
        row: of the field that the picture's first row takes.
        column: the same, of its first pixel.
        deviation: factor on the field.
    """
    height, width = soft.shape
    x0, y0, x1, y1 = reach(affine, box, len(picture))
    for y in range(y0, y1):
        for x in range(x0, x1):
            u = affine[0, 0] * x + affine[0, 1] * y + affine[0, 2] - box[0]
            v = affine[1, 0] * x + affine[1, 1] * y + affine[1, 2] - box[1]
            i, j = int(np.floor(v)), int(np.floor(u))
            if i < 0 or j < 0 or i + 1 >= height or j + 1 >= width:
                continue
            p, q = np.float32(u - j), np.float32(v - i)
            w00, w01 = (1 - q) * (1 - p), (1 - q) * p
            w10, w11 = q * (1 - p), q * p
            alpha = w00 * soft[i, j] + w01 * soft[i, j + 1] + w10 * soft[i + 1, j] + w11 * soft[i + 1, j + 1]
            if keep.shape[0] > 0:
                alpha *= np.float32(255 - keep[y, x]) / np.float32(255)
            if alpha < np.float32(0.5):
                continue
            alpha /= np.float32(255)
            dim = np.float32(shade[y, x]) / np.float32(255) if shade.shape[0] > 0 else np.float32(1)
            for c in range(3):
                colour = (
                    w00 * hand[i, j, c] + w01 * hand[i, j + 1, c]
                    + w10 * hand[i + 1, j, c] + w11 * hand[i + 1, j + 1, c]
                )  # fmt: skip
                colour = colour * light[c] * dim + np.float32(deviation) * noise[row + y, column + 3 * x + c]
                value = picture[y, x, c] + alpha * (colour - picture[y, x, c]) + np.float32(0.5)
                picture[y, x, c] = np.uint8(min(max(value, np.float32(0)), np.float32(255)))


@nb.njit(cache=True, nogil=True)
def darken(picture: Any, shade: Any, mask: Any) -> None:
    """Takes light from the pixels (N, N, 3) under a mask, in place; ``shade`` (N, N), 255 keeps all."""
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            if mask[y, x] and shade[y, x] < 255:
                for c in range(3):
                    value = np.int32(picture[y, x, c]) * np.int32(shade[y, x]) + 127
                    picture[y, x, c] = np.uint8(value // 255)


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
def shares_seen(points: Any, radii: Any, own: Any, front: Any, disk: Any) -> Any:
    """Returns (P, 3): of a disk about each point, the share that is in the open, behind ``front``, outside.

    Args:
        points: (P, 2) [px].
        radii: (P,) [px].
        own: (P,) share of each disk that its own hand leaves open.
        front: (N, N) uint8 mask of what lies in front; or (0, 0).
        disk: (D, 2) points of the unit disk.
    """
    out = np.zeros((len(points), 3), dtype=np.float32)
    size = len(front)
    part = np.float32(1.0 / len(disk))
    for i in range(len(points)):
        for k in range(len(disk)):
            column = int(np.floor(points[i, 0] + radii[i] * disk[k, 0] + 0.5))
            row = int(np.floor(points[i, 1] + radii[i] * disk[k, 1] + 0.5))
            if row < 0 or column < 0 or row >= size or column >= size:
                out[i, 2] += part
            elif front[row, column]:
                out[i, 1] += part
            else:
                out[i, 0] += part
    return out
