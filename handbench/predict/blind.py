"""Predicts with models that need no pictures: the annotation's columns, block by block."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.models import BlindBatch, Model
from handbench.predict.parts import Part
from handbench.prediction_columns import columns_of
from handbench.predictions import Predictions
from handbench.subset import select_truth
from handbench.types import Side

_SIDES = (Side.RIGHT, Side.LEFT)
_ASKED = {"right": (True, False), "left": (False, True), "interacting": (True, True)}
_BLOCK = 64 << 20
"""Bytes of predictions of a block, about."""


def blind_parts(
    model: Model,
    name: str,
    truth: GroundTruth,
    first: int,
    batch_size: int | None,
    tick: Callable[[int], None] = lambda samples: None,
) -> Iterator[Part]:
    """Gives the predictions of samples ``first`` to the end, in blocks.

    Args:
        model: without inputs.
        name: of the model, for errors.
        truth: the annotation of all samples.
        first: sample to begin with.
        batch_size: samples of a block; by default what 64 MB of predictions hold.
        tick: is told how many more samples are done.

    Raises:
        HandbenchError: when the model gives other samples than it was asked for.
    """
    meshes = [hand.vertices for hand in truth.hands.values() if hand.vertices is not None]
    vertices = max((mesh.shape[1] for mesh in meshes), default=0)
    asked, boxes = asked_hands(truth), _boxes(truth)
    size = (0, 0)
    if model.needs_ground_truth and truth.labels is not None and len(truth):
        size = truth.labels(0).camera.size
    width = 2 * 4 * (3 * vertices + 200) + 4 * size[0] * size[1]
    block = batch_size or max(_BLOCK // width, 1)
    for start in range(first, len(truth), block):
        rows = range(start, min(start + block, len(truth)))
        keys = [truth.keys[i] for i in rows]
        cut = slice(rows.start, rows.stop)
        known = select_truth(truth, rows) if model.needs_ground_truth else None
        batch = BlindBatch(keys, asked[cut], truth.K[cut], boxes[cut], vertices, known, size)
        found = _columns(model, name, batch)
        tick(len(rows))
        yield Part(found, {})


def _columns(model: Model, name: str, batch: BlindBatch) -> Predictions:
    found = model.predict(batch)
    if isinstance(found, list):
        return columns_of(batch.keys, found, model.space, model.tips, model.hand_model)
    if list(found.keys) != list(batch.keys):
        raise HandbenchError(
            f"model {name!r} gave {len(found)} predictions, not those of its {len(batch)} samples",
            "give each key of the batch, in its order",
        )
    return dataclasses.replace(
        found, tips=found.tips or model.tips, hand_model=found.hand_model or model.hand_model
    )


def asked_hands(truth: GroundTruth) -> BoolArray:
    """Returns (N, 2) bool, which hands a sample is asked about: its hand type's, and all annotated ones."""
    asked = np.zeros((len(truth), 2), np.bool_)
    if truth.hand_type:
        asked |= np.array([_ASKED.get(kind, (False, False)) for kind in truth.hand_type])
    for s, side in enumerate(_SIDES):
        hand = truth.hands.get(side)
        if hand is None:
            continue
        asked[:, s] |= hand.joints_valid.any(axis=1)
        for values in (hand.box, hand.joints_2d):
            if values is not None:
                asked[:, s] |= np.isfinite(values).all(axis=-1).reshape(len(truth), -1).any(axis=1)
    return asked


def _boxes(truth: GroundTruth) -> FloatArray:
    """Returns (N, 2, 4) x, y, w, h [px], NaN where there is none."""
    boxes = np.full((len(truth), 2, 4), np.nan)
    for s, side in enumerate(_SIDES):
        hand = truth.hands.get(side)
        if hand is not None and hand.box is not None:
            boxes[:, s] = hand.box
    return boxes
