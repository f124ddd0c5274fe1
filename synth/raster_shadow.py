"""Cast shadows of the first light: one height map a part, merged for whichever parts are shown (numba).

Seen from the light, all parts lie on one grid of texels. Each part's map holds the height (towards the light)
of its surface that faces away from the light, so that a lit surface never shadows itself by accident. Showing
some parts is the maximum of their maps; no triangle is drawn again.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from handbench.synth.raster_scan import EMPTY, F32, F64, I32

# A point this little below the caster is still lit [m].
BIAS = 0.0025


@nb.njit(cache=True, nogil=True, error_model="numpy")
def light_frame(points: F32, basis: F32, placed: F64, bounds: F64) -> float:
    """Turns points into the light's frame and widens the bounds to hold them.

    Args:
        points: (N, 3) camera frame [m].
        basis: (3, 3) rows: two axes across the light, and the direction towards it.
        placed: (N, 3) gives the coordinates along the rows [m].
        bounds: (4,) least and greatest first and second coordinate, updated.

    Returns:
        the mean height [m].
    """
    total = 0.0
    for i in range(points.shape[0]):
        for k in range(3):
            placed[i, k] = (
                basis[k, 0] * points[i, 0] + basis[k, 1] * points[i, 1] + basis[k, 2] * points[i, 2]
            )
        bounds[0] = min(bounds[0], placed[i, 0])
        bounds[1] = max(bounds[1], placed[i, 0])
        bounds[2] = min(bounds[2], placed[i, 1])
        bounds[3] = max(bounds[3], placed[i, 1])
        total += placed[i, 2]
    return float(total / max(points.shape[0], 1))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def merge_heights(heights: F32, boxes: I32, chosen: I32, rows: int, columns: int, merged: F32) -> None:
    """Takes the greatest of the chosen parts' heights, ``EMPTY`` elsewhere."""
    for y in range(rows):
        for x in range(columns):
            merged[y, x] = EMPTY
    for p in chosen:
        for y in range(boxes[p, 1], boxes[p, 3]):
            source = heights[p, y, boxes[p, 0] : boxes[p, 2]]
            target = merged[y, boxes[p, 0] : boxes[p, 2]]
            for x in range(source.shape[0]):
                target[x] = source[x] if source[x] > target[x] else target[x]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def point_shadows(
    placed: F64, normals: F32, direction: F32, merged: F32, rows: int, columns: int, shadow: F32
) -> None:
    """Gives the share of the light that the map keeps from each point, 0 to 1, softened over three texels.

    Args:
        placed: (N, 3) texel coordinates and height [m].
        normals: (N, 3) unit.
        direction: (3,) towards the light.
        merged: (G, G) from ``merge_heights``.
        rows: of the maps in use.
        columns: of the maps in use.
        shadow: (N,) gives the shares.
    """
    for i in range(placed.shape[0]):
        facing = normals[i, 0] * direction[0] + normals[i, 1] * direction[1] + normals[i, 2] * direction[2]
        # Points that look away lie on the map's own surface; what reaches them is light bent around skin.
        weight = min(max(facing * np.float32(8.0) + np.float32(0.5), np.float32(0.0)), np.float32(1.0))
        shadow[i] = np.float32(0.0)
        if weight <= np.float32(0.0):
            continue
        # Four taps a side with weights that slide with the point: a tent, without steps.
        x, y = placed[i, 0] - 1.0, placed[i, 1] - 1.0
        ix, iy = math.floor(x), math.floor(y)
        fx, fy = np.float32(x - ix), np.float32(y - iy)
        limit = np.float32(placed[i, 2] + BIAS)
        total = np.float32(0.0)
        for dy in range(4):
            yy = iy + dy
            if yy < 0 or yy >= rows:
                continue
            wy = np.float32(1.0) - fy if dy == 0 else (fy if dy == 3 else np.float32(1.0))
            for dx in range(4):
                xx = ix + dx
                if 0 <= xx < columns and merged[yy, xx] > limit:
                    wx = np.float32(1.0) - fx if dx == 0 else (fx if dx == 3 else np.float32(1.0))
                    total += wx * wy
        shadow[i] = total * weight / np.float32(9.0)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def spread_cover(merged: F32, rows: int, columns: int, reach: int, spare: F32, cover: F32) -> None:
    """Computes how much of the light each pair of texels keeps from what lies far behind.

    Args:
        merged: (G, G) from ``merge_heights``.
        rows: of the maps in use.
        columns: of the maps in use.
        reach: half the width of the penumbra [pairs of texels].
        spare: (G / 2, G / 2) scratch.
        cover: (G / 2, G / 2) gives the shares.
    """
    high, wide = rows // 2, columns // 2
    for y in range(high):
        for x in range(wide):
            total = np.float32(0.0)
            for dy in range(2):
                for dx in range(2):
                    total += np.float32(0.25) if merged[2 * y + dy, 2 * x + dx] > EMPTY else np.float32(0.0)
            cover[y, x] = total
    _blur_rows(cover, high, wide, reach, spare)
    _blur_rows(spare, wide, high, reach, cover)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def plane_shadow(cover: F32, rows: int, columns: int, warp: F64, depth: float, cell: int, dark: F32) -> None:
    """Computes the shadow on the background plane, at every ``cell``-th pixel.

    Args:
        cover: (G / 2, G / 2) of ``spread_cover``.
        rows: of the maps in use.
        columns: of the maps in use.
        warp: (2, 3) takes (x, y, 1) [px of the picture] on the plane to texels.
        depth: share of the background's light (sRGB number, power law) that a full shadow takes.
        cell: pixels between nodes.
        dark: (rows, columns) gives the factors of sRGB numbers.
    """
    high, wide = rows // 2, columns // 2
    for j in range(dark.shape[0]):
        for i in range(dark.shape[1]):
            px, py = float(cell * i), float(cell * j)
            u = (warp[0, 0] * px + warp[0, 1] * py + warp[0, 2]) * 0.5 - 0.25
            v = (warp[1, 0] * px + warp[1, 1] * py + warp[1, 2]) * 0.5 - 0.25
            if not (0.0 <= u < wide - 1 and 0.0 <= v < high - 1):
                dark[j, i] = np.float32(1.0)
                continue
            x, y = int(u), int(v)
            fx, fy = np.float32(u - x), np.float32(v - y)
            top = cover[y, x] + (cover[y, x + 1] - cover[y, x]) * fx
            low = cover[y + 1, x] + (cover[y + 1, x + 1] - cover[y + 1, x]) * fx
            dark[j, i] = np.float32(1.0) - np.float32(depth) * (top + (low - top) * fy)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _blur_rows(source: F32, rows: int, n: int, reach: int, target: F32) -> None:
    """Blurs each row twice with a box of 2 reach + 1, and writes the result transposed."""
    scale = np.float32(1.0 / (2 * reach + 1))
    once = np.empty(n, np.float32)
    for y in range(rows):
        row = source[y]
        total = np.float32(0.0)
        for x in range(min(reach, n)):
            total += row[x]
        for x in range(n):
            if x + reach < n:
                total += row[x + reach]
            once[x] = total * scale
            if x >= reach:
                total -= row[x - reach]
        total = np.float32(0.0)
        for x in range(min(reach, n)):
            total += once[x]
        for x in range(n):
            if x + reach < n:
                total += once[x + reach]
            target[x, y] = total * scale
            if x >= reach:
                total -= once[x - reach]
