"""InterHand2.6M's protocol: equal to the official evaluator, restated; what each of its flags changes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st
from interhand_tree import make_tree

from handbench.datasets import load_dataset
from handbench.errors import HandbenchError
from handbench.formats.predictions import write_predictions
from handbench.geometry import apply_similarity, axis_angle_to_matrix, fit_similarity
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward_one
from handbench.metrics.hand_scale import MEAN_BONE
from handbench.metrics.masked_procrustes import procrustes_errors
from handbench.metrics.protocols import open_protocol
from handbench.metrics.score import Score
from handbench.predictions import HandPredictions, Predictions
from handbench.skeleton import INTERHAND42, OPENPOSE21
from handbench.types import HandParams, Side

NAMES = [f"{side.value}_{name}" for side in (Side.RIGHT, Side.LEFT) for name in OPENPOSE21.names]
SINGLE = ("right", "left")


def random_truth(rng: np.random.Generator, n: int, missing: float = 0.1) -> GroundTruth:
    """Hands a metre away; joints and wrists that are not annotated; single and interacting hands."""
    kinds = [("right", "left", "interacting")[k] for k in rng.integers(0, 3, n)]
    hands = {}
    for side in Side:
        joints = rng.normal((0, 0, 1), 0.05, (n, 21, 3))
        valid = rng.random((n, 21)) >= missing
        valid[[kind not in (side.value, "interacting") for kind in kinds]] = False
        joints[~valid] = np.nan
        hands[side] = HandTruth(joints, valid, root_depth=joints[:, 0, 2] + rng.normal(0, 0.05, n))
    return GroundTruth(
        "interhand", "test", [f"interhand/test/{i}" for i in range(n)],
        [f"take {i % 7}" for i in range(n)], np.tile(np.diag([500.0, 500, 1]), (n, 1, 1)), hands,
        hand_type=kinds, hand_type_valid=rng.random(n) < 0.8, tips="interhand",
    )  # fmt: skip


def random_predictions(rng: np.random.Generator, truth: GroundTruth, **changes: Any) -> Predictions:
    hands = {
        side: HandPredictions(joints=rng.normal((0, 0, 1), 0.05, (len(truth), 21, 3)).astype(np.float32))
        for side in Side
    }
    handedness = rng.choice([0.1, 0.5, 0.9], (len(truth), 2))
    made = Predictions(truth.keys, hands, handedness=handedness, tips="interhand")
    return dataclasses.replace(made, **changes)


def run(truth: GroundTruth, predictions: Predictions, text: str = "interhand") -> Score:
    return open_protocol(text).resolve(truth, predictions).score(truth, predictions)


def official(truth: GroundTruth, predictions: Predictions) -> dict[str, float]:
    """The ten steps of the official evaluator, in mm, in its own joint order, one joint at a time."""
    order = [NAMES.index(name) for name in INTERHAND42.names]
    hands = [truth.hands[side] for side in (Side.RIGHT, Side.LEFT)]
    found = [np.asarray(predictions.hands[side].joints, float) for side in (Side.RIGHT, Side.LEFT)]
    buckets: dict[str, list[list[float]]] = {"SH": [[] for _ in range(42)], "IH": [[] for _ in range(42)]}
    relative, right, total = [], 0, 0
    for n in range(len(truth)):
        true = 1000 * np.concatenate([hand.joints[n] for hand in hands])[order]
        mine = 1000 * np.concatenate([joints[n] for joints in found])[order]
        valid = np.concatenate([hand.joints_valid[n] for hand in hands])[order].astype(float)
        valid[:21] *= valid[20]
        valid[21:] *= valid[41]
        kind = truth.hand_type[n]
        if kind == "interacting" and valid[20] and valid[41]:
            offset = mine[41] - mine[20]
            if predictions.relative_root is not None and np.isfinite(predictions.relative_root[n]).all():
                offset = 1000 * np.asarray(predictions.relative_root[n], float)
            relative.append(np.sqrt(np.sum((offset - (true[41] - true[20])) ** 2)))
        for root, part in ((20, slice(0, 21)), (41, slice(21, 42))):
            mine[part] = mine[part] - mine[root]
            true[part] = true[part] - true[root]
        for j in range(42):
            if valid[j]:
                away = float(np.sqrt(np.sum((mine[j] - true[j]) ** 2)))
                buckets["SH" if kind in SINGLE else "IH"][j].append(away)
        assert truth.hand_type_valid is not None and predictions.handedness is not None
        if truth.hand_type_valid[n]:
            r, l = predictions.handedness[n]  # noqa: E741
            told = {"right": r > 0.5 and l < 0.5, "left": r < 0.5 and l > 0.5}.get(kind, r > 0.5 and l > 0.5)
            right, total = right + told, total + 1
    both = [a + b for a, b in zip(buckets["SH"], buckets["IH"], strict=True)]
    table = {**buckets, "all": both}
    means = {name: float(np.mean([np.mean(joint) for joint in rows])) for name, rows in table.items()}
    micro = float(np.mean(np.concatenate([np.array(joint) for joint in both])))
    return {**means, "micro": micro, "MRRPE": float(np.mean(relative)), "handedness": 100 * right / total}


@given(seed=st.integers(0, 10_000), stated=st.booleans())
@settings(max_examples=8)
def test_the_numbers_are_the_official_ones(seed: int, stated: bool) -> None:
    rng = np.random.default_rng(seed)
    truth = random_truth(rng, 120)
    relative = rng.normal(0, 0.1, (120, 3))
    relative[rng.random(120) < 0.3] = np.nan
    predictions = random_predictions(rng, truth, relative_root=relative if stated else None)
    wanted, score = official(truth, predictions), run(truth, predictions)
    for subset in ("SH", "IH", "all"):
        assert abs(score.value("MPJPE", subset) - wanted[subset]) < 0.005
    assert abs(score.value("MRRPE") - wanted["MRRPE"]) < 0.005
    assert score.value("handedness") == pytest.approx(wanted["handedness"], abs=1e-9)
    assert abs(run(truth, predictions, "interhand/average=micro").value("MPJPE") - wanted["micro"]) < 0.005
    again = run(truth, predictions)
    assert [figure.value for figure in again.figures] == [figure.value for figure in score.figures]
    assert [figure.metric.name for figure in score.figures[:5]] == ["MPJPE"] * 3 + ["MRRPE", "handedness"]
    assert sum(figure.stratum.startswith("joint ") for figure in score.figures) == 40


@given(seed=st.integers(0, 10_000), flat=st.booleans())
@settings(max_examples=20)
def test_masked_procrustes_is_umeyamas(seed: int, flat: bool) -> None:
    rng = np.random.default_rng(seed)
    true, valid = rng.normal(size=(6, 21, 3)), rng.random((6, 21)) < 0.6
    found = true * [1.0, 1.0, 0.0 if flat else -1.0] * 0.3 + rng.normal(0, 0.1, true.shape)
    found[0], valid[1, 2:] = found[0, :1], False
    errors = procrustes_errors(true, found, valid)
    assert np.isnan(errors[~valid]).all() and np.isnan(errors[1]).all()
    for n in (0, 2, 3, 4, 5):
        a, b = found[n, valid[n]], true[n, valid[n]]
        away = np.linalg.norm(apply_similarity(*fit_similarity(a, b), a) - b, axis=1)
        assert np.abs(errors[n, valid[n]] - away).max() < 1e-9


def test_macro_and_micro_differ_where_joints_are_seen_unequally() -> None:
    rng = np.random.default_rng(1)
    truth = random_truth(rng, 50, missing=0.0)
    tip = OPENPOSE21.index("index4")
    for side in Side:
        truth.hands[side].joints_valid[5:, tip] = False
    hands = {side: HandPredictions(joints=truth.hands[side].joints.copy()) for side in Side}
    for hand in hands.values():
        assert hand.joints is not None
        hand.joints[:, tip] += [0.042, 0, 0]
    predictions = Predictions(truth.keys, hands)
    seen = sum(int(truth.hands[side].joints_valid[:, tip].sum()) for side in Side)
    joints = sum(int(truth.hands[side].joints_valid.sum()) for side in Side)
    assert run(truth, predictions).value("MPJPE") == pytest.approx(42 * 2 / 42)
    assert run(truth, predictions, "interhand/average=micro").value("MPJPE") == pytest.approx(
        42 * seen / joints
    )
    assert run(truth, predictions).value("MPJPE", stratum="joint left_index4") == pytest.approx(42)


def test_scale() -> None:
    """A hand of half its size: the error of a joint is half its distance from the wrist, or nothing."""
    truth = random_truth(np.random.default_rng(2), 30)
    found = {side: np.nan_to_num(0.5 * hand.joints, nan=1.0) for side, hand in truth.hands.items()}
    hands = {side: HandPredictions(joints=joints) for side, joints in found.items()}
    predictions = Predictions(truth.keys, hands, space="root_relative")
    wanted: dict[str, list[np.ndarray]] = {"none": [], "gt-bone": [], "hand-model": []}
    for hand in truth.hands.values():
        known = hand.joints_valid & hand.joints_valid[:, :1]
        reach = np.linalg.norm(hand.joints - hand.joints[:, :1], axis=2)
        scaled = known & hand.joints_valid[:, 9:10]
        wanted["none"].append(0.5 * reach[known])
        wanted["gt-bone"].append(0.0 * reach[scaled])
        wanted["hand-model"].append((np.abs(1 - MEAN_BONE / reach[:, 9:10]) * reach)[scaled])
    for scale in ("none", "gt-bone"):
        score = run(truth, predictions, f"interhand/average=micro/scale={scale}")
        assert score.value("MPJPE") == pytest.approx(1000 * np.concatenate(wanted[scale]).mean(), abs=1e-9)
    assert "hands have no bone to scale by" in score.warnings[0]
    for hand in truth.hands.values():
        hand.joints_valid[:] &= hand.joints_valid[:, 9:10]
    score = run(truth, predictions, "interhand/average=micro/scale=hand-model")
    assert score.value("MPJPE") == pytest.approx(1000 * np.concatenate(wanted["hand-model"]).mean())


def test_the_depth_of_the_root() -> None:
    """Predictions that are right but for the depth of their roots are right again at the true depth."""
    rng = np.random.default_rng(3)
    truth = random_truth(rng, 40, missing=0.0)
    hands, depths = {}, []
    for side in (Side.RIGHT, Side.LEFT):
        joints = truth.hands[side].joints
        used = joints[:, 0, 2] + rng.normal(0, 0.1, len(truth))
        moved = joints[..., 2] + (used - joints[:, 0, 2])[:, None]
        hands[side] = HandPredictions(joints=joints * (moved / joints[..., 2])[..., None])
        depths.append(used)
    predictions = Predictions(truth.keys, hands, root_depth=np.stack(depths, 1), root_source="rootnet")
    as_stated = run(truth, predictions)
    assert as_stated.protocol == "interhand/average=macro/root=rootnet/scale=none/tips=unstated"
    assert as_stated.value("MPJPE") > 1 and as_stated.value("MRRPE") > 20
    at_the_truth = run(truth, predictions, "interhand/root=gt")
    assert at_the_truth.value("MPJPE") < 1e-9 and at_the_truth.value("MRRPE") < 1e-9
    # As the official script has it: both depths are the right hand's, and the left wrist's own beside it.
    apart = rng.normal(0, 0.05, len(truth))
    wrists = [truth.hands[side].joints[:, 0] for side in (Side.RIGHT, Side.LEFT)]

    def stated(depth: np.ndarray) -> np.ndarray:
        right, left = (wrist / wrist[:, 2:] for wrist in wrists)
        return np.asarray(left * (depth + apart)[:, None] - right * depth[:, None])

    told = dataclasses.replace(predictions, relative_root=stated(depths[0]), root_source="predicted")
    at_their_own, at_the_true = (run(truth, told, f"interhand/root={kind}") for kind in ("predicted", "gt"))
    away = np.linalg.norm(stated(wrists[0][:, 2]) - (wrists[1] - wrists[0]), axis=1)
    both = np.array([kind not in SINGLE for kind in truth.hand_type])
    both &= np.stack([truth.hands[side].joints_valid[:, 0] for side in Side]).all(axis=0)
    assert at_the_true.value("MRRPE") == pytest.approx(1000 * away[both].mean(), rel=1e-9)
    assert abs(at_the_true.value("MRRPE") - at_their_own.value("MRRPE")) > 1
    own = dataclasses.replace(predictions, root_source="", root_depth=None)
    zero = {side: HandPredictions(joints=np.zeros((len(truth), 21, 3))) for side in Side}
    with pytest.raises(HandbenchError, match="no valid samples"):  # a hand in the camera has no ray
        run(truth, dataclasses.replace(own, hands=zero), "interhand/root=gt")
    handed_out = run(truth, own, "interhand/root=rootnet").value("MPJPE")
    assert handed_out > 0.1 and abs(handed_out - as_stated.value("MPJPE")) > 1e-3
    assert run(truth, own).value("MPJPE") == as_stated.value("MPJPE")  # as predicted
    assert run(truth, own, "interhand/root=gt").value("MPJPE") < 1e-9  # by the wrists' own depth


def test_a_joint_that_never_occurs_is_nan_and_told() -> None:
    rng = np.random.default_rng(4)
    truth = random_truth(rng, 60, missing=0.0)
    for side in Side:
        truth.hands[side].joints_valid[:, 4] = False
        truth.hands[side].joints[:, 4] = np.nan
    predictions = random_predictions(rng, truth)
    score = run(truth, predictions)
    assert np.isnan(score.value("MPJPE", stratum="joint right_thumb4"))
    others = [f.value for f in score.figures if f.stratum.startswith("joint") and "thumb4" not in f.stratum]
    assert score.value("MPJPE") == pytest.approx(sum(others) / 40)
    assert any("all: 2 of 42 joints never occur (right_thumb4, left_thumb4)" in w for w in score.warnings)
    # One-handed data: the official script stops there.
    single = dataclasses.replace(truth, hand_type=["right"] * 60)
    truth.hands[Side.LEFT].joints_valid[:] = False
    alone = run(single, predictions)
    assert np.isnan(alone.value("MRRPE")) and alone.value("MPJPE") == alone.value("MPJPE", "SH")
    assert not [figure for figure in alone.figures if figure.subset == "IH"]


def test_hands_that_were_not_predicted_are_told() -> None:
    rng = np.random.default_rng(5)
    truth = random_truth(rng, 60, missing=0.0)
    predictions = random_predictions(rng, truth)
    joints = predictions.hands[Side.LEFT].joints
    assert joints is not None
    absent = truth.hands[Side.LEFT].joints_valid[:, 0].copy()
    absent[30:] = False
    joints[absent] = np.nan
    score = run(truth, predictions)
    hands = sum(int(truth.hands[side].joints_valid[:, 0].sum()) for side in Side)
    assert score.value("missing hands") == pytest.approx(100 * absent.sum() / hands)
    assert f"{absent.sum()} of {hands} annotated hands were not predicted" in score.warnings[0]
    left = next(f for f in score.figures if f.stratum == "joint left_index1")
    assert left.n_scored == truth.hands[Side.LEFT].joints_valid[:, 0].sum() - absent.sum()
    lost = absent & (np.array(truth.hand_type) == "left")
    assert score.n_scored == 60 - lost.sum() and np.isnan(score.samples["MPJPE [mm]"][lost]).all()
    joints[0, 3] = np.nan
    joints[0, 0] = 0.0
    with pytest.raises(
        HandbenchError, match=r"1 left hands have joints that are not finite .* interhand/test/0"
    ):
        run(truth, predictions)


def test_root_relative_and_scale_free_predictions() -> None:
    rng = np.random.default_rng(6)
    truth = random_truth(rng, 30)
    predictions = random_predictions(rng, truth, space="root_relative")
    score = run(truth, predictions)
    assert "root=gt" in score.protocol and np.isnan(score.value("MRRPE"))
    assert "no MRRPE: root_relative predictions" in score.notes[0]
    wrists = [truth.hands[side].joints[:, 0] for side in Side]
    stated = dataclasses.replace(predictions, relative_root=wrists[1] - wrists[0])
    assert run(truth, stated).value("MRRPE") < 1e-9 and run(truth, stated).value("MPJPE") > 10
    free = dataclasses.replace(predictions, space="scale_free")
    with pytest.raises(HandbenchError, match=r"no length \(score with scale=gt-bone or hand-model"):
        run(truth, free)
    assert run(truth, free, "interhand/scale=gt-bone").value("MPJPE") > 0


def test_what_cannot_be_scored_is_named() -> None:
    rng = np.random.default_rng(7)
    truth = random_truth(rng, 10)
    predictions = random_predictions(rng, truth, root_source="gt")
    for text, word in (
        ("interhand/root=predicted", r"roots is 'gt', not predicted \(root=gt"),
        ("interhand/tips=ho3d", "of the set 'interhand', not 'ho3d'"),
        ("interhand/average=mean", "did you mean|known: macro, micro"),
        ("interhand_intag/joints=mesh", "no meshes to regress joints from"),
    ):
        with pytest.raises(HandbenchError, match=word):
            run(truth, predictions, text)
    with pytest.raises(HandbenchError, match="no joints of any hand"):
        run(truth, dataclasses.replace(predictions, hands={Side.LEFT: HandPredictions()}))
    bare = {side: dataclasses.replace(hand, root_depth=None) for side, hand in truth.hands.items()}
    with pytest.raises(HandbenchError, match="no RootNet depths"):
        run(dataclasses.replace(truth, hands=bare), predictions, "interhand/root=rootnet")
    for side in Side:
        truth.hands[side].joints_valid[:] = False
    with pytest.raises(HandbenchError, match="no valid samples: 0 hands of 10"):
        run(truth, predictions)


def test_meshes_of_a_real_tree_and_intaghands_protocol(tmp_path: Path) -> None:
    """Hands that are turned about their roots and resized: MPVPE sees the turn, the true bone the size."""
    scene = make_tree(tmp_path)
    dataset = load_dataset("interhand", tmp_path, quiet=True, mesh=True)
    truth = dataset.ground_truth()
    perfect = Predictions(
        truth.keys,
        {s: HandPredictions(joints=hand.joints, vertices=hand.vertices) for s, hand in truth.hands.items()},
        tips="interhand",
    )  # fmt: skip
    for text in ("interhand", "interhand_intag"):
        score = run(truth, perfect, text)
        # Vertices are kept as float32.
        assert all(score.value(m) < 2e-4 for m in ("MPJPE", "PA-MPJPE", "MPVPE", "MRRPE"))
        assert score.n_scored == len(scene.cameras) and not score.warnings and not score.partial
        assert open_protocol(text).resolve(truth, perfect).explain()
    assert "joints=mesh" in score.protocol
    larger = Predictions(
        truth.keys,
        {
            side: HandPredictions(joints=1.2 * hand.joints, vertices=1.2 * np.asarray(hand.vertices, float))
            for side, hand in truth.hands.items()
        },
    )
    assert run(truth, larger).value("MPVPE") > 5 and run(truth, larger).value("MPJPE") > 5
    resized = run(truth, larger, "interhand_intag")
    assert resized.value("MPJPE") < 1e-6 and resized.value("MPVPE") < 2e-4 and resized.value("MRRPE") > 5
    # The mean over hands, about the middle MCP.
    bent = {}
    for side, hand in truth.hands.items():
        joints = hand.joints.copy()
        joints[:, 12] += [0.021, 0, 0]
        bent[side] = HandPredictions(joints=joints)
    moved = run(truth, Predictions(truth.keys, bent), "interhand_intag/joints=annotated")
    assert moved.value("MPJPE") == pytest.approx(1.0) and moved.value("MPJPE", "SH") == pytest.approx(1.0)


def test_the_command_scores_a_file(handbench: Run, tmp_path: Path) -> None:
    """A tree on disk, a file of predictions: the whole, and a subset that the annotation names."""
    make_tree(tmp_path / "tree")
    truth = load_dataset("interhand", tmp_path / "tree", quiet=True).ground_truth()
    hands = {}
    for side, hand in truth.hands.items():
        joints = hand.joints.copy()
        joints[:, 8] += [0.021, 0, 0]
        hands[side] = HandPredictions(joints=joints)
    write_predictions(tmp_path / "p.h5", Predictions(truth.keys, hands, tips="interhand", root_source="gt"))
    run_it = (
        "score",
        tmp_path / "p.h5",
        "--protocol",
        "interhand",
        "--gt",
        tmp_path / "tree",
        "--split",
        "test",
    )
    shown = handbench(*run_it, "--explain").stdout
    assert "interhand/average=macro/root=gt/scale=none/tips=interhand" in shown
    assert "MPJPE             1.000 mm" in shown and "Each hand is aligned by its own wrist" in shown
    part = handbench(*run_it, "--subset", "interacting").stdout
    assert f"{int(truth.subsets['interacting'].sum())} samples" in part


@pytest.mark.parametrize("joints", ["mesh", "annotated"])
def test_both_ways_to_intaghands_numbers_agree(handbench: Run, tmp_path: Path, joints: str) -> None:
    """``evaluate`` predicts and scores the whole split; ``score --gt DIR`` opens the same samples."""
    tree, results, report = tmp_path / "tree", tmp_path / "results", tmp_path / "score.json"
    make_tree(tree)
    if joints == "annotated":
        (mano,) = tree.rglob("*MANO_NeuralAnnot.json")
        mano.unlink()
    ref = f"interhand:{tree}@split=test"
    done = handbench(
        "evaluate", "--model", "oracle-noise:5", "--data", ref, "--protocol", "interhand_intag",
        "--results", results, "--json",
    )  # fmt: skip
    (file,) = (results / "predictions").glob("*.h5")
    handbench("score", file, "--protocol", "interhand_intag", "--gt", tree, "--json", report)
    first, second = json.loads(done.stdout), json.loads(report.read_text())
    assert first["figures"] == second["figures"] and first["protocol"] == second["protocol"]
    assert f"joints={joints}" in first["protocol"] and first["n_total"] == second["n_total"] == 36
    assert first["notes"][0].startswith("24 samples of one hand (SH), 12 of two (IH")


def test_the_mean_bone_is_that_of_the_hand_model() -> None:
    for side in Side:
        model = load_hand_model("procedural", side)
        joints = forward_one(model, HandParams(side, np.zeros(48), np.zeros(10), np.zeros(3))).joints21
        assert np.linalg.norm(joints[9] - joints[0]) == pytest.approx(MEAN_BONE, abs=1e-6)


def test_a_turned_hand_keeps_its_procrustes_error() -> None:
    rng = np.random.default_rng(8)
    truth = random_truth(rng, 20)
    R = axis_angle_to_matrix(np.array([0.4, -0.2, 0.9]))
    noise = rng.normal(0, 0.005, (20, 21, 3))
    found = {}
    for name, turn in (("plain", np.eye(3)), ("turned", R)):
        hands = {
            side: HandPredictions(joints=np.nan_to_num(hand.joints, nan=0.9) @ turn.T + noise @ turn.T)
            for side, hand in truth.hands.items()
        }
        found[name] = run(truth, Predictions(truth.keys, hands, space="camera"))
    assert found["plain"].value("PA-MPJPE") == pytest.approx(found["turned"].value("PA-MPJPE"), abs=1e-9)
    assert found["turned"].value("MPJPE") > 5 * found["plain"].value("MPJPE")
