"""PNG files written several times faster than OpenCV does, lossless all the same.

OpenCV spends most of a PNG's time on choosing filters. Depth maps and segmentations need no choice: a filter
that takes the pixel to the left, or none, and zlib's fastest level.
"""

from __future__ import annotations

import struct
import zlib
from typing import Literal

import numpy as np
import numpy.typing as npt

from handbench.arrays import ImageArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ZLIB_HEADER, _LAST_BLOCK = b"\x78\x01", b"\x03\x00"
_BAND = 12  # rows
Filter = Literal["none", "left", "above"]
_FILTERS: dict[Filter, int] = {"none": 0, "left": 1, "above": 2}


def encode_png(
    picture: ImageArray | npt.NDArray[np.uint16], filtered: Filter = "none", level: int = 1
) -> bytes:
    """Encodes a picture as PNG.

    Args:
        picture: (h, w, 3) uint8 RGB, or (h, w, 3) uint16.
        filtered: which neighbour is taken from each byte before it is packed: ``left`` for smooth pictures,
            ``above`` for such as change little from row to row, ``none`` for few plain colours.
        level: of zlib, 1 (fast) to 9.
    """
    h, w, channels = picture.shape
    if channels != 3 or picture.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"a picture of {picture.dtype} {picture.shape}, expected (h, w, 3) uint8 or uint16")
    depth = 8 * picture.dtype.itemsize
    plain = picture if depth == 8 else picture.astype(">u2")
    rows = np.ascontiguousarray(plain).view(np.uint8).reshape(h, -1)
    step = 3 * depth // 8
    lines = np.empty((h, 1 + rows.shape[1]), np.uint8)
    lines[:, 0] = _FILTERS[filtered]
    if filtered == "left":
        lines[:, 1 : 1 + step] = rows[:, :step]
        np.subtract(rows[:, step:], rows[:, :-step], out=lines[:, 1 + step :])
    elif filtered == "above":
        lines[0, 1:] = rows[0]
        np.subtract(rows[1:], rows[:-1], out=lines[1:, 1:])
    else:
        lines[:, 1:] = rows
    return pack_png(lines, w, depth, level)


def pack_png(lines: npt.NDArray[np.uint8], width: int, depth: int, level: int = 1) -> bytes:
    """Packs the lines of an RGB picture.

    Args:
        lines: (h, 1 + bytes of a row) uint8, each with the number of its filter before it.
        width: of the picture [px].
        depth: bits a channel, 8 or 16.
        level: of zlib.
    """
    return _file(width, len(lines), depth, zlib.compress(lines.data, level))


class StillPng:
    """Packs pictures of a fixed camera: bands of rows that show only what never moves are packed once.

    Args:
        lines: (h, n) uint8 of the still picture, as :func:`pack_png` takes them; no line may be filtered by
            the one above.
    """

    def __init__(self, lines: npt.NDArray[np.uint8]) -> None:
        self._lines = lines.copy()
        self._bands = [_segment(lines[y : y + _BAND]) for y in range(0, len(lines), _BAND)]

    def pack(self, lines: npt.NDArray[np.uint8], width: int) -> bytes:
        """Packs the lines (h, n) of an 8-bit RGB picture of that width; they decode as those of any PNG."""
        parts, first = [_ZLIB_HEADER], 0
        for number, band in enumerate(self._bands):
            y = number * _BAND
            if np.array_equal(lines[y : y + _BAND], self._lines[y : y + _BAND]):
                if first < y:
                    parts.append(_segment(lines[first:y]))
                parts.append(band)
                first = y + _BAND
        if first < len(lines):
            parts.append(_segment(lines[first:]))
        parts += [_LAST_BLOCK, struct.pack(">I", zlib.adler32(lines.data))]
        return _file(width, len(lines), 8, b"".join(parts))


def _segment(lines: npt.NDArray[np.uint8]) -> bytes:
    """Packs lines as a piece of a deflate stream that depends on no other piece and ends on a byte."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -15, 9)
    return packer.compress(lines.data) + packer.flush(zlib.Z_FULL_FLUSH)


def _file(width: int, height: int, depth: int, packed: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"".join((_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", packed), _chunk(b"IEND", b"")))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))
