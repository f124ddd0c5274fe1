"""Pictures and id maps from layers, by depth at each sample (numba)."""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.synth.raster_scan import F32, I32

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I8 = npt.NDArray[np.int8]

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
def paste_centres(
    nearness: F32, rgb: U32, boxes: I32, slot: I32, chosen: I32, best: F32, color: U32, edge: U8, out: U8
) -> None:
    """Puts the nearest chosen part's colour into every covered pixel that ``paste_edges`` has not done."""
    h, w = out.shape[0], out.shape[1]
    for y in range(h):
        low, high = w, 0
        for p in chosen:
            if boxes[p, 1] <= y < boxes[p, 3]:
                low = min(low, boxes[p, 0])
                high = max(high, boxes[p, 2])
        if low >= high:
            continue
        tops, marks = best[low:high], edge[low:high]
        for x in range(high - low):
            tops[x] = 0.0
        for x in range(high - low):
            marks[x] = 0
        for p in chosen:
            x0, x1 = boxes[p, 0], boxes[p, 2]
            if y < boxes[p, 1] or y >= boxes[p, 3]:
                continue
            near, source, mark = nearness[p, y, x0:x1], rgb[p, y, x0:x1], slot[p, y, x0:x1]
            top, target, done = best[x0:x1], color[x0:x1], edge[x0:x1]
            # All is read before anything is written: only then does the compiler use vectors.
            for i in range(near.shape[0]):
                new, old, ours, theirs = near[i], top[i], source[i], target[i]
                target[i] = ours if new > old else theirs
                top[i] = max(new, old)
            for i in range(mark.shape[0]):
                done[i] = done[i] | np.uint8(mark[i] >= 0)
        line, colors = out[y, low:high], color[low:high]
        for x in range(high - low):
            keep = tops[x] <= np.float32(0.0) or marks[x] != 0
            c = colors[x]
            line[x, 0] = line[x, 0] if keep else np.uint8(c & np.uint32(255))
            line[x, 1] = line[x, 1] if keep else np.uint8((c >> np.uint32(8)) & np.uint32(255))
            line[x, 2] = line[x, 2] if keep else np.uint8(c >> np.uint32(16))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def paste_edges(
    nearness: F32,
    rgb: U32,
    boxes: I32,
    slot: I32,
    pixels: I32,
    counts: I32,
    near4: F32,
    rgb4: U32,
    chosen: I32,
    out: U8,
) -> None:
    """Recomposes the pixels on outlines from four samples each, averaged as squares (close to linear light).

    Args:
        nearness: (P, h, w) 1 / z at centres.
        rgb: (P, h, w) packed colours at centres.
        boxes: (P, 4) where each layer is valid.
        slot: (P, h, w) number of each outline pixel, or -1.
        pixels: (P, N) y * w + x of each outline pixel.
        counts: (P,) how many.
        near4: (P, N, 4) 1 / z at samples.
        rgb4: (P, N, 4) packed colours at samples.
        chosen: (n,) part indices.
        out: (h, w, 3) holds the background with its shadows; updated.
    """
    w = out.shape[1]
    best, color = np.empty(4, np.float32), np.empty(4, np.uint32)
    for j in range(chosen.shape[0]):
        for e in range(counts[chosen[j]]):
            place = pixels[chosen[j], e]
            y, x = place // w, place % w
            back = (
                np.uint32(out[y, x, 0])
                | np.uint32(out[y, x, 1]) << np.uint32(8)
                | np.uint32(out[y, x, 2]) << np.uint32(16)
            )
            for s in range(4):
                best[s] = 0.0
                color[s] = back
            done = False
            for i in range(chosen.shape[0]):
                p = chosen[i]
                if x < boxes[p, 0] or x >= boxes[p, 2] or y < boxes[p, 1] or y >= boxes[p, 3]:
                    continue
                k = slot[p, y, x]
                if k >= 0:
                    if i < j:
                        done = True
                        break
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
            if not done:
                for c in range(3):
                    total = np.float32(0.0)
                    for s in range(4):
                        part = np.float32((color[s] >> np.uint32(8 * c)) & np.uint32(255))
                        total += part * part
                    out[y, x, c] = np.uint8(np.float32(math.sqrt(total * np.float32(0.25))) + np.float32(0.5))
