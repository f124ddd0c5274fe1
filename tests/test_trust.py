"""Verification names each mix-up, says nothing else of it, and nothing at all of sound data."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trusted_hands import (
    NUM,
    TIPS,
    Change,
    Hands,
    damaged,
    each_hand,
    faults,
    labels_of,
    only,
    params_of,
    rows_of,
    true_joints,
)

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward
from handbench.skeleton import HO3D21, INTERHAND21, OPENPOSE21, JointOrder
from handbench.trust.mano import check_mano
from handbench.trust.orders import check_order
from handbench.trust.report import SHOWN
from handbench.trust.sides import bend
from handbench.trust.verify import verify_dataset
from handbench.types import HandAnnotation, HandParams, Sample, Side

FLIP = np.array([1.0, -1.0, -1.0])


@pytest.fixture
def hands(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


def test_sound_data_are_sound(hands: Hands) -> None:
    report = verify_dataset(hands, deep=True)
    assert faults(report) == {} and report.exit_code == 0
    verdicts = {name: check.verdict for name, check in report.checks.items()}
    assert set(verdicts.values()) == {"ok"} and len(verdicts) == 17
    notes = [finding.what for finding in report.checks["mano"].examples]
    assert sum(f"fit the set {TIPS!r} best: {TIPS} 0.00 mm" in note for note in notes) == 2


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1e3, r"median bone [23]\d\.\d+ m, expected 0\.005 to 0\.2 m: looks like millimetres"),
        (1e2, "looks like centimetres"),
        (1e-3, "divided by 1000 once too often"),
    ],
)
def test_a_unit_is_named_and_nothing_else_is_said(hands: Hands, factor: float, words: str) -> None:
    found = faults(damaged(hands, each_hand(joints=lambda hand: factor * hand.joints)))
    assert re.search(words, found["units"]) and set(found) == {"units"}


def test_a_unit_that_is_none_is_told_of_each_hand(hands: Hands) -> None:
    report = damaged(hands, each_hand(joints=lambda hand: 3e6 * hand.joints))
    check = report.checks["units"]
    assert check.counts["fault"] == 2 * NUM and len(check.examples) == 2 * NUM
    assert any(f"... and {2 * NUM - SHOWN} more" in line for line in report.lines())


@pytest.mark.parametrize(
    ("order", "words"), [(HO3D21, "read as HO3D21, MANO's 16 joints"), (INTERHAND21, "read as INTERHAND21")]
)
def test_an_order_is_named(hands: Hands, order: JointOrder, words: str) -> None:
    index = OPENPOSE21.index_to(order)
    change = each_hand(joints=lambda hand: hand.joints[index], joints_2d=lambda hand: labels_of(hand)[index])
    found = faults(damaged(hands, change))
    assert words in found["order"] and set(found) == {"order"}


def test_ring_and_little_finger_exchanged_is_named(hands: Hands) -> None:
    index = np.array([*range(13), *range(17, 21), *range(13, 17)])
    change = each_hand(joints=lambda hand: hand.joints[index], joints_2d=lambda hand: labels_of(hand)[index])
    found = faults(damaged(hands, change))
    assert "thumb, index, middle, little, ring, each from base to tip" in found["order"]
    assert set(found) == {"order"}


def test_what_is_no_hand_is_in_no_order(hands: Hands) -> None:
    rng = np.random.default_rng(0)
    cloud = each_hand(joints=lambda hand: rng.normal([0, 0, 0.5], 0.05, (21, 3)))
    findings, _, looked = check_order(rows_of(hands, cloud))
    assert looked == 2 * NUM and "no hand's in any known order" in findings[0].what


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (lambda joints, camera: joints * FLIP, "they fit in an OpenGL camera frame"),
        (lambda joints, camera: (joints - camera.t) @ camera.R, "they fit in world coordinates"),
        (lambda joints, camera: joints * [1, -1, 1], "with y pointing up"),
        (lambda joints, camera: joints * [-1, 1, 1], "with x pointing left"),
    ],
)
def test_a_frame_is_named_and_nothing_else_is_said(hands: Hands, turn: Any, words: str) -> None:
    found = faults(damaged(hands, each_hand(joints=lambda hand: turn(hand.joints, hands.camera))))
    assert words in found["frame"] and set(found) == {"frame"}


def test_joints_relative_to_the_wrist_are_named(hands: Hands) -> None:
    found = faults(damaged(hands, each_hand(joints=lambda hand: hand.joints - hand.joints[0])))
    assert "looks relative to the wrist" in found["frame"]


def test_exchanged_sides_are_named(hands: Hands) -> None:
    def exchange(hand: HandAnnotation) -> HandParams:
        return dataclasses.replace(params_of(hand), side=hand.side.other)

    found = faults(damaged(hands, each_hand(side=lambda hand: hand.side.other, params=exchange)))
    assert found["sides"].startswith(f"{2 * NUM} of {2 * NUM} hands that are clearly bent")
    assert set(found) == {"sides"}


def test_a_few_exchanged_hands_are_found(hands: Hands) -> None:
    def change(sample: Sample) -> Sample:
        return each_hand(side=lambda hand: hand.side.other)(sample) if sample.key.endswith("7") else sample

    report = damaged(hands, change)
    assert faults(report)["sides"].startswith(f"8 of {2 * NUM} hands")
    assert report.checks["sides"].examples[0].where == "hands/test/7"


def test_bend_tells_sides_and_leaves_flat_hands_alone() -> None:
    measured = {side: bend(joints) for side, joints in true_joints().items()}
    assert (measured[Side.RIGHT] > 1).all() and (measured[Side.LEFT] < -1).all()
    assert np.allclose(measured[Side.RIGHT], -bend(true_joints()[Side.RIGHT] * [-1, 1, 1]))
    flat = forward(load_hand_model(), np.zeros((1, 48)), np.zeros(10), np.zeros(3)).joints21
    assert abs(bend(flat)[0]) < 0.6


def wrist_of(hand: HandAnnotation) -> FloatArray:
    """Returns J0(betas)."""
    model = load_hand_model("procedural", hand.side)
    return np.asarray(model.rest_joints[0] + model.joint_shapedirs[0] @ params_of(hand).betas)


def with_mean(hand: HandAnnotation, sign: float) -> HandParams:
    pose = params_of(hand).pose.copy()
    pose[3:] += sign * load_hand_model("procedural", hand.side).hands_mean
    return params_of(hand, pose=pose)


def moved(hand: HandAnnotation, by: FloatArray) -> HandParams:
    return params_of(hand, transl=params_of(hand).transl + by)


def in_opengl(hand: HandAnnotation) -> HandParams:
    pose = params_of(hand).pose.copy()
    pose[:3] = matrix_to_axis_angle(FLIP[:, None] * axis_angle_to_matrix(pose[:3]))
    return params_of(
        hand, pose=pose, transl=FLIP * (wrist_of(hand) + params_of(hand).transl) - wrist_of(hand)
    )


MISREAD: dict[str, Any] = {
    "lacks the mean pose": lambda hand, camera: with_mean(hand, -1),
    "mean pose was added although": lambda hand, camera: with_mean(hand, 1),
    "translation is in millimetres": lambda hand, camera: moved(hand, 999 * params_of(hand).transl),
    "in an OpenGL camera frame, the joints are not": lambda hand, camera: in_opengl(hand),
    # F t of the correct t = F (J0 + t_gl) - J0, where a naive reader gives F t_gl.
    "from OpenGL without the J0 term": lambda hand, camera: moved(
        hand, wrist_of(hand) - FLIP * wrist_of(hand)
    ),
    "from world to camera without the J0 term": lambda hand, camera: moved(
        hand, wrist_of(hand) - camera.R @ wrist_of(hand)
    ),
    "the translation is the wrist's": lambda hand, camera: moved(hand, wrist_of(hand)),
}


@pytest.mark.parametrize("words", MISREAD)
def test_misread_parameters_are_named(hands: Hands, words: str) -> None:
    change = each_hand(params=lambda hand: MISREAD[words](hand, hands.camera))
    found = faults(damaged(hands, change))
    assert words in found["mano"] and set(found) == {"mano"}


def test_parameters_of_the_other_hand_are_named(hands: Hands) -> None:
    rows = rows_of(hands)
    findings, looked = check_mano(rows.replace(right=~rows.right), "procedural")
    assert looked == 2 * NUM and [f.kind for f in findings] == ["fault"] * 2
    assert all("they are the other hand's" in finding.what for finding in findings)


def test_the_other_kind_of_left_shapes_is_named(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same left file before and behind the fix of smplx issue 48, given by a model that says `kept`."""
    kept = dataclasses.replace(load_hand_model("procedural", Side.LEFT), left_shapedirs="kept")
    rows = rows_of(hands)
    rows = rows.take(~rows.right)
    fixed = forward(kept.with_left_shapedirs("fix"), rows.pose, rows.betas, rows.transl).joints21
    monkeypatch.setattr("handbench.trust.mano.load_hand_model", lambda spec, side: kept)
    findings, _ = check_mano(rows.replace(joints=fixed), "mano:/somewhere")
    assert "smplx issue 48" in findings[0].what and findings[0].kind == "fault"


def test_outliers_are_listed_and_fit_hands_are_not(hands: Hands) -> None:
    change = only("hands/test/9", each_hand(params=lambda hand: moved(hand, np.array([0.03, 0.03, 0]))))
    report = damaged(hands, change)
    listed = [f for f in report.checks["mano"].examples if f.kind == "fault"]
    assert [f.where for f in listed] == ["hands/test/9"] * 2
    assert "42.4 mm from the joints" in listed[0].what


def test_parameters_of_an_unknown_model_are_no_fault(hands: Hands) -> None:
    rng = np.random.default_rng(0)
    change = each_hand(params=lambda hand: params_of(hand, pose=rng.normal(0, 1, 48)))
    report = damaged(hands, change)
    assert not faults(report) and "another model" in report.checks["mano"].examples[0].what
    assert "from the joints" in faults(damaged(hands, change, hand_model="procedural"))["mano"]
    with pytest.raises(HandbenchError, match="unknown hand model"):
        damaged(hands, change, hand_model="nonsense")


def boxes(convert: Any) -> Change:
    def change(sample: Sample) -> Sample:
        assert sample.box is not None
        inner = each_hand(box=lambda hand: convert(hand.box))(sample)
        return dataclasses.replace(inner, box=convert(sample.box))

    return change


@pytest.mark.parametrize(
    ("convert", "words"),
    [
        (
            lambda box: np.concatenate([box[:2], box[:2] + box[2:]]),
            "corners x0, y0, x1, y1 read as x, y, w, h",
        ),
        (lambda box: np.concatenate([box[:2] + box[2:] / 2, box[2:]]), "centre and size"),
        (lambda box: box[[1, 0, 3, 2]], "y, x, h, w read as x, y, w, h"),
    ],
)
def test_a_box_of_another_form_is_named(hands: Hands, convert: Any, words: str) -> None:
    assert words in faults(damaged(hands, boxes(convert)))["boxes"]


def test_a_box_elsewhere_is_found(hands: Hands) -> None:
    change = only("hands/test/3", each_hand(box=lambda hand: np.array([1.0, 200, 30, 30])))
    report = damaged(hands, change)
    assert report.checks["boxes"].counts["fault"] == 2
    assert "box (1, 200, 30, 30) is not about the projected joints" in faults(report)["boxes"]


@pytest.mark.parametrize(
    ("convert", "words"),
    [
        (lambda labels: labels[:, ::-1], "x and y are exchanged"),
        (lambda labels: np.stack([319 - labels[:, 0], labels[:, 1]], 1), "the mirrored picture"),
        (lambda labels: 2 * labels, "a picture 2 times as large"),
    ],
)
def test_labels_of_another_form_are_named(hands: Hands, convert: Any, words: str) -> None:
    found = faults(damaged(hands, each_hand(joints_2d=lambda hand: convert(labels_of(hand)))))
    assert words in found["labels"] and set(found) == {"labels"}


def test_labels_of_another_frame_are_found(hands: Hands) -> None:
    change = only("hands/test/3", each_hand(joints_2d=lambda hand: labels_of(hand) + 90.0))
    assert "px from the projected joints" in faults(damaged(hands, change))["labels"]
