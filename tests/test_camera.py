from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from handbench import camera as cam
from handbench.camera import Camera

Array = npt.NDArray[np.float64]
seeds = st.integers(0, 2**32 - 1)


def random_camera(rng: np.random.Generator) -> Camera:
    f = rng.uniform(200, 900)
    return Camera(
        np.array([[f, 0, rng.uniform(100, 400)], [0, f * 1.01, rng.uniform(100, 300)], [0, 0, 1]]), (512, 334)
    )


def random_points(rng: np.random.Generator) -> Array:
    return rng.uniform([-0.2, -0.2, 0.4], [0.2, 0.2, 1.2], size=(21, 3))


@given(seeds)
def test_project_and_unproject_are_inverse(seed: int) -> None:
    rng = np.random.default_rng(seed)
    camera, points = random_camera(rng), random_points(rng)
    back = camera.unproject(camera.project(points), points[:, 2])
    np.testing.assert_allclose(back, points, atol=1e-12)


@given(seeds)
def test_crop_flip_rotate_resize_and_back_hold_to_a_hundredth_of_a_pixel(seed: int) -> None:
    rng = np.random.default_rng(seed)
    camera, points = random_camera(rng), random_points(rng)
    pixels = camera.project(points)
    box = (float(rng.uniform(0, 100)), float(rng.uniform(0, 100)), 180.0, 150.0)
    steps = [
        (cam.crop_affine(box, (256, 256)), (256, 256)),
        (cam.flip_affine(256), (256, 256)),
        (cam.rotate_affine(float(rng.uniform(-3, 3)), (127.5, 127.5)), (256, 256)),
        (cam.resize_affine(0.5, 0.25), (128, 64)),
    ]
    moved = camera
    for affine, size in steps:
        moved, pixels = moved.warp(affine, size), cam.apply_affine(affine, pixels)
        np.testing.assert_allclose(moved.project(points), pixels, atol=0.01)
    for affine, _ in reversed(steps):
        pixels = cam.apply_affine(cam.invert_affine(affine), pixels)
    np.testing.assert_allclose(pixels, camera.project(points), atol=0.01)


def test_methods_are_the_affines() -> None:
    rng = np.random.default_rng(3)
    camera, points = random_camera(rng), random_points(rng)
    pixels = camera.project(points)
    np.testing.assert_allclose(camera.flip().project(points)[:, 0], 511 - pixels[:, 0])
    np.testing.assert_allclose(camera.resize((256, 167)).project(points), 0.5 * (pixels + 0.5) - 0.5)
    box = (-0.5, -0.5, 512.0, 334.0)
    np.testing.assert_allclose(camera.crop(box, (512, 334)).project(points), pixels)
    quarter = camera.rotate(np.pi / 2)
    centre = np.array([255.5, 166.5])
    turned = (pixels - centre) @ np.array([[0, 1.0], [-1, 0]]) + centre
    np.testing.assert_allclose(quarter.project(points), turned, atol=1e-9)


def test_resize_is_cv2_resize() -> None:
    ramp = np.arange(64, dtype=np.float32)[None].repeat(8, 0)
    small = cv2.resize(ramp, (32, 8), interpolation=cv2.INTER_AREA)
    affine = cam.invert_affine(cam.resize_affine(0.5, 1.0))
    x = cam.apply_affine(affine, np.stack([np.arange(32.0), np.zeros(32)], -1))[:, 0]
    np.testing.assert_allclose(small[0], x)


def test_flip_is_a_reversed_row() -> None:
    row = np.arange(7)
    x = cam.apply_affine(cam.flip_affine(7), np.stack([np.arange(7.0), np.zeros(7)], -1))[:, 0]
    np.testing.assert_array_equal(row[::-1], x)


@given(seeds)
def test_look_at_puts_the_target_in_the_middle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    eye, target = rng.normal(size=3), rng.normal(size=3)
    rotation, t = cam.look_at(eye, target, rng.normal(size=3))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(rotation), 1)
    np.testing.assert_allclose(rotation @ target + t, [0, 0, float(np.linalg.norm(target - eye))], atol=1e-9)
