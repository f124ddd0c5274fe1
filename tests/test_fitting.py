"""Fits recover known hands, stay inside the limits, do not depend on their neighbours, and name bad input."""

from __future__ import annotations

import numpy as np
import pytest

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.geometry import axis_angle_to_matrix
from handbench.hands.anatomy import anatomy
from handbench.hands.fit_algebra import bounded_step, root_pose
from handbench.hands.fit_kernel import (
    copy_parameters,
    evaluate,
    fit_arrays,
    new_state,
    point_jacobian,
    shape_motion,
)
from handbench.hands.fitting import estimate_betas, fit_hands
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward
from handbench.skeleton import OPENPOSE21
from handbench.types import Side


def known_hands(side: Side, n: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Random poses inside the limits and one shape; returns joints (N, 21, 3) and betas (10,)."""
    rng = np.random.default_rng(seed)
    model = load_hand_model("procedural", side)
    body = anatomy(model)
    low, high = body.limits[..., 0], body.limits[..., 1]
    angles = body.clamp_angles(rng.uniform(0.6 * low, 0.8 * high, size=(n, 15, 3)))
    angles[..., 2] *= 0.2
    pose = np.concatenate([rng.normal(size=(n, 3)) * 1.5, body.pose_from_angles(angles)], axis=1)
    betas = rng.normal(size=10) * 0.7
    return forward(model, pose, betas, rng.normal(size=(n, 3))).joints21, betas


@pytest.mark.parametrize("side", list(Side))
def test_the_analytic_jacobian_is_the_numeric_one(side: Side) -> None:
    model = load_hand_model("procedural", side)
    arrays, rng = fit_arrays(model), np.random.default_rng(1)
    arrays.tip_posedirs[:] = 0.0
    state, moved = new_state(), new_state()
    root = rng.normal(size=3)
    state.rotation[:] = axis_angle_to_matrix(root)
    state.angles[:], state.betas[:] = rng.normal(size=(15, 3)) * 0.4, rng.normal(size=10)
    evaluate(state, arrays)
    analytic, columns = np.zeros((21, 3, 61)), np.zeros(61, np.int64)
    for point in range(21):
        row = np.zeros((3, 61))
        count = point_jacobian(state, point, row, columns)
        analytic[point][:, columns[:count]] = row[:, columns[:count]]
    by_shape = np.zeros((21, 3, 10))
    shape_motion(state, arrays, by_shape)
    analytic[:, :, 51:] = by_shape
    step = 1e-6
    for k in range(61):
        copy_parameters(state, moved)
        if k < 3:
            moved.rotation[:] = axis_angle_to_matrix(np.eye(3)[k] * step) @ state.rotation
        elif k < 6:
            moved.transl[k - 3] += step
        elif k < 51:
            moved.angles.reshape(-1)[k - 6] += step
        else:
            moved.betas[k - 51] += step
        evaluate(moved, arrays)
        # A tip's vertex may also hang a little on the bone before its last one.
        numeric = (moved.points - state.points) / step
        np.testing.assert_allclose(analytic[:16, :, k], numeric[:16], atol=1e-6)
        np.testing.assert_allclose(analytic[16:, :, k], numeric[16:], atol=5e-3)


def test_the_root_survives_its_matrix() -> None:
    rng = np.random.default_rng(2)
    axes = rng.normal(size=(300, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    turns = np.concatenate([rng.uniform(0, np.pi, 280), np.full(10, np.pi - 1e-9), [0.0, 1e-12] * 5])
    vectors = axes * turns[:, None]
    found = np.array([root_pose(matrix) for matrix in axis_angle_to_matrix(vectors)])
    np.testing.assert_allclose(found, vectors, atol=1e-12)


def test_a_bounded_step_holds_betas_at_their_limit() -> None:
    matrix = np.eye(10) + 0.1
    vector, betas = np.zeros(10), np.zeros(10)
    vector[0] = -10.0
    step = bounded_step(matrix, vector, betas, 3.0)
    assert step[0] == 3.0
    np.testing.assert_allclose((matrix @ step + vector)[1:], 0.0, atol=1e-6)


@pytest.mark.parametrize("side", list(Side))
def test_known_hands_come_back(side: Side) -> None:
    joints, betas = known_hands(side, 30)
    model = load_hand_model("procedural", side)
    result = fit_hands(model, joints)
    assert result.mean_errors.max() < 1.0e-3 and result.mean_errors.mean() < 0.4e-3
    mesh = forward(model, result.pose, result.betas, result.transl)
    np.testing.assert_allclose(mesh.joints21, result.joints, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(mesh.joints21 - joints, axis=-1), result.errors, atol=1e-9)
    assert np.rad2deg(anatomy(model).violation(result.pose)).max() < 1e-6
    assert (result.betas == result.betas[0]).all() and result.params(3).side is side
    alone = fit_hands(model, joints[:1], shared_betas=False)
    assert alone.mean_errors[0] < 1e-3
    np.testing.assert_array_equal(estimate_betas(model, joints), result.betas[0])
    known = fit_hands(model, joints, betas=betas)
    assert known.mean_errors.mean() < 0.3e-3


def test_a_fit_does_not_depend_on_its_neighbours() -> None:
    joints, betas = known_hands(Side.RIGHT, 6)
    model = load_hand_model()
    together = fit_hands(model, joints, betas=betas)
    alone = fit_hands(model, joints[4:5], betas=betas)
    np.testing.assert_array_equal(together.pose[4:5], alone.pose)
    turn = axis_angle_to_matrix(np.array([0.3, -2.0, 0.4]))
    moved = fit_hands(model, joints @ turn.T + [1.0, 2.0, 3.0], betas=betas)
    np.testing.assert_allclose(moved.mean_errors, together.mean_errors, atol=2e-5)


def test_masked_joints_do_not_count() -> None:
    joints, betas = known_hands(Side.LEFT, 8)
    valid = np.ones(21, bool)
    valid[[OPENPOSE21.index("wrist"), OPENPOSE21.index("thumb1")]] = False
    hidden = joints.copy()
    hidden[:, ~valid] = np.nan
    model = load_hand_model("procedural", Side.LEFT)
    result = fit_hands(model, hidden, valid, betas=betas)
    assert np.isnan(result.errors[:, ~valid]).all()
    assert result.mean_errors.max() < 1.5e-3
    # The wrist was not given, and still is where it belongs.
    assert np.linalg.norm(result.joints[:, 0] - joints[:, 0], axis=-1).mean() < 0.01


def test_impossible_joints_stay_inside_the_limits() -> None:
    joints, _ = known_hands(Side.RIGHT, 4)
    noisy = joints + np.random.default_rng(0).normal(scale=0.02, size=joints.shape)
    model = load_hand_model()
    result = fit_hands(model, noisy, shared_betas=False)
    assert np.rad2deg(anatomy(model).violation(result.pose)).max() < 1e-6
    assert np.abs(result.betas).max() <= 3.0
    assert np.isfinite(result.joints).all()


def test_bad_joints_are_named() -> None:
    joints, _ = known_hands(Side.RIGHT, 3)
    model = load_hand_model()
    broken = joints.copy()
    broken[1, 8] = np.nan
    with pytest.raises(HandbenchError, match="joint index4 of hand 1 is not finite"):
        fit_hands(model, broken)
    valid = np.ones((3, 21), bool)
    valid[2] = False
    with pytest.raises(HandbenchError, match="hand 2 has 0 valid joints"):
        fit_hands(model, joints, valid)
    with pytest.raises(HandbenchError, match="divide millimetres by 1000"):
        fit_hands(model, joints * 1000)
    with pytest.raises(HandbenchError, match=r"joints have shape \(3, 20, 3\)"):
        fit_hands(model, joints[:, :20])
