"""A hand as a set of spheres that follow its mesh: cheap collisions and cheap coverage.

Each sphere is the largest ball inside the rest hand at some point of the skin. It hangs on skin points
around it: its centre is an affine mean of them and its radius their mean distance, so the spheres follow any
pose and any shape with no fitting of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from handbench.arrays import FloatArray, IndexArray
from handbench.hands.model import HandModel
from handbench.hands.topology import vertex_normals

FINGER_JOINTS = ((13, 14, 15), (1, 2, 3), (4, 5, 6), (10, 11, 12), (7, 8, 9))
"""The MANO16 joints of thumb, index, middle, ring and little finger."""

COARSE = 0.0075
"""Least distance of the spheres that count what covers what [m]."""

ANCHORS = 8
"""Skin points that carry a sphere."""


@dataclass(frozen=True)
class SphereSet:
    """The spheres of one hand model.

    Attributes:
        anchors: (S, ANCHORS) vertex ids around each sphere.
        weights: (S, ANCHORS) affine weights that give the centre.
        scales: (S,) radius over the mean distance of the anchors from the centre.
        bones: (S,) the MANO16 joint that moves the sphere most.
        fingers: (S,) 0 thumb to 4 little finger, -1 palm.
        coarse: rows of about half of the spheres, enough to count what covers what.
    """

    anchors: IndexArray
    weights: FloatArray
    scales: FloatArray
    bones: IndexArray
    fingers: IndexArray
    coarse: IndexArray

    def place(self, vertices: FloatArray) -> FloatArray:
        """Returns (S, 4) centre and radius [m] of the spheres on a posed mesh (778, 3)."""
        return np.asarray(_place(self.anchors, self.weights, self.scales, vertices))


@numba.njit(cache=True, nogil=True)
def _place(anchors: IndexArray, weights: FloatArray, scales: FloatArray, vertices: FloatArray) -> FloatArray:
    out = np.empty((anchors.shape[0], 4))
    for i in range(anchors.shape[0]):
        x = y = z = 0.0
        for k in range(ANCHORS):
            v, w = anchors[i, k], weights[i, k]
            x, y, z = x + w * vertices[v, 0], y + w * vertices[v, 1], z + w * vertices[v, 2]
        total = 0.0
        for k in range(ANCHORS):
            v = anchors[i, k]
            total += np.sqrt(
                (vertices[v, 0] - x) ** 2 + (vertices[v, 1] - y) ** 2 + (vertices[v, 2] - z) ** 2
            )
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = x, y, z, scales[i] * total / ANCHORS
    return out


def make_spheres(model: HandModel, spacing: float = 0.005) -> SphereSet:
    """Builds the spheres of a hand model from its rest mesh.

    Args:
        model: the hand.
        spacing: a sphere is kept only when its centre is farther than this from that of every larger one [m].

    Returns:
        About a hundred and fifty spheres, the largest first.
    """
    vertices = np.asarray(model.v_template, dtype=np.float64)
    normals = vertex_normals(vertices, model.closed_faces)
    centres, radii = _inscribed(vertices, normals)
    order = [int(i) for i in np.argsort(-radii, kind="stable") if 0.003 < radii[i] < 0.022]
    keep = _spread(centres, order, spacing)
    coarse = np.array(_spread(centres[keep], list(range(len(keep))), COARSE), dtype=np.int64)
    anchors = np.array([_around(vertices, centres[i], radii[i]) for i in keep], dtype=np.int64)
    weights = np.array([_affine(vertices[a], centres[i]) for a, i in zip(anchors, keep, strict=True)])
    placed = np.einsum("sk,skc->sc", weights, vertices[anchors])
    mean = np.linalg.norm(vertices[anchors] - placed[:, None], axis=2).mean(axis=1)
    bones = np.argmax(model.weights[anchors].sum(axis=1), axis=1).astype(np.int64)
    fingers = np.full(len(keep), -1, dtype=np.int64)
    for finger, joints in enumerate(FINGER_JOINTS):
        fingers[np.isin(bones, joints)] = finger
    return SphereSet(anchors, weights, radii[keep] / mean, bones, fingers, coarse)


def _spread(centres: FloatArray, order: list[int], spacing: float) -> list[int]:
    """Returns the rows of ``order`` that are farther than ``spacing`` [m] from all rows kept before."""
    keep: list[int] = []
    for i in order:
        if not keep or np.min(np.sum((centres[keep] - centres[i]) ** 2, axis=1)) > spacing**2:
            keep.append(i)
    return keep


def _inscribed(vertices: FloatArray, normals: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns centre (V, 3) and radius (V,) of the largest ball inside that touches each vertex."""
    away = vertices[:, None] - vertices[None]
    ahead = np.einsum("ijk,ik->ij", away, normals)
    square = np.sum(away * away, axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        radius = np.where(ahead > 1e-6, square / (2.0 * ahead), np.inf)
    least = radius.min(axis=1)
    return vertices - least[:, None] * normals, least


def _around(vertices: FloatArray, centre: FloatArray, radius: float) -> IndexArray:
    """Returns ANCHORS vertices near a ball's surface, spread about it."""
    offset = vertices - centre
    distance = np.sqrt(np.sum(offset * offset, axis=1))
    near = np.argsort(np.abs(distance - radius), kind="stable")[: 4 * ANCHORS]
    near = near[np.argsort(distance[near], kind="stable")][: 3 * ANCHORS]
    units = offset[near] / distance[near, None]
    chosen = [0]
    while len(chosen) < ANCHORS:
        closest = np.max(units @ units[chosen].T, axis=1)
        chosen.append(int(np.argmin(closest)))
    return near[chosen]


def _affine(points: FloatArray, centre: FloatArray) -> FloatArray:
    """Returns the evenest weights (K,) with sum 1 whose mean of points (K, 3) is ``centre``."""
    system = np.concatenate([points.T - centre[:, None], np.full((1, len(points)), 0.01)])
    return np.asarray(np.linalg.pinv(system) @ np.array([0.0, 0.0, 0.0, 0.01]))
