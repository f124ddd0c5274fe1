"""Distance and penetration of two meshes against trimesh and solid angles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from solid_angles import winding_number

from handbench.arrays import BoolArray, FloatArray
from handbench.geometry import axis_angle_to_matrix
from handbench.hands.contact import is_inside, min_distance, penetration, penetration_depth
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward
from handbench.types import Side


def inside_by_solid_angle(points: FloatArray, mesh: trimesh.Trimesh) -> BoolArray:
    return np.asarray(winding_number(points, np.asarray(mesh.triangles)) > 0.5)


def distances(mesh: trimesh.Trimesh, points: FloatArray) -> FloatArray:
    closest: Any = trimesh.proximity.closest_point_naive
    return np.asarray(closest(mesh, points)[1])


def two_hands(seed: int, gap: float) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    hands = []
    for side, shift in ((Side.RIGHT, 0.0), (Side.LEFT, gap)):
        pose = rng.normal(scale=0.25, size=(1, 48))
        pose[:, :3] = rng.normal(size=3)
        vertices = forward(load_hand_model("procedural", side), pose, np.zeros(10), np.zeros(3)).vertices[0]
        hands.append(vertices - vertices.mean(axis=0) + [0.0, shift, 0.0])
    return hands[0], hands[1]


@pytest.mark.parametrize("gap", [0.0, 0.02, 0.05, 0.3])
def test_two_hands_agree_with_trimesh(gap: float) -> None:
    faces = [load_hand_model("procedural", side).closed_faces for side in Side]
    for seed in range(2):
        a, b = two_hands(seed, gap)
        meshes = [trimesh.Trimesh(v, f, process=False) for v, f in ((a, faces[0]), (b, faces[1]))]
        to_b, to_a = distances(meshes[1], a), distances(meshes[0], b)
        in_b, in_a = inside_by_solid_angle(a, meshes[1]), inside_by_solid_angle(b, meshes[0])
        np.testing.assert_array_equal(is_inside(a, b, faces[1]), in_b)
        assert min_distance(a, faces[0], b, faces[1]) == pytest.approx(min(to_a.min(), to_b.min()), abs=1e-9)
        depth = max((to_b * in_b).max(), (to_a * in_a).max())
        found = penetration(a, faces[0], b, faces[1])
        assert found.depth == pytest.approx(depth, abs=1e-9)
        assert found.depth == penetration_depth(b, faces[1], a, faces[0])
        assert np.linalg.norm(found.point - found.exit) == pytest.approx(found.depth, abs=1e-12)
        if depth > 0:
            assert (found.point == (a if found.inside_b else b)).all(axis=1).any()


@settings(max_examples=60)
@given(st.integers(0, 10_000))
def test_a_point_in_a_box_is_as_deep_as_its_nearest_side(seed: int) -> None:
    rng = np.random.default_rng(seed)
    box = trimesh.creation.box(extents=[0.2, 0.3, 0.4])
    turn = axis_angle_to_matrix(rng.normal(size=3))
    small = trimesh.creation.icosphere(subdivisions=0, radius=1e-6)
    at = rng.uniform(-0.3, 0.3, size=3)
    depth = float((np.array([0.1, 0.15, 0.2]) - np.abs(at)).min())
    found = penetration_depth(
        small.vertices @ turn.T + turn @ at, small.faces, box.vertices @ turn.T, box.faces
    )
    assert found == pytest.approx(max(depth, 0.0), abs=2e-6)


def test_rays_through_edges_and_vertices_count_once() -> None:
    box = trimesh.creation.box(extents=[2.0, 2.0, 2.0])
    grid = np.stack(np.meshgrid(*[[-1.5, -0.5, 0.0, 0.5, 1.5]] * 3), axis=-1).reshape(-1, 3)
    expected = (np.abs(grid) < 1).all(axis=1)
    np.testing.assert_array_equal(is_inside(grid, np.asarray(box.vertices), np.asarray(box.faces)), expected)
