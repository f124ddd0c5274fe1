"""How near two hands come, and how deep one lies inside the other.

Used by the synthesiser to accept or reject a scene, so it is plain compiled arithmetic: the same two meshes
give the same number on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from handbench.arrays import FloatArray, IndexArray
from handbench.hands.surface_tree import (
    MARGIN,
    SurfaceTree,
    bounds,
    box_distance2,
    build_tree,
    nearest_distance2,
    refit,
    winding_number,
)

Faces = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Penetration:
    """The deepest vertex of either mesh inside the other.

    Attributes:
        depth: its distance to the other surface [m]; 0 where no vertex lies inside.
        inside_b: whether it is a vertex of the first mesh (inside the second).
        point: (3,) the vertex [m].
        exit: (3,) the nearest point of the other surface [m]: moving ``point`` there frees it.
    """

    depth: float
    inside_b: bool
    point: FloatArray
    exit: FloatArray


def min_distance(vertices_a: FloatArray, faces_a: Faces, vertices_b: FloatArray, faces_b: Faces) -> float:
    """Returns the least distance [m] between two surfaces: vertices of each to triangles of the other.

    Between surfaces that cross it is small but not 0: see :func:`penetration_depth`.

    Args:
        vertices_a: (V, 3) [m].
        faces_a: (F, 3); the same array in every call keeps its tree.
        vertices_b: (W, 3) [m], same frame.
        faces_b: (G, 3).
    """
    a, b = _tree(vertices_a, faces_a), _tree(vertices_b, faces_b)
    return float(_min_distance(_plain(vertices_a), *a, _plain(vertices_b), *b))


def penetration_depth(
    vertices_a: FloatArray, faces_a: Faces, vertices_b: FloatArray, faces_b: Faces
) -> float:
    """Returns how deep [m] the deepest vertex of either closed mesh lies inside the other; 0 where none does.

    Args:
        vertices_a: (V, 3) [m].
        faces_a: (F, 3) closed, outward (``model.closed_faces``); the same array in every call keeps its tree.
        vertices_b: (W, 3) [m], same frame.
        faces_b: (G, 3) closed and outward.
    """
    return penetration(vertices_a, faces_a, vertices_b, faces_b).depth


def penetration(
    vertices_a: FloatArray, faces_a: Faces, vertices_b: FloatArray, faces_b: Faces
) -> Penetration:
    """Finds the deepest vertex of either mesh inside the other; arguments as :func:`penetration_depth`."""
    a, b = _tree(vertices_a, faces_a), _tree(vertices_b, faces_b)
    depth2, inside_b, point, leave = _penetration(_plain(vertices_a), *a, _plain(vertices_b), *b)
    return Penetration(float(np.sqrt(depth2)), bool(inside_b), point, leave)


def is_inside(points: FloatArray, vertices: FloatArray, closed_faces: Faces) -> npt.NDArray[np.bool_]:
    """Tells which points (N, 3) lie inside a closed mesh (winding number above 0)."""
    tree = _tree(vertices, closed_faces)
    return np.asarray(_inside(_plain(points), _plain(vertices), *tree))


# A tree costs some milliseconds and depends only on the faces; ids stay valid because the arrays are kept.
_TREES: dict[int, tuple[Faces, SurfaceTree]] = {}
_MAX_TREES = 32


def _tree(vertices: FloatArray, faces: Faces) -> SurfaceTree:
    known = _TREES.get(id(faces))
    if known is not None:
        return known[1]
    tree = build_tree(vertices, faces)
    if len(_TREES) >= _MAX_TREES:
        _TREES.pop(next(iter(_TREES)))
    _TREES[id(faces)] = (faces, tree)
    return tree


def _plain(points: FloatArray) -> FloatArray:
    return np.ascontiguousarray(points, dtype=np.float64)


@njit(cache=True, nogil=True)
def _min_distance(
    va: FloatArray, fa: IndexArray, first_a: IndexArray, sizes_a: IndexArray, second_a: IndexArray,
    vb: FloatArray, fb: IndexArray, first_b: IndexArray, sizes_b: IndexArray, second_b: IndexArray,
) -> float:  # fmt: skip
    corners_a, boxes_a = refit(va, fa, first_a, sizes_a, second_a)
    corners_b, boxes_b = refit(vb, fb, first_b, sizes_b, second_b)
    best = _from_vertices(np.inf, va, first_b, sizes_b, second_b, corners_b, boxes_b)
    best = _from_vertices(best, vb, first_a, sizes_a, second_a, corners_a, boxes_a)
    return float(np.sqrt(best))


@njit(cache=True, nogil=True)
def _from_vertices(
    best: float, points: FloatArray,
    first: IndexArray, sizes: IndexArray, second: IndexArray, corners: FloatArray, boxes: FloatArray,
) -> float:  # fmt: skip
    """Returns the least squared distance of points to a surface, or ``best`` where none is nearer."""
    stack, found = np.empty(64, np.int64), np.empty(3)
    for c in range(3):
        found[c] = 0.5 * (boxes[0, c] + boxes[0, c + 3])
    # Going to and fro between the surfaces finds a bound that spares nearly all other vertices the search.
    for _ in range(5):
        v = _nearest_vertex(points, found)
        d2 = nearest_distance2(
            points[v, 0], points[v, 1], points[v, 2], best, 0.0,
            first, sizes, second, corners, boxes, stack, found,
        )  # fmt: skip
        if d2 >= best:
            break
        best = d2
    for v in range(len(points)):
        if box_distance2(points[v, 0], points[v, 1], points[v, 2], boxes, 0) * MARGIN >= best:
            continue
        best = nearest_distance2(
            points[v, 0], points[v, 1], points[v, 2], best, 0.0,
            first, sizes, second, corners, boxes, stack, found,
        )  # fmt: skip
    return best


@njit(cache=True, nogil=True)
def _nearest_vertex(points: FloatArray, target: FloatArray) -> int:
    nearest, least = 0, np.inf
    for v in range(len(points)):
        dx, dy, dz = points[v, 0] - target[0], points[v, 1] - target[1], points[v, 2] - target[2]
        d2 = dx * dx + dy * dy + dz * dz
        if d2 < least:
            nearest, least = v, d2
    return nearest


@njit(cache=True, nogil=True)
def _penetration(
    va: FloatArray, fa: IndexArray, first_a: IndexArray, sizes_a: IndexArray, second_a: IndexArray,
    vb: FloatArray, fb: IndexArray, first_b: IndexArray, sizes_b: IndexArray, second_b: IndexArray,
) -> tuple[float, bool, FloatArray, FloatArray]:  # fmt: skip
    point, leave = np.zeros(3), np.zeros(3)
    box_a, box_b = bounds(va), bounds(vb)
    for c in range(3):
        if box_a[c] > box_b[c + 3] or box_b[c] > box_a[c + 3]:
            return 0.0, False, point, leave
    corners_a, boxes_a = refit(va, fa, first_a, sizes_a, second_a)
    corners_b, boxes_b = refit(vb, fb, first_b, sizes_b, second_b)
    depth2 = _deepest(0.0, va, first_b, sizes_b, second_b, corners_b, boxes_b, point, leave)
    deeper2 = _deepest(depth2, vb, first_a, sizes_a, second_a, corners_a, boxes_a, point, leave)
    return deeper2, deeper2 == depth2, point, leave


@njit(cache=True, nogil=True)
def _deepest(
    depth2: float, points: FloatArray,
    first: IndexArray, sizes: IndexArray, second: IndexArray, corners: FloatArray, boxes: FloatArray,
    point: FloatArray, leave: FloatArray,
) -> float:  # fmt: skip
    """Returns the greatest squared depth of points inside a surface, if above ``depth2``, and where it is."""
    stack, found = np.empty(64, np.int64), np.empty(3)
    for v in range(len(points)):
        x, y, z = points[v, 0], points[v, 1], points[v, 2]
        if box_distance2(x, y, z, boxes, 0) > 0.0:
            continue
        if winding_number(x, y, z, first, sizes, second, corners, boxes) <= 0:
            continue
        d2 = nearest_distance2(
            x, y, z, np.inf, depth2, first, sizes, second, corners, boxes, stack, found
        )  # fmt: skip
        if d2 > depth2:
            depth2 = d2
            point[0], point[1], point[2] = x, y, z
            leave[0], leave[1], leave[2] = found[0], found[1], found[2]
    return depth2


@njit(cache=True, nogil=True)
def _inside(
    points: FloatArray,
    vertices: FloatArray, faces: IndexArray, first: IndexArray, sizes: IndexArray, second: IndexArray,
) -> npt.NDArray[np.bool_]:  # fmt: skip
    corners, boxes = refit(vertices, faces, first, sizes, second)
    inside = np.empty(len(points), np.bool_)
    for p in range(len(points)):
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        inside[p] = winding_number(x, y, z, first, sizes, second, corners, boxes) > 0
    return inside
