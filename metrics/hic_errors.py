"""Errors of HIC's hands, which have no true wrist: pixels of labelled joints, tracked joints, meshes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handbench.arrays import BoolArray, FloatArray, IndexArray
from handbench.ground_truth import Float32, GroundTruth
from handbench.metrics.align import MIDDLE_MCP, WRIST
from handbench.metrics.distances import Points, mean_valid, point_distances
from handbench.metrics.hand_roots import predicted_joints
from handbench.metrics.hand_scale import bone_scale
from handbench.metrics.masked_procrustes import procrustes_errors
from handbench.predictions import HandPredictions, Predictions
from handbench.types import Side

NEAREST = 1e-3
"""A joint nearer to the camera plane than this [m], or behind it, has no pixel."""


@dataclass(frozen=True)
class HicHand:
    """Errors of one side of N samples; NaN where there is nothing to compare.

    Attributes:
        pixels: (N, 21) [px] of labelled joints.
        joints: (N, 21) [mm], the middle MCP on the true one; the MCP itself is NaN.
        procrustes: (N,) [mm] mean of the joints after a similarity fit.
        vertices: (N,) [mm] mean of the vertices, their mean on the true mean; None without meshes.
        found: (N, 21, 3) joints as predicted.
        missing: (N,) labelled or tracked hands that were not predicted.
        wanted: (N,) labelled or tracked hands.
        lost: (N,) joints that are labelled or tracked, and that a predicted hand lacks or puts nowhere.
    """

    pixels: FloatArray
    joints: FloatArray
    procrustes: FloatArray
    vertices: FloatArray | None
    found: FloatArray
    missing: BoolArray
    wanted: BoolArray
    lost: IndexArray


def hic_errors(
    truth: GroundTruth, predictions: Predictions, side: Side, root: str, scale: str, pixels: str
) -> HicHand:
    """Compares one side of all samples.

    Args:
        truth: N samples.
        predictions: of the same samples.
        side: which hand.
        root: ``predicted``, or ``gt``: the mean of the tracked joints is put on the true mean.
        scale: ``none``; ``gt-size``: as far spread about that mean as the true joints; ``hand-model``.
        pixels: ``given`` (``joints_2d`` of the file) or ``projected``.
    """
    true, hand = truth.hands[side], predictions.hands.get(side)
    # The tracked hands have no wrist, and so has a prediction that is made of them.
    found, there = predicted_joints(predictions, side, slice(0, len(truth)), whole=False)
    known = true.joints_valid & np.isfinite(found).all(axis=2)
    sized, factor = _sized(true.joints, found, known, scale)
    shift = _mean(true.joints, known) - _mean(sized, known) if root == "gt" else np.zeros((len(found), 3))
    labels = true.joints_2d
    if labels is None:
        labels = np.full((len(truth), 21, 2), np.nan)
    given = None if hand is None else hand.joints_2d
    if pixels == "given" and given is not None:
        places = np.asarray(given, dtype=np.float64)
        told = np.asarray(np.isfinite(places).all(axis=(1, 2)))
    else:
        places, told = project(sized + shift[:, None], truth.K), there
    labelled = np.asarray(np.isfinite(labels).all(axis=2))
    away = point_distances(labels, places)
    wanted = np.asarray(labelled.any(axis=1) | true.joints_valid.any(axis=1))
    fitted = 1e3 * procrustes_errors(true.joints, sized, known)
    return HicHand(
        np.where(labelled, away, np.nan), _rooted(true.joints, sized, known),
        np.asarray(mean_valid(fitted, np.isfinite(fitted))), _meshes(true.vertices, hand, factor), found,
        wanted & ~there & ~told, wanted,
        _lost(labelled & told[:, None], away, true.joints_valid & there[:, None], known),
    )  # fmt: skip


def project(points: FloatArray, K: FloatArray) -> FloatArray:
    """Returns pixels (N, P, 2) of points (N, P, 3) [m] by intrinsics (N, 3, 3); NaN behind the camera."""
    depth = np.where(points[..., 2:] > NEAREST, points[..., 2:], np.nan)
    return np.asarray(((points / depth) @ K.swapaxes(1, 2))[..., :2])


def _mean(points: FloatArray, known: BoolArray) -> FloatArray:
    """Returns the (N, 3) mean of the known points (N, P, 3); NaN where none is."""
    count = known.sum(axis=1)[:, None]
    total = np.where(known[..., None], points, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _lost(labelled: BoolArray, away: Points, tracked: BoolArray, known: BoolArray) -> IndexArray:
    """Returns (N,) how many joints of predicted hands should have been compared and cannot be."""
    unplaced = labelled & ~np.isfinite(away)
    return np.asarray((unplaced | (tracked & ~known)).sum(axis=1))


def _sized(
    true: FloatArray, found: FloatArray, known: BoolArray, scale: str
) -> tuple[FloatArray, FloatArray]:
    """Returns the joints (N, 21, 3) as large as ``scale`` wants them, and the factors (N,)."""
    if scale == "none":
        return found, np.ones(len(found))
    factor = _size(true, found, known) if scale == "gt-size" else bone_scale(scale, true, found)
    middle = _mean(found, known) if scale == "gt-size" else found[:, WRIST]
    return middle[:, None] + (found - middle[:, None]) * factor[:, None, None], factor


def _size(true: FloatArray, found: FloatArray, known: BoolArray) -> FloatArray:
    """Returns the (N,) true spread of the known joints over the predicted one (root mean squares)."""
    spreads = []
    for points in (true, found):
        centred = np.where(known[..., None], points - _mean(points, known)[:, None], 0.0)
        spreads.append(np.sqrt((centred**2).sum(axis=(1, 2))))
    return np.asarray(spreads[0] / np.where(spreads[1] > 0, spreads[1], np.nan))


def _rooted(true: FloatArray, found: FloatArray, known: BoolArray) -> FloatArray:
    known = known & known[:, MIDDLE_MCP, None]
    known[:, MIDDLE_MCP] = False
    errors = point_distances(true - true[:, MIDDLE_MCP, None], found - found[:, MIDDLE_MCP, None])
    return np.where(known, 1e3 * errors, np.nan)


def _meshes(true: Float32 | None, hand: HandPredictions | None, factor: FloatArray) -> FloatArray | None:
    found = None if hand is None else hand.vertices
    if true is None or found is None or true.shape[1] != found.shape[1]:
        return None
    errors = np.full(len(true), np.nan)
    for n in range(len(true)):
        a, b = true[n].astype(np.float64), factor[n] * found[n].astype(np.float64)
        errors[n] = 1e3 * point_distances(a - a.mean(axis=0), b - b.mean(axis=0)).mean()
    return errors


def both_sides(right: HicHand, left: HicHand, name: str) -> FloatArray:
    """Returns a field of both sides, stacked: (N, 2, ...)."""
    return np.stack([getattr(right, name), getattr(left, name)], axis=1)
