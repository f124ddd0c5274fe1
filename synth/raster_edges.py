"""Sub-pixel coverage where it matters: four depth samples at the pixels on a part's outlines (numba).

Inside a surface one sample at the pixel's centre is enough. Pixels at the outline, and at steps in depth
within the part (a finger before the palm), get four samples on a rotated grid, each with its nearest face.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.synth.raster_bits import lowest_bit
from handbench.synth.raster_scan import F32, F64, I32

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]

# A rotated grid: four columns and four rows, each with one sample.
SAMPLE_X = (-0.125, 0.375, 0.125, -0.375)
SAMPLE_Y = (-0.375, -0.125, 0.375, 0.125)
REACH = 0.375

ALL = np.uint64(0xFFFFFFFFFFFFFFFF)

# A bend of the depth by more than this many pixel footprints within a pixel is a step between two surfaces.
STEP = np.float32(3.0)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def find_edges(
    nearness: F32, owner: I32, focal: float, box: I32, flags: U8, slot: I32, bits: U64, pixels: I32
) -> int:
    """Numbers the pixels that need sub-samples.

    Args:
        nearness: (h, w) 1 / z, set to 0 in the ring by which the box grows.
        owner: (h, w) face index, set to -1 there.
        focal: focal length [px].
        box: (4,) of ``draw_faces``; grown by two pixels here.
        flags: (w,) scratch.
        slot: (h, w) gives each pixel's number, or -1; written inside the grown box.
        bits: (h, words) gives the numbered pixels as bits, 64 a word.
        pixels: (N,) gives y * w + x of each numbered pixel.

    Returns:
        how many there are.
    """
    h, w = nearness.shape
    if box[2] <= box[0] or box[3] <= box[1]:
        return 0
    x0, y0, x1, y1 = max(box[0] - 2, 0), max(box[1] - 2, 0), min(box[2] + 2, w), min(box[3] + 2, h)
    for y in range(y0, y1):
        line = slot[y, x0:x1]
        for x in range(line.shape[0]):
            line[x] = -1
        if y < box[1] or y >= box[3]:
            nearness[y, x0:x1] = 0.0
            owner[y, x0:x1] = -1
        else:
            nearness[y, x0 : box[0]] = 0.0
            nearness[y, box[2] : x1] = 0.0
            owner[y, x0 : box[0]] = -1
            owner[y, box[2] : x1] = -1
    box[0], box[1], box[2], box[3] = x0, y0, x1, y1
    count = 0
    ratio = STEP / np.float32(focal)
    n = x1 - x0
    for y in range(y0, y1):
        row = nearness[y, x0:x1]
        _bends(row, nearness[max(y - 1, y0), x0:x1], nearness[min(y + 1, y1 - 1), x0:x1], ratio, flags)
        line = slot[y, x0:x1]
        bits[y] = np.uint64(0)
        for x in range(n):
            if flags[x]:
                at = np.uint64(x0 + x)
                bits[y, at >> np.uint64(6)] |= np.uint64(1) << (at & np.uint64(63))
                line[x] = count
                pixels[count] = y * w + x0 + x
                count += 1
    return count


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
def sample_edges(
    screen: F64,
    faces: I32,
    drawn: I32,
    n_drawn: int,
    slot: I32,
    bits: U64,
    n_edges: int,
    near4: F32,
    owner4: I32,
) -> None:
    """Finds the nearest face at each sample of each numbered pixel.

    Args:
        screen: (V, 3) x, y, 1 / z.
        faces: (F, 3).
        drawn: (F,) the ``n_drawn`` faces to look at.
        n_drawn: their number.
        slot: (h, w) number of each pixel, or -1, valid in the part's grown box.
        bits: (h, words) the numbered pixels as bits.
        n_edges: how many pixels are numbered.
        near4: (N, 4) gives 1 / z at the samples, 0 where the part is not.
        owner4: (N, 4) gives the face index.
    """
    h, w = slot.shape
    for e in range(n_edges):
        for s in range(4):
            near4[e, s] = 0.0
    for i in range(n_drawn):
        f = drawn[i]
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        xa, ya, xb, yb, xc, yc = (
            screen[a, 0],
            screen[a, 1],
            screen[b, 0],
            screen[b, 1],
            screen[c, 0],
            screen[c, 1],
        )
        x0 = max(math.ceil(min(xa, xb, xc) - REACH), 0)
        x1 = min(math.floor(max(xa, xb, xc) + REACH), w - 1)
        y0 = max(math.ceil(min(ya, yb, yc) - REACH), 0)
        y1 = min(math.floor(max(ya, yb, yc) + REACH), h - 1)
        if x1 < x0 or y1 < y0:
            continue
        sign = 1.0 if (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya) > 0.0 else -1.0
        # Each edge function changes only its sign when the edge is walked the other way, so no sample falls
        # into a crack between two faces.
        ax, ay, a0 = sign * (yb - yc), sign * (xc - xb), sign * (xb * yc - xc * yb)
        bx, by, b0 = sign * (yc - ya), sign * (xa - xc), sign * (xc * ya - xa * yc)
        cx, cy, c0 = sign * (ya - yb), sign * (xb - xa), sign * (xa * yb - xb * ya)
        inv = 1.0 / abs((xb - xa) * (yc - ya) - (xc - xa) * (yb - ya))
        za, zb, zc = screen[a, 2] * inv, screen[b, 2] * inv, screen[c, 2] * inv
        reach_a, reach_b, reach_c = (
            -REACH * (abs(ax) + abs(ay)),
            -REACH * (abs(bx) + abs(by)),
            -REACH * (abs(cx) + abs(cy)),
        )
        ia, ib, ic = 1.0 / ax, 1.0 / bx, 1.0 / cx
        for y in range(y0, y1 + 1):
            ra, rb, rc = ay * y + a0, by * y + b0, cy * y + c0
            for word in range(x0 >> 6, (x1 >> 6) + 1):
                marks = bits[np.uint64(y), np.uint64(word)]
                left = word << 6
                if left < x0:
                    marks &= ALL << np.uint64(x0 - left)
                if left + 63 > x1:
                    marks &= ALL >> np.uint64(left + 63 - x1)
                if not marks:
                    continue
                # Of these, the columns whose samples may lie inside: within reach of all three edges.
                ea, eb, ec = (reach_a - ra) * ia, (reach_b - rb) * ib, (reach_c - rc) * ic
                low = max(ea if ax > 0.0 else -1e9, eb if bx > 0.0 else -1e9, ec if cx > 0.0 else -1e9)
                high = min(ea if ax < 0.0 else 1e9, eb if bx < 0.0 else 1e9, ec if cx < 0.0 else 1e9)
                first, last = max(math.ceil(low), left), min(math.floor(high), left + 63)
                if first > last:
                    continue
                marks &= (ALL << np.uint64(first - left)) & (ALL >> np.uint64(left + 63 - last))
                while marks:
                    x = left + lowest_bit(marks)
                    marks &= marks - np.uint64(1)
                    k = np.uint64(slot[np.uint64(y), np.uint64(x)])
                    wa, wb, wc = ax * x + ra, bx * x + rb, cx * x + rc
                    # All is read before anything is written, so that the four are done as one vector.
                    n0, n1, n2, n3 = near4[k, 0], near4[k, 1], near4[k, 2], near4[k, 3]
                    o0, o1, o2, o3 = owner4[k, 0], owner4[k, 1], owner4[k, 2], owner4[k, 3]
                    z0 = _at(wa, wb, wc, ax, ay, bx, by, cx, cy, za, zb, zc, SAMPLE_X[0], SAMPLE_Y[0])
                    z1 = _at(wa, wb, wc, ax, ay, bx, by, cx, cy, za, zb, zc, SAMPLE_X[1], SAMPLE_Y[1])
                    z2 = _at(wa, wb, wc, ax, ay, bx, by, cx, cy, za, zb, zc, SAMPLE_X[2], SAMPLE_Y[2])
                    z3 = _at(wa, wb, wc, ax, ay, bx, by, cx, cy, za, zb, zc, SAMPLE_X[3], SAMPLE_Y[3])
                    near4[k, 0], near4[k, 1] = max(z0, n0), max(z1, n1)
                    near4[k, 2], near4[k, 3] = max(z2, n2), max(z3, n3)
                    owner4[k, 0], owner4[k, 1] = f if z0 > n0 else o0, f if z1 > n1 else o1
                    owner4[k, 2], owner4[k, 3] = f if z2 > n2 else o2, f if z3 > n3 else o3


@nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _at(
    wa: float,
    wb: float,
    wc: float,
    ax: float,
    ay: float,
    bx: float,
    by: float,
    cx: float,
    cy: float,
    za: float,
    zb: float,
    zc: float,
    dx: float,
    dy: float,
) -> np.float32:
    """Gives a face's 1 / z at one sample of a pixel, 0 where it is not.

    Args:
        wa, wb, wc: its edge functions at the pixel's centre; ax to cy their slopes.
        za, zb, zc: 1 / z of the corners over the face's area.
        dx, dy: the sample's place in the pixel.
    """
    ea, eb, ec = wa + (ax * dx + ay * dy), wb + (bx * dx + by * dy), wc + (cx * dx + cy * dy)
    inside = (ea >= 0.0) & (eb >= 0.0) & (ec >= 0.0)
    return np.float32(ea * za + eb * zb + ec * zc if inside else 0.0)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def keep_edges(
    nearness: F32, focal: float, slot: I32, pixels: I32, n_edges: int, near4: F32, owner4: I32
) -> int:
    """Drops the pixels that turn out to lie on one surface, or outside, in all samples; renumbers the others.

    Args:
        nearness: (h, w) 1 / z at centres.
        focal: focal length [px].
        slot: (h, w) updated.
        pixels: (N,) updated.
        n_edges: how many are numbered.
        near4: (N, 4) updated.
        owner4: (N, 4) updated.

    Returns:
        how many are left.
    """
    w = nearness.shape[1]
    ratio = STEP / np.float32(focal)
    kept = 0
    for e in range(n_edges):
        place = pixels[e]
        y, x = place // w, place % w
        centre = nearness[y, x]
        most = max(max(near4[e, 0], near4[e, 1]), max(near4[e, 2], near4[e, 3]))
        least = min(min(near4[e, 0], near4[e, 1]), min(near4[e, 2], near4[e, 3]))
        if max(most, centre) - min(least, centre) <= ratio * max(most, centre):
            slot[y, x] = -1
            continue
        slot[y, x] = kept
        pixels[kept] = place
        for s in range(4):
            near4[kept, s] = near4[e, s]
            owner4[kept, s] = owner4[e, s]
        kept += 1
    return kept
