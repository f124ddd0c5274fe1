"""Exact distances of points to an object's mesh, in its rest frame: what contact is measured by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from handbench.arrays import BoolArray, FloatArray, IndexArray
from handbench.hands.contact import penetration_depth
from handbench.hands.surface_tree import build_tree, nearest_distance2, refit, winding_number
from handbench.synth.solids import Solid


@dataclass(frozen=True)
class Distances:
    """Where points lie to a surface.

    Attributes:
        distance: (N,) to the nearest point of the surface [m], never negative.
        projection: (N, 3) that nearest point [m].
        inside: (N,) bool.
    """

    distance: FloatArray
    projection: FloatArray
    inside: BoolArray

    @property
    def signed(self) -> FloatArray:
        """(N,) distance, negative inside [m]."""
        return np.where(self.inside, -self.distance, self.distance)


class SolidSurface:
    """The closed surface of one object.

    Args:
        solid: its mesh; open ends (a mug's handle) are closed.
    """

    def __init__(self, solid: Solid) -> None:
        self.vertices = np.ascontiguousarray(solid.vertices)
        self.faces = closed_faces(solid.vertices, solid.faces)
        tree = build_tree(solid.vertices, self.faces)
        corners, boxes = refit(self.vertices, *tree)
        self._arrays = (tree.first, tree.sizes, tree.second, corners, boxes)

    def depth(self, hand: FloatArray, faces: npt.NDArray[np.int32]) -> float:
        """Returns how deep [m] the deepest vertex of hand or object lies inside the other.

        Args:
            hand: (778, 3) in the object's rest frame [m].
            faces: the hand's closed faces; the same array in every call.
        """
        return penetration_depth(hand, faces, self.vertices, self.faces)

    def distances(self, points: FloatArray) -> Distances:
        """Measures points (N, 3) in the object's rest frame [m]; about 1 microsecond each."""
        return Distances(*_measure(np.ascontiguousarray(points, np.float64), *self._arrays))


_SURFACES: dict[int, tuple[Solid, SolidSurface]] = {}
_MAX_SURFACES = 16


def surface_of(solid: Solid) -> SolidSurface:
    """Returns the surface of an object; the trees of the last few objects are kept."""
    known = _SURFACES.get(id(solid))
    if known is not None:
        return known[1]
    if len(_SURFACES) >= _MAX_SURFACES:
        _SURFACES.pop(next(iter(_SURFACES)))
    # The solid is kept beside its tree, so that its id stays its own.
    surface = SolidSurface(solid)
    _SURFACES[id(solid)] = (solid, surface)
    return surface


def closed_faces(vertices: FloatArray, faces: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Returns faces (F, 3) with a fan over each open end (each a single loop of edges), all outward.

    Vertices at one place count as one: the solids repeat them where edges are sharp. A piece whose faces are
    inside out (the handle of a mug) is turned.
    """
    _, first, same = np.unique(np.round(vertices, 9), axis=0, return_index=True, return_inverse=True)
    merged = first[same.reshape(-1)]
    fans = [
        (loop[0], loop[k], loop[k + 1])
        for loop in _open_loops(merged[faces])
        for k in range(1, len(loop) - 1)
    ]
    closed = np.concatenate([faces, np.array(fans, np.int32).reshape(-1, 3)])
    welded = merged[closed]
    edges = np.concatenate([welded[:, :2], welded[:, 1:]])
    ones = np.ones(len(edges), np.int8)
    shape = (len(vertices), len(vertices))
    _, label = connected_components(
        coo_matrix((ones, (edges[:, 0], edges[:, 1])), shape=shape), directed=False
    )
    piece = label[welded[:, 0]]
    a, b, c = (vertices[closed[:, k]] for k in range(3))
    volume = np.bincount(piece, np.einsum("fc,fc->f", a, np.cross(b, c)), len(vertices))
    turned = volume[piece] < 0.0
    closed[turned] = closed[turned][:, ::-1]
    return closed


def _open_loops(faces: IndexArray) -> Iterator[list[int]]:
    edges = {(int(face[k]), int(face[(k + 1) % 3])) for face in faces for k in range(3)}
    follows = {b: a for a, b in edges if a != b and (b, a) not in edges}
    while follows:
        start, after = follows.popitem()
        loop = [start]
        while after != start:
            loop.append(after)
            after = follows.pop(after)
        yield loop


@njit(cache=True, nogil=True)
def _measure(
    points: FloatArray,
    first: IndexArray, sizes: IndexArray, second: IndexArray, corners: FloatArray, boxes: FloatArray,
) -> tuple[FloatArray, FloatArray, BoolArray]:  # fmt: skip
    distance, projection = np.empty(len(points)), np.empty((len(points), 3))
    inside = np.empty(len(points), np.bool_)
    stack, found = np.empty(64, np.int64), np.empty(3)
    for n in range(len(points)):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        limit2 = np.inf
        if n > 0:
            # The nearest point of the neighbour before is a first bound: neighbours lie close together.
            dx, dy, dz = x - projection[n - 1, 0], y - projection[n - 1, 1], z - projection[n - 1, 2]
            limit2 = (dx * dx + dy * dy + dz * dz) * (1.0 + 1e-9) + 1e-18
            found[0], found[1], found[2] = projection[n - 1, 0], projection[n - 1, 1], projection[n - 1, 2]
        d2 = nearest_distance2(x, y, z, limit2, 0.0, first, sizes, second, corners, boxes, stack, found)
        distance[n] = np.sqrt(d2)
        projection[n, 0], projection[n, 1], projection[n, 2] = found[0], found[1], found[2]
        inside[n] = winding_number(x, y, z, first, sizes, second, corners, boxes) > 0
    return distance, projection, inside
