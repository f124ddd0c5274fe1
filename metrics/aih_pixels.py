"""One AIH sample's predicted masks and picture against the true ones, in the frame of the model's crop."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.metrics.crop_sampling import inverse_affine, sample_mask, sample_picture
from handbench.metrics.hand_roots import SIDES
from handbench.metrics.masks import boundary_f, mask_iou, occluded_part, unpack_masks
from handbench.metrics.pictures import hole_errors
from handbench.metrics.score import Metric
from handbench.predictions import HandPredictions, Predictions
from handbench.progress import Progress
from handbench.types import Sample, Side

MASK_METRICS = (
    Metric("IoU-amodal", "%", True, "whole hands"),
    Metric("IoU-hidden", "%", True, "the invisible part of hands on its own: amodal and not visible"),
    Metric("IoU-visible", "%", True, "what is seen of hands"),
    Metric("BF-amodal", "%", True, "F-measure of the boundary of whole hands"),
    Metric("BF-visible", "%", True, "F-measure of the boundary of what is seen"),
)
PICTURE_METRICS = tuple(
    Metric(f"{name}-{hole}", unit, up, f"{about} over {where}")
    for hole, where in (
        ("deocclusion", "the target's hidden part"), ("removal", "what was removed outside the target"),
    )
    for name, unit, up, about in (
        ("PSNR", "dB", True, "peak signal-to-noise ratio"), ("SSIM", "1", True, "structural similarity"),
        ("L1", "grey levels", False, "mean absolute difference"),
    )
)  # fmt: skip

_THREADS = 2
_CHUNK = 64


@dataclass(frozen=True)
class PixelScores:
    """Numbers of N samples; NaN where there is nothing to compare.

    Attributes:
        masks: (N, 2, 5) of each side, in the order of ``MASK_METRICS``.
        pictures: (N, 6) of the target, in the order of ``PICTURE_METRICS``.
        missing: (N, 2) hands with a true mask whose mask was not predicted.
    """

    masks: FloatArray
    pictures: FloatArray
    missing: BoolArray


def has_pixels(predictions: Predictions) -> tuple[bool, bool]:
    """Tells whether there are masks, and whether there are pictures."""
    hands = predictions.hands.values()
    masks = any(hand.amodal_mask is not None or hand.visible_mask is not None for hand in hands)
    return masks, any(hand.image is not None for hand in hands)


def predicted_row(has: BoolArray | None, n: int) -> BoolArray:
    """Returns (n,) which rows a column says it has: all of them where it says nothing."""
    return np.ones(n, dtype=np.bool_) if has is None else has


def pixel_scores(truth: GroundTruth, predictions: Predictions) -> PixelScores | None:
    """Compares masks and pictures of all samples; None where the predictions have neither.

    Raises:
        HandbenchError: when the annotation has no masks, or the file does not say where its crops are.
    """
    masks, pictures = has_pixels(predictions)
    if not masks and not pictures:
        return None
    where = predictions.path or "the predictions"
    labels = truth.labels
    if labels is None:
        raise HandbenchError(
            f"{truth.dataset} {truth.split} has no masks, {where} have",
            "score data with masks, such as aih:DIR",
        )
    if predictions.crop is None or min(predictions.mask_size) < 1:
        raise HandbenchError(f"{where}: masks or pictures without crop or size", "write crop (N, 2, 3)")
    n = len(truth)
    out = PixelScores(np.full((n, 2, 5), np.nan), np.full((n, 6), np.nan), np.zeros((n, 2), dtype=np.bool_))

    def measure(rows: range) -> int:
        for i in rows:
            _Crop(labels(i), predictions, i).fill(out)
        return len(rows)

    parts = [range(start, min(n, start + _CHUNK)) for start in range(0, n, _CHUNK)]
    with Progress(n, "masks and pictures") as progress, ThreadPoolExecutor(_THREADS) as pool:
        for count in pool.map(measure, parts):
            progress.advance(count)
    return out


class _Crop:
    """One sample, seen through a model's crop."""

    def __init__(self, sample: Sample, predictions: Predictions, i: int) -> None:
        self.sample, self.predictions, self.i, self.size = sample, predictions, i, predictions.mask_size

    @cached_property
    def affine(self) -> FloatArray:
        """(2, 3), pixel of the sample's picture to pixel of the crop."""
        assert self.predictions.crop is not None
        affine = np.asarray(self.predictions.crop[self.i], dtype=np.float64)
        if "origin" in self.sample.meta:
            # Packed pictures are crops themselves: from the stored picture back to the original one first.
            origin = np.asarray(self.sample.meta["origin"], dtype=np.float64)
            affine = _chained(affine, inverse_affine(origin))
        if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:, :2])) < 1e-12:
            raise HandbenchError(f"{self.sample.key}: its crop is no affine", "write crop (N, 2, 3)")
        return affine

    @cached_property
    def inside(self) -> BoolArray:
        """(h, w), where the crop shows the picture."""
        width, height = self.sample.camera.size
        return self.warp(np.ones((height, width), dtype=np.bool_))

    def warp(self, mask: BoolArray) -> BoolArray:
        return sample_mask(mask, self.affine, self.size)

    def fill(self, out: PixelScores) -> None:
        for s, side in enumerate(SIDES):
            out.masks[self.i, s], out.missing[self.i, s] = self.masks(side)
        target, alone = self.sample.meta.get("target_side"), self.sample.meta.get("target_image")
        if target is not None and alone is not None:
            out.pictures[self.i] = self.pictures(Side(target))

    def masks(self, side: Side) -> tuple[FloatArray, bool]:
        """Returns the (5,) numbers of a side, and whether a mask is missing."""
        values = np.full(5, np.nan)
        true, hand = self.sample.hand(side), self.predictions.hands.get(side)
        if true is None or true.amodal_mask is None or true.visible_mask is None or hand is None:
            return values, False
        if hand.amodal_mask is None and hand.visible_mask is None:
            return values, False
        if hand.has_mask is not None and not hand.has_mask[self.i]:
            return values, True
        wanted = [self.warp(mask.read()) for mask in (true.amodal_mask, true.visible_mask)]
        found = [self._predicted(hand, name) for name in ("amodal_mask", "visible_mask")]
        for k, (mine, other) in enumerate(zip(found, wanted, strict=True)):
            if mine is not None:
                values[2 * k] = mask_iou(mine[None], other[None])[0]
                values[3 + k] = boundary_f(mine[None], other[None])[0]
        amodal, visible = found
        if amodal is not None and visible is not None:
            values[1] = mask_iou(occluded_part(amodal, visible)[None], occluded_part(*wanted)[None])[0]
        return 100 * values, False

    def _predicted(self, hand: HandPredictions, name: str) -> BoolArray | None:
        """Returns a predicted mask (h, w); what lies outside the picture is nobody's."""
        packed = getattr(hand, name)
        if packed is None:
            return None
        mask: BoolArray = unpack_masks(packed[self.i : self.i + 1], self.size)[0] & self.inside
        return mask

    def pictures(self, side: Side) -> FloatArray:
        """Returns the (6,) numbers of the target's predicted picture."""
        values = np.full(6, np.nan)
        true, hand = self.sample.hand(side), self.predictions.hands.get(side)
        if true is None or true.amodal_mask is None or true.visible_mask is None or hand is None:
            return values
        if hand.image is None or not predicted_row(hand.has_image, len(hand.image))[self.i]:
            return values
        whole, seen = (self.warp(mask.read()) for mask in (true.amodal_mask, true.visible_mask))
        alone = sample_picture(self.sample.meta["target_image"].read(), self.affine, self.size)
        image = hand.image[self.i]
        values[:3] = hole_errors(image, alone, whole & ~seen)
        removed = self.sample.meta.get("removed")
        away = self._others(side) if removed is None else self.warp(removed.read())
        values[3:] = hole_errors(image, alone, away & ~whole)
        return values

    def _others(self, side: Side) -> BoolArray:
        """Returns where the other hand is, for data that do not say what was removed."""
        other = self.sample.hand(side.other)
        if other is None or other.amodal_mask is None:
            return np.zeros_like(self.inside)
        return self.warp(other.amodal_mask.read())


def _chained(second: FloatArray, first: FloatArray) -> FloatArray:
    """Returns the (2, 3) affine that does ``first`` and then ``second``."""
    return np.concatenate(
        [second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2:] + second[:, 2:]], axis=1
    )


def mask_rows(values: PixelScores) -> Iterator[tuple[Metric, FloatArray]]:
    """Gives each mask metric with its (N, 2) values."""
    for k, metric in enumerate(MASK_METRICS):
        yield metric, values.masks[..., k]
