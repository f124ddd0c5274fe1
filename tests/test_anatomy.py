"""Joint angles: round trips, what each angle does to a finger, mirrored hands, limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handbench.arrays import FloatArray
from handbench.geometry import axis_angle_to_matrix
from handbench.hands.anatomy import ABDUCTION, FLEXION, LIMITS_DEGREES, TWIST, anatomy, palm_frame
from handbench.hands.library import load_hand_model
from handbench.hands.model import HandMesh, forward
from handbench.skeleton import MANO16, OPENPOSE21
from handbench.types import Side

FINGERS = ("index", "middle", "ring", "little")


def random_angles(seed: int, n: int = 4, reach: float = 1.0) -> FloatArray:
    low, high = np.deg2rad(LIMITS_DEGREES[..., 0]), np.deg2rad(LIMITS_DEGREES[..., 1])
    return np.random.default_rng(seed).uniform(low * reach, high * reach, size=(n, 15, 3))


def posed(side: Side, angles: FloatArray) -> HandMesh:
    model = load_hand_model("procedural", side)
    pose = np.concatenate([np.zeros((len(angles), 3)), anatomy(model).pose_from_angles(angles)], axis=1)
    return forward(model, pose, np.zeros(10), np.zeros(3))


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.sampled_from(list(Side)))
def test_angles_and_pose_are_inverse(seed: int, side: Side) -> None:
    body = anatomy(load_hand_model("procedural", side))
    angles = random_angles(seed)
    pose = body.pose_from_angles(angles)
    np.testing.assert_allclose(body.angles_from_pose(pose), angles, atol=1e-12)
    full = np.concatenate([np.ones((4, 3)), pose], axis=1)
    np.testing.assert_allclose(body.angles_from_pose(full[1]), angles[1], atol=1e-12)
    matrices = axis_angle_to_matrix(pose.reshape(-1, 15, 3))
    turns = [axis_angle_to_matrix(body.axes[:, k] * angles[..., k, None]) for k in range(3)]
    np.testing.assert_allclose(turns[0] @ turns[1] @ turns[2], matrices, atol=1e-12)
    again = body.pose_from_angles(body.angles_from_pose(pose))
    np.testing.assert_allclose(again, pose, atol=1e-12)


def test_equal_angles_are_mirrored_poses() -> None:
    angles = random_angles(3)
    right, left = posed(Side.RIGHT, angles), posed(Side.LEFT, angles)
    np.testing.assert_allclose(right.joints21 * [-1, 1, 1], left.joints21, atol=1e-6)


@pytest.mark.parametrize("side", list(Side))
def test_each_angle_does_what_it_says(side: Side) -> None:
    model = load_hand_model("procedural", side)
    _, palmar, radial = palm_frame(model)
    assert palmar[1] < -0.9 and radial[2] > 0.9
    rest = posed(side, np.zeros((1, 15, 3))).joints21[0]
    for finger in FINGERS:
        tip = OPENPOSE21.index(f"{finger}4")
        for number in (1, 2, 3):
            angles = np.zeros((1, 15, 3))
            angles[0, MANO16.index(f"{finger}{number}") - 1, FLEXION] = 0.5
            moved = posed(side, angles).joints21[0, tip] - rest[tip]
            assert moved @ palmar > 0.8 * np.linalg.norm(moved) > 0.004
        angles = np.zeros((1, 15, 3))
        angles[0, MANO16.index(f"{finger}1") - 1, ABDUCTION] = 0.3
        moved = posed(side, angles).joints21[0, tip] - rest[tip]
        assert moved @ radial > 0.8 * np.linalg.norm(moved)
    thumb = MANO16.index("thumb1") - 1
    tip, little = OPENPOSE21.index("thumb4"), OPENPOSE21.index("little1")
    angles = np.zeros((3, 15, 3))
    angles[0, thumb : thumb + 3, FLEXION] = 0.5
    angles[1, thumb, ABDUCTION] = 0.4
    angles[2, thumb, TWIST] = 0.4
    moved = posed(side, angles).joints21[:, tip] - rest[tip]
    assert (
        np.linalg.norm(rest[tip] + moved[0] - rest[little]) < np.linalg.norm(rest[tip] - rest[little]) - 0.01
    )
    assert moved[1] @ palmar > 0.01
    assert np.linalg.norm(moved[2]) < 0.5 * np.linalg.norm(moved[1])


def test_limits_clamp_and_measure() -> None:
    body = anatomy(load_hand_model())
    inside = body.clamp_angles(random_angles(1, 50, 2.0))
    np.testing.assert_array_equal(body.clamp_angles(inside), inside)
    pose = np.concatenate([np.ones((50, 3)), body.pose_from_angles(inside)], axis=1)
    assert body.violation(pose).max() < 1e-9
    np.testing.assert_allclose(body.clamp_pose(pose), pose, atol=1e-9)
    wild = np.zeros((15, 3))
    index2, index1 = MANO16.index("index2") - 1, MANO16.index("index1") - 1
    wild[index2, FLEXION] = np.deg2rad(LIMITS_DEGREES[index2, FLEXION, 1] + 20)
    assert np.rad2deg(body.violation(body.pose_from_angles(wild))[index2]) == pytest.approx(20)
    wild[index1] = np.deg2rad([90, 20, 0])
    assert np.rad2deg(body.clamp_angles(wild)[index1, ABDUCTION]) == pytest.approx(10)
