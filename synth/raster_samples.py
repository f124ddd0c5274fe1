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

ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _window(bits: U64, y: int, x: int) -> np.uint64:
    """Gives the marks of the 64 pixels from (y, x) on; a row ends with a word that is 0."""
    row, word, shift = np.uint64(y), np.uint64(x) >> np.uint64(6), np.uint64(x) & np.uint64(63)
    # Two shifts: one by 64 is not defined.
    rest = (bits[row, word + np.uint64(1)] << np.uint64(1)) << (np.uint64(63) - shift)
    return np.uint64((bits[row, word] >> shift) | rest)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def list_marked(screen: F64, faces: I32, drawn: I32, n_drawn: int, width: int, bits: U64, listed: I32) -> int:
    """Lists in ``listed`` (F,) the drawn faces whose box holds a marked pixel; gives their number."""
    h = bits.shape[0]
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
        if x1 < x0:
            continue
        found = np.uint64(0)
        for y in range(y0, y1 + 1):
            found |= _window(bits, y, x0)
        span = x1 - x0
        inside = ALL >> np.uint64(63 - span) if span < 64 else ALL
        listed[count] = f
        count += int((found & inside) != np.uint64(0)) | int(span >= 64)
    return count


@nb.njit(cache=True, nogil=True, error_model="numpy")
def sample_edges(
    screen: F64,
    faces: I32,
    listed: I32,
    n_listed: int,
    width: int,
    bits: U64,
    before: I32,
    n_edges: int,
    keys4: I64,
) -> None:
    """Finds the nearest face at each sample of each numbered pixel.

    Args:
        screen: (V, 3) x, y, 1 / z.
        faces: (F, 3).
        listed: (F,) of ``list_marked``.
        n_listed: how many count.
        width: of the picture.
        bits: (h, words) the numbered pixels as bits.
        before: (h, words) how many come before each word.
        n_edges: how many pixels are numbered.
        keys4: (N, 4) gives depth and face as ``scan_triangle`` does, 0 where the part is not.
    """
    h = bits.shape[0]
    for e in range(n_edges):
        for s in range(4):
            keys4[e, s] = 0
    for i in range(n_listed):
        f = listed[i]
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        xa, ya = screen[a, 0], screen[a, 1]
        xb, yb = screen[b, 0], screen[b, 1]
        xc, yc = screen[c, 0], screen[c, 1]
        x0, x1 = (
            max(math.ceil(min(xa, xb, xc) - REACH), 0),
            min(math.floor(max(xa, xb, xc) + REACH), width - 1),
        )
        y0, y1 = max(math.ceil(min(ya, yb, yc) - REACH), 0), min(math.floor(max(ya, yb, yc) + REACH), h - 1)
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        sign = 1.0 if area > 0.0 else -1.0
        # Each edge function changes only its sign when the edge is walked the other way, so no sample falls
        # into a crack between two faces.
        ax, ay, a0 = sign * (yb - yc), sign * (xc - xb), sign * (xb * yc - xc * yb)
        bx, by, b0 = sign * (yc - ya), sign * (xa - xc), sign * (xc * ya - xa * yc)
        cx, cy, c0 = sign * (ya - yb), sign * (xb - xa), sign * (xa * yb - xb * ya)
        inv = DEPTH_SCALE / abs(area)
        za, zb, zc = screen[a, 2] * inv, screen[b, 2] * inv, screen[c, 2] * inv
        reach_a, reach_b, reach_c = (
            -REACH * (abs(ax) + abs(ay)),
            -REACH * (abs(bx) + abs(by)),
            -REACH * (abs(cx) + abs(cy)),
        )
        ia, ib, ic = 1.0 / ax, 1.0 / bx, 1.0 / cx
        for y in range(y0, y1 + 1):
            ra, rb, rc = ay * y + a0, by * y + b0, cy * y + c0
            # The columns whose samples may lie inside: within reach of all three edges.
            ea, eb, ec = (reach_a - ra) * ia, (reach_b - rb) * ib, (reach_c - rc) * ic
            low = max(ea if ax > 0.0 else -1e9, eb if bx > 0.0 else -1e9, ec if cx > 0.0 else -1e9)
            high = min(ea if ax < 0.0 else 1e9, eb if bx < 0.0 else 1e9, ec if cx < 0.0 else 1e9)
            first, last = math.ceil(max(low, float(x0))), math.floor(min(high, float(x1)))
            while first <= last:
                marks = _window(bits, y, first)
                span = last - first
                marks &= ALL >> np.uint64(63 - span) if span < 64 else ALL
                while marks:
                    x = first + lowest_bit(marks)
                    marks &= marks - np.uint64(1)
                    word, at = np.uint64(x) >> np.uint64(6), np.uint64(x) & np.uint64(63)
                    earlier = bits[np.uint64(y), word] & ((np.uint64(1) << at) - np.uint64(1))
                    k = np.uint64(before[np.uint64(y), word]) + np.uint64(count_bits(earlier))
                    wa, wb, wc = ax * x + ra, bx * x + rb, cx * x + rc
                    # All is read before anything is written, so that the four are done as one vector.
                    k0, k1, k2, k3 = keys4[k, 0], keys4[k, 1], keys4[k, 2], keys4[k, 3]
                    z0 = _at(wa, wb, wc, ax, ay, bx, by, cx, cy, za, zb, zc, SAMPLE_X[0], SAMPLE_Y[0])
                    z1 = _at(wa, wb, wc, ax, ay, bx, by, cx, cy, za, zb, zc, SAMPLE_X[1], SAMPLE_Y[1])
                    z2 = _at(wa, wb, wc, ax, ay, bx, by, cx, cy, za, zb, zc, SAMPLE_X[2], SAMPLE_Y[2])
                    z3 = _at(wa, wb, wc, ax, ay, bx, by, cx, cy, za, zb, zc, SAMPLE_X[3], SAMPLE_Y[3])
                    keys4[k, 0], keys4[k, 1] = max((z0 << FACE_BITS) | f, k0), max((z1 << FACE_BITS) | f, k1)
                    keys4[k, 2], keys4[k, 3] = max((z2 << FACE_BITS) | f, k2), max((z3 << FACE_BITS) | f, k3)
                first += 64


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
) -> np.int64:
    """Gives a face's 1 / z at one sample of a pixel, in steps of a key; 0 where it is not.

    Args:
        wa, wb, wc: its edge functions at the pixel's centre; ax to cy their slopes.
        za, zb, zc: 1 / z of the corners over the face's area, in these steps.
        dx, dy: the sample's place in the pixel.
    """
    ea, eb, ec = wa + (ax * dx + ay * dy), wb + (bx * dx + by * dy), wc + (cx * dx + cy * dy)
    inside = (ea >= 0.0) & (eb >= 0.0) & (ec >= 0.0)
    return np.int64(ea * za + eb * zb + ec * zc if inside else 0.0)
