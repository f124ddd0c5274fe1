"""Colours of a part's pixels from its texture or vertex colours and the light at its vertices (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.synth.raster_edges import SAMPLE_X, SAMPLE_Y
from handbench.synth.raster_scan import F32, F64, I32

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]


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
    """Prepares the perspective-correct interpolation on each drawn face.

    Seven quantities divided by z are planes on the screen: 1, u, v, R, G, B and the highlight.

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
    value = np.empty((3, 7), np.float64)
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
                tint = 255.0 if textured else float(colors[faces[f, 0] if flat else vertex, c])
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
        for q in range(7):
            p, r = value[1, q] - value[0, q], value[2, q] - value[0, q]
            planes[f, q] = value[0, q]
            planes[f, 8 + q] = (p * vy - r * uy) * det
            planes[f, 16 + q] = (r * ux - p * vx) * det
        planes[f, 7] = screen[a, 0]
        planes[f, 15] = screen[a, 1]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def texel(texture: U8, u: np.float32, v: np.float32) -> tuple[np.float32, np.float32, np.float32]:
    """Reads a texture bilinearly at (u, v) [px, integer centres]; R, G, B from 0 to 1."""
    last_x, last_y = texture.shape[1] - 2, texture.shape[0] - 2
    # Weights of 10 bits for the pair of texels a side: three channels travel in one 64-bit integer.
    iu = max(int(u * np.float32(64.0)), 0)
    iv = max(int(v * np.float32(64.0)), 0)
    x, y = min(iu >> 6, last_x), min(iv >> 6, last_y)
    fx, fy = np.uint64(min(iu - (x << 6), 64)), np.uint64(min(iv - (y << 6), 64))
    gx, gy = np.uint64(64) - fx, np.uint64(64) - fy
    row, below = texture[y], texture[y + 1]
    t00 = np.uint64(row[x, 0]) | np.uint64(row[x, 1]) << np.uint64(21) | np.uint64(row[x, 2]) << np.uint64(42)
    t10 = (
        np.uint64(row[x + 1, 0])
        | np.uint64(row[x + 1, 1]) << np.uint64(21)
        | np.uint64(row[x + 1, 2]) << np.uint64(42)
    )
    t01 = (
        np.uint64(below[x, 0])
        | np.uint64(below[x, 1]) << np.uint64(21)
        | np.uint64(below[x, 2]) << np.uint64(42)
    )
    t11 = (
        np.uint64(below[x + 1, 0])
        | np.uint64(below[x + 1, 1]) << np.uint64(21)
        | np.uint64(below[x + 1, 2]) << np.uint64(42)
    )
    mixed = (t00 * gx + t10 * fx) * gy + (t01 * gx + t11 * fx) * fy
    scale = np.float32(1.0 / (255.0 * 4096.0))
    low = np.uint64(0x1FFFFF)
    r = np.float32(np.int32(mixed & low)) * scale
    g = np.float32(np.int32((mixed >> np.uint64(21)) & low)) * scale
    b = np.float32(np.int32(mixed >> np.uint64(42))) * scale
    return r, g, b


@nb.njit(cache=True, nogil=True, error_model="numpy")
def pack(r: np.float32, g: np.float32, b: np.float32, shine: np.float32) -> np.uint32:
    """Adds the highlight and packs sRGB numbers (0 to 255) into one integer."""
    top = np.float32(255.0)
    half = np.float32(0.5)
    r = min(r, top)
    g = min(g, top)
    b = min(b, top)
    r += (top - r) * shine
    g += (top - g) * shine
    b += (top - b) * shine
    return np.uint32(np.int32(r + half) | np.int32(g + half) << 8 | np.int32(b + half) << 16)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def color_at(plane: F32, texture: U8, textured: bool, x: np.float32, y: np.float32) -> np.uint32:
    """Computes the colour of one face at one place on the screen."""
    dx, dy = x - plane[7], y - plane[15]
    z = np.float32(1.0) / (plane[0] + plane[8] * dx + plane[16] * dy)
    r = (plane[3] + plane[11] * dx + plane[19] * dy) * z
    g = (plane[4] + plane[12] * dx + plane[20] * dy) * z
    b = (plane[5] + plane[13] * dx + plane[21] * dy) * z
    shine = (plane[6] + plane[14] * dx + plane[22] * dy) * z
    if textured:
        u = (plane[1] + plane[9] * dx + plane[17] * dy) * z
        v = (plane[2] + plane[10] * dx + plane[18] * dy) * z
        tr, tg, tb = texel(texture, u, v)
        return pack(r * tr, g * tg, b * tb, shine)
    return pack(r, g, b, shine)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def shade_pixels(
    planes: F32, texture: U8, textured: bool, stale: U8, box: I32, nearness: F32, owner: I32, rgb: U32
) -> None:
    """Colours the pixel centres that belong to faces marked in ``stale`` (F,)."""
    for y in range(box[1], box[3]):
        near, own, out = nearness[y, box[0] : box[2]], owner[y, box[0] : box[2]], rgb[y, box[0] : box[2]]
        for i in range(near.shape[0]):
            if near[i] > np.float32(0.0) and stale[own[i]]:
                out[i] = color_at(planes[own[i]], texture, textured, np.float32(box[0] + i), np.float32(y))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def shade_samples(
    planes: F32,
    texture: U8,
    textured: bool,
    ratio: float,
    pixels: I32,
    n_edges: int,
    nearness: F32,
    rgb: U32,
    near4: F32,
    owner4: I32,
    rgb4: U32,
) -> None:
    """Colours the samples of outline pixels, once for each surface in the pixel.

    A sample takes the colour at the pixel's centre, or of an earlier sample, when their depths differ by less
    than ``ratio`` of their nearness, and its own otherwise.
    """
    w = nearness.shape[1]
    for e in range(n_edges):
        y, x = pixels[e] // w, pixels[e] % w
        centre = nearness[y, x]
        for s in range(4):
            z = near4[e, s]
            if z <= np.float32(0.0):
                continue
            close = np.float32(ratio) * z
            if abs(z - centre) < close:
                rgb4[e, s] = rgb[y, x]
                continue
            found = False
            for t in range(s):
                if abs(near4[e, t] - z) < close:
                    rgb4[e, s] = rgb4[e, t]
                    found = True
                    break
            if not found:
                px, py = np.float32(x + SAMPLE_X[s]), np.float32(y + SAMPLE_Y[s])
                rgb4[e, s] = color_at(planes[owner4[e, s]], texture, textured, px, py)
