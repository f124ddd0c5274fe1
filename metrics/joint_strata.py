"""Errors of joints that are seen, and of those that are not; and joint by joint."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.ground_truth import GroundTruth
from handbench.metrics.hand_roots import SIDES
from handbench.skeleton import OPENPOSE21

VISIBLE = 0.5
"""A joint is visible where at least this share of it is seen."""

JOINTS = tuple(f"{side.value}_{name}" for side in SIDES for name in OPENPOSE21.names)
"""The 42 columns of two hands: right, left, each in OPENPOSE21."""


def visibility_of(truth: GroundTruth) -> FloatArray | None:
    """Returns the (N, 2, 21) shares of joints that are seen, NaN where unknown; None where none is known."""
    columns = [truth.hands[side].visibility for side in SIDES]
    if all(column is None for column in columns):
        return None
    unknown = np.full((len(truth), 21), np.nan)
    return np.stack([unknown if column is None else column for column in columns], axis=1)


def visibility_strata(visibility: FloatArray | None) -> Iterator[tuple[str, BoolArray]]:
    """Gives ``visible joints`` and ``hidden joints`` with the joints that are; an unknown one is neither."""
    if visibility is not None and np.isfinite(visibility).any():
        with np.errstate(invalid="ignore"):
            yield "visible joints", np.asarray(visibility >= VISIBLE)
            yield "hidden joints", np.asarray(visibility < VISIBLE)
