"""The claim about amodal masks: perfect ones beside their controls, exchanged and missing hands counted."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from aih_parts import KEYS

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from hdr_claims import pose_claim
from mask_claim import BOXES, masks_claim, told

from handbench.datasets import load_dataset
from handbench.errors import HandbenchError
from handbench.formats.predictions import read_predictions
from handbench.ground_truth import GroundTruth
from handbench.predict import predict
from handbench.predictions import Predictions
from handbench.synth.generate import SynthOptions, generate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, GroundTruth, Predictions]:
    """Pasted and rendered samples, and what the oracle says of them."""
    folder = tmp_path_factory.mktemp("claim")
    options = SynthOptions("both", (*KEYS, "render.size=96", "syn.size=96"), seed=2, renderer="raster")
    generate(folder / "aih", options, 40, 0, quiet=True)
    data = load_dataset("aih", folder / "aih", split="train", quiet=True)
    predict("oracle", data, folder / "oracle.h5", quiet=True)
    return folder, data.ground_truth(), read_predictions(folder / "oracle.h5")


def test_perfect_masks_are_beside_their_controls(made: Any) -> None:
    _, truth, predictions = made
    claim = masks_claim(truth, predictions)
    assert (claim.amodal, claim.visible, claim.hidden) == (100.0, 100.0, 100.0)
    assert claim.controls["visible-as-amodal"] == 0 and 0 < claim.controls["convex-hull"] < 70
    assert (claim.swapped, claim.phantom) == (0, 0) and claim.absent > 3 and claim.hands > 10
    # The box says more of what is hidden than the hull of what is seen.
    assert claim.controls["convex-hull"] < claim.controls["covered-in-box"] < 90
    gain = claim.gains["convex-hull"]
    assert gain.difference == pytest.approx(100 - claim.controls["convex-hull"])
    assert gain.low < gain.difference < gain.high
    # More of a hand is hidden: fewer hands.
    assert masks_claim(truth, predictions, 0.6).hands < claim.hands
    assert masks_claim(truth, predictions) == claim


def test_exchanged_hands_and_phantoms_are_counted(made: Any) -> None:
    _, truth, predictions = made
    hands = {side: predictions.hands[side.other] for side in predictions.hands}
    exchanged = dataclasses.replace(predictions, hands=hands, handedness=predictions.handedness[:, ::-1])
    claim = masks_claim(truth, exchanged)
    assert claim.swapped > 95 and claim.phantom == 100 and claim.hidden < 20


def test_what_cannot_be_claimed_is_refused(made: Any) -> None:
    folder, truth, predictions = made
    with pytest.raises(HandbenchError, match=r"no hand is hidden by more than 0\.999"):
        masks_claim(truth, predictions, 0.999)
    predict("mean-hand", f"aih:{folder}/aih@split=train", folder / "mean.h5", quiet=True)
    with pytest.raises(HandbenchError, match="the predictions have no masks"):
        masks_claim(truth, read_predictions(folder / "mean.h5"))
    side, hand = next(iter(predictions.hands.items()))
    halves = {**predictions.hands, side: dataclasses.replace(hand, visible_mask=None)}
    with pytest.raises(HandbenchError, match="no visible masks"):
        masks_claim(truth, dataclasses.replace(predictions, hands=halves))


def test_poses_are_compared_on_the_same_hidden_hands(made: Any) -> None:
    folder, truth, perfect = made
    data = load_dataset("aih", folder / "aih", split="train", quiet=True)
    said = {"oracle": perfect}
    for name in ("oracle-noise:5", "oracle-noise:10"):
        predict(name, data, folder / f"{name[-2:].strip(':')}.h5", quiet=True)
        said[name] = read_predictions(folder / f"{name[-2:].strip(':')}.h5")
    claim = pose_claim(truth, said)
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
    fewer = pose_claim(truth, said)
    assert fewer.left_out["half"] > 0 and fewer.hands + fewer.left_out["half"] == claim.hands
    with pytest.raises(HandbenchError, match="no hand that is hidden by more than 2"):
        pose_claim(truth, said, 2.0)


def test_what_a_model_is_told() -> None:
    class Model:
        name = "a"

        def predict(self, batch: Any) -> Any:
            return batch.box

    @dataclasses.dataclass(frozen=True)
    class Boxes:
        box: torch.Tensor

    box = torch.tensor([[[10.0, 20, 40, 30], [0, 0, 0, 0]]])
    exact, moved, none = (told(Model(), how).predict(Boxes(box)) for how in BOXES)
    assert told(Model(), "none").name == "a"
    assert torch.equal(exact, box) and not none.any()
    assert 0 < (moved - box)[0, 0].abs().max() <= 8 and not moved[0, 1].any()
    assert torch.equal(told(Model(), "moved").predict(Boxes(box)), moved)
