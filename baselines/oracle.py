"""Models that know the answer: the annotation itself, and the annotation with noise of a known size."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.models import BlindBatch, ModelEntry, ModelOptions
from handbench.predictions import HandPredictions, Predictions, Space
from handbench.seeding import rng_for
from handbench.types import Ref, Sample, Side

SIDES = (Side.RIGHT, Side.LEFT)
_MANO_VERTICES = 778
_HANDEDNESS = {"right": (1.0, 0.0), "left": (0.0, 1.0), "interacting": (1.0, 1.0)}


class Oracle:
    """Predicts the annotation: what a perfect model would score.

    What the annotation does not say is NaN. Masks and the target's own picture are given where the truth has
    labels, in the pixels of the dataset's pictures.
    """

    inputs = None
    space: Space = "camera"
    tips, hand_model, root_source = "", "", "gt"
    needs_ground_truth, trained, weights_sha256 = True, True, ""

    def predict(self, batch: BlindBatch) -> Predictions:
        """Gives the annotation of the batch."""
        truth = _truth_of(batch)
        hands = {side: _hand(hand) for side, hand in truth.hands.items()}
        predictions = Predictions(
            truth.keys, hands, self.space, relative_root=_relative_root(truth), handedness=_handedness(truth),
            tips=truth.tips, hand_model=_mesh_name(truth),
        )  # fmt: skip
        return predictions if truth.labels is None else _drawn(predictions, truth, batch.size)


class NoisyOracle:
    """Predicts joints and vertices of the annotation, each coordinate with Gaussian noise.

    The noise of a sample depends on its key alone, and is independent for each joint and vertex. The mean
    error of a joint is then ``sigma * sqrt(8 / pi)``, 1.6 sigma.

    Args:
        sigma: standard deviation of a coordinate [mm].
    """

    inputs = None
    space: Space = "camera"
    tips, hand_model, root_source = "", "", "gt"
    needs_ground_truth, trained, weights_sha256 = True, True, ""

    def __init__(self, sigma: float) -> None:
        self.sigma = sigma
        self.settings = {"sigma_mm": f"{sigma:g}"}

    def predict(self, batch: BlindBatch) -> Predictions:
        """Gives the noisy annotation of the batch."""
        truth = _truth_of(batch)
        hands = {side: self._hand(truth.keys, side, hand) for side, hand in truth.hands.items()}
        return Predictions(
            truth.keys, hands, self.space, handedness=_handedness(truth), tips=truth.tips,
            hand_model=_mesh_name(truth),
        )  # fmt: skip

    def _hand(self, keys: Any, side: Side, hand: HandTruth) -> HandPredictions:
        joints = np.where(hand.joints_valid[..., None], hand.joints, np.nan)
        vertices = None if hand.vertices is None else np.array(hand.vertices, np.float64)
        known: BoolArray = np.asarray(np.isfinite(joints).any(axis=(1, 2)))
        if vertices is not None:
            known = known | np.isfinite(vertices[:, 0, 0])
        for row in np.flatnonzero(known).tolist():
            rng = rng_for(0, "oracle-noise", keys[row], side.value)
            joints[row] += rng.normal(0.0, self.sigma / 1000, joints.shape[1:])
            if vertices is not None:
                vertices[row] += rng.normal(0.0, self.sigma / 1000, vertices.shape[1:])
        return HandPredictions(
            joints.astype(np.float32), None if vertices is None else vertices.astype(np.float32)
        )


def _truth_of(batch: BlindBatch) -> GroundTruth:
    assert batch.truth is not None, "declared by needs_ground_truth"
    return batch.truth


def _hand(hand: HandTruth) -> HandPredictions:
    def whole(values: FloatArray | None) -> FloatArray | None:
        """Returns rows that are annotated in full; the others are NaN."""
        if values is None:
            return None
        there: BoolArray = np.asarray(np.isfinite(values).all(axis=-1))
        return np.where(there[..., None], values, np.nan) if there.any() else None

    return HandPredictions(
        joints=np.where(hand.joints_valid[..., None], hand.joints, np.nan), vertices=hand.vertices,
        joints_2d=whole(hand.joints_2d), box=whole(hand.box), pose=whole(hand.pose), betas=whole(hand.betas),
        transl=whole(hand.transl),
    )  # fmt: skip


def _mesh_name(truth: GroundTruth) -> str:
    """Returns ``annotation`` for meshes that have not MANO's number of vertices."""
    meshes = [hand.vertices for hand in truth.hands.values() if hand.vertices is not None]
    return "annotation" if any(mesh.shape[1] != _MANO_VERTICES for mesh in meshes) else ""


def _relative_root(truth: GroundTruth) -> FloatArray | None:
    """Returns (N, 3) [m] left wrist minus right wrist, NaN where one is not annotated; None without any."""
    if not all(side in truth.hands for side in SIDES):
        return None
    right, left = (truth.hands[side] for side in SIDES)
    both: BoolArray = np.asarray(right.joints_valid[:, 0] & left.joints_valid[:, 0])
    return np.where(both[:, None], left.joints[:, 0] - right.joints[:, 0], np.nan) if both.any() else None


def _handedness(truth: GroundTruth) -> FloatArray | None:
    if not truth.hand_type:
        return None
    unknown = (np.nan, np.nan)
    return np.array([_HANDEDNESS.get(kind, unknown) for kind in truth.hand_type]).reshape(-1, 2)


class _Drawing:
    """Masks and pictures of one side, (N, ...), which appear when a first sample has them."""

    def __init__(self, n: int, size: tuple[int, int]) -> None:
        self.n, self.size = n, size
        self.columns: dict[str, npt.NDArray[Any]] = {}

    def put(self, row: int, name: str, flag: str, value: BoolArray | ImageArray) -> None:
        column = self.columns.setdefault(name, np.zeros((self.n, *value.shape), value.dtype))
        column[row] = value
        self.columns.setdefault(flag, np.zeros(self.n, np.bool_))[row] = True


def _drawn(predictions: Predictions, truth: GroundTruth, size: tuple[int, int]) -> Predictions:
    """Returns predictions with the masks and pictures that the labels have; of samples of that size."""
    assert truth.labels is not None
    n = len(truth)
    drawings = {side: _Drawing(n, size) for side in SIDES}
    crop = np.full((n, 2, 3), np.nan)
    for row in range(n):
        sample = truth.labels(row)
        if sample.camera.size == size and _draw(drawings, row, sample):
            crop[row] = np.eye(2, 3)
    found = {side: drawing.columns for side, drawing in drawings.items() if drawing.columns}
    if not found:
        return predictions
    hands = dict(predictions.hands)
    for side, columns in found.items():
        hands[side] = dataclasses.replace(hands.get(side, HandPredictions()), **columns)
    return dataclasses.replace(predictions, hands=hands, crop=crop, mask_size=size)


def _draw(drawings: dict[Side, _Drawing], row: int, sample: Sample) -> bool:
    """Puts what a sample has into its row; says whether there was anything."""
    any_there = False
    for hand in sample.hands:
        for name in ("amodal_mask", "visible_mask"):
            ref: Ref[BoolArray] | None = getattr(hand, name)
            if ref is not None:
                drawings[hand.side].put(row, name, "has_mask", np.packbits(ref.read()))
                any_there = True
    picture: Ref[ImageArray] | None = sample.meta.get("target_image")
    if picture is not None:
        drawings[Side(sample.meta["target_side"])].put(row, "image", "has_image", picture.read())
        any_there = True
    return any_there


def open_oracle(options: ModelOptions) -> Oracle:
    """Makes the oracle."""
    return Oracle()


def open_noisy(options: ModelOptions) -> NoisyOracle:
    """Makes the oracle with noise.

    Raises:
        HandbenchError: where the variant is no size in mm.
    """
    try:
        sigma = float(options.variant)
    except ValueError:
        sigma = np.nan
    if not 0 <= sigma < 1e6:
        raise HandbenchError(
            f"oracle-noise:{options.variant}", "name the noise in mm: oracle-noise:5 has 5 mm a coordinate"
        )
    return NoisyOracle(sigma)


ORACLE = ModelEntry(
    "the annotation itself: what a perfect model scores", open_oracle, needs="ground truth", has_weights=False
)
ORACLE_NOISE = ModelEntry(
    "the annotation with Gaussian noise of SIGMA mm a coordinate", open_noisy, variant="SIGMA",
    needs="ground truth", has_weights=False,
)  # fmt: skip
