"""Pictures and id maps from layers, by depth at each sample (numba)."""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.synth.raster_edges import edge_number
from handbench.synth.raster_scan import F32, I32

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I8 = npt.NDArray[np.int8]

# In a map of which part each pixel shows: none, or several, sample by sample
# (yet to be done, or done).
NONE, MIXED, DONE = -1, -2, -3

# Pixels between the nodes of the background's map of shadows.
CELL = 8
# How far each channel of a cell's pixels is from the cell's left node.
RAMP = np.repeat(np.arange(CELL, dtype=np.float32) / CELL, 3).astype(np.float32)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def nearest_ids(nearness: F32, boxes: I32, chosen: I32, best: F32, ids: I8) -> None:
    """Gives the nearest chosen part at each pixel centre, -1 where there is none.

    Args:
        nearness: (P, h, w) 1 / z.
        boxes: (P, 4) where each layer is valid.
        chosen: (n,) part indices.
        best: (w,) scratch.
        ids: (h, w) gives the indices.
    """
    ids[:] = -1
    for y in range(ids.shape[0]):
        started = False
        for p in chosen:
            x0, x1 = boxes[p, 0], boxes[p, 2]
            if y < boxes[p, 1] or y >= boxes[p, 3]:
                continue
            if not started:
                best[:] = 0.0
                started = True
            near, top, out = nearness[p, y, x0:x1], best[x0:x1], ids[y, x0:x1]
            for i in range(near.shape[0]):
                new, old, was = near[i], top[i], out[i]
                out[i] = np.int8(p) if new > old else was
                top[i] = max(new, old)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def shade_background(background: U8, dark: F32, out: U8) -> None:
    """Copies the background, darkened by the coarse map of shadows.

    Args:
        background: (h, w, 3).
        dark: (h // CELL + 2, w // CELL + 2) factors of sRGB numbers at every CELL-th pixel.
        out: (h, w, 3).
    """
    h, w = out.shape[0], out.shape[1]
    plain_above, plain_below = True, True
    above, below = np.empty(w * 3, np.float32), np.empty(w * 3, np.float32)
    for y in range(h):
        k = y // CELL
        if y % CELL == 0:
            for i in range(w * 3):
                above[i] = below[i]
            plain_above = plain_below if y else _widen(dark[0], above)
            plain_below = _widen(dark[k + 1], below)
        source, target = background[y].reshape(w * 3), out[y].reshape(w * 3)
        if plain_above and plain_below:
            # Slice assignment copies byte by byte in numba.
            for i in range(w * 3):
                target[i] = source[i]
            continue
        part = np.float32((y % CELL) / CELL)
        for i in range(w * 3):
            factor = above[i] + (below[i] - above[i]) * part
            target[i] = np.uint8(np.int32(np.float32(source[i]) * factor + np.float32(0.5)))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _widen(nodes: F32, line: F32) -> bool:
    """Interpolates nodes to every channel of a row of pixels; tells whether all are 1 (then it need not)."""
    plain = True
    for c in range(nodes.shape[0]):
        plain = plain and nodes[c] >= np.float32(1.0)
    if plain:
        line[:] = 1.0
        return True
    for c in range(nodes.shape[0] - 1):
        first, rise = nodes[c], nodes[c + 1] - nodes[c]
        part = line[3 * CELL * c : 3 * CELL * (c + 1)]
        for i in range(part.shape[0]):
            part[i] = first + rise * RAMP[i]
    return False


@nb.njit(cache=True, nogil=True, error_model="numpy")
def mark_mixed(
    nearness: F32,
    boxes: I32,
    bits: U64,
    before: I32,
    pixels: I32,
    counts: I32,
    near4: F32,
    chosen: I32,
    ids: I8,
    source: I8,
) -> None:
    """Tells what each pixel of a picture is made from.

    Args:
        nearness: (P, h, w) 1 / z at centres.
        boxes: (P, 4) where each layer is valid.
        bits: (P, h, words) outline pixels.
        before: (P, h, words) how many come before each word.
        pixels: (P, N) y * w + x of each outline pixel.
        counts: (P,) how many.
        near4: (P, N, 4) 1 / z at samples.
        chosen: (n,) part indices.
        ids: (h, w) the nearest of these at centres, or NONE.
        source: (h, w) gives ``ids``, and MIXED where an outline shows.
    """
    h, w = ids.shape
    flat_ids, flat = ids.reshape(h * w), source.reshape(h * w)
    for i in range(h * w):
        flat[i] = flat_ids[i]
    for p in chosen:
        for e in range(counts[p]):
            place = pixels[p, e]
            q = flat_ids[place]
            if q >= 0 and q != p:
                y, x = place // w, place % w
                if edge_number(bits[q], before[q], y, x) < 0:
                    z = nearness[q, y, x]
                    most = max(max(near4[p, e, 0], near4[p, e, 1]), max(near4[p, e, 2], near4[p, e, 3]))
                    if most <= z:
                        continue
            flat[place] = MIXED


@nb.njit(cache=True, nogil=True, error_model="numpy")
def paste_centres(rgb: U32, source: I8, out: U8) -> None:
    """Writes the colours of the pixels that show one part: rgb (P, h, w), source (h, w), out (h, w, 3)."""
    h, w = source.shape
    for y in range(h):
        for x in range(w):
            p = source[y, x]
            if p >= 0:
                c = rgb[np.uint64(p), np.uint64(y), np.uint64(x)]
                out[y, x, 0] = np.uint8(c & np.uint32(255))
                out[y, x, 1] = np.uint8((c >> np.uint32(8)) & np.uint32(255))
                out[y, x, 2] = np.uint8(c >> np.uint32(16))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def paste_edges(
    nearness: F32,
    rgb: U32,
    boxes: I32,
    bits: U64,
    before: I32,
    pixels: I32,
    counts: I32,
    near4: F32,
    rgb4: U32,
    chosen: I32,
    source: I8,
    out: U8,
) -> None:
    """Recomposes the MIXED pixels from four samples each, averaged as squares (close to linear light).

    Args:
        nearness, boxes, bits, before, pixels, counts, near4, chosen: see ``mark_mixed``.
        rgb: (P, h, w) packed colours at centres.
        rgb4: (P, N, 4) packed colours at samples.
        source: (h, w) of ``mark_mixed``; done pixels become DONE.
        out: (h, w, 3) holds the background with its shadows; updated.
    """
    w = out.shape[1]
    best, color = np.empty(4, np.float32), np.empty(4, np.uint32)
    for j in range(chosen.shape[0]):
        for e in range(counts[chosen[j]]):
            place = pixels[chosen[j], e]
            y, x = place // w, place % w
            if source[y, x] != MIXED:
                continue
            source[y, x] = DONE
            back = (
                np.uint32(out[y, x, 0])
                | np.uint32(out[y, x, 1]) << np.uint32(8)
                | np.uint32(out[y, x, 2]) << np.uint32(16)
            )
            for s in range(4):
                best[s] = 0.0
                color[s] = back
            for p in chosen:
                if x < boxes[p, 0] or x >= boxes[p, 2] or y < boxes[p, 1] or y >= boxes[p, 3]:
                    continue
                k = edge_number(bits[p], before[p], y, x)
                if k >= 0:
                    for s in range(4):
                        new, old, ours, theirs = near4[p, k, s], best[s], rgb4[p, k, s], color[s]
                        color[s] = ours if new > old else theirs
                        best[s] = max(new, old)
                else:
                    new, ours = nearness[p, y, x], rgb[p, y, x]
                    for s in range(4):
                        old, theirs = best[s], color[s]
                        color[s] = ours if new > old else theirs
                        best[s] = max(new, old)
            for c in range(3):
                total = np.float32(0.0)
                for s in range(4):
                    part = np.float32((color[s] >> np.uint32(8 * c)) & np.uint32(255))
                    total += part * part
                out[y, x, c] = np.uint8(np.float32(math.sqrt(total * np.float32(0.25))) + np.float32(0.5))
