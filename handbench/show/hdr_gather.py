"""What a pipeline of masks, completed pictures and poses says of a few samples, and what is annotated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.camera import apply_affine
from handbench.datasets import Dataset
from handbench.errors import HandbenchError
from handbench.metrics.crop_sampling import sample_mask, sample_picture
from handbench.models import Model
from handbench.predictions import HandPrediction, Prediction
from handbench.show.hdr_agreement import agreement
from handbench.show.hdr_strip import Row, ShownHand, Strip, window_of
from handbench.show.sample import joint_pixels
from handbench.subset import Subset
from handbench.types import HandAnnotation, Sample, Side


def gather(dataset: Dataset, rows: Sequence[int], model: Model) -> list[Strip]:
    """Predicts samples and brings what is annotated of them into the same crops.

    Args:
        dataset: with annotation or without.
        rows: samples.
        model: a pipeline, open.

    Raises:
        HandbenchError: for an oracle of pictures without annotation or masks, a sample without a box where
            the pipeline looks at boxes, or a picture that does not open.
    """
    from handbench.loaders import batches
    from handbench.loaders.batch_items import hands_present

    inputs = model.inputs
    assert inputs is not None
    part = Subset(dataset, rows)
    samples = [part.read(i) for i in range(len(part))]
    annotated = bool(getattr(_whole(dataset), "annotated", True))
    if model.needs_ground_truth:
        _check_masks(samples, annotated)
    if inputs.crop != "full":
        _check_boxes(samples, hands_present(part))
    strips: list[Strip] = []
    for batch in batches(part, inputs, batch_size=len(samples), bad="error"):
        told = batch if model.needs_ground_truth else batch.without_labels(inputs.boxes)
        found: Any = model.predict(told)
        for i, prediction in enumerate(found):
            crop = np.ascontiguousarray(batch.images[i, 0].permute(1, 2, 0).cpu().numpy())
            affine = batch.affine[i, 0].double().cpu().numpy()
            sample = samples[len(strips)]
            said = [_predicted(prediction, affine, model.needs_ground_truth)]
            close: list[str] = []
            if annotated:
                said.append(_annotated(sample, affine, (crop.shape[1], crop.shape[0])))
                close = agreement(said[0], said[1], float(affine[1, 1]), not model.needs_ground_truth)
            likely = _likely(prediction, model)
            strips.append(Strip(sample.key, crop, said, window_of(crop, said), close, likely))
    return strips


def _whole(dataset: Dataset) -> Dataset:
    while isinstance(dataset, Subset):
        dataset = dataset.whole
    return dataset


def _check_boxes(samples: Sequence[Sample], there: BoolArray) -> None:
    """Refuses samples without a box; ``there`` (N, 2) says which hands have one."""
    for row, sample in enumerate(samples):
        if not there[row].any():
            raise HandbenchError(
                f"{sample.key} has no box about a hand", "let them be detected: --model hdr-tiny:boxes=detect"
            )


def _check_masks(samples: Sequence[Sample], annotated: bool) -> None:
    """Refuses to take masks from an annotation that has none."""
    if not annotated:
        raise HandbenchError("one's own pictures have no annotation to take masks from", "leave --oracle out")
    for sample in samples:
        if any(hand.amodal_mask is None or hand.visible_mask is None for hand in sample.hands):
            raise HandbenchError(f"{sample.key} has no masks of its hands", "leave --oracle masks out")


def _likely(prediction: Prediction, model: Model) -> FloatArray | None:
    """Returns how likely each hand is there, where the pipeline had to find that out."""
    if prediction.handedness is None or model.needs_ground_truth:
        return None
    return np.asarray(prediction.handedness, np.float64)


def _predicted(prediction: Prediction, affine: FloatArray, oracle: bool) -> Row:
    hands = {hand.side: _said(hand, affine) for hand in prediction.hands if _is_there(hand)}
    lines = []
    if oracle:
        lines = ["masks of the", "annotation"]
    elif prediction.handedness is not None:
        lines = ["is it there?"]
        lines += [
            f"{side.value} {100 * p:.0f} %" for side, p in zip(Side, prediction.handedness, strict=True)
        ]
    return Row("predicted", lines, hands, "not predicted")


def _is_there(hand: HandPrediction) -> bool:
    return bool(hand.joints_2d is not None or (hand.amodal_mask is not None and hand.amodal_mask.any()))


def _said(hand: HandPrediction, affine: FloatArray) -> ShownHand:
    pixels = None if hand.joints_2d is None else apply_affine(affine, np.asarray(hand.joints_2d, np.float64))
    return ShownHand(hand.amodal_mask, hand.visible_mask, hand.image, pixels)


def _annotated(sample: Sample, affine: FloatArray, size: tuple[int, int]) -> Row:
    hands, lines = {}, []
    for hand in sorted(sample.hands, key=lambda hand: list(Side).index(hand.side)):
        hands[hand.side] = _true(sample, hand, affine, size)
        if hand.occlusion is not None and np.isfinite(hand.occlusion):
            lines.append(f"{hand.side.value}: {100 * hand.occlusion:.0f} %")
    return Row("annotated", ["hidden part of", *lines] if lines else [], hands, "not annotated")


def _true(sample: Sample, hand: HandAnnotation, affine: FloatArray, size: tuple[int, int]) -> ShownHand:
    masks = [
        None if ref is None else sample_mask(ref.read(), affine, size)
        for ref in (hand.amodal_mask, hand.visible_mask)
    ]
    alone: Any = (
        sample.meta.get("target_image") if sample.meta.get("target_side") == hand.side.value else None
    )
    picture = None if alone is None else sample_picture(alone.read(), affine, size)
    pixels = apply_affine(affine, joint_pixels(hand, sample))
    return ShownHand(masks[0], masks[1], picture, pixels)
