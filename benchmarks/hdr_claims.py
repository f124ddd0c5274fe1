"""The claims about HDR on held-out AIH beside their controls, on the same hands, with intervals over scenes.

    python benchmarks/hdr_claims.py masks --data aih:DIR@split=test [--model hasm-tiny] [--weights FILE]

``masks``: IoU of the invisible part of hands that are hidden by more than 0.3, beside two controls made of
the same predicted visible masks: nothing is hidden, and the convex hull (benchmark.md section 3). Also hands
whose sides were exchanged, and phantoms. The same command gives the same numbers.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.datasets import DataRef
from handbench.errors import HandbenchError
from handbench.formats.predictions import read_predictions
from handbench.ground_truth import GroundTruth
from handbench.metrics.aih_hands import phantoms
from handbench.metrics.aih_pixels import PixelScores, pixel_scores
from handbench.metrics.hand_roots import SIDES
from handbench.metrics.mask_controls import convex_hull, visible_as_amodal
from handbench.metrics.masks import unpack_masks
from handbench.metrics.resample import Paired, paired
from handbench.metrics.score import unit_codes
from handbench.predict import predict
from handbench.predictions import HandPredictions, Predictions

AMODAL, HIDDEN, VISIBLE = 0, 1, 2
"""Columns of ``PixelScores.masks``."""

CONTROLS: dict[str, Callable[[BoolArray], BoolArray]] = {
    "visible-as-amodal": visible_as_amodal, "convex-hull": convex_hull,
}  # fmt: skip


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
    made = {name: _scores(truth, _control(predictions, make))[..., HIDDEN] for name, make in CONTROLS.items()}
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
        {name: _paired(truth, hidden, values, counted) for name, values in made.items()},
        100 * float((exchanged > whole)[there].mean()),
        float(found[absent].mean()) if absent.any() else float("nan"), int(absent.sum()),
    )  # fmt: skip


def _scores(truth: GroundTruth, predictions: Predictions) -> FloatArray:
    scores: PixelScores | None = pixel_scores(truth, predictions)
    if scores is None:
        raise HandbenchError("the predictions have no masks", "take a model of masks: hasm-tiny")
    return scores.masks


def _control(predictions: Predictions, make: Callable[[BoolArray], BoolArray]) -> Predictions:
    """Returns predictions whose whole masks are made of their visible ones."""

    def changed(hand: HandPredictions) -> HandPredictions:
        if hand.visible_mask is None:
            raise HandbenchError("the predictions have no visible masks", "take a model of masks: hasm-tiny")
        whole = make(unpack_masks(hand.visible_mask, predictions.mask_size))
        packed: ImageArray = np.packbits(whole.reshape(len(whole), -1), axis=1)
        return dataclasses.replace(hand, amodal_mask=packed)

    return dataclasses.replace(
        predictions, hands={side: changed(hand) for side, hand in predictions.hands.items()}
    )


def _paired(truth: GroundTruth, a: FloatArray, b: FloatArray, counted: BoolArray) -> Paired:
    """Compares (N, 2) values of the hands that are counted, over scenes."""
    names, codes = unit_codes(truth.recordings)
    sums = []
    for values in (a, b, np.ones_like(a)):
        table = np.zeros((len(names), 1))
        np.add.at(table[:, 0], codes, np.where(counted, values, 0.0).sum(axis=1))
        sums.append(table)
    return paired(sums[0], sums[2], sums[1], sums[2])


def masks(args: argparse.Namespace) -> None:
    """Predicts masks and prints what they are worth."""
    data = DataRef.parse(args.data).open()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "masks.h5"
        predict(args.model, data, path, weights=args.weights, device=args.device)
        claim = masks_claim(data.ground_truth(), read_predictions(path), args.occlusion)
    print(f"{args.model}, {len(data):,} samples, {data.split}")
    print(f"IoU of whole hands {claim.amodal:.1f} %, of what is seen {claim.visible:.1f} %")
    print(f"IoU of the invisible part, {claim.hands:,} hands above {args.occlusion}: {claim.hidden:.1f} %")
    for name, value in claim.controls.items():
        print(f"  {name}: {value:.1f} %; difference {claim.gains[name].words}")
    print(f"sides exchanged {claim.swapped:.1f} %; phantoms {claim.phantom:.1f} % of {claim.absent:,}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("masks", help="amodal masks beside what visible ones give")
    one.add_argument("--data", required=True, help="aih:DIR@split=test")
    one.add_argument("--model", default="hasm-tiny")
    one.add_argument("--weights", type=Path)
    one.add_argument("--occlusion", type=float, default=0.3)
    one.add_argument("--device")
    one.set_defaults(run=masks)
    return parser


if __name__ == "__main__":
    asked = _parser().parse_args()
    try:
        asked.run(asked)
    except HandbenchError as error:
        sys.exit(f"error: {error}")
