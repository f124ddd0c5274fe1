"""Which hands an AIH crop is about, which are not there, and which of those were predicted all the same."""

from __future__ import annotations

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.ground_truth import GroundTruth
from handbench.metrics.aih_pixels import predicted_row
from handbench.metrics.hand_roots import SIDES
from handbench.predictions import HandPredictions, Predictions


def target_hands(truth: GroundTruth) -> BoolArray:
    """Returns (N, 2) the hands that each crop is about: right, left; of a pair both.

    Data without the subsets ``right`` and ``left`` are about both hands.
    """
    n = len(truth)
    about = [truth.subsets.get(side.value, np.zeros(n, dtype=np.bool_)) for side in SIDES]
    pair = ~(about[0] | about[1])
    return np.stack([about[0] | pair, about[1] | pair], axis=1)


def present_hands(truth: GroundTruth) -> BoolArray | None:
    """Returns (N, 2) which hands each sample has; None where the data do not say."""
    if not len(truth.hand_type):
        return None
    kinds = np.asarray(truth.hand_type, dtype=np.str_)
    return np.stack([np.isin(kinds, [side.value, "interacting"]) for side in SIDES], axis=1)


def phantoms(truth: GroundTruth, predictions: Predictions) -> tuple[str, FloatArray]:
    """Returns which absent hands were predicted, in per cent (0 or 100), and how that was told.

    A hand counts as predicted by the first of these that the file has: a handedness above 0.5, a mask with
    any pixel, joints.

    Returns:
        What told it, and (N, 2), NaN where the hand is there.
    """
    present, n = present_hands(truth), len(truth)
    if present is None:
        return "unknown", np.full((n, 2), np.nan)
    hands = [predictions.hands.get(side) for side in SIDES]
    if predictions.handedness is not None:
        how, found = "handedness above 0.5", np.asarray(predictions.handedness > 0.5)
    elif any(hand is not None and _mask_column(hand) is not None for hand in hands):
        how, found = "masks that are not empty", np.stack([_by_masks(hand, n) for hand in hands], axis=1)
    else:
        how, found = "joints", np.stack([_by_joints(hand, n) for hand in hands], axis=1)
    return how, np.where(present, np.nan, 100.0 * found)


def _mask_column(hand: HandPredictions) -> np.ndarray | None:
    return hand.visible_mask if hand.amodal_mask is None else hand.amodal_mask


def _by_masks(hand: HandPredictions | None, n: int) -> BoolArray:
    packed = None if hand is None else _mask_column(hand)
    if packed is None or hand is None:
        return np.zeros(n, dtype=np.bool_)
    return np.asarray(packed.any(axis=1) & predicted_row(hand.has_mask, n))


def _by_joints(hand: HandPredictions | None, n: int) -> BoolArray:
    if hand is None or hand.joints is None:
        return np.zeros(n, dtype=np.bool_)
    return np.asarray(np.isfinite(hand.joints).any(axis=(1, 2)))
