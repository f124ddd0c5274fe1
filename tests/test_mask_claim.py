"""The claim about amodal masks: perfect ones beside their controls, exchanged and missing hands counted."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aih_parts import KEYS

from handbench.datasets import load_dataset
from handbench.errors import HandbenchError
from handbench.formats.predictions import read_predictions
from handbench.ground_truth import GroundTruth
from handbench.predict import predict
from handbench.predictions import Predictions
from handbench.synth.generate import SynthOptions, generate

_FILE = Path(__file__).parents[1] / "benchmarks" / "hdr_claims.py"


@pytest.fixture(scope="module")
def claims() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hdr_claims", _FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hdr_claims"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, GroundTruth, Predictions]:
    """Pasted and rendered samples, and what the oracle says of them."""
    folder = tmp_path_factory.mktemp("claim")
    options = SynthOptions("both", (*KEYS, "render.size=96", "syn.size=96"), seed=2, renderer="raster")
    generate(folder / "aih", options, 40, 0, quiet=True)
    data = load_dataset("aih", folder / "aih", split="train", quiet=True)
    predict("oracle", data, folder / "oracle.h5", quiet=True)
    return folder, data.ground_truth(), read_predictions(folder / "oracle.h5")


def test_perfect_masks_are_beside_their_controls(claims: Any, made: Any) -> None:
    _, truth, predictions = made
    claim = claims.masks_claim(truth, predictions)
    assert (claim.amodal, claim.visible, claim.hidden) == (100.0, 100.0, 100.0)
    assert claim.controls["visible-as-amodal"] == 0 and 0 < claim.controls["convex-hull"] < 70
    assert (claim.swapped, claim.phantom) == (0, 0) and claim.absent > 3 and claim.hands > 10
    gain = claim.gains["convex-hull"]
    assert gain.difference == pytest.approx(100 - claim.controls["convex-hull"])
    assert gain.low < gain.difference < gain.high
    # More of a hand is hidden: fewer hands.
    assert claims.masks_claim(truth, predictions, 0.6).hands < claim.hands
    assert claims.masks_claim(truth, predictions) == claim


def test_exchanged_hands_and_phantoms_are_counted(claims: Any, made: Any) -> None:
    _, truth, predictions = made
    hands = {side: predictions.hands[side.other] for side in predictions.hands}
    exchanged = dataclasses.replace(predictions, hands=hands, handedness=predictions.handedness[:, ::-1])
    claim = claims.masks_claim(truth, exchanged)
    assert claim.swapped > 95 and claim.phantom == 100 and claim.hidden < 20


def test_what_cannot_be_claimed_is_refused(claims: Any, made: Any) -> None:
    folder, truth, predictions = made
    with pytest.raises(HandbenchError, match=r"no hand is hidden by more than 0\.999"):
        claims.masks_claim(truth, predictions, 0.999)
    predict("mean-hand", f"aih:{folder}/aih@split=train", folder / "mean.h5", quiet=True)
    with pytest.raises(HandbenchError, match="the predictions have no masks"):
        claims.masks_claim(truth, read_predictions(folder / "mean.h5"))
    side, hand = next(iter(predictions.hands.items()))
    halves = {**predictions.hands, side: dataclasses.replace(hand, visible_mask=None)}
    with pytest.raises(HandbenchError, match="no visible masks"):
        claims.masks_claim(truth, dataclasses.replace(predictions, hands=halves))


def test_poses_are_compared_on_the_same_hidden_hands(claims: Any, made: Any) -> None:
    folder, truth, perfect = made
    data = load_dataset("aih", folder / "aih", split="train", quiet=True)
    said = {"oracle": perfect}
    for name in ("oracle-noise:5", "oracle-noise:10"):
        predict(name, data, folder / f"{name[-2:].strip(':')}.h5", quiet=True)
        said[name] = read_predictions(folder / f"{name[-2:].strip(':')}.h5")
    claim = claims.pose_claim(truth, said)
    assert claim.errors["oracle"] < 0.01
    # Joint and wrist both move: sqrt(2) 5 mm a coordinate, 2 sqrt(2 / pi) of that in the mean of a length.
    expected = 5 * 2**0.5 * 2 * (2 / 3.14159) ** 0.5
    assert claim.errors["oracle-noise:5"] == pytest.approx(expected, rel=0.15)
    assert claim.gains["oracle-noise:10"].high < claim.gains["oracle-noise:5"].high < 0
    assert claim.hands > 10 and not any(claim.left_out.values())
    # A hand that one model lacks counts for none, and is told.
    blind = {
        side: dataclasses.replace(hand, joints=hand.joints.copy()) for side, hand in perfect.hands.items()
    }
    for hand in blind.values():
        hand.joints[::2] = float("nan")
    said["half"] = dataclasses.replace(perfect, hands=blind)
    fewer = claims.pose_claim(truth, said)
    assert fewer.left_out["half"] > 0 and fewer.hands + fewer.left_out["half"] == claim.hands
    with pytest.raises(HandbenchError, match="no hand that is hidden by more than 2"):
        claims.pose_claim(truth, said, 2.0)
