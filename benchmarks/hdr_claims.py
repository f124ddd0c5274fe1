"""The claims about HDR on held-out AIH beside their controls, on the same hands, with intervals over scenes.

    python benchmarks/hdr_claims.py masks --data aih:DIR@split=test [--model hasm-tiny] [--weights FILE]
                                                   [--boxes exact|moved|none]
    python benchmarks/hdr_claims.py pose --data aih:DIR@split=test [--models A,B,...] [--results DIR]

``masks``: IoU of the invisible part of hands that are hidden by more than 0.3, beside controls made of the
same predicted visible masks (benchmark.md section 3, mask_claim.py). Also hands whose sides were exchanged,
and phantoms. ``pose``: the error of target hands that are hidden by more than 0.3, of the first model less
each other's: painting is of use where it is below 0 beside the pose network alone, a plain filling, and the
masks given to the pose network. The same command gives the same numbers.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from mask_claim import BOXES, masks_claim, paired_over_scenes, told

from handbench.arrays import FloatArray
from handbench.datasets import DataRef
from handbench.errors import HandbenchError
from handbench.evaluate import predictions_path
from handbench.formats.predictions import read_predictions
from handbench.ground_truth import GroundTruth
from handbench.metrics.aih_hands import target_hands
from handbench.metrics.distances import mean_valid
from handbench.metrics.hand_roots import SIDES, blocks
from handbench.metrics.resample import Paired
from handbench.metrics.two_hand_errors import HandRule, two_hand_errors
from handbench.models import open_model
from handbench.predict import open_any, predict
from handbench.predictions import Predictions
from handbench.show.compare_run import split_models

POSE_MODELS = ",".join(
    ["hdr-tiny", "shpe-tiny", "hdr-tiny:fill-telea", "hdr-tiny:fill-mean", "hdr-tiny:mask-input"]
)  # fmt: skip


def masks(args: argparse.Namespace) -> None:
    """Predicts masks and prints what they are worth."""
    data = DataRef.parse(args.data).open()
    opened: Any = open_model(args.model, args.weights, args.device or "cpu")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "masks.h5"
        predict(told(opened, args.boxes), data, path)
        claim = masks_claim(data.ground_truth(), read_predictions(path), args.occlusion)
    print(f"{args.model}, boxes {args.boxes}, {len(data):,} samples, {data.split}")
    print(f"IoU of whole hands {claim.amodal:.1f} %, of what is seen {claim.visible:.1f} %")
    print(f"IoU of the invisible part, {claim.hands:,} hands above {args.occlusion}: {claim.hidden:.1f} %")
    for name, value in claim.controls.items():
        print(f"  {name}: {value:.1f} %; difference {claim.gains[name].words}")
    print(f"sides exchanged {claim.swapped:.1f} %; phantoms {claim.phantom:.1f} % of {claim.absent:,}")


@dataclasses.dataclass(frozen=True)
class PoseClaim:
    """What painting is worth to the pose of hidden hands; errors in mm.

    Attributes:
        hands: how many target hands are hidden by more than the limit and were predicted by all models.
        left_out: how many of those hands a model did not predict, by its name.
        errors: mean over these hands of the mean over joints, by model.
        gains: the first model's less each other's, on the same hands.
    """

    hands: int
    left_out: dict[str, int]
    errors: dict[str, float]
    gains: dict[str, Paired]


def pose_claim(truth: GroundTruth, said: dict[str, Predictions], limit: float = 0.3) -> PoseClaim:
    """Compares models on the target hands that are hidden by more than the limit.

    Hands are aligned at the wrist; those without a unit get the true length from wrist to middle MCP.

    Args:
        truth: N samples.
        said: model -> predictions of the same samples in the same order; the first is compared with the rest.
        limit: hands count whose occlusion is above it.

    Raises:
        HandbenchError: when no such hand was predicted by all.
    """
    columns = [truth.hands[side].occlusion for side in SIDES]
    occlusion = np.stack([np.full(len(truth), np.nan) if c is None else c for c in columns], axis=1)
    wanted = target_hands(truth) & (occlusion > limit)
    errors = {name: _hand_errors(truth, predictions) for name, predictions in said.items()}
    annotated = np.any([np.isfinite(values) for values in errors.values()], axis=0) & wanted
    left_out = {name: int((annotated & ~np.isfinite(values)).sum()) for name, values in errors.items()}
    counted = annotated & np.all([np.isfinite(values) for values in errors.values()], axis=0)
    if not counted.any():
        raise HandbenchError(
            f"no hand that is hidden by more than {limit} was predicted by all", "take others"
        )
    first, *others = errors
    means = {name: float(values[counted].mean()) for name, values in errors.items()}
    return PoseClaim(
        int(counted.sum()), left_out, means,
        {name: paired_over_scenes(truth, errors[first], errors[name], counted) for name in others},
    )  # fmt: skip


def _hand_errors(truth: GroundTruth, predictions: Predictions) -> FloatArray:
    """Returns (N, 2) mean errors [mm] over the joints of each hand but the wrist, NaN where there is none."""
    out = np.full((len(truth), 2), np.nan)
    scale = "gt-bone" if predictions.space == "scale_free" else "none"
    for rows in blocks(len(truth)):
        found = two_hand_errors(HandRule("predicted", scale), truth, predictions, rows).joints
        joints = found.reshape(-1, 2, 21)[:, :, 1:]
        out[rows] = mean_valid(joints, np.isfinite(joints))
    return out


def pose(args: argparse.Namespace) -> None:
    """Predicts poses with each model and prints what painting is worth."""
    data = DataRef.parse(args.data).open()
    said = {}
    for name in split_models(args.models):
        # Named after what decides it, as evaluate does: what other settings predicted is not in the way.
        path = predictions_path(args.results, name, data, open_any(name, args.weights, args.device))
        path.parent.mkdir(parents=True, exist_ok=True)
        predict(name, data, path, weights=args.weights, device=args.device)
        said[name] = read_predictions(path)
    claim = pose_claim(data.ground_truth(), said, args.occlusion)
    print(f"{len(data):,} samples, {data.split}; {claim.hands:,} target hands above {args.occlusion}")
    for name, error in claim.errors.items():
        gain = f"; {next(iter(said))} less it: {claim.gains[name].words} mm" if name in claim.gains else ""
        missing = f"; {claim.left_out[name]} such hands not predicted" if claim.left_out[name] else ""
        print(f"  {name}: {error:.2f} mm{gain}{missing}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("masks", help="amodal masks beside what visible ones give")
    one.add_argument("--data", required=True, help="aih:DIR@split=test")
    one.add_argument("--model", default="hasm-tiny")
    one.add_argument("--weights", type=Path)
    one.add_argument(
        "--boxes", choices=BOXES, default="exact", help="what a model that is told boxes is told"
    )
    one.add_argument("--occlusion", type=float, default=0.3)
    one.add_argument("--device")
    one.set_defaults(run=masks)
    two = commands.add_parser("pose", help="what painting is worth to the pose of hidden hands")
    two.add_argument("--data", required=True, help="aih:DIR@split=test")
    two.add_argument("--models", default=POSE_MODELS, help="the first is compared with the others")
    two.add_argument("--weights", type=Path, help="folder of the stages' weights")
    two.add_argument("--results", type=Path, default=Path("results/claims"), help="folder of predictions")
    two.add_argument("--occlusion", type=float, default=0.3)
    two.add_argument("--device")
    two.set_defaults(run=pose)
    return parser


if __name__ == "__main__":
    asked = _parser().parse_args()
    try:
        asked.run(asked)
    except HandbenchError as error:
        sys.exit(f"error: {error}")
