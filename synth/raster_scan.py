"""Scan conversion of triangles at exact sample points, without GL (numba).

Coverage is decided in float64 by where each edge crosses the row of a pixel centre. The crossing is computed
from the edge's upper vertex alone, so two triangles that share an edge find bitwise the same number: the left
one ends before it, the right one starts at it, and a closed mesh has neither cracks nor pixels drawn twice.

Depth and face travel in one 64-bit key, the depth in the upper 44 bits (fixed point, steps of 1e-10) and the
face's index in the lower 20: the depth test is a maximum, without branches, and ties go to the later face.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

# Triangles that reach this close to the camera, or behind it, are dropped [m].
NEAR = 1e-3

# A key's depth is in steps of 2 ** -33; its lower 20 bits hold the face.
FACE_BITS = 20
FACE_MASK = (1 << FACE_BITS) - 1
DEPTH_SCALE = float(1 << 33)
# Pixels drawn at once, and spare columns on the right of the key buffers.
BLOCK = 4
# Corners 0 to 2 from top to bottom, two bits each, by which of b < a, c < a and c < b hold (bits 0, 1, 2).
ORDER = np.array([0b100100, 0b100001, 0b100100, 0b001001, 0b011000, 0b100100, 0b010010, 0b000110], np.int64)
# Heights towards the light are stored plus this, to be positive [m].
LIFT = 400.0

# Height of nothing, in a light map [m].
EMPTY = np.float32(-1e9)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def scan_triangle(points: F64, lift: float, faces: I32, f: int, face: int, width: int, keys: I64) -> None:
    """Draws one triangle into the keys; ``z`` is linear on the screen, positive, and greater is nearer.

    Args:
        points: (V, 3) x, y, z [px, px, 1 / m in a perspective view or m in a light map].
        lift: is added to z.
        faces: (F, 3).
        f: which of them to draw.
        face: index to write, below 2 ** 20.
        width: columns of the picture.
        keys: (h, width + BLOCK).
    """
    ya, yb, yc = points[faces[f, 0], 1], points[faces[f, 1], 1], points[faces[f, 2], 1]
    # Corners from top to bottom, by a table: which way they go cannot be guessed.
    order = ORDER[np.uint64(yb < ya) + np.uint64(2) * np.uint64(yc < ya) + np.uint64(4) * np.uint64(yc < yb)]
    a, b, c = faces[f, order & 3], faces[f, (order >> 2) & 3], faces[f, order >> 4]
    xa, ya, za = points[a, 0], points[a, 1], points[a, 2] + lift
    xb, yb, zb = points[b, 0], points[b, 1], points[b, 2] + lift
    xc, yc, zc = points[c, 0], points[c, 1], points[c, 2] + lift
    first = max(math.ceil(ya), 0)
    last = min(math.ceil(yc) - 1, keys.shape[0] - 1)
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
    # Where two neighbours lie inside, the step between them is at most the range of z.
    reach = high - low
    step = np.int64(min(max(gx, -reach), reach) * DEPTH_SCALE) << FACE_BITS
    for y in range(first, last + 1):
        left = xa + (y - ya) * slope_ac
        upper, lower = xa + (y - ya) * slope_ab, xb + (y - yb) * slope_bc
        right = upper if y < yb else lower
        start = min(max(math.ceil(min(left, right)), 0), width)
        stop = min(math.ceil(max(left, right)), width)
        z = min(max(za + gx * (start - xa) + gy * (y - ya), low), high)
        key = (np.int64(z * DEPTH_SCALE) << FACE_BITS) | face
        row = keys[np.uint64(y)]
        # The first block in any case, empty or not: no branch to guess.
        for i in range(BLOCK):
            # An unsigned index needs no test for counting from the end: this becomes a few instructions.
            at = np.uint64(start) + np.uint64(i)
            new = key + i * step if start + i < stop else np.int64(0)
            row[at] = max(new, row[at])
        for x in range(start + BLOCK, stop, BLOCK):
            key += BLOCK * step
            for i in range(BLOCK):
                at = np.uint64(x) + np.uint64(i)
                new = key + i * step if x + i < stop else np.int64(0)
                row[at] = max(new, row[at])


@nb.njit(cache=True, nogil=True, error_model="numpy")
def project(vertices: F64, K: F64, screen: F64) -> tuple[bool, bool, float]:
    """Projects vertices to ``screen`` (V, 3): x, y [px] and 1 / z (0 for those at or behind the near plane).

    Returns:
        whether all vertices are finite, whether all lie in front of the near plane, and the sum of all
        coordinates.
    """
    finite = True
    front = True
    total = 0.0
    for i in range(vertices.shape[0]):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        if not math.isfinite(x + y + z):
            finite = False
        total += x + y + z
        if z > NEAR:
            inv = 1.0 / z
            screen[i, 0] = (K[0, 0] * x + K[0, 1] * y) * inv + K[0, 2]
            screen[i, 1] = K[1, 1] * y * inv + K[1, 2]
            screen[i, 2] = inv
        else:
            front = False
            screen[i, 2] = 0.0
    return finite, front, total


@nb.njit(cache=True, nogil=True, error_model="numpy")
def list_drawn(screen: F64, faces: I32, closed: bool, w: int, h: int, drawn: I32) -> int:
    """Lists in ``drawn`` the faces in view (and, if ``closed``, facing the camera); gives their number."""
    count = 0
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        xa, ya, za = screen[a, 0], screen[a, 1], screen[a, 2]
        xb, yb, zb = screen[b, 0], screen[b, 1], screen[b, 2]
        xc, yc, zc = screen[c, 0], screen[c, 1], screen[c, 2]
        # y points down: a face that is counter-clockwise seen from outside turns clockwise on the screen.
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        faced = (area != 0.0) & ((area < 0.0) | (not closed))
        # Samples lie less than half a pixel outside the centres.
        across = (max(xa, xb, xc) >= -0.5) & (min(xa, xb, xc) <= w - 0.5)
        along = (max(ya, yb, yc) >= -0.5) & (min(ya, yb, yc) <= h - 0.5)
        drawn[count] = f
        count += int(faced & across & along & (min(za, zb, zc) > 0.0))
    return count


@nb.njit(cache=True, nogil=True, error_model="numpy")
def draw_faces(
    screen: F64, faces: I32, closed: bool, keys: I64, box: I32, nearness: F32, owner: I32, drawn: I32
) -> int:
    """Draws a part's faces at pixel centres and lists those in view that face the camera.

    Args:
        screen: (V, 3) from ``project``.
        faces: (F, 3).
        closed: True when back faces can never be seen.
        keys: (h, w + BLOCK) scratch, all 0 before and after.
        box: (4,) gives x0, y0, x1, y1 (exclusive) of the pixels that the part may touch.
        nearness: (h, w) 1 / z, 0 where empty; written inside the box.
        owner: (h, w) face index, -1 where empty; written inside the box.
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
    count = list_drawn(screen, faces, closed, w, h, drawn)
    for i in range(count):
        scan_triangle(screen, 0.0, faces, drawn[i], drawn[i], w, keys)
    for y in range(box[1], box[3]):
        line, near, own = keys[y, box[0] : box[2]], nearness[y, box[0] : box[2]], owner[y, box[0] : box[2]]
        for x in range(line.shape[0]):
            key = line[x]
            near[x] = np.float32(key >> FACE_BITS) * np.float32(1.0 / DEPTH_SCALE)
            own[x] = np.int32(key & FACE_MASK) if key > 0 else np.int32(-1)
            line[x] = 0
    return count


@nb.njit(cache=True, nogil=True, error_model="numpy")
def draw_heights(
    placed: F64,
    origin_x: float,
    origin_y: float,
    texel: float,
    faces: I32,
    keys: I64,
    heights: F32,
    box: I32,
) -> None:
    """Draws the faces that look away from the light into the part's height map.

    Args:
        placed: (N, 3) of ``light_frame`` [m]; gives texel coordinates and height [m].
        origin_x: first coordinate of texel (0, 0) [m].
        origin_y: second coordinate of texel (0, 0) [m].
        texel: size of a texel [m].
        faces: (F, 3).
        keys: (G, G + BLOCK) scratch, all 0 before and after.
        heights: (G, G) gives the height [m], ``EMPTY`` where the part is not; written inside the box.
        box: (4,) gives x0, y0, x1, y1 (exclusive).
    """
    size = heights.shape[0]
    x0, y0, x1, y1 = 1e9, 1e9, -1e9, -1e9
    for i in range(placed.shape[0]):
        placed[i, 0] = placed[i, 0] / texel - origin_x / texel
        placed[i, 1] = placed[i, 1] / texel - origin_y / texel
        x0 = min(x0, placed[i, 0])
        x1 = max(x1, placed[i, 0])
        y0 = min(y0, placed[i, 1])
        y1 = max(y1, placed[i, 1])
    box[0], box[1] = max(math.floor(x0), 0), max(math.floor(y0), 0)
    box[2], box[3] = min(math.ceil(x1) + 1, size), min(math.ceil(y1) + 1, size)
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
            za, zb, zc = placed[a, 2] + LIFT, placed[b, 2] + LIFT, placed[c, 2] + LIFT
            if min(za, zb, zc) > 0.0 and max(za, zb, zc) < 2.0 * LIFT:
                scan_triangle(placed, LIFT, faces, f, 0, size, keys)
    for y in range(box[1], box[3]):
        line, out = keys[y, box[0] : box[2]], heights[y, box[0] : box[2]]
        for x in range(line.shape[0]):
            height = np.float32((line[x] >> FACE_BITS) * (1.0 / DEPTH_SCALE) - LIFT)
            out[x] = height if line[x] > 0 else EMPTY
            line[x] = 0
