"""Alignments of predicted points to true ones, batched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.skeleton import OPENPOSE21

Points = npt.NDArray[np.floating[Any]]

WRIST = OPENPOSE21.index("wrist")
MIDDLE_MCP = OPENPOSE21.index("middle1")

NORM_GUARD = 1e-8
"""What HO-3D's script adds to Frobenius norms before it divides by them (eval.py, align_w_scale)."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """A similarity for each of N point sets, in the parts that HO-3D's script keeps.

    Attributes:
        R: (N, 3, 3) orthogonal; x_true ~ R x_predicted.
        s: (N,) sum of the singular values: the scale between sets of norm 1.
        true_norm: (N,) Frobenius norm of the centred true points, plus the guard [m].
        norm: (N,) the same of the predicted points [m].
        true_mean: (N, 3) [m].
        mean: (N, 3) [m] of the predicted points.
    """

    R: FloatArray
    s: FloatArray
    true_norm: FloatArray
    norm: FloatArray
    true_mean: FloatArray
    mean: FloatArray

    def apply(self, points: Points) -> FloatArray:
        """Returns points (N, P, 3) of the predicted frame, aligned."""
        moved = (points - self.mean[:, None]) / self.norm[:, None, None]
        moved = (moved @ self.R.swapaxes(1, 2)) * (self.s * self.true_norm)[:, None, None]
        return np.asarray(moved + self.true_mean[:, None])

    def apply_as_official(self, points: Points) -> FloatArray:
        """Returns points (N, P, 3) as HO-3D's ``align_by_trafo`` moves a mesh by the joints' transform.

        The script centres the mesh by its own mean and does not divide by the norm of the predicted joints,
        so the mesh comes out too small by that factor. Kept, because submissions of other meshes than MANO's
        were scored so; :meth:`apply` is the transform that was fitted.
        """
        own = points.mean(axis=1, keepdims=True)
        moved = ((points - own) @ self.R.swapaxes(1, 2)) * (self.s * self.true_norm)[:, None, None]
        return np.asarray(moved + (self.true_mean - self.mean)[:, None] + own)


def root_relative(points: Points, roots: Points) -> Points:
    """Returns points (N, P, 3) minus the root (N, 3) of their set, in the same unit."""
    moved: Points = points - roots[:, None]
    return moved


def fit_similarity(true: Points, predicted: Points, proper: bool = False) -> Similarity:
    """Fits the similarity that takes predicted points to true ones in the least-squares sense.

    HO-3D's official script (eval.py, ``align_w_scale``): centre, divide by the Frobenius norm plus 1e-8,
    orthogonal Procrustes, scale by the sum of singular values. It has no determinant check, so a mirrored
    hand aligns perfectly. A set of equal points goes to the mean of the true points.

    Args:
        true: (N, P, 3) [m].
        predicted: (N, P, 3) [m].
        proper: allow rotations only (Umeyama 1991): the last singular value changes its sign where the best
            orthogonal matrix is a reflection.
    """
    true_mean, mean = true.mean(axis=1), predicted.mean(axis=1)
    a, b = true - true_mean[:, None], predicted - mean[:, None]
    true_norm = np.sqrt(np.einsum("nij,nij->n", a, a)) + NORM_GUARD
    norm = np.sqrt(np.einsum("nij,nij->n", b, b)) + NORM_GUARD
    M = (a.swapaxes(1, 2) @ b) / (true_norm * norm)[:, None, None]
    U, w, Vt = np.linalg.svd(M)
    if proper:
        mirrored = np.linalg.det(U @ Vt) < 0
        U[mirrored, :, 2] *= -1
        w[mirrored, 2] *= -1
    return Similarity(U @ Vt, w.sum(axis=1), true_norm, norm, true_mean, mean)


def align_procrustes(true: Points, predicted: Points, proper: bool = False) -> FloatArray:
    """Returns predicted points (N, P, 3) aligned by their own :func:`fit_similarity`."""
    return fit_similarity(true, predicted, proper).apply(predicted)


def align_scale_translation(
    true: Points, predicted: Points, root: int = WRIST, tip: int = MIDDLE_MCP
) -> FloatArray:
    """Scales the prediction to the true length of one bone and puts its root on the true root.

    HO-3D's official script (eval.py, ``align_sc_tr``): the bone from wrist to middle MCP. Where the predicted
    bone has no length, the scale stays 1.

    Args:
        true: (N, J, 3) [m].
        predicted: (N, J, 3) [m].
        root: joint that is put on its true place.
        tip: other end of the bone.
    """
    length = np.linalg.norm(predicted[:, tip] - predicted[:, root], axis=1)
    true_length = np.linalg.norm(true[:, tip] - true[:, root], axis=1)
    scale = np.where(length == 0, 1.0, true_length / np.where(length == 0, 1.0, length))
    scaled = predicted * scale[:, None, None]
    return np.asarray(scaled - scaled[:, root, None] + true[:, root, None])
