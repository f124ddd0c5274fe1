"""Sub-pixel coverage where it matters: four depth samples at the pixels on a part's outlines (numba).

Inside a surface one sample at the pixel's centre is enough. Pixels at the outline, and at steps in depth
within the part (a finger before the palm), get four samples on a rotated grid, each with its nearest face.
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.synth.raster_bits import count_bits, lowest_bit
from handbench.synth.raster_scan import DEPTH_SCALE, F32, FACE_BITS, FACE_MASK, I32, I64

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]

# Times a word of eight bytes 0 or 1, gives these as the eight highest bits.
GATHER = np.uint64(0x0102040810204080)

# A bend of the depth by more than this many pixel footprints within a pixel is a step between two surfaces.
STEP = np.float32(3.0)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def find_edges(
    nearness: F32, owner: I32, focal: float, box: I32, flags: U8, bits: U64, before: I32, pixels: I32
) -> int:
    """Numbers the pixels that need sub-samples.

    Args:
        nearness: (h, w) 1 / z, set to 0 in the ring by which the box grows.
        owner: (h, w) face index, set to -1 there.
        focal: focal length [px].
        box: (4,) of ``draw_faces``; grown by two pixels here.
        flags: (64 * words,) scratch, all 0 before and after.
        bits: (h, words) gives the numbered pixels as bits, 64 a word; written in the rows of the grown box.
        before: (h, words) gives how many numbered pixels come before each word.
        pixels: (N,) gives y * w + x of each numbered pixel.

    Returns:
        how many there are.
    """
    h, w = nearness.shape
    if box[2] <= box[0] or box[3] <= box[1]:
        return 0
    x0, y0, x1, y1 = max(box[0] - 2, 0), max(box[1] - 2, 0), min(box[2] + 2, w), min(box[3] + 2, h)
    for y in range(y0, y1):
        if y < box[1] or y >= box[3]:
            nearness[y, x0:x1] = 0.0
            owner[y, x0:x1] = -1
        else:
            nearness[y, x0 : box[0]] = 0.0
            nearness[y, box[2] : x1] = 0.0
            owner[y, x0 : box[0]] = -1
            owner[y, box[2] : x1] = -1
    box[0], box[1], box[2], box[3] = x0, y0, x1, y1
    ratio = STEP / np.float32(focal)
    eights = flags.view(np.uint64)
    count = 0
    for y in range(y0, y1):
        row = nearness[y, x0:x1]
        above, below = nearness[max(y - 1, y0), x0:x1], nearness[min(y + 1, y1 - 1), x0:x1]
        _bends(row, above, below, ratio, flags[x0:x1])
        for word in range(bits.shape[1]):
            marks = np.uint64(0)
            for i in range(8):
                # Eight flags of a byte each become eight bits.
                packed = (eights[np.uint64(8 * word + i)] * GATHER) >> np.uint64(56)
                marks |= packed << np.uint64(8 * i)
            bits[y, word], before[y, word] = marks, count
            while marks:
                pixels[count] = y * w + 64 * word + lowest_bit(marks)
                marks &= marks - np.uint64(1)
                count += 1
    flags[x0:x1] = 0
    return count


@nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def edge_number(bits: U64, before: I32, y: int, x: int) -> int:
    """Gives the number of an outline pixel, or -1 where there is none; (y, x) must lie in the part's box."""
    row, word = np.uint64(y), np.uint64(x) >> np.uint64(6)
    marks, at = bits[row, word], np.uint64(x) & np.uint64(63)
    if not (marks >> at) & np.uint64(1):
        return -1
    return int(before[row, word] + count_bits(marks & ((np.uint64(1) << at) - np.uint64(1))))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _bends(row: F32, above: F32, below: F32, ratio: np.float32, flags: U8) -> None:
    """Flags where the depth bends too sharply for one surface; a mask's edge is the sharpest bend."""
    n = row.shape[0]
    middle, left, right, up, down = row[1 : n - 1], row[: n - 2], row[2:], above[1 : n - 1], below[1 : n - 1]
    inner = flags[1:]
    for i in range(n - 2):
        twice = middle[i] + middle[i]
        across = abs(left[i] + right[i] - twice)
        along = abs(up[i] + down[i] - twice)
        bend = across if across > along else along
        side = left[i] if left[i] > right[i] else right[i]
        end = up[i] if up[i] > down[i] else down[i]
        most = side if side > end else end
        most = most if most > middle[i] else middle[i]
        inner[i] = np.uint8(bend > ratio * most)
    for i in (0, n - 1):
        flags[i] = np.uint8(
            abs(above[i] + below[i] - row[i] - row[i]) > ratio * max(row[i], above[i], below[i])
        )


@nb.njit(cache=True, nogil=True, error_model="numpy")
def keep_edges(
    nearness: F32,
    focal: float,
    box: I32,
    bits: U64,
    before: I32,
    pixels: I32,
    n_edges: int,
    keys4: I64,
    near4: F32,
    owner4: I32,
) -> int:
    """Drops the pixels that turn out to lie on one surface, or outside, in all samples; renumbers the others.

    Args:
        nearness: (h, w) 1 / z at centres.
        focal: focal length [px].
        box: (4,) of the part.
        bits: (h, words) updated.
        before: (h, words) updated.
        pixels: (N,) updated.
        n_edges: how many are numbered.
        keys4: (N, 4) of ``sample_edges``.
        near4: (N, 4) gives 1 / z at the samples, 0 where the part is not.
        owner4: (N, 4) gives the face at the samples.

    Returns:
        how many are left.
    """
    if not n_edges:
        return 0
    w = nearness.shape[1]
    ratio = STEP / np.float32(focal)
    unit = np.float32(1.0 / DEPTH_SCALE)
    kept, e = 0, 0
    for y in range(box[1], box[3]):
        for word in range(bits.shape[1]):
            marks = bits[y, word]
            stay = marks
            before[y, word] = kept
            while marks:
                bit = marks & (~marks + np.uint64(1))
                marks ^= bit
                place = pixels[e]
                centre = nearness[y, place - y * w]
                k0, k1, k2, k3 = keys4[e, 0], keys4[e, 1], keys4[e, 2], keys4[e, 3]
                n0, n1 = np.float32(k0 >> FACE_BITS) * unit, np.float32(k1 >> FACE_BITS) * unit
                n2, n3 = np.float32(k2 >> FACE_BITS) * unit, np.float32(k3 >> FACE_BITS) * unit
                most = max(max(max(n0, n1), max(n2, n3)), centre)
                least = min(min(min(n0, n1), min(n2, n3)), centre)
                # Written in any case: no branch to guess.
                pixels[kept] = place
                near4[kept, 0], near4[kept, 1], near4[kept, 2], near4[kept, 3] = n0, n1, n2, n3
                owner4[kept, 0], owner4[kept, 1] = np.int32(k0 & FACE_MASK), np.int32(k1 & FACE_MASK)
                owner4[kept, 2], owner4[kept, 3] = np.int32(k2 & FACE_MASK), np.int32(k3 & FACE_MASK)
                keep = most - least > ratio * most
                kept += int(keep)
                stay ^= np.uint64(0) if keep else bit
                e += 1
            bits[y, word] = stay
    return kept
