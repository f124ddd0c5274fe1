"""Errors of both hands of some samples: joints, meshes, and where one wrist is from the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.ground_truth import GroundTruth
from handbench.metrics.align import MIDDLE_MCP, WRIST
from handbench.metrics.distances import mean_valid, point_distances
from handbench.metrics.hand_roots import (
    SIDES,
    along_the_rays,
    predicted_joints,
    predicted_relative_root,
    root_depths,
)
from handbench.metrics.hand_scale import bone_scale
from handbench.metrics.masked_procrustes import procrustes_errors
from handbench.metrics.relative import relative_root, relative_root_error
from handbench.metrics.rooted import rooted_distances
from handbench.predictions import Predictions
from handbench.types import Side

MM = 1e3


@dataclass(frozen=True)
class HandRule:
    """How hands are aligned before they are compared.

    Attributes:
        root: where absolute depth is from, see :func:`handbench.metrics.hand_roots.root_depths`.
        scale: see :func:`handbench.metrics.hand_scale.bone_scale`.
        joint: index of the joint that is put on the true one, in each hand.
        mesh_joints: true joints are those of the true mesh.
    """

    root: str
    scale: str
    joint: int = WRIST
    mesh_joints: bool = False


@dataclass(frozen=True)
class TwoHandErrors:
    """Errors of n samples; right hand first; NaN where there is nothing to compare.

    Attributes:
        joints: (n, 42) [mm], each hand's root on the true one.
        fitted: (n, 42) [mm] after each hand's own similarity fit.
        vertices: (n, 2) [mm] mean of each hand's vertices, aligned as the joints; None without meshes.
        relative: (n,) [mm] of the vector from the right root to the left one, nothing aligned.
        missing: (n, 2) valid hands that were not predicted.
        unscaled: (n, 2) valid hands that were predicted and that nothing gives a size or a place.
        valid: (n, 2) hands that can be scored.
    """

    joints: FloatArray
    fitted: FloatArray
    vertices: FloatArray | None
    relative: FloatArray
    missing: BoolArray
    unscaled: BoolArray
    valid: BoolArray

    @property
    def procrustes(self) -> FloatArray:
        """(n, 2) [mm], the mean of each hand's joints after its own similarity fit."""
        return of_hands(self.fitted)


def of_hands(joints: FloatArray) -> FloatArray:
    """Returns the (n, 2) means of each hand's joints (n, 42); NaN is left out."""
    each = joints.reshape(len(joints), 2, 21)
    return np.asarray(mean_valid(each, np.isfinite(each)))


def has_meshes(truth: GroundTruth, predictions: Predictions) -> bool:
    """Tells whether both have meshes of the same vertices for some hand."""
    return any(_meshes(truth, predictions, side) is not None for side in SIDES)


def two_hand_errors(
    rule: HandRule, truth: GroundTruth, predictions: Predictions, rows: slice
) -> TwoHandErrors:
    """Compares both hands of some samples.

    Args:
        rule: how they are aligned.
        truth: N samples.
        predictions: of the same samples.
        rows: which samples.

    Raises:
        HandbenchError: when a predicted hand has only some finite joints.
    """
    right, left = (_one_hand(rule, truth, predictions, side, rows) for side in SIDES)
    relative = relative_root_error(
        predicted_relative_root(
            predictions,
            right.found,
            left.found,
            rows,
            moved=root_depths(predictions, truth, Side.RIGHT, rows, rule.root),
        ),
        relative_root(right.wrists, left.wrists),
    )

    def both(name: str) -> np.ndarray:
        return np.stack([getattr(right, name), getattr(left, name)], axis=1)

    return TwoHandErrors(
        joints=both("errors").reshape(len(relative), 42),
        fitted=both("fitted").reshape(len(relative), 42),
        vertices=both("vertices") if has_meshes(truth, predictions) else None,
        relative=np.asarray(MM * relative),
        missing=both("missing"),
        unscaled=both("unscaled"),
        valid=both("valid"),
    )


@dataclass(frozen=True)
class _Hand:
    """One side of :class:`TwoHandErrors`, its predicted joints (n, 21, 3) [m] and true wrists (n, 3) [m]."""

    found: FloatArray
    wrists: FloatArray
    errors: FloatArray
    fitted: FloatArray
    vertices: FloatArray
    missing: BoolArray
    unscaled: BoolArray
    valid: BoolArray


def _one_hand(rule: HandRule, truth: GroundTruth, predictions: Predictions, side: Side, rows: slice) -> _Hand:
    true, annotated = true_joints(rule, truth, side, rows)
    known = annotated & annotated[:, rule.joint, None]
    found, there = predicted_joints(predictions, side, rows)
    depths = root_depths(predictions, truth, side, rows, rule.root)
    if depths is not None:
        found = along_the_rays(found, *depths)
    scale, valid = bone_scale(rule.scale, true, found), known[:, rule.joint]
    if rule.scale == "gt-bone":
        scale = np.where(known[:, WRIST] & known[:, MIDDLE_MCP], scale, np.nan)
    usable = there & np.isfinite(scale + found.reshape(len(found), -1).sum(axis=1))
    known = known & usable[:, None]
    errors = MM * rooted_distances(true, found, known, scale, rule.joint)
    # A similarity fit does not care where a hand is and how large.
    fitted = MM * procrustes_errors(true, found, known)
    vertices, meshes = np.full(len(true), np.nan), _meshes(truth, predictions, side)
    if meshes is not None:
        mesh = np.asarray(meshes[1][rows], dtype=np.float64)
        mesh = mesh if depths is None else along_the_rays(mesh, *depths)
        mesh = (mesh - found[:, rule.joint, None]) * scale[:, None, None]
        vertices = MM * point_distances(meshes[0][rows] - true[:, rule.joint, None], mesh).mean(axis=1)
    wrists = np.where(annotated[:, WRIST, None], true[:, WRIST], np.nan)
    return _Hand(
        found, wrists, errors, fitted, np.where(valid, vertices, np.nan), valid & ~there,
        valid & there & ~usable, valid,
    )  # fmt: skip


def true_joints(rule: HandRule, truth: GroundTruth, side: Side, rows: slice) -> tuple[FloatArray, BoolArray]:
    """Returns the true joints (n, 21, 3) [m] of a rule, and (n, 21) which are known."""
    hand = truth.hands[side]
    if rule.mesh_joints and hand.mesh_joints is not None:
        joints = hand.mesh_joints[rows]
        known = np.asarray(np.isfinite(joints).all(axis=2))
    else:
        joints, known = hand.joints[rows], hand.joints_valid[rows]
    return joints, known


def _meshes(truth: GroundTruth, predictions: Predictions, side: Side) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns true and predicted vertices (N, V, 3) of a side, where both have the same V."""
    true, hand = truth.hands[side].vertices, predictions.hands.get(side)
    if true is None or hand is None or hand.vertices is None or true.shape[1] != hand.vertices.shape[1]:
        return None
    return true, hand.vertices
