"""Depth maps and segmentations as PNG files in one pass each: the bytes are those of HO-3D's formats.

What :func:`handbench.formats.ho3d.encode_depth` and :func:`handbench.formats.ho3d_seg.encode_seg` give is
the definition (tests compare); going through whole pictures takes three times as long.
"""

from __future__ import annotations

import os
from pathlib import Path

import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray
from handbench.formats.ho3d import DEPTH_SCALE
from handbench.formats.ho3d_seg import encode_seg
from handbench.synth.png import pack_png

_LEFT, _NO_FILTER = 1, 0
_TWO = np.array([[False, True, False], [False, False, True]])
_COLOURS = np.ascontiguousarray(encode_seg(_TWO[:1], _TWO[1:], "v3")[0])
"""RGB of neither, hand and object."""


def depth_png(depth: npt.NDArray[np.float32]) -> bytes:
    """Packs a depth map (h, w) [m] as HO-3D's PNG; what is not finite or negative becomes 0 (unknown)."""
    lines = np.empty((depth.shape[0], 1 + 3 * depth.shape[1]), np.uint8)
    _depth_lines(depth, np.float32(DEPTH_SCALE), lines)
    return pack_png(lines, depth.shape[1])


def seg_png(hand: BoolArray, thing: BoolArray) -> bytes:
    """Packs the visible hand and object, both (h, w), as v3's segmentation; the hand wins over it."""
    lines = np.empty((hand.shape[0], 1 + 3 * hand.shape[1]), np.uint8)
    _seg_lines(hand, thing, _COLOURS, lines)
    return pack_png(lines, hand.shape[1])


def put(path: Path, data: bytes) -> None:
    """Writes a new file with as few calls to the system as there can be.

    Raises:
        OSError: when it exists or the disk does not take it.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)


@nb.njit(cache=True, nogil=True)
def _depth_lines(depth: npt.NDArray[np.float32], unit: np.float32, lines: npt.NDArray[np.uint8]) -> None:
    """Fills PNG lines, filtered by the pixel to the left."""
    for y in range(depth.shape[0]):
        line, row = lines[y], depth[y]
        line[0] = _LEFT
        low, high = np.uint8(0), np.uint8(0)
        for x in range(row.shape[0]):
            value = row[x] / unit
            # NaN and infinity fail the first comparison.
            steps = np.uint16(0)
            if np.float32(0) < value < np.float32(np.inf):
                steps = np.uint16(min(np.rint(value), np.float32(65535)))
            r, g = np.uint8(steps & 255), np.uint8(steps >> 8)
            line[1 + 3 * x] = r - low
            line[2 + 3 * x] = g - high
            line[3 + 3 * x] = 0
            low, high = r, g


@nb.njit(cache=True, nogil=True)
def _seg_lines(
    hand: npt.NDArray[np.bool_],
    thing: npt.NDArray[np.bool_],
    colours: npt.NDArray[np.uint8],
    lines: npt.NDArray[np.uint8],
) -> None:
    for y in range(hand.shape[0]):
        line = lines[y]
        line[0] = _NO_FILTER
        for x in range(hand.shape[1]):
            kind = 1 if hand[y, x] else 2 if thing[y, x] else 0
            for c in range(3):
                line[1 + 3 * x + c] = colours[kind, c]
