"""Each mistake, made of sane predictions, is named, and nothing else is; bad but sane ones pass."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from said_hands import BARE, TRUTH, N, Points, dataset, kinds, only, oracle, without_joints
from scipy.spatial.transform import Rotation

from handbench.arrays import FloatArray
from handbench.ground_truth import GroundTruth
from handbench.hands import forward, load_hand_model
from handbench.metrics.diagnose_mesh import WRIST_LOOP
from handbench.metrics.joint_orders import HAND_LENGTHS, bone_cost, guesses, joint_distances
from handbench.skeleton import HO3D21, INTERHAND21, OPENPOSE21, bone_lengths, tip_vertices
from handbench.types import Side


@settings(max_examples=12)
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.003, 0.01, 0.03]), st.sampled_from([4, 40]))
def test_noise_is_no_problem(seed: int, sigma: float, n: int) -> None:
    rng = np.random.default_rng(seed)
    truth = dataset(seed, n=n)

    def noisy(side: Side, joints: FloatArray, vertices: FloatArray) -> Points:
        return (
            joints + rng.normal(scale=sigma, size=joints.shape),
            vertices + rng.normal(scale=sigma, size=vertices.shape),
        )

    assert kinds(truth, oracle(truth, noisy)) == []
    assert kinds(without_joints(truth), oracle(truth, noisy)) == []


@settings(max_examples=12)
@given(st.integers(0, 1000), st.booleans(), st.sampled_from([3, 40]))
def test_a_constant_hand_is_no_problem(seed: int, relative: bool, n: int) -> None:
    truth = dataset(seed, n=n)
    rng = np.random.default_rng(seed)
    anywhere = Rotation.random(rng=rng).as_matrix()

    def constant(side: Side, joints: FloatArray, vertices: FloatArray) -> Points:
        flat = forward(load_hand_model(side=side), np.zeros((1, 48)), np.zeros(10), np.zeros(3), "ho3d")
        wrist = flat.joints21[:, :1]
        root = 0 if relative else joints[:, :1]
        return tuple(np.repeat((p - wrist) @ anywhere.T, n, 0) + root for p in (flat.joints21, flat.vertices))  # type: ignore[return-value]

    said = dataclasses.replace(oracle(truth, constant), space="root_relative" if relative else "camera")
    assert kinds(truth, said) == []
    assert kinds(without_joints(truth), said) == []


def test_zeros_are_a_warning_and_no_more() -> None:
    said = oracle(TRUTH, lambda side, joints, vertices: (0 * joints, 0 * vertices))
    assert kinds(TRUTH, said) == kinds(BARE, said) == ["zero warning"] * 4
    # A point in front of the camera is no hand, but its unit is fine.
    wrists = oracle(
        TRUTH, lambda s, joints, vertices: (0 * joints + joints[:, :1], 0 * vertices + joints[:, :1])
    )
    assert all(kind.endswith("warning") for kind in kinds(TRUTH, wrists))


@pytest.mark.parametrize("truth", [TRUTH, BARE])
@pytest.mark.parametrize(
    ("factor", "word"),
    [(1000, "millimetres"), (100, "centimetres"), (0.001, "divided by 1,000"), (11, "no known unit")],
)
def test_wrong_units(truth: GroundTruth, factor: float, word: str) -> None:
    said = oracle(TRUTH, lambda side, joints, vertices: (factor * joints, factor * vertices))
    assert word in only(truth, said)
    assert kinds(truth, dataclasses.replace(said, space="scale_free")) == ["space error"]


def test_the_unit_of_the_mesh_alone() -> None:
    message = only(TRUTH, oracle(TRUTH, lambda side, joints, vertices: (joints, 1000 * vertices)))
    assert message.startswith("error: vertices: their spread is")


@pytest.mark.parametrize("truth", [TRUTH, BARE])
@pytest.mark.parametrize("noise", [0, 0.004])
@pytest.mark.parametrize(
    ("gather", "words"),
    [
        (OPENPOSE21.index_to(HO3D21), "joint_order = 'HO3D21'"),
        (OPENPOSE21.index_to(INTERHAND21), "joint_order = 'INTERHAND21'"),
        (HO3D21.index_to(OPENPOSE21), "OPENPOSE21 taken for HO3D21 and converted"),
        (
            [0, *range(1, 13), 17, 18, 19, 20, 13, 14, 15, 16],
            "thumb, index, middle, little, ring, each from base",
        ),
    ],
)
def test_wrong_orders(truth: GroundTruth, noise: float, gather: FloatArray, words: str) -> None:
    rng = np.random.default_rng(0)
    shifts = {side: rng.normal(scale=noise, size=(N, 21, 3)) for side in Side}
    said = oracle(TRUTH, lambda side, joints, vertices: ((joints + shifts[side])[:, gather], vertices))
    assert words in only(truth, said)


@pytest.mark.parametrize(
    ("flip", "words"),
    [((1, -1, -1), "OpenGL"), ((1, 1, -1), "z pointing backward"), ((1, -1, 1), "y pointing up")],
)
@pytest.mark.parametrize("relative", [True, False])
def test_wrong_frames(flip: tuple[int, int, int], words: str, relative: bool) -> None:
    def turned(side: Side, joints: FloatArray, vertices: FloatArray) -> Points:
        root = joints[:, :1] if relative else 0
        return (joints - root) * np.array(flip), (vertices - root) * np.array(flip)

    said = dataclasses.replace(oracle(TRUTH, turned), space="root_relative" if relative else "camera")
    assert words in only(TRUTH, said)
    if not relative and flip[2] < 0:
        assert "behind the camera" in only(BARE, said)


def test_two_mistakes_are_both_named() -> None:
    gather = OPENPOSE21.index_to(HO3D21)
    flip = np.array([1000, -1000, -1000])
    said = oracle(TRUTH, lambda side, joints, vertices: (joints[:, gather] * flip, vertices * flip))
    assert kinds(TRUTH, said) == ["unit error", "order error", "frame error"]


def test_wrong_spaces() -> None:
    def relative(side: Side, joints: FloatArray, vertices: FloatArray) -> Points:
        return joints - joints[:, :1], vertices - joints[:, :1]

    def knuckle(side: Side, joints: FloatArray, vertices: FloatArray) -> Points:
        return joints - joints[:, 9:10], vertices - joints[:, 9:10]

    for truth in (TRUTH, BARE):
        assert "looks relative to it" in only(truth, oracle(TRUTH, relative))
        said = oracle(TRUTH, knuckle)
        assert "middle1 lies in the camera" in only(truth, said)
        assert "middle1 is at 0" in only(truth, dataclasses.replace(said, space="root_relative"))
        said = dataclasses.replace(oracle(TRUTH), space="root_relative")
        assert "looks like camera space" in only(truth, said)
        assert kinds(truth, dataclasses.replace(oracle(TRUTH, relative), space="root_relative")) == []


def test_mirrored_hands() -> None:
    def mirrored(side: Side, joints: FloatArray, vertices: FloatArray) -> Points:
        root, flip = joints[:, :1], np.array([-1, 1, 1])
        return (joints - root) * flip + root, (vertices - root) * flip + root

    assert "mirrored" in only(TRUTH, oracle(TRUTH, mirrored))
    one = dataset(1, (Side.RIGHT,))
    assert "mirrored" in only(one, oracle(one, mirrored))


def test_exchanged_sides() -> None:
    said = oracle(TRUTH)
    swapped = dataclasses.replace(said, hands={side: said.hands[side.other] for side in Side})
    assert "left and right are exchanged" in only(TRUTH, swapped)
    one = dataset(1, (Side.RIGHT,))
    said = oracle(one)
    swapped = dataclasses.replace(said, hands={Side.LEFT: said.hands[Side.RIGHT]})
    assert "40 left ones where there is none" in only(one, swapped)


def test_joints_that_disagree_with_their_mesh() -> None:
    def elsewhere(side: Side, joints: FloatArray, vertices: FloatArray) -> Points:
        return joints, vertices - joints[:, :1]

    def other_order(side: Side, joints: FloatArray, vertices: FloatArray) -> Points:
        return joints, vertices[:, np.random.default_rng(0).permutation(778)]

    def short_tips(side: Side, joints: FloatArray, vertices: FloatArray) -> Points:
        tips, before = [4, 8, 12, 16, 20], [3, 7, 11, 15, 19]
        joints = joints.copy()
        joints[:, tips] += 0.25 * (joints[:, before] - joints[:, tips])
        return joints, vertices

    def manopth(side: Side, joints: FloatArray, vertices: FloatArray) -> Points:
        joints = joints.copy()
        joints[:, [4, 8, 12, 16, 20]] = vertices[:, tip_vertices("manopth", side)]
        return joints, vertices

    for truth in (TRUTH, BARE):
        assert "they are not of one hand" in only(truth, oracle(TRUTH, elsewhere))
        assert kinds(truth, oracle(TRUTH, other_order)) == ["mesh error"]
    for truth in (TRUTH, BARE):
        assert "no known set of vertices" in only(truth, oracle(TRUTH, short_tips))
        assert "set tips = 'manopth'" in only(truth, oracle(TRUTH, manopth))
        assert kinds(truth, dataclasses.replace(oracle(TRUTH, manopth), tips="")) == []


@pytest.mark.parametrize("truth", [TRUTH, BARE])
def test_a_mesh_that_is_moved_from_its_joints(truth: GroundTruth) -> None:
    rng = np.random.default_rng(0)
    ways = rng.normal(size=(N, 1, 3))
    ways *= 0.08 / np.linalg.norm(ways, axis=2, keepdims=True)
    for shift, apart in ((0.05 * np.eye(3)[0], 50), (0.015 * np.eye(3)[2], 15), (ways, 80)):
        message = only(truth, oracle(TRUTH, lambda side, j, v, shift=shift: (j, v + shift)))  # type: ignore[misc]
        assert message.startswith(f"error: joints and mesh are {apart} mm apart: they are not of one hand")
    near = oracle(TRUTH, lambda side, joints, vertices: (joints, vertices + np.array([0.004, 0, 0])))
    assert "error" not in " ".join(kinds(truth, near))


def test_joints_of_another_frame_than_a_good_mesh() -> None:
    rng = np.random.default_rng(0)
    shift = {side: 0.02 * rng.normal(size=(N, 20, 3)) for side in Side}

    def worse(side: Side, joints: FloatArray, vertices: FloatArray) -> Points:
        joints = joints.copy()
        joints[:, 1:] += shift[side]
        return joints, vertices

    message = only(TRUTH, oracle(TRUTH, worse))
    assert message.startswith("warning: PA errors disagree: joints 26.")
    assert "vertices 0.0 mm" in message


def test_constants_are_those_of_the_hand_model() -> None:
    model = load_hand_model()
    assert sorted(WRIST_LOOP) == sorted(model.wrist_loop.tolist())
    joints = forward(model, np.zeros((1, 48)), np.zeros(10), np.zeros(3)).joints21
    assert 1000 * bone_lengths(joints)[0] == pytest.approx(HAND_LENGTHS[:20], abs=0.06)
    assert bone_cost(joint_distances(joints), np.arange(21)) < 0.002
    assert np.isnan(bone_cost(joint_distances(np.full((2, 21, 3), np.nan)), np.arange(21)))
    assert all(sorted(guess.gather.tolist()) == list(range(21)) for guess in guesses())
