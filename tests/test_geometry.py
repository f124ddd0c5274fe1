from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.transform import Rotation

from handbench import geometry

Array = npt.NDArray[np.float64]
vectors = hnp.arrays(np.float64, (5, 3), elements=st.floats(-3, 3, width=32))
seeds = st.integers(0, 2**32 - 1)


@given(vectors)
def test_axis_angle_equals_scipy_and_comes_back(rotvec: Array) -> None:
    matrix = geometry.axis_angle_to_matrix(rotvec)
    np.testing.assert_allclose(matrix, Rotation.from_rotvec(rotvec).as_matrix(), atol=1e-12)
    back = geometry.axis_angle_to_matrix(geometry.matrix_to_axis_angle(matrix))
    np.testing.assert_allclose(back, matrix, atol=1e-9)


def test_half_turns_come_back() -> None:
    axes = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [-1, 2, 3]])
    matrix = Rotation.from_rotvec(np.pi * axes / np.linalg.norm(axes, axis=1, keepdims=True)).as_matrix()
    back = geometry.axis_angle_to_matrix(geometry.matrix_to_axis_angle(matrix))
    np.testing.assert_allclose(back, matrix, atol=1e-12)


@given(seeds)
def test_six_dimensions_come_back_and_are_orthonormal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = Rotation.random(4, random_state=seed).as_matrix()
    np.testing.assert_allclose(
        geometry.rotation_6d_to_matrix(geometry.matrix_to_rotation_6d(matrix)), matrix, atol=1e-12
    )
    free = geometry.rotation_6d_to_matrix(rng.normal(size=(4, 6)))
    np.testing.assert_allclose(
        free @ np.swapaxes(free, -1, -2), np.broadcast_to(np.eye(3), (4, 3, 3)), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(free), 1, atol=1e-9)


@given(seeds, st.booleans())
def test_similarity_is_found_exactly(seed: int, with_scale: bool) -> None:
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(3, 21, 3))
    scale = rng.uniform(0.2, 5, 3) if with_scale else np.ones(3)
    rotation, t = Rotation.random(3, random_state=seed).as_matrix(), rng.normal(size=(3, 3))
    target = geometry.apply_similarity(scale, rotation, t, source)
    got = geometry.fit_similarity(source, target, scale=with_scale)
    for value, want in zip(got, (scale, rotation, t), strict=True):
        np.testing.assert_allclose(value, want, atol=1e-9)


@given(seeds)
def test_reflective_fit_is_orthogonal_procrustes_and_proper_fit_is_no_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(21, 3)), rng.normal(size=(21, 3))
    a, b = a - a.mean(0), b - b.mean(0)
    # scipy solves a R = b for row vectors: its R is our rotation transposed.
    want, _ = orthogonal_procrustes(a, b)
    _, reflective, _ = geometry.fit_similarity(a, b, reflection=True)
    _, proper, _ = geometry.fit_similarity(a, b)
    np.testing.assert_allclose(reflective, want.T, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(proper), 1, atol=1e-9)
    assert np.sum((a @ proper.T - b) ** 2) >= np.sum((a @ reflective.T - b) ** 2) - 1e-9


def test_a_mirrored_hand_is_seen_by_the_proper_fit_only() -> None:
    hand = np.random.default_rng(0).normal(size=(21, 3))
    mirrored = hand * [-1.0, 1.0, 1.0]
    for reflection, exact in ((True, True), (False, False)):
        fit = geometry.fit_similarity(hand, mirrored, reflection=reflection)
        assert np.allclose(geometry.apply_similarity(*fit, hand), mirrored, atol=1e-9) is exact


def test_points_without_extent_give_scale_zero() -> None:
    target = np.random.default_rng(0).normal(size=(21, 3))
    scale, rotation, t = geometry.fit_similarity(np.zeros((21, 3)), target)
    assert scale == 0
    np.testing.assert_allclose(t, target.mean(0))
    assert np.isfinite(rotation).all()


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"\(21, 3\).*\(20, 3\)"):
        geometry.fit_similarity(np.zeros((21, 3)), np.zeros((20, 3)))
