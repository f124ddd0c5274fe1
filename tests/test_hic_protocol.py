"""HIC's protocol on the real tracked motion: perfect predictions, and what each corruption changes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handbench.datasets import load_dataset
from handbench.errors import HandbenchError
from handbench.geometry import axis_angle_to_matrix
from handbench.ground_truth import GroundTruth
from handbench.metrics.protocols import open_protocol
from handbench.metrics.score import Score
from handbench.predictions import HandPredictions, Predictions
from handbench.skeleton import HIC14, OPENPOSE21
from handbench.types import Side

LABELLED = [OPENPOSE21.index(name) for name in HIC14.names]


@pytest.fixture
def truth(tzionas: Path) -> GroundTruth:
    """Some frames of 01 and 16 with labels as the official files have them: whole pixels of 14 joints."""
    found = load_dataset("hic", tzionas, sequences="01+16", every=20, quiet=True).ground_truth()
    for hand in found.hands.values():
        pixels = project(hand.joints, found.K)
        assert hand.joints_2d is not None
        hand.joints_2d[:, LABELLED] = np.round(pixels[:, LABELLED])
        hand.joints_2d[::3, 5] = np.nan
    return found


def project(joints: np.ndarray, K: np.ndarray) -> np.ndarray:
    out = np.full((*joints.shape[:2], 2), np.nan)
    for n in range(len(joints)):
        for j in range(21):
            x, y, z = joints[n, j]
            out[n, j] = K[n, 0, 0] * x / z + K[n, 0, 2], K[n, 1, 1] * y / z + K[n, 1, 2]
    return out


def perfect(truth: GroundTruth) -> dict[Side, np.ndarray]:
    """The tracked joints with a wrist and a thumb base put in; NaN where a hand is not tracked."""
    out = {}
    for side, hand in truth.hands.items():
        joints = hand.joints.copy()
        tracked = hand.joints_valid.any(axis=1)
        joints[tracked, 0] = joints[tracked, 9] + [0, 0.09, 0]
        joints[tracked, 1] = joints[tracked, 2] + [0, 0.03, 0]
        out[side] = joints
    return out


def predictions(truth: GroundTruth, joints: dict[Side, np.ndarray], **changes: Any) -> Predictions:
    hands = {side: HandPredictions(joints=found) for side, found in joints.items()}
    return dataclasses.replace(Predictions(truth.keys, hands), **changes)


def run(truth: GroundTruth, found: Predictions, text: str = "hic") -> Score:
    return open_protocol(text).resolve(truth, found).score(truth, found)


def test_perfect_predictions_and_the_official_part(truth: GroundTruth) -> None:
    score = run(truth, predictions(truth, perfect(truth)))
    assert score.protocol == "hic/root=predicted/scale=none/tips=unstated/sequences=01-07/pixels=projected"
    assert score.figures[0].metric.name == "EPE-2D" and 0.2 < score.value("EPE-2D") < 0.5  # rounded labels
    assert max(score.value(name) for name in ("MPJPE", "PA-MPJPE", "MRRPE")) < 1e-9
    first = np.array(truth.recordings) == "01"
    assert score.n_total == score.n_scored == first.sum() < len(truth) and score.recordings == ["01", "16"]
    assert np.isnan(score.samples["EPE-2D [px]"][~first]).all()
    strata = {figure.stratum for figure in score.figures if figure.metric.name == "EPE-2D"} - {""}
    assert strata == {f"joint {side.value}_{name}" for side in Side for name in HIC14.names}
    every = run(truth, predictions(truth, perfect(truth)), "hic/sequences=all")
    assert every.n_total == len(truth) and set(every.recordings) == {"01", "16"}
    only = dataclasses.replace(truth, recordings=["16"] * len(truth))
    with pytest.raises(HandbenchError, match=r"no sample of sequences 01-07 \(score with sequences=all"):
        run(only, predictions(truth, perfect(truth)))


def test_predictions_need_no_joint_that_is_not_tracked(truth: GroundTruth) -> None:
    """What an oracle gives: no wrist, no base of the thumb."""
    found = predictions(truth, {side: hand.joints for side, hand in truth.hands.items()})
    for scale in ("none", "gt-size"):
        score = run(truth, found, f"hic/scale={scale}")
        assert score.value("MPJPE") < 1e-9 and 0.2 < score.value("EPE-2D") < 0.5 and not score.warnings


def test_epe_is_the_mean_over_labelled_joints(truth: GroundTruth) -> None:
    """Restated with loops; 4 px away in x at one joint, given or projected."""
    joints = perfect(truth)
    away = []
    for side, found in joints.items():
        found[:, 7, 0] += 4 / 525 * found[:, 7, 2]
        labels, pixels = truth.hands[side].joints_2d, project(found, truth.K)
        assert labels is not None
        for n in range(len(truth)):
            for j in range(21):
                if truth.recordings[n] == "01" and np.isfinite(labels[n, j]).all():
                    away.append(np.sqrt(((pixels[n, j] - labels[n, j]) ** 2).sum()))
    projected = run(truth, predictions(truth, joints))
    assert projected.value("EPE-2D") == pytest.approx(np.mean(away), abs=1e-9)
    assert 3 < projected.value("EPE-2D", stratum="joint right_index3") < 5
    hands = {side: HandPredictions(joints_2d=project(found, truth.K)) for side, found in joints.items()}
    given = run(truth, Predictions(truth.keys, hands))
    assert given.value("EPE-2D") == pytest.approx(np.mean(away), abs=1e-9)
    assert given.protocol.endswith("pixels=given")
    assert not [figure for figure in given.figures if figure.metric.name == "MPJPE"]


def test_places_and_sizes(truth: GroundTruth) -> None:
    """A hand elsewhere and of another size is right again with root=gt, scale=gt-size; turned it is not."""
    joints = perfect(truth)
    moved = {side: 1.3 * found + [0.1, 0.0, 0.2] for side, found in joints.items()}
    plain = run(truth, predictions(truth, moved))
    assert plain.value("EPE-2D") > 20 and plain.value("MPJPE") > 5 and plain.value("PA-MPJPE") < 1e-9
    relative = {side: found - found[:, :1] for side, found in moved.items()}
    free = predictions(truth, relative, space="scale_free")
    with pytest.raises(HandbenchError, match="scale=gt-size or hand-model"):
        run(truth, free)
    sized = run(truth, free, "hic/scale=gt-size")
    assert "root=gt" in sized.protocol and sized.value("EPE-2D") < 0.5 and sized.value("MPJPE") < 1e-9
    model = run(truth, free, "hic/scale=hand-model").value("MPJPE")
    assert 0.1 < model < plain.value("MPJPE")
    in_metres = run(truth, predictions(truth, relative, space="root_relative"))
    assert in_metres.value("MPJPE") == pytest.approx(plain.value("MPJPE"))
    assert 1 < in_metres.value("EPE-2D") < plain.value("EPE-2D")
    R = axis_angle_to_matrix(np.array([0.0, 0.3, 0.0]))
    turned = {side: found @ R.T for side, found in relative.items()}
    score = run(truth, predictions(truth, turned, space="root_relative"))
    assert score.value("MPJPE") > in_metres.value("MPJPE") and score.value("PA-MPJPE") < 1e-9


def test_relative_roots_are_of_the_middle_mcp(truth: GroundTruth) -> None:
    joints = perfect(truth)
    wrists = joints[Side.LEFT][:, 0] - joints[Side.RIGHT][:, 0]
    relative = {side: found - found[:, :1] for side, found in joints.items()}
    found = predictions(truth, relative, space="root_relative", relative_root=wrists)
    assert run(truth, found).value("MRRPE") < 1e-9
    joints[Side.LEFT] = joints[Side.LEFT] + [0.03, 0, 0]
    assert run(truth, predictions(truth, joints)).value("MRRPE") == pytest.approx(30)


def test_visible_and_hidden_joints_stand_apart(truth: GroundTruth) -> None:
    joints = perfect(truth)
    hands = {}
    for side, hand in truth.hands.items():
        visibility = np.ones((len(truth), 21))
        visibility[:, [6, 7]] = 0.2
        visibility[:, 8] = np.nan
        hands[side] = dataclasses.replace(hand, visibility=visibility)
        joints[side][:, [6, 7]] += [0.01, 0, 0]
        joints[side][:, 8] += [0.05, 0, 0]
    score = run(dataclasses.replace(truth, hands=hands), predictions(truth, joints))
    assert score.value("MPJPE", stratum="visible joints") < 1e-9
    assert score.value("MPJPE", stratum="hidden joints") == pytest.approx(10)
    assert (
        score.value("EPE-2D", stratum="hidden joints") > 4 > score.value("EPE-2D", stratum="visible joints")
    )


def test_what_is_missing_or_wrong_is_told(truth: GroundTruth) -> None:
    joints = perfect(truth)
    joints[Side.LEFT][:4] = np.nan
    joints[Side.RIGHT][5, 7, 2] = -0.2
    joints[Side.RIGHT][6, 10] = np.nan
    score = run(truth, predictions(truth, joints))
    assert any("4 labelled or tracked hands were not predicted" in line for line in score.warnings)
    assert any("2 labelled or tracked joints of predicted hands are NaN" in line for line in score.warnings)
    first = np.array(truth.recordings) == "01"
    wanted = sum(int(hand.joints_valid[first, 9].sum()) for hand in truth.hands.values())
    assert score.value("missing hands") == pytest.approx(400 / wanted)
    relative = predictions(truth, perfect(truth), space="root_relative")
    for found, text, word in (
        (relative, "hic/root=predicted", "root_relative predictions have no place"),
        (relative, "hic/pixels=given", "no joints_2d"),
        (dataclasses.replace(relative, hands={}), "hic", "no joints of any hand"),
    ):  # fmt: skip
        with pytest.raises(HandbenchError, match=word):
            run(truth, found, text)
    nothing = {side: np.full_like(found, np.nan) for side, found in joints.items()}
    with pytest.raises(HandbenchError, match="no valid samples: none of 12"):
        run(truth, predictions(truth, nothing))


def test_meshes_of_equal_vertices(tzionas: Path) -> None:
    data = load_dataset("hic", tzionas, sequences="01", every=60, mesh=True, quiet=True)
    truth = data.ground_truth()
    hands = {}
    for side, hand in truth.hands.items():
        assert hand.vertices is not None
        vertices = hand.vertices + np.array([0.5, 0, 0])
        vertices[:, :, 1] += np.where(np.arange(vertices.shape[1]) % 2, 0.004, -0.004)
        hands[side] = HandPredictions(joints=perfect(truth)[side], vertices=vertices)
    score = run(truth, Predictions(truth.keys, hands))
    assert score.value("MPVPE") == pytest.approx(4, abs=1e-3) and score.partial == truth.partial
    assert "MANO fits" in " ".join(open_protocol("hic").explain())
