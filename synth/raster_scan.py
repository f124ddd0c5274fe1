"""Scan conversion of triangles at exact sample points, without GL (numba).

Coverage is decided in float64 by where each edge crosses the row of a pixel centre. The crossing is computed
from the edge's upper vertex alone, so two triangles that share an edge find bitwise the same number: the left
one ends before it, the right one starts at it, and a closed mesh has neither cracks nor pixels drawn twice.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

# Triangles that reach this close to the camera, or behind it, are dropped [m].
NEAR = 1e-3

# Height of nothing, in a light map [m].
EMPTY = np.float32(-1e9)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def scan_triangle(
    xa: float,
    ya: float,
    za: float,
    xb: float,
    yb: float,
    zb: float,
    xc: float,
    yc: float,
    zc: float,
    index: int,
    nearness: F32,
    owner: I32,
) -> None:
    """Draws one triangle: where ``z`` exceeds ``nearness`` it wins, and ``owner`` becomes ``index``.

    ``z`` is linear on the screen: 1 / depth in a perspective view, height in a light map.
    """
    if yb < ya:
        xa, ya, za, xb, yb, zb = xb, yb, zb, xa, ya, za
    if yc < ya:
        xa, ya, za, xc, yc, zc = xc, yc, zc, xa, ya, za
    if yc < yb:
        xb, yb, zb, xc, yc, zc = xc, yc, zc, xb, yb, zb
    h, w = nearness.shape
    first = max(math.ceil(ya), 0)
    last = min(math.ceil(yc) - 1, h - 1)
    det = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
    if first > last or det == 0.0:
        return
    inv = 1.0 / det
    gx = ((zb - za) * (yc - ya) - (zc - za) * (yb - ya)) * inv
    gy = ((zc - za) * (xb - xa) - (zb - za) * (xc - xa)) * inv
    low = min(za, zb, zc)
    high = max(za, zb, zc)
    slope_ac = (xc - xa) / (yc - ya)
    slope_ab = (xb - xa) / (yb - ya)
    slope_bc = (xc - xb) / (yc - yb)
    step = np.float32(gx)
    for y in range(first, last + 1):
        left = xa + (y - ya) * slope_ac
        right = xa + (y - ya) * slope_ab if y < yb else xb + (y - yb) * slope_bc
        if left > right:
            left, right = right, left
        start = max(math.ceil(left), 0)
        stop = min(math.ceil(right), w)
        if start < stop:
            z = np.float32(min(max(za + gx * (start - xa) + gy * (y - ya), low), high))
            for x in range(start, stop):
                if z > nearness[y, x]:
                    nearness[y, x] = z
                    owner[y, x] = index
                z += step


@nb.njit(cache=True, nogil=True, error_model="numpy")
def project(vertices: F64, K: F64, screen: F64) -> tuple[bool, bool]:
    """Projects vertices to ``screen`` (V, 3): x, y [px] and 1 / z (0 for those at or behind the near plane).

    Returns:
        whether all vertices are finite, and whether all lie in front of the near plane.
    """
    finite = True
    front = True
    for i in range(vertices.shape[0]):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        if not math.isfinite(x + y + z):
            finite = False
        if z > NEAR:
            inv = 1.0 / z
            screen[i, 0] = (K[0, 0] * x + K[0, 1] * y) * inv + K[0, 2]
            screen[i, 1] = K[1, 1] * y * inv + K[1, 2]
            screen[i, 2] = inv
        else:
            front = False
            screen[i, 2] = 0.0
    return finite, front


@nb.njit(cache=True, nogil=True, error_model="numpy")
def draw_faces(screen: F64, faces: I32, closed: bool, box: I32, nearness: F32, owner: I32, drawn: I32) -> int:
    """Draws a part's faces at pixel centres and lists those that face the camera.

    Args:
        screen: (V, 3) from ``project``.
        faces: (F, 3).
        closed: True when back faces can never be seen.
        box: (4,) gives x0, y0, x1, y1 (exclusive) of the pixels that the part or its edges may touch.
        nearness: (h, w) 1 / z, 0 where empty; written inside the box.
        owner: (h, w) face index, valid where nearness is positive.
        drawn: (F,) gives the drawn faces' indices.

    Returns:
        the number of drawn faces.
    """
    h, w = nearness.shape
    x0, y0, x1, y1 = 1e9, 1e9, -1e9, -1e9
    for i in range(screen.shape[0]):
        if screen[i, 2] > 0.0:
            x0 = min(x0, screen[i, 0])
            x1 = max(x1, screen[i, 0])
            y0 = min(y0, screen[i, 1])
            y1 = max(y1, screen[i, 1])
    box[0] = min(max(math.floor(x0), 0), w)
    box[1] = min(max(math.floor(y0), 0), h)
    box[2] = max(min(math.ceil(x1) + 1, w), box[0])
    box[3] = max(min(math.ceil(y1) + 1, h), box[1])
    for y in range(box[1], box[3]):
        nearness[y, box[0] : box[2]] = 0.0
    count = 0
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        za, zb, zc = screen[a, 2], screen[b, 2], screen[c, 2]
        if za == 0.0 or zb == 0.0 or zc == 0.0:
            continue
        xa, ya, xb, yb, xc, yc = (
            screen[a, 0],
            screen[a, 1],
            screen[b, 0],
            screen[b, 1],
            screen[c, 0],
            screen[c, 1],
        )
        # y points down: a face that is counter-clockwise seen from outside turns clockwise on the screen.
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if area == 0.0 or (closed and area > 0.0):
            continue
        drawn[count] = f
        count += 1
        scan_triangle(xa, ya, za, xb, yb, zb, xc, yc, zc, f, nearness, owner)
    return count


@nb.njit(cache=True, nogil=True, error_model="numpy")
def draw_heights(
    placed: F64,
    origin_x: float,
    origin_y: float,
    texel: float,
    faces: I32,
    heights: F32,
    owner: I32,
    box: I32,
) -> None:
    """Draws the faces that look away from the light into the part's height map.

    Args:
        placed: (N, 3) of ``light_frame`` [m]; gives texel coordinates and height [m].
        origin_x: first coordinate of texel (0, 0) [m].
        origin_y: second coordinate of texel (0, 0) [m].
        texel: size of a texel [m].
        faces: (F, 3).
        heights: (G, G) gives the height [m], ``EMPTY`` where the part is not; written inside the box.
        owner: (G, G) scratch.
        box: (4,) gives x0, y0, x1, y1 (exclusive).
    """
    size = heights.shape[0]
    x0, y0, x1, y1 = 1e9, 1e9, -1e9, -1e9
    for i in range(placed.shape[0]):
        placed[i, 0] = (placed[i, 0] - origin_x) / texel
        placed[i, 1] = (placed[i, 1] - origin_y) / texel
        x0 = min(x0, placed[i, 0])
        x1 = max(x1, placed[i, 0])
        y0 = min(y0, placed[i, 1])
        y1 = max(y1, placed[i, 1])
    box[0], box[1] = max(math.floor(x0), 0), max(math.floor(y0), 0)
    box[2], box[3] = min(math.ceil(x1) + 1, size), min(math.ceil(y1) + 1, size)
    for y in range(box[1], box[3]):
        heights[y, box[0] : box[2]] = EMPTY
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        xa, ya, xb, yb, xc, yc = (
            placed[a, 0],
            placed[a, 1],
            placed[b, 0],
            placed[b, 1],
            placed[c, 0],
            placed[c, 1],
        )
        if (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya) < 0.0:
            scan_triangle(xa, ya, placed[a, 2], xb, yb, placed[b, 2], xc, yc, placed[c, 2], f, heights, owner)
