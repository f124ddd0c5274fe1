from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from handbench.arrays import FloatArray
from handbench.hands.library import load_hand_model
from handbench.seeding import rng_for
from handbench.synth.coverage import CELLS, hidden_shares, look
from handbench.synth.pairs import PairSampler, SamplerConfig, make_posers
from handbench.synth.poses import TwoHands
from handbench.synth.raster import RasterRenderer
from handbench.synth.scene import HandScene, Lights, Part
from handbench.synth.views import OcclusionRange, ViewChoice, ViewConfig, choose_view, draw_scene
from handbench.types import Side

MODELS = {side: load_hand_model("procedural", side) for side in Side}
SAMPLER = PairSampler(MODELS, make_posers(MODELS), SamplerConfig())
MEAN = dict.fromkeys(Side, np.zeros(10))


def shares(
    first: list[list[float]], second: list[list[float]], arm: list[list[float]]
) -> tuple[float, float]:
    """Hidden shares of two groups of spheres seen along +z; ``arm`` belongs to the second one."""
    spheres = np.array([*first, *second, *arm])
    owners = np.cumsum([0, len(first), len(second), 0, len(arm)]).astype(np.int64)
    depth = np.empty((4, CELLS, CELLS), dtype=np.float32)
    R, t = look(np.zeros(3), np.array([0.0, 0, -1]), np.array([0.0, 1, 0]), 1.0)
    return hidden_shares(spheres, owners, R, t, 0.45 * CELLS / 0.1, depth)


def test_balls_hide_each_other_as_they_should() -> None:
    assert shares([[0, 0, 0, 0.05]], [[0, 0, 0.2, 0.04]], []) == (0.0, 1.0)
    assert shares([[-0.05, 0, 0, 0.03]], [[0.05, 0, 0.1, 0.03]], []) == (0.0, 0.0)
    # An arm hides the other hand, not its own.
    assert shares([[0, 0, 0.1, 0.03]], [[0.06, 0, 0.1, 0.02]], [[0.02, 0, -0.1, 0.07]]) == (1.0, 0.0)


@pytest.mark.parametrize("towards", [[1.0, 0, 0], [0, -1.0, 0], [0, 1.0, 0], [0.6, 0.0, 0.8]])
def test_the_camera_looks_at_the_middle(towards: list[float]) -> None:
    centre, unit = np.array([0.1, -0.2, 0.3]), np.array(towards)
    R, t = look(centre, unit, np.array([0.0, 1.0, 0.0]), 0.7)
    assert np.allclose(R @ R.T, np.eye(3), atol=1e-12) and np.linalg.det(R) == pytest.approx(1.0)
    assert np.allclose(R @ centre + t, [0, 0, 0.7], atol=1e-12)
    assert np.allclose(-R.T @ t, centre + 0.7 * unit, atol=1e-12)


def exact_occlusion(hands: TwoHands, view: ViewChoice, size: int = 192) -> float:
    """The more occluded hand's occlusion by exact masks, without forearms."""
    camera = view.camera((size, size))
    background = np.zeros((size, size, 3), dtype=np.uint8)
    parts = []
    for hand in hands.hands:
        vertices = camera.to_camera(hand.vertices)
        colors: FloatArray = np.full((778, 3), 200.0)
        faces = MODELS[hand.side].closed_faces
        parts.append(
            Part(hand.side.value, vertices, faces, hand.side, True, None, None, colors.astype(np.uint8), 0.1)
        )
    lights = Lights(np.ones(3), np.array([[0.0, 0, -1]]), np.ones((1, 3)))
    scene = HandScene(camera.K, (size, size), tuple(parts), lights, background, 2.0)
    layers = RasterRenderer().render(scene)
    seen = layers.visible(["right", "left"])
    return max(
        1.0 - float((seen == layers.names.index(name)).sum()) / float(layers.mask(name).sum())
        for name in ("right", "left")
    )


def test_occlusion_follows_the_drawn_value() -> None:
    config = ViewConfig()
    targets, expected, exact = [], [], []
    for number in range(40):
        hands, view = draw_scene(rng_for(number, "view"), SAMPLER, MEAN, SAMPLER.spheres, config)
        assert abs(view.expected - view.target) <= config.tolerance
        targets.append(view.target)
        expected.append(view.expected)
        exact.append(exact_occlusion(hands, view))
    assert min(targets) >= 0.0 and max(targets) <= 0.8
    # Forearms hide a little more than what the exact masks here count.
    error = np.array(exact) - np.array(expected)
    assert np.percentile(np.abs(error), 75) < 0.05
    assert abs(np.median(error)) < 0.03


def test_forearms_do_not_point_at_the_camera_and_hands_fill_the_picture() -> None:
    config = ViewConfig(any_roll=0.0, roll=0.0)
    for number in range(30):
        hands, view = draw_scene(rng_for(number, "arms"), SAMPLER, MEAN, SAMPLER.spheres, config)
        camera = view.camera((256, 256))
        for hand in hands.hands:
            pixels = camera.project(camera.to_camera(hand.vertices))
            assert pixels.min() > 0 and pixels.max() < 255
            # The wrist is nearer than the camera's near side by far.
            assert camera.to_camera(hand.vertices)[:, 2].min() > 0.1
        # Forearms come from below where nothing is drawn about the roll.
        assert (view.R @ sum(hand.arm for hand in hands.hands))[1] >= -1e-9


def test_one_hand_is_seen_from_anywhere() -> None:
    hands = SAMPLER.draw(rng_for(0), MEAN).only(Side.LEFT)
    view = choose_view(rng_for(1), hands, SAMPLER.spheres, ViewConfig(), 0.3)
    assert np.isnan(view.target) and view.expected == 0.0


def test_an_occlusion_that_no_pose_allows_gives_the_nearest() -> None:
    config = ViewConfig(occlusion=OcclusionRange(0.99, 1.0), tolerance=0.0, scenes=6)
    _, few = draw_scene(rng_for(2), SAMPLER, MEAN, SAMPLER.spheres, replace(config, scenes=1))
    _, many = draw_scene(rng_for(2), SAMPLER, MEAN, SAMPLER.spheres, config)
    assert many.target == few.target >= 0.99
    assert abs(many.expected - many.target) <= abs(few.expected - few.target)
