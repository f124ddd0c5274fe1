"""What amodal masks are worth beside controls that are made of the visible ones alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.baselines.told_boxes import MOVED, rectangles
from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.metrics.aih_hands import phantoms
from handbench.metrics.aih_pixels import PixelScores, pixel_scores
from handbench.metrics.hand_roots import SIDES
from handbench.metrics.mask_controls import convex_hull, visible_as_amodal
from handbench.metrics.masks import unpack_masks
from handbench.metrics.resample import Paired, paired
from handbench.metrics.score import unit_codes
from handbench.predictions import Predictions
from handbench.types import Side

AMODAL, HIDDEN, VISIBLE = 0, 1, 2
"""Columns of ``PixelScores.masks``."""

BOXES = ("exact", "moved", "none")
"""What a model that is told boxes is told: those of the data; each edge moved as in training; nothing."""

Masks = dict[Side, BoolArray]


@dataclasses.dataclass(frozen=True)
class MaskClaim:
    """What masks are worth; IoU and shares in %.

    Attributes:
        amodal: mean IoU of whole hands.
        visible: of what is seen of them.
        hidden: of the invisible part, of hands hidden by more than the limit.
        hands: how many those are.
        controls: name -> the same of the control.
        gains: name -> hidden less the control's, on the same hands.
        swapped: share of hands on which the other side's whole mask lies better than their own.
        phantom: share of absent hands that were predicted.
        absent: how many hands are absent.
    """

    amodal: float
    visible: float
    hidden: float
    hands: int
    controls: dict[str, float]
    gains: dict[str, Paired]
    swapped: float
    phantom: float
    absent: int


def masks_claim(truth: GroundTruth, predictions: Predictions, limit: float = 0.3) -> MaskClaim:
    """Compares predicted masks of N samples with what their visible masks alone give.

    Controls: ``visible-as-amodal``, ``convex-hull``, and, where the data have boxes, ``covered-in-box``: what
    the other hand's visible mask covers in the hand's true box.

    Args:
        truth: N samples with masks.
        predictions: of the same samples, in the same order, with both masks of both hands.
        limit: hands count whose occlusion is above it.

    Raises:
        HandbenchError: when annotation or predictions have no masks, or no hand is hidden so much.
    """
    own = _scores(truth, predictions)
    columns = [truth.hands[side].occlusion for side in SIDES]
    occlusion = np.stack([np.full(len(truth), np.nan) if c is None else c for c in columns], axis=1)
    hidden = own[..., HIDDEN]
    made = {name: _scores(truth, other)[..., HIDDEN] for name, other in _controls(truth, predictions).items()}
    counted = (occlusion > limit) & np.isfinite(hidden)
    for values in made.values():
        counted &= np.isfinite(values)
    if not counted.any():
        raise HandbenchError(f"no hand is hidden by more than {limit}", "take data with occlusion: aih:DIR")
    other = dataclasses.replace(
        predictions, hands={side: predictions.hands[side.other] for side in predictions.hands}
    )
    whole, exchanged = own[..., AMODAL], _scores(truth, other)[..., AMODAL]
    there = np.isfinite(whole)
    _, found = phantoms(truth, predictions)
    absent = np.isfinite(found)
    return MaskClaim(
        float(np.nanmean(whole)), float(np.nanmean(own[..., VISIBLE])), float(hidden[counted].mean()),
        int(counted.sum()), {name: float(values[counted].mean()) for name, values in made.items()},
        {name: paired_over_scenes(truth, hidden, values, counted) for name, values in made.items()},
        100 * float((exchanged > whole)[there].mean()),
        float(found[absent].mean()) if absent.any() else float("nan"), int(absent.sum()),
    )  # fmt: skip


def _scores(truth: GroundTruth, predictions: Predictions) -> FloatArray:
    scores: PixelScores | None = pixel_scores(truth, predictions)
    if scores is None:
        raise HandbenchError("the predictions have no masks", "take a model of masks: hasm-tiny")
    return scores.masks


def _controls(truth: GroundTruth, predictions: Predictions) -> dict[str, Predictions]:
    """Gives predictions whose whole masks are made of their visible ones."""
    seen: Masks = {}
    for side, hand in predictions.hands.items():
        if hand.visible_mask is None:
            raise HandbenchError("the predictions have no visible masks", "take a model of masks: hasm-tiny")
        seen[side] = unpack_masks(hand.visible_mask, predictions.mask_size)
    made = {
        "visible-as-amodal": {side: visible_as_amodal(mask) for side, mask in seen.items()},
        "convex-hull": {side: convex_hull(mask) for side, mask in seen.items()},
    }
    inside = _in_boxes(truth, predictions)
    if inside is not None and set(seen) == set(SIDES):
        made["covered-in-box"] = {side: seen[side] | (inside[side] & seen[side.other]) for side in SIDES}

    def changed(whole: Masks) -> Predictions:
        hands = dict(predictions.hands)
        for side, mask in whole.items():
            packed: ImageArray = np.packbits(mask.reshape(len(mask), -1), axis=1)
            hands[side] = dataclasses.replace(hands[side], amodal_mask=packed)
        return dataclasses.replace(predictions, hands=hands)

    return {name: changed(whole) for name, whole in made.items()}


def _in_boxes(truth: GroundTruth, predictions: Predictions) -> Masks | None:
    """Returns (N, h, w) of each side, what lies in its true box; None where boxes or crops are not known."""
    boxes = {side: truth.hands[side].box for side in SIDES}
    if predictions.crop is None or any(box is None for box in boxes.values()):
        return None
    width, height = predictions.mask_size
    crop = np.asarray(predictions.crop, dtype=np.float64)
    out = {}
    for side, box in boxes.items():
        assert box is not None
        corners = np.stack([box[:, :2], box[:, :2] + box[:, 2:]], axis=1)
        ends = np.einsum("nij,nkj->nki", crop[:, :, :2], corners) + crop[:, None, :, 2]
        low, high = ends.min(axis=1), ends.max(axis=1)
        one = torch.from_numpy(np.concatenate([low, high - low], axis=1))[:, None]
        out[side] = rectangles(one, (height, width))[:, 0].numpy() > 0
    return out


def paired_over_scenes(truth: GroundTruth, a: FloatArray, b: FloatArray, counted: BoolArray) -> Paired:
    """Compares (N, 2) values of the hands that are counted, over scenes."""
    names, codes = unit_codes(truth.recordings)
    sums = []
    for values in (a, b, np.ones_like(a)):
        table = np.zeros((len(names), 1))
        np.add.at(table[:, 0], codes, np.where(counted, values, 0.0).sum(axis=1))
        sums.append(table)
    return paired(sums[0], sums[2], sums[1], sums[2])


def told(model: Any, how: str) -> Any:
    """Returns a model that is told the data's boxes otherwise: one of :data:`BOXES`."""
    changes: dict[str, Callable[[Any], Any]] = {"exact": lambda box: box, "none": torch.zeros_like}
    return _Told(model, changes.get(how) or _Moved())


class _Told:
    """A model whose batches have other boxes; all else is the model's."""

    def __init__(self, model: Any, change: Callable[[Any], Any]) -> None:
        self._model, self._change = model, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def predict(self, batch: Any) -> Any:
        return self._model.predict(dataclasses.replace(batch, box=self._change(batch.box)))


class _Moved:
    """Moves each edge of boxes (B, 2, 4) by up to a tenth of the side, the same in every run."""

    def __init__(self) -> None:
        self._draw = torch.Generator().manual_seed(0)

    def __call__(self, box: torch.Tensor) -> torch.Tensor:
        low, side = box[..., :2].cpu(), box[..., 2:].cpu()
        step = (torch.rand(2, *side.shape, generator=self._draw) * 2 - 1) * MOVED * side
        return torch.cat([low + step[0], side + step[1] - step[0]], dim=-1).to(box.device)
