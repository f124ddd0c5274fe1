"""The hands that diagnosis looks at: a spread sample of predicted hands beside the true ones."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from handbench.arrays import BoolArray, FloatArray, IndexArray
from handbench.ground_truth import GroundTruth
from handbench.metrics.masked_procrustes import procrustes_errors
from handbench.predictions import HandPredictions, Predictions
from handbench.types import Side

HANDS = 250
"""Hands of each side that are looked at."""

LEAST_HANDS, LEAST_JOINTS = 3, 8
"""Fewer hands, or fewer true joints of a hand, compare nothing."""

MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Hands:
    """Predicted hands, one a row, that are finite and not all zero.

    Attributes:
        right: (n,) bool, whether it is called a right hand.
        joints: (n, 21, 3) as predicted; whole or NaN.
        crossed: (n, 21, 3) the prediction of the other side in the same sample, NaN where there is none.
        true: (n, 21, 3) [m], NaN where not annotated.
        vertices: (n, V, 3) as predicted, or None.
        true_vertices: (n, V, 3) [m], NaN where there are none, or None.
    """

    right: BoolArray
    joints: FloatArray
    crossed: FloatArray
    true: FloatArray
    vertices: FloatArray | None
    true_vertices: FloatArray | None

    def __len__(self) -> int:
        return len(self.right)

    def replace(self, **changes: Any) -> Hands:
        """Returns a copy with the named fields changed."""
        return dataclasses.replace(self, **changes)

    @property
    def comparable(self) -> BoolArray:
        """(n,) rows with enough true joints; all False where there are too few rows."""
        known = np.isfinite(self.true).all(axis=2) & np.isfinite(self.joints).all(axis=2)
        rows = np.asarray(known.sum(axis=1) >= LEAST_JOINTS)
        return rows if rows.sum() >= LEAST_HANDS else np.zeros(len(self), dtype=np.bool_)


def procrustes_error(true: FloatArray, predicted: FloatArray, mirrored: bool = False) -> float:
    """Returns the mean PA error [m] over rows of the points that both have, proper or after mirroring."""
    valid = np.asarray(np.isfinite(true).all(axis=2) & np.isfinite(predicted).all(axis=2))
    errors = procrustes_errors(true, predicted * MIRROR if mirrored else predicted, valid)
    return float(np.nanmean(errors)) if np.isfinite(errors).any() else float("nan")


def centred(true: FloatArray, predicted: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns both point sets (n, P, 3) about their centres, and the prediction in the size of the truth."""
    known = np.isfinite(true).all(axis=2, keepdims=True) & np.isfinite(predicted).all(axis=2, keepdims=True)
    a, b = np.where(known, true, np.nan), np.where(known, predicted, np.nan)
    a, b = a - np.nanmean(a, axis=1, keepdims=True), b - np.nanmean(b, axis=1, keepdims=True)
    size = np.sqrt(np.nansum(a**2, axis=(1, 2)) / np.maximum(np.nansum(b**2, axis=(1, 2)), 1e-12))
    return a, b * size[:, None, None]


def sample_hands(truth: GroundTruth, predictions: Predictions, rows: IndexArray, usable: Usable) -> Hands:
    """Takes at most :data:`HANDS` hands of each side, spread over the rows that both have.

    Args:
        truth: N samples.
        predictions: of M samples.
        rows: (n, 2) which rows of the two are the same sample.
        usable: side -> (M,) hands that are finite and not all zero.
    """
    parts = [_of_side(truth, predictions, rows, usable, side) for side in predictions.hands]
    parts = [part for part in parts if len(part)]
    if not parts:
        return Hands(np.zeros(0, np.bool_), *(np.empty((0, 21, 3)),) * 3, None, None)
    return Hands(
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.joints for part in parts]),
        np.concatenate([part.crossed for part in parts]),
        np.concatenate([part.true for part in parts]),
        _meshes([part.vertices for part in parts]),
        _meshes([part.true_vertices for part in parts]),
    )


def _meshes(parts: list[FloatArray | None]) -> FloatArray | None:
    """Returns the meshes of all sides, or None where one has none or they differ."""
    given = [part for part in parts if part is not None]
    if len(given) < len(parts) or len({part.shape[1] for part in given}) > 1:
        return None
    return np.concatenate(given)


Usable = dict[Side, BoolArray]


def _of_side(
    truth: GroundTruth, predictions: Predictions, rows: IndexArray, usable: Usable, side: Side
) -> Hands:
    rows = rows[usable[side][rows[:, 1]]]
    true = truth.hands.get(side)
    if true is not None:
        there = true.joints_valid[rows[:, 0]].any(axis=1)
        rows = rows[there] if there.any() else rows
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, HANDS).astype(np.int64))] if len(rows) else rows
    hand, other = predictions.hands[side], predictions.hands.get(side.other)
    empty = np.full((len(rows), 21, 3), np.nan)
    crossed = empty
    if other is not None and other.joints is not None:
        crossed = other.joints[rows[:, 1]].astype(np.float64)
        crossed[~usable[side.other][rows[:, 1]]] = np.nan
    annotated, mesh = empty, None
    if true is not None:
        annotated = np.where(true.joints_valid[rows[:, 0], :, None], true.joints[rows[:, 0]], np.nan)
        mesh = None if true.vertices is None else true.vertices[rows[:, 0]].astype(np.float64)
    return Hands(
        np.full(len(rows), side is Side.RIGHT),
        _joints(hand, rows),
        crossed,
        annotated,
        None if hand.vertices is None else hand.vertices[rows[:, 1]].astype(np.float64),
        mesh,
    )


def _joints(hand: HandPredictions, rows: IndexArray) -> FloatArray:
    if hand.joints is None:
        return np.full((len(rows), 21, 3), np.nan)
    return hand.joints[rows[:, 1]].astype(np.float64)
