"""HO-3D's numbers of each frame, in blocks: joints three ways, meshes two ways, F-scores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, IndexArray
from handbench.metrics.align import align_scale_translation, fit_similarity
from handbench.metrics.distances import point_distances
from handbench.metrics.fscore import THRESHOLDS as F_THRESHOLDS
from handbench.metrics.fscore import f_counts, f_scores
from handbench.metrics.pck import THRESHOLDS, auc_shares

Points = npt.NDArray[np.floating[Any]]

BLOCK = 128
"""Frames a block: its vertices stay in the cache of a core."""


@dataclass(frozen=True, eq=False)
class MeshErrors:
    """Of N frames.

    Attributes:
        joints: (N, 21) [m] distances in the camera frame.
        joints_st: (N, 21) [m] after scale and translation (wrist to middle MCP).
        joints_pa: (N, 21) [m] after Procrustes.
        vertices: (N,) [m] mean distance of a frame, or None without comparable meshes.
        vertices_pa: (N,) [m] after the mesh's own Procrustes, or None.
        auc_vertices: (N,) share of the area under the PCK curve, 0 to 1, or None.
        auc_vertices_pa: (N,), or None.
        f: (N, T) F-scores, 0 to 1, or None without meshes.
        f_pa: (N, T), or None.
        f_counts: (N, T, 2) the counts behind ``f``; ``f_pa_counts`` those behind ``f_pa``.
        f_pa_counts: (N, T, 2).
        pck_vertices: (101,) how many distances fall between HO-3D's thresholds, or None.
        pck_vertices_pa: (101,), or None.
    """

    joints: FloatArray
    joints_st: FloatArray
    joints_pa: FloatArray
    vertices: FloatArray | None = None
    vertices_pa: FloatArray | None = None
    auc_vertices: FloatArray | None = None
    auc_vertices_pa: FloatArray | None = None
    f: FloatArray | None = None
    f_pa: FloatArray | None = None
    f_counts: IndexArray | None = None
    f_pa_counts: IndexArray | None = None
    pck_vertices: IndexArray | None = None
    pck_vertices_pa: IndexArray | None = None


def mesh_errors(
    true_joints: Points,
    joints: Points,
    true_vertices: Points | None = None,
    vertices: Points | None = None,
    workers: int | None = None,
    proper: bool = False,
) -> MeshErrors:
    """Measures frames as HO-3D's official script does (eval.py), on all cores.

    A mesh of as many vertices as the true one is aligned by its own fit; any other by the joints' fit, as the
    script does it (:meth:`Similarity.apply_as_official`), and has F-scores only.

    Args:
        true_joints: (N, 21, 3) [m], OPENPOSE21.
        joints: (N, 21, 3) [m], the same frame.
        true_vertices: (N, V, 3) [m], or None.
        vertices: (N, W, 3) [m], or None.
        workers: threads; the usable cores by default.
        proper: align by rotations only.
    """
    n = len(true_joints)
    store = _Store(n, None if true_vertices is None or vertices is None else (true_vertices, vertices))

    def work(span: slice) -> None:
        store.joints[span] = point_distances(true_joints[span], joints[span])
        moved = align_scale_translation(true_joints[span], joints[span])
        store.joints_st[span] = point_distances(true_joints[span], moved)
        fit = fit_similarity(true_joints[span], joints[span], proper)
        store.joints_pa[span] = point_distances(true_joints[span], fit.apply(joints[span]))
        if true_vertices is not None and vertices is not None:
            _measure_meshes(store, span, true_vertices, vertices, joints[span], true_joints[span], proper)

    cores = workers or len(os.sched_getaffinity(0))
    spans = list(_spans(n))
    if cores == 1 or len(spans) == 1:
        for span in spans:
            work(span)
    else:
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(work, spans))
    return store.result()


def _spans(n: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK))


class _Store:
    """The arrays that blocks fill."""

    def __init__(self, n: int, meshes: tuple[Points, Points] | None) -> None:
        self.joints, self.joints_st, self.joints_pa = (np.empty((n, 21)) for _ in range(3))
        self.meshes = meshes
        t = len(F_THRESHOLDS)
        self.vertices, self.vertices_pa, self.auc, self.auc_pa = (np.empty(n) for _ in range(4))
        self.counts, self.counts_pa = (np.empty((n, t, 2), dtype=np.int64) for _ in range(2))
        blocks = -(-n // BLOCK)
        self.pck, self.pck_pa = (
            np.zeros((max(blocks, 1), len(THRESHOLDS) + 1), dtype=np.int64) for _ in range(2)
        )

    def result(self) -> MeshErrors:
        if self.meshes is None:
            return MeshErrors(self.joints, self.joints_st, self.joints_pa)
        v, w = self.meshes[0].shape[1], self.meshes[1].shape[1]
        more: dict[str, Any] = {}
        if v == w:
            more = {
                "vertices": self.vertices,
                "vertices_pa": self.vertices_pa,
                "auc_vertices": self.auc,
                "auc_vertices_pa": self.auc_pa,
                "pck_vertices": self.pck.sum(axis=0),
                "pck_vertices_pa": self.pck_pa.sum(axis=0),
            }
        return MeshErrors(
            self.joints,
            self.joints_st,
            self.joints_pa,
            f=f_scores(self.counts, v, w),
            f_pa=f_scores(self.counts_pa, v, w),
            f_counts=self.counts,
            f_pa_counts=self.counts_pa,
            **more,
        )


def _measure_meshes(
    store: _Store,
    span: slice,
    true_vertices: Points,
    vertices: Points,
    joints: Points,
    true_joints: Points,
    proper: bool,
) -> None:
    true = np.asarray(true_vertices[span], dtype=np.float64)
    raw = np.asarray(vertices[span], dtype=np.float64)
    same = true.shape[1] == raw.shape[1]
    if same:
        aligned = fit_similarity(true, raw, proper).apply(raw)
    else:
        aligned = fit_similarity(true_joints, joints, proper).apply_as_official(raw)
    store.counts[span] = f_counts(true, raw)
    store.counts_pa[span] = f_counts(true, aligned)
    if not same:
        return
    block = span.start // BLOCK
    for points, means, areas, pck in (
        (raw, store.vertices, store.auc, store.pck),
        (aligned, store.vertices_pa, store.auc_pa, store.pck_pa),
    ):
        distances = point_distances(true, points)
        means[span] = distances.mean(axis=1)
        areas[span] = auc_shares(distances).mean(axis=1)
        pck[block] = pck_histogram(distances)


def pck_histogram(distances: Points) -> IndexArray:
    """Returns (101,) how many distances [m] lie between HO-3D's thresholds; the last are beyond all."""
    places = np.searchsorted(THRESHOLDS, distances.ravel(), "left")
    return np.bincount(places, minlength=len(THRESHOLDS) + 1)
