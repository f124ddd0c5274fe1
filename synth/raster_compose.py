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

CELL = 4


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
                out[i] = np.int8(p) if near[i] > top[i] else out[i]
                top[i] = near[i] if near[i] > top[i] else top[i]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def shade_background(background: U8, dark: F32, out: U8) -> None:
    """Copies the background, darkened by the coarse map of shadows.

    Args:
        background: (h, w, 3).
        dark: (h / CELL + 2, w / CELL + 2) factors of sRGB numbers at every CELL-th pixel.
        out: (h, w, 3).
    """
    h, w = out.shape[0], out.shape[1]
    cells = dark.shape[1]
    line = np.empty(cells, np.float32)
    wide = np.empty((cells - 1) * CELL * 3, np.float32)
    for y in range(h):
        k, part = y // CELL, np.float32((y % CELL) / CELL)
        least = np.float32(1.0)
        for c in range(cells):
            line[c] = dark[k, c] + (dark[k + 1, c] - dark[k, c]) * part
            least = line[c] if line[c] < least else least
        source = background[y].reshape(w * 3)
        target = out[y].reshape(w * 3)
        if least >= np.float32(1.0):
            target[:] = source
            continue
        for c in range(cells - 1):
            for s in range(CELL):
                value = line[c] + (line[c + 1] - line[c]) * np.float32(s / CELL)
                at = (c * CELL + s) * 3
                wide[at] = value
                wide[at + 1] = value
                wide[at + 2] = value
        for i in range(w * 3):
            target[i] = np.uint8(np.int32(np.float32(source[i]) * wide[i] + np.float32(0.5)))


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
        best[low:high] = 0.0
        edge[low:high] = 0
        for p in chosen:
            x0, x1 = boxes[p, 0], boxes[p, 2]
            if y < boxes[p, 1] or y >= boxes[p, 3]:
                continue
            near, source, mark = nearness[p, y, x0:x1], rgb[p, y, x0:x1], slot[p, y, x0:x1]
            top, target, done = best[x0:x1], color[x0:x1], edge[x0:x1]
            for i in range(near.shape[0]):
                nearer = near[i] > top[i]
                target[i] = source[i] if nearer else target[i]
                top[i] = near[i] if nearer else top[i]
                done[i] = done[i] | np.uint8(mark[i] >= 0)
        for x in range(low, high):
            if best[x] > np.float32(0.0) and edge[x] == 0:
                c = color[x]
                out[y, x, 0] = c & np.uint32(255)
                out[y, x, 1] = (c >> np.uint32(8)) & np.uint32(255)
                out[y, x, 2] = c >> np.uint32(16)


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
    n = chosen.shape[0]
    for j in range(n):
        for e in range(counts[chosen[j]]):
            place = pixels[chosen[j], e]
            y, x = place // w, place % w
            done = False
            for i in range(j):
                p = chosen[i]
                if boxes[p, 0] <= x < boxes[p, 2] and boxes[p, 1] <= y < boxes[p, 3] and slot[p, y, x] >= 0:
                    done = True
            if done:
                continue
            r, g, b = np.int64(0), np.int64(0), np.int64(0)
            back = (
                np.uint32(out[y, x, 0])
                | np.uint32(out[y, x, 1]) << np.uint32(8)
                | np.uint32(out[y, x, 2]) << np.uint32(16)
            )
            for s in range(4):
                c = back
                best = np.float32(0.0)
                for i in range(n):
                    p = chosen[i]
                    if not (boxes[p, 0] <= x < boxes[p, 2] and boxes[p, 1] <= y < boxes[p, 3]):
                        continue
                    k = slot[p, y, x]
                    z = near4[p, k, s] if k >= 0 else nearness[p, y, x]
                    if z > best:
                        best = z
                        c = rgb4[p, k, s] if k >= 0 else rgb[p, y, x]
                cr, cg, cb = np.int64(c & 255), np.int64((c >> 8) & 255), np.int64((c >> 16) & 255)
                r += cr * cr
                g += cg * cg
                b += cb * cb
            out[y, x, 0] = np.uint8(math.sqrt(r * 0.25) + 0.5)
            out[y, x, 1] = np.uint8(math.sqrt(g * 0.25) + 0.5)
            out[y, x, 2] = np.uint8(math.sqrt(b * 0.25) + 0.5)
