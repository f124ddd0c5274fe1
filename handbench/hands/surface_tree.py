"""A tree of boxes over a mesh's triangles: built once from the topology, refitted to every pose.

Plain compiled arithmetic, no fastmath, no BLAS: what it accepts or rejects is the same on every machine. A
result does not depend on the tree, only the time does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from handbench.arrays import FloatArray, IndexArray

_LEAF = 4
# Boxes are compared with a margin above rounding, so that no nearer triangle is ever left out.
MARGIN = 1.0 - 1e-12


class SurfaceTree(NamedTuple):
    """Nodes in preorder; a node's first child is the next node.

    Attributes:
        faces: (F, 3) the triangles in the order of the leaves.
        first: (M,) a leaf's first triangle.
        sizes: (M,) a leaf's number of triangles, 0 for an inner node.
        second: (M,) an inner node's second child.
    """

    faces: IndexArray
    first: IndexArray
    sizes: IndexArray
    second: IndexArray


def build_tree(vertices: FloatArray, faces: npt.NDArray[np.integer]) -> SurfaceTree:
    """Builds the tree of a mesh by halving the triangles along the longest side of their centres' box.

    Args:
        vertices: (V, 3) in any pose; a spread one gives the fastest tree.
        faces: (F, 3).
    """
    centres = vertices[faces].mean(axis=1)
    order: list[int] = []
    first: list[int] = []
    count: list[int] = []
    second: list[int] = []

    def add(members: IndexArray) -> None:
        node = len(first)
        first.append(len(order))
        count.append(0)
        second.append(0)
        if len(members) <= _LEAF:
            count[node] = len(members)
            order.extend(int(i) for i in members)
            return
        axis = int(np.argmax(np.ptp(centres[members], axis=0)))
        members = members[np.argsort(centres[members, axis], kind="stable")]
        add(members[: len(members) // 2])
        second[node] = len(first)
        add(members[len(members) // 2 :])

    add(np.arange(len(faces)))
    columns = (np.array(column, dtype=np.int64) for column in (first, count, second))
    return SurfaceTree(faces[np.array(order)].astype(np.int64), *columns)


@njit(cache=True, nogil=True)
def refit(
    vertices: FloatArray, faces: IndexArray, first: IndexArray, sizes: IndexArray, second: IndexArray
) -> tuple[FloatArray, FloatArray]:
    """Fits the tree to posed vertices (V, 3).

    Returns:
        The corners (F, 9) of all triangles in the tree's order, and the boxes (M, 6) of all nodes, least then
        greatest corner.
    """
    corners, boxes = np.empty((len(faces), 9)), np.empty((len(first), 6))
    for f in range(len(faces)):
        for k in range(3):
            v = faces[f, k]
            for c in range(3):
                corners[f, 3 * k + c] = vertices[v, c]
    for node in range(len(first) - 1, -1, -1):
        if sizes[node] == 0:
            a, b = node + 1, second[node]
            for c in range(3):
                boxes[node, c] = boxes[a, c] if boxes[a, c] < boxes[b, c] else boxes[b, c]
                boxes[node, c + 3] = boxes[a, c + 3] if boxes[a, c + 3] > boxes[b, c + 3] else boxes[b, c + 3]
            continue
        for c in range(3):
            low = high = corners[first[node], c]
            for f in range(first[node], first[node] + sizes[node]):
                for k in range(c, 9, 3):
                    value = corners[f, k]
                    low = value if value < low else low
                    high = value if value > high else high
            boxes[node, c], boxes[node, c + 3] = low, high
    return corners, boxes


@njit(cache=True, nogil=True)
def bounds(vertices: FloatArray) -> FloatArray:
    """Returns the box (6,) of vertices (V, 3)."""
    box = np.empty(6)
    for c in range(3):
        box[c], box[c + 3] = vertices[0, c], vertices[0, c]
    for v in range(len(vertices)):
        for c in range(3):
            value = vertices[v, c]
            box[c] = value if value < box[c] else box[c]
            box[c + 3] = value if value > box[c + 3] else box[c + 3]
    return box


@njit(cache=True, nogil=True)
def box_distance2(x: float, y: float, z: float, boxes: FloatArray, node: int) -> float:
    """Returns the squared distance of a point to the box of a node, 0 inside."""
    dx, dy, dz = 0.0, 0.0, 0.0
    if x < boxes[node, 0]:
        dx = boxes[node, 0] - x
    elif x > boxes[node, 3]:
        dx = x - boxes[node, 3]
    if y < boxes[node, 1]:
        dy = boxes[node, 1] - y
    elif y > boxes[node, 4]:
        dy = y - boxes[node, 4]
    if z < boxes[node, 2]:
        dz = boxes[node, 2] - z
    elif z > boxes[node, 5]:
        dz = z - boxes[node, 5]
    return float(dx * dx + dy * dy + dz * dz)


@njit(cache=True, nogil=True)
def nearest_on_triangle(
    x: float, y: float, z: float, corners: FloatArray, f: int
) -> tuple[float, float, float]:
    """Returns the point of triangle ``f`` nearest to (x, y, z) (Ericson 2005, section 5.1.5)."""
    ax, ay, az = corners[f, 0], corners[f, 1], corners[f, 2]
    bx, by, bz = corners[f, 3], corners[f, 4], corners[f, 5]
    cx, cy, cz = corners[f, 6], corners[f, 7], corners[f, 8]
    abx, aby, abz, acx, acy, acz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
    px, py, pz = x - ax, y - ay, z - az
    d1, d2 = abx * px + aby * py + abz * pz, acx * px + acy * py + acz * pz
    if d1 <= 0.0 and d2 <= 0.0:
        return ax, ay, az
    px, py, pz = x - bx, y - by, z - bz
    d3, d4 = abx * px + aby * py + abz * pz, acx * px + acy * py + acz * pz
    if d3 >= 0.0 and d4 <= d3:
        return bx, by, bz
    vc = d1 * d4 - d3 * d2
    if vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        t = d1 / (d1 - d3) if d1 > d3 else 0.0
        return ax + t * abx, ay + t * aby, az + t * abz
    px, py, pz = x - cx, y - cy, z - cz
    d5, d6 = abx * px + aby * py + abz * pz, acx * px + acy * py + acz * pz
    if d6 >= 0.0 and d5 <= d6:
        return cx, cy, cz
    vb = d5 * d2 - d1 * d6
    if vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        t = d2 / (d2 - d6) if d2 > d6 else 0.0
        return ax + t * acx, ay + t * acy, az + t * acz
    va = d3 * d6 - d5 * d4
    if va <= 0.0 and d4 >= d3 and d5 >= d6:
        total = (d4 - d3) + (d5 - d6)
        t = (d4 - d3) / total if total > 0.0 else 0.0
        return bx + t * (cx - bx), by + t * (cy - by), bz + t * (cz - bz)
    scale = 1.0 / (va + vb + vc)
    v, w = vb * scale, vc * scale
    return ax + v * abx + w * acx, ay + v * aby + w * acy, az + v * abz + w * acz


@njit(cache=True, nogil=True)
def nearest_distance2(
    x: float, y: float, z: float, limit2: float, enough2: float,
    first: IndexArray, sizes: IndexArray, second: IndexArray, corners: FloatArray, boxes: FloatArray,
    stack: IndexArray, found: FloatArray,
) -> float:  # fmt: skip
    """Returns the squared distance of a point to the surface.

    Args:
        x, y, z: the point.
        limit2: triangles at or beyond this squared distance are not looked for; returned when there is none.
        enough2: the search stops as soon as it is at or below this.
        first, sizes, second: the tree.
        corners, boxes: from :func:`refit`.
        stack: (64,) scratch.
        found: (3,) receives the nearest point, where one is found.
    """
    best = limit2
    depth = 0
    if box_distance2(x, y, z, boxes, 0) * MARGIN < best:
        stack[0], depth = 0, 1
    while depth > 0 and best > enough2:
        depth -= 1
        node = stack[depth]
        if box_distance2(x, y, z, boxes, node) * MARGIN >= best:
            continue
        if sizes[node] == 0:
            a, b = node + 1, second[node]
            da, db = box_distance2(x, y, z, boxes, a), box_distance2(x, y, z, boxes, b)
            if db < da:
                a, b, da, db = b, a, db, da
            # The nearer child lies on top.
            if db * MARGIN < best:
                stack[depth] = b
                depth += 1
            if da * MARGIN < best:
                stack[depth] = a
                depth += 1
            continue
        for f in range(first[node], first[node] + sizes[node]):
            nx, ny, nz = nearest_on_triangle(x, y, z, corners, f)
            d2 = (nx - x) * (nx - x) + (ny - y) * (ny - y) + (nz - z) * (nz - z)
            if d2 < best:
                best = d2
                found[0], found[1], found[2] = nx, ny, nz
    return best


@njit(cache=True, nogil=True)
def winding_number(
    x: float, y: float, z: float,
    first: IndexArray, sizes: IndexArray, second: IndexArray, corners: FloatArray, boxes: FloatArray,
) -> int:  # fmt: skip
    """Returns how often a closed surface winds around a point: signed crossings of the ray along +x.

    Edges are half open in (y, z), so a ray through an edge or a vertex is counted once. Where fingers of
    one hand overlap the number is 2, where a fold turns inside out it is negative.
    """
    total, node, n_nodes = 0, 0, len(first)
    while node < n_nodes:
        missed = (
            y < boxes[node, 1] or y > boxes[node, 4] or z < boxes[node, 2] or z > boxes[node, 5]
            or x > boxes[node, 3]
        )  # fmt: skip
        if sizes[node] == 0:
            node = second[node] if missed else node + 1
            continue
        if not missed:
            for f in range(first[node], first[node] + sizes[node]):
                total += _crossing(x, y, z, corners, f)
        node += 1
    return total


@njit(cache=True, nogil=True)
def _crossing(x: float, y: float, z: float, corners: FloatArray, f: int) -> int:
    ax, ay, az = corners[f, 0], corners[f, 1], corners[f, 2]
    bx, by, bz = corners[f, 3], corners[f, 4], corners[f, 5]
    cx, cy, cz = corners[f, 6], corners[f, 7], corners[f, 8]
    turns = _turn(y, z, ay, az, by, bz) + _turn(y, z, by, bz, cy, cz) + _turn(y, z, cy, cz, ay, az)
    if turns == 0:
        return 0
    ux, uy, uz, vx, vy, vz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
    ahead = (uy * vz - uz * vy) * (ax - x) + (uz * vx - ux * vz) * (ay - y) + (ux * vy - uy * vx) * (az - z)
    return turns if ahead * turns > 0.0 else 0


@njit(cache=True, nogil=True)
def _turn(y: float, z: float, py: float, pz: float, qy: float, qz: float) -> int:
    """Returns +1 or -1 where the edge p to q crosses the half line beyond (y, z) up or down, else 0."""
    if (pz <= z) == (qz <= z):
        return 0
    # The lower end comes first, so that both triangles of an edge compute the same number.
    if pz <= z:
        return 1 if (qy - py) * (z - pz) > (y - py) * (qz - pz) else 0
    return -1 if (py - qy) * (z - qz) > (y - qy) * (pz - qz) else 0
