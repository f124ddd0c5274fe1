"""Colours of a part's pixels from its texture or vertex colours and the light at its vertices (numba).

Pixels are done 256 at a time. Runs of pixels on one face write interpolated quantities, four pixels at once;
then all are divided, read from the texture and packed in loops without branches. The buffers are flat arrays
with fixed strides: the compiler then sees that they do not overlap, and uses vectors.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from handbench.synth.raster_buffers import I8, Scratch
from handbench.synth.raster_compose import DONE, MIXED
from handbench.synth.raster_samples import SAMPLE_X, SAMPLE_Y
from handbench.synth.raster_scan import F32, F64, I32
from handbench.synth.raster_texels import CHUNK, QUANTITIES, ROW, RUN, U8, U32, finish


@nb.njit(cache=True, nogil=True, error_model="numpy")
def face_planes(
    screen: F64,
    faces: I32,
    n_smooth: int,
    drawn: I32,
    n_drawn: int,
    stale: U8,
    lit: F32,
    uv: F32,
    colors: U8,
    corner: I32,
    planes: F32,
) -> None:
    """Prepares the perspective-correct interpolation on each drawn face: the quantities over z are planes.

    Args:
        screen: (V, 3) x, y, 1 / z.
        faces: (F, 3).
        n_smooth: faces from here on are flat: they take their own light and one texel.
        drawn: (F,) the first ``n_drawn`` count.
        n_drawn: how many.
        stale: (F,) which faces to prepare.
        lit: (N, 4) of ``apply_shadow``; row V + k belongs to flat face k.
        uv: (F', 3, 2) texture pixels, or (0, 3, 2) for vertex colours.
        colors: (V, 3) sRGB, used without a texture.
        corner: (V,) of ``surface_points``.
        planes: (F, 24) gives value at the first corner, x step, y step of each; slots 7 and 15 hold its x, y.
    """
    textured = uv.shape[0] > 0
    value = np.empty((3, QUANTITIES), np.float64)
    n_vertices = screen.shape[0]
    for i in range(n_drawn):
        f = drawn[i]
        if not stale[f]:
            continue
        flat = f >= n_smooth
        for k in range(3):
            vertex = faces[f, k]
            row = n_vertices + f - n_smooth if flat else vertex
            inv = screen[vertex, 2]
            value[k, 0] = inv
            for c in range(3):
                tint = 1.0 if textured else float(colors[faces[f, 0] if flat else vertex, c]) / 255.0
                value[k, 3 + c] = lit[row, c] * inv * tint
            value[k, 6] = lit[row, 3] * inv
            if textured:
                at = 3 * f + k
                if flat or f >= uv.shape[0]:
                    at = max(corner[faces[f, 0]], 0)
                value[k, 1] = uv[at // 3, at % 3, 0] * inv
                value[k, 2] = uv[at // 3, at % 3, 1] * inv
            else:
                value[k, 1] = 0.0
                value[k, 2] = 0.0
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy = screen[b, 0] - screen[a, 0], screen[b, 1] - screen[a, 1]
        vx, vy = screen[c, 0] - screen[a, 0], screen[c, 1] - screen[a, 1]
        det = 1.0 / (ux * vy - vx * uy)
        for q in range(QUANTITIES):
            p, r = value[1, q] - value[0, q], value[2, q] - value[0, q]
            planes[f, q] = value[0, q]
            planes[f, 8 + q] = (p * vy - r * uy) * det
            planes[f, 16 + q] = (r * ux - p * vx) * det
        planes[f, 7] = screen[a, 0]
        planes[f, 15] = screen[a, 1]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def shade_pixels(
    planes: F32,
    texels: U32,
    width: int,
    height: int,
    stale: U8,
    part: int,
    source: I8,
    shown: I8,
    kept: bool,
    box: I32,
    owner: I32,
    scratch: Scratch,
    rgb: U32,
) -> None:
    """Colours the pixel centres of a part that the picture takes.

    Args:
        planes: (F, 24) of ``face_planes``.
        texels: see ``finish``.
        width: of the texture.
        height: of the texture.
        stale: (F,) faces whose colours no longer hold.
        part: index of the part.
        source: (h, w) of ``mark_mixed``.
        shown: (h, w) the same for the picture before.
        kept: whether the part was in that picture, so that ``rgb`` holds colours there.
        box: (4,) of the part.
        owner: (h, w) face index, -1 where empty.
        scratch: memory.
        rgb: (h, w) updated.
    """
    w = rgb.shape[1]
    flat, numbers = rgb.reshape(rgb.size), planes.reshape(planes.size)
    line, ends, starts, lengths = scratch.line, scratch.ends, scratch.starts, scratch.lengths
    values, ints, packed = scratch.values, scratch.ints, scratch.packed
    count, runs = 0, 0
    for y in range(box[1], box[3]):
        own, now, was = owner[y, box[0] : box[2]], source[y, box[0] : box[2]], shown[y, box[0] : box[2]]
        n = own.shape[0]
        any_face = np.int32(0)
        # Face + 1 where a colour is wanted; negative where it is known as long as the face is not stale.
        for x in range(n):
            wanted = (now[x] == part) | (now[x] == MIXED)
            known = kept & ((was[x] == part) | (was[x] == DONE))
            face = own[x] + np.int32(1)
            face = face if wanted else np.int32(0)
            line[x] = -face if known else face
            any_face |= face
        if any_face == 0:
            continue
        # Ends of runs of one face, found without branches.
        ends[0] = 0
        k = np.uint64(1)
        for x in range(1, n):
            ends[k] = x
            k += np.uint64(line[x] != line[x - 1])
        ends[k] = n
        open_run = False
        for r in range(np.int64(k)):
            start, end = ends[np.uint64(r)], ends[np.uint64(r + 1)]
            f = line[np.uint64(start)]
            if f == 0 or (f < 0 and not stale[np.uint64(-f - 1)]):
                open_run = False
                continue
            f = abs(f) - 1
            while start < end:
                if count == CHUNK:
                    finish(values, ints, texels, width, height, count, packed)
                    _spread(packed, starts, lengths, runs, flat)
                    count, runs, open_run = 0, 0, False
                length = min(end - start, CHUNK - count)
                _interpolate(numbers, 24 * int(f), box[0] + start, y, length, count, values)
                if open_run:
                    lengths[runs - 1] += length
                else:
                    starts[runs] = y * w + box[0] + start
                    lengths[runs] = length
                    runs += 1
                    open_run = True
                count += length
                start += length
    finish(values, ints, texels, width, height, count, packed)
    _spread(packed, starts, lengths, runs, flat)


@nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _interpolate(numbers: F32, face: int, x: int, y: int, length: int, at: int, values: F32) -> None:
    """Writes a face's quantities (its numbers start at ``face``) for a run of pixels, from ``at`` on.

    A pixel's numbers do not depend on where its run starts: a picture must not depend on earlier ones.
    """
    first_number = np.uint64(face)
    dx = np.float32(x) - numbers[first_number + np.uint64(7)]
    dy = np.float32(y) - numbers[first_number + np.uint64(15)]
    for block in range(0, length, RUN):
        for q in range(QUANTITIES):
            base = first_number + np.uint64(q)
            step = numbers[base + np.uint64(8)]
            value = numbers[base] + numbers[base + np.uint64(16)] * dy
            first = np.uint64(q * ROW + at + block)
            for i in range(RUN):
                values[first + np.uint64(i)] = value + step * (dx + np.float32(block + i))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _spread(packed: U32, starts: I32, lengths: I32, runs: int, flat: U32) -> None:
    """Copies the colours of runs to their places in the picture."""
    at = 0
    for k in range(runs):
        n = lengths[k]
        target, source = flat[starts[k] : starts[k] + n], packed[at : at + n]
        for i in range(n):
            target[i] = source[i]
        at += n


@nb.njit(cache=True, nogil=True, error_model="numpy")
def shade_samples(
    planes: F32,
    texels: U32,
    width: int,
    height: int,
    ratio: float,
    stale: U8,
    source: I8,
    pixels: I32,
    n_edges: int,
    nearness: F32,
    owner: I32,
    rgb: U32,
    near4: F32,
    owner4: I32,
    scratch: Scratch,
    rgb4: U32,
    ready: U8,
) -> None:
    """Colours the samples of outline pixels, once for each surface in the pixel.

    A sample takes the colour at the pixel's centre, or of an earlier sample, when their depths differ by less
    than ``ratio`` of their nearness, and its own otherwise.

    Args:
        planes: (F, 24) of ``face_planes``.
        texels: see ``finish``.
        width: of the texture.
        height: of the texture.
        ratio: see above.
        stale: (F,) faces whose colours no longer hold.
        source: (h, w) of ``mark_mixed``; other pixels than MIXED are left out.
        pixels: (N,) y * w + x.
        n_edges: how many count.
        nearness: (h, w) 1 / z at centres.
        owner: (h, w) face at centres, or -1.
        rgb: (h, w) colours at centres.
        near4: (N, 4) 1 / z at samples.
        owner4: (N, 4) face at samples.
        scratch: memory.
        rgb4: (N, 4) gives the colours.
        ready: (N,) which are made; updated.
    """
    w = nearness.shape[1]
    values, packed, wanted, edges = scratch.values, scratch.packed, scratch.wanted, scratch.starts
    chosen, count = 0, 0
    for e in range(n_edges):
        place = pixels[e]
        y, x = place // w, place % w
        if ready[e]:
            changed = owner[y, x] >= 0 and stale[owner[y, x]] != 0
            for s in range(4):
                changed |= near4[e, s] > np.float32(0.0) and stale[owner4[e, s]] != 0
            ready[e] = np.uint8(not changed)
        if ready[e] or source[y, x] != MIXED:
            continue
        if count + 4 > CHUNK or chosen == CHUNK:
            finish(values, scratch.ints, texels, width, height, count, packed)
            _hand_out(edges, chosen, wanted, packed, rgb4)
            chosen, count = 0, 0
        ready[e] = 1
        edges[chosen] = e
        centre = nearness[y, x]
        for s in range(4):
            z = near4[e, s]
            close = np.float32(ratio) * z
            if z <= np.float32(0.0) or abs(z - centre) < close:
                wanted[chosen * 4 + s] = -1
                rgb4[e, s] = rgb[y, x]
                continue
            found = -1
            for t in range(s):
                if found < 0 and abs(near4[e, t] - z) < close:
                    found = wanted[chosen * 4 + t]
            if found < 0:
                plane = planes[owner4[e, s]]
                dx = np.float32(x + SAMPLE_X[s]) - plane[7]
                dy = np.float32(y + SAMPLE_Y[s]) - plane[15]
                for q in range(QUANTITIES):
                    values[q * ROW + count] = plane[q] + plane[8 + q] * dx + plane[16 + q] * dy
                found = count
                count += 1
            wanted[chosen * 4 + s] = found
        chosen += 1
    finish(values, scratch.ints, texels, width, height, count, packed)
    _hand_out(edges, chosen, wanted, packed, rgb4)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _hand_out(edges: I32, count: int, wanted: I32, packed: U32, rgb4: U32) -> None:
    """Copies computed colours to the samples that want them."""
    for i in range(count):
        for s in range(4):
            k = wanted[i * 4 + s]
            if k >= 0:
                rgb4[edges[i], s] = packed[k]
