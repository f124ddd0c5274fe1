"""Four samples of a part at each pixel on its outlines: which face is nearest there (numba)."""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.synth.raster_bits import count_bits, lowest_bit
from handbench.synth.raster_scan import DEPTH_SCALE, F64, FACE_BITS, I32, I64

U64 = npt.NDArray[np.uint64]

# A rotated grid: four columns and four rows, each with one sample.
SAMPLE_X = (-0.125, 0.375, 0.125, -0.375)
SAMPLE_Y = (-0.375, -0.125, 0.375, 0.125)
REACH = 0.375
OFFSETS = np.array((SAMPLE_X, SAMPLE_Y)).T.copy()

ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def sample_edges(
    screen: F64,
    faces: I32,
    drawn: I32,
    n_drawn: int,
    width: int,
    bits: U64,
    before: I32,
    n_edges: int,
    tiles: I32,
    marked: U64,
    keys4: I64,
) -> None:
    """Finds the nearest face at each sample of each numbered pixel.

    First the tiles of 8 x 8 pixels over each face are listed that hold a numbered pixel, without branches;
    then these pixels are sampled.

    Args:
        screen: (V, 3) x, y, 1 / z.
        faces: (F, 3).
        drawn: (F,) the faces to look at.
        n_drawn: their number.
        width: of the picture.
        bits: (h, words) the numbered pixels as bits, the last word of a row 0.
        before: (h, words) how many come before each word.
        n_edges: how many pixels are numbered.
        tiles: (T, 3) scratch: face and first pixel x, y.
        marked: (T,) scratch: numbered pixels, a byte a row.
        keys4: (N, 4) gives depth and face as ``scan_triangle`` does, 0 where the part is not.
    """
    h = bits.shape[0]
    for e in range(n_edges):
        for s in range(4):
            keys4[e, s] = 0
    count = 0
    for i in range(n_drawn):
        f = drawn[i]
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        xa, xb, xc = screen[a, 0], screen[b, 0], screen[c, 0]
        ya, yb, yc = screen[a, 1], screen[b, 1], screen[c, 1]
        x0, x1 = (
            max(math.ceil(min(xa, xb, xc) - REACH), 0),
            min(math.floor(max(xa, xb, xc) + REACH), width - 1),
        )
        y0, y1 = max(math.ceil(min(ya, yb, yc) - REACH), 0), min(math.floor(max(ya, yb, yc) + REACH), h - 1)
        for y in range(y0, y1 + 1, 8):
            for x in range(x0, x1 + 1, 8):
                if count == tiles.shape[0]:
                    _sample_tiles(screen, faces, tiles, marked, count, bits, before, keys4)
                    count = 0
                tiles[count, 0], tiles[count, 1], tiles[count, 2] = f, x, y
                marked[count] = _tile(bits, x, y, min(x1 - x, 7), min(y1 - y, 7))
                count += int(marked[count] != np.uint64(0))
    _sample_tiles(screen, faces, tiles, marked, count, bits, before, keys4)


@nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _tile(bits: U64, x: int, y: int, right: int, low: int) -> np.uint64:
    """Gives the numbered pixels of a tile at (y, x), a byte a row, up to column ``right`` and row ``low``."""
    word, shift = np.uint64(x) >> np.uint64(6), np.uint64(x) & np.uint64(63)
    marks = np.uint64(0)
    for i in range(8):
        row = np.uint64(y + min(i, low))
        # Two shifts: one by 64 is not defined.
        rest = (bits[row, word + np.uint64(1)] << np.uint64(1)) << (np.uint64(63) - shift)
        marks |= (((bits[row, word] >> shift) | rest) & np.uint64(255)) << np.uint64(8 * i)
    columns = (np.uint64(255) >> np.uint64(7 - right)) * np.uint64(0x0101010101010101)
    return np.uint64(marks & columns & (ALL >> np.uint64(56 - 8 * low)))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _sample_tiles(
    screen: F64, faces: I32, tiles: I32, marked: U64, count: int, bits: U64, before: I32, keys4: I64
) -> None:
    """Samples the marked pixels of the first ``count`` tiles."""
    for i in range(count):
        f = tiles[i, 0]
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        xa, ya = screen[a, 0], screen[a, 1]
        xb, yb = screen[b, 0], screen[b, 1]
        xc, yc = screen[c, 0], screen[c, 1]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        sign = 1.0 if area > 0.0 else -1.0
        # Each edge function changes only its sign when the edge is walked the other way, so no sample falls
        # into a crack between two faces.
        ax, ay, a0 = sign * (yb - yc), sign * (xc - xb), sign * (xb * yc - xc * yb)
        bx, by, b0 = sign * (yc - ya), sign * (xa - xc), sign * (xc * ya - xa * yc)
        cx, cy, c0 = sign * (ya - yb), sign * (xb - xa), sign * (xa * yb - xb * ya)
        inv = DEPTH_SCALE / abs(area)
        za, zb, zc = screen[a, 2] * inv, screen[b, 2] * inv, screen[c, 2] * inv
        marks = marked[i]
        while marks:
            bit = lowest_bit(marks)
            marks &= marks - np.uint64(1)
            x, y = tiles[i, 1] + (bit & 7), tiles[i, 2] + (bit >> 3)
            row, word, at = np.uint64(y), np.uint64(x) >> np.uint64(6), np.uint64(x) & np.uint64(63)
            earlier = bits[row, word] & ((np.uint64(1) << at) - np.uint64(1))
            k = np.uint64(before[row, word]) + np.uint64(count_bits(earlier))
            wa, wb, wc = ax * x + (ay * y + a0), bx * x + (by * y + b0), cx * x + (cy * y + c0)
            for s in range(4):
                dx, dy = OFFSETS[s, 0], OFFSETS[s, 1]
                ea, eb, ec = wa + (ax * dx + ay * dy), wb + (bx * dx + by * dy), wc + (cx * dx + cy * dy)
                inside = (ea >= 0.0) & (eb >= 0.0) & (ec >= 0.0)
                # Written without a condition: the compiler would make it a branch, which cannot be guessed.
                z = np.int64(ea * za + eb * zb + ec * zc) & -np.int64(inside)
                keys4[k, np.uint64(s)] = max((z << FACE_BITS) | f, keys4[k, np.uint64(s)])
