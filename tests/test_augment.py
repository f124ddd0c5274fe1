"""One affine an item: pixels, intrinsics, joints and MANO parameters move together."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handbench.camera import Camera
from handbench.errors import HandbenchError
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward
from handbench.inputs import Inputs
from handbench.loaders.augment import PRESETS, Augment, draw
from handbench.loaders.batch_labels import (
    SIDES,
    LabelRows,
    RestWrists,
    complete,
    fill_sample,
    move,
    project,
    rest_wrist,
)
from handbench.loaders.batch_pictures import show
from handbench.loaders.crop import Warp, inverse, make_warp, move_box, square_side
from handbench.loaders.occlude import make_patches
from handbench.types import HandAnnotation, HandParams, Sample, Side

FULL = replace(PRESETS["full"], rotation=math.pi / 2)
MODELS = {side: load_hand_model("procedural", side) for side in SIDES}


def pose_hand(side: Side, pose: np.ndarray, betas: np.ndarray, transl: np.ndarray) -> tuple[np.ndarray, ...]:
    mesh = forward(MODELS[side], pose[None], betas[None], transl[None])
    return mesh.vertices[0], mesh.joints21[0]


class NoImage:
    def read(self) -> np.ndarray:
        raise AssertionError("no picture is read here")


def scene(seed: int, focal: tuple[float, float] = (600.0, 600.0)) -> tuple[Sample, dict[Side, np.ndarray]]:
    """Two posed hands half a metre away, and their vertices."""
    rng = np.random.default_rng(seed)
    camera = Camera(np.array([[focal[0], 0, 310.0], [0, focal[1], 250.0], [0, 0, 1]]), (640, 480))
    hands, vertices = [], {}
    for side in SIDES:
        pose = rng.normal(0, 0.4, 48)
        pose[:3] = rng.normal(0, 1.2, 3)
        params = HandParams(side, pose, rng.normal(0, 1, 10), rng.normal((0, 0, 0.6), 0.05))
        mesh = pose_hand(side, params.pose, params.betas, params.transl)
        vertices[side] = mesh[0]
        hands.append(HandAnnotation(side, mesh[1], np.ones(21, bool), params=params, vertices=mesh[0]))
    return Sample("k", NoImage(), camera, tuple(hands)), vertices


def rows_of(sample: Sample) -> LabelRows:
    rows = LabelRows.empty(1, vertices=True)
    fill_sample(rows, 0, sample)
    complete(rows)
    return rows


def warp_of(rows: LabelRows, seed: int, side: int, inputs: Inputs, settings: Augment = FULL) -> Warp:
    draws = draw(settings, seed, 0, [("k", "right")])
    centre, width = square_side(inputs, rows.box[:, side], rows.size)
    return make_warp(centre, width, inputs.size, draws, np.array([inputs.mirror_left and side == 1]))


@given(st.integers(0, 2**31), st.sampled_from([0, 1]), st.sampled_from([(256, 256), (192, 128)]))
def test_projecting_moved_joints_lands_on_moved_pixels(seed: int, side: int, size: tuple[int, int]) -> None:
    rows = rows_of(scene(seed, (600.0, 590.0))[0])
    warp = warp_of(rows, seed, side, Inputs(size=size))
    moved = move(rows, warp, size, rest_wrist(rows))
    pixels = rows.joints_2d @ warp.affine[0, :, :2].T + warp.affine[0, :, 2]
    if warp.flip[0]:
        pixels = pixels[:, ::-1]
    assert np.abs(project(moved.K, moved.joints) - pixels).max() < 1e-6
    assert np.abs(moved.joints_2d - pixels).max() < 1e-6
    # The bar is 0.05 px for what a model gets, in float32.
    single = project(moved.K.astype(np.float32), moved.joints.astype(np.float32))
    assert np.abs(single - pixels).max() < 0.05
    # A moved hand is as far away and as large as before.
    lengths = [np.linalg.norm(x.joints[0, :, 1:] - x.joints[0, :, :1], axis=-1) for x in (rows, moved)]
    assert np.allclose(lengths[0], lengths[1][::-1] if warp.flip[0] else lengths[1])
    assert np.allclose(moved.K[0, :, 2], [0, 0, 1])
    assert (moved.K[0, :, [0, 1], [0, 1]] > 0).all()


@given(st.integers(0, 2**31))
def test_moved_parameters_give_the_moved_hand(seed: int) -> None:
    """Also of flipped hands: a mirrored left hand is a right hand of the right model."""
    sample, _ = scene(seed)
    rows = rows_of(sample)
    warp = warp_of(rows, seed, 0, Inputs())
    wrists = RestWrists(
        np.stack([MODELS[side].rest_joints[0] for side in SIDES]),
        np.stack([MODELS[side].joint_shapedirs[0] for side in SIDES]),
    )
    for model in (None, wrists):
        moved = move(rows, warp, (256, 256), rest_wrist(rows, model))
        for s, side in enumerate(SIDES):
            mesh = pose_hand(side, moved.pose[0, s], moved.betas[0, s], moved.transl[0, s])
            assert np.abs(mesh[1] - moved.joints[0, s]).max() < 1e-6
            assert moved.vertices is not None
            # The two procedural models mirror each other to about a micrometre.
            assert np.abs(mesh[0] - moved.vertices[0, s]).max() < 5e-6


@given(st.integers(0, 2**31), st.sampled_from([0, 1]))
def test_moving_back_gives_the_picture_that_was(seed: int, side: int) -> None:
    rows = rows_of(scene(seed)[0])
    warp = warp_of(rows, seed, side, Inputs(mirror_left=True))
    there = move(rows, warp, (256, 256), rest_wrist(rows))
    undo = Warp(inverse(warp.affine), np.swapaxes(warp.turn, 1, 2), np.zeros(1, bool))
    if warp.flip[0]:
        # The turn of a flipped picture is a reflection: its own inverse when the hands change places again.
        undo = Warp(undo.affine, undo.turn, np.ones(1, bool))
    back = move(there, undo, (640, 480), rest_wrist(there))
    for name in ("K", "joints", "joints_2d", "betas", "transl"):
        assert np.abs(getattr(back, name) - getattr(rows, name)).max() < 1e-6, name


def test_pixels_go_where_labels_go() -> None:
    """Bright dots drawn on the joints are found on the moved joints."""
    sample, _ = scene(7)
    rows = rows_of(sample)
    picture = np.zeros((480, 640, 4), np.uint8)
    ys, xs = np.mgrid[:480, :640]
    point = rows.joints_2d[0, 0, 12]
    blob = np.exp(-((xs - point[0]) ** 2 + (ys - point[1]) ** 2) / (2 * 4.0**2))
    picture[..., :3] = np.round(255 * blob)[..., None]
    found = []
    for seed in range(20):
        warp = warp_of(rows, seed, 0, Inputs())
        out = np.empty((256, 256, 3), np.uint8)
        show(picture, warp.affine[0], out)
        moved = move(rows, warp, (256, 256), rest_wrist(rows))
        want = moved.joints_2d[0, int(warp.flip[0]), 12]
        weight = out[..., 0].astype(float)
        if (want < 20).any() or (want > 235).any():
            continue
        grid = np.mgrid[:256, :256]
        centre = np.array([(weight * grid[1]).sum(), (weight * grid[0]).sum()]) / weight.sum()
        found.append(np.abs(centre - want).max())
    assert len(found) > 10
    # OpenCV interpolates at 1/32 px; the blob's centre of mass is good to less.
    assert max(found) < 0.05


def test_flip_makes_the_left_hand_a_right_hand() -> None:
    rows = rows_of(scene(3)[0])
    draws = draw(replace(PRESETS["none"], p_flip=1.0), 0, 0, [("k", "")])
    centre, width = square_side(Inputs(crop="full"), rows.box[:, 0], rows.size)
    warp = make_warp(centre, width, (640, 640), draws, np.array([False]))
    moved = move(rows, warp, (640, 640), rest_wrist(rows))
    assert np.array_equal(moved.joints[0, 0], rows.joints[0, 1] * [-1, 1, 1])
    assert np.array_equal(moved.pose[0, 0, 3:6], rows.pose[0, 1, 3:6] * [1, -1, -1])
    assert moved.K[0, 0, 0, 2] == 639 - rows.K[0, 1, 0, 2]


def test_settings_do_not_shift_each_others_draws() -> None:
    names = [(f"k{i}", "right") for i in range(50)]
    few, many = draw(Augment(), 1, 2, names), draw(FULL, 1, 2, names)
    assert np.array_equal(few.scale, many.scale)
    assert np.array_equal(few.rotation != 0, many.rotation != 0)
    assert not np.array_equal(few.scale, draw(Augment(), 1, 3, names).scale)
    assert few.row(7).scale[0] == draw(Augment(), 1, 2, names[7:8]).scale[0]
    # The laws: HandOccNet's scale and rotation.
    wide = draw(Augment(), 0, 0, [(str(i), "") for i in range(4000)])
    assert wide.scale.min() == 0.75 and wide.scale.max() == 1.25
    assert abs((wide.rotation != 0).mean() - 0.6) < 0.03
    assert np.abs(wide.rotation).max() == pytest.approx(math.radians(60))
    assert 0.8 <= wide.colour[:, 0, 0].min() < 0.81


@given(st.integers(0, 2**31), st.sampled_from(["handoccnet", "interhand", "full"]))
def test_the_margin_holds_every_draw(seed: int, name: str) -> None:
    settings = PRESETS[name]
    draws = draw(settings, seed, 0, [("k", "")])
    warp = make_warp(np.zeros((1, 2)), np.ones(1), (256, 256), draws, np.array([False]))
    corners = np.array([[-0.5, -0.5], [255.5, -0.5], [-0.5, 255.5], [255.5, 255.5]])
    back = inverse(warp.affine)[0]
    reach = np.abs(corners @ back[:, :2].T + back[:, 2]).max()
    assert reach <= settings.margin() / 2 + 1e-9


def test_boxes() -> None:
    box = np.array([[10.0, 20.0, 40.0, 30.0]])
    sizes = np.array([[640.0, 480.0]])
    centre, width = square_side(Inputs(scale=2.0), box, sizes)
    assert centre.tolist() == [[30.0, 35.0]] and width.tolist() == [80.0]
    # HandOccNet in training: scaled, clipped to the picture, then made square.
    centre, width = square_side(Inputs(scale=2.0, clip=True), box, sizes)
    assert centre.tolist() == [[35.0, 35.0]] and width.tolist() == [70.0]
    turn = np.array([[[0.0, -2.0, 5.0], [2.0, 0.0, 0.0]]])
    assert move_box(box, turn).tolist() == [[5 - 100.0, 20.0, 60.0, 80.0]]


def test_occluders_cover_what_they_say() -> None:
    image = np.full((128, 128, 3), 90, np.uint8)
    for seed in range(30):
        draws = np.random.default_rng(seed).random((3, 10))
        before = image.copy()
        patches = make_patches(before, draws, 3, (0.02, 0.15))
        covered = np.zeros((128, 128), bool)
        for patch in patches:
            patch.paste(before)
            patch.cover(covered)
        assert (before[~covered] == 90).all()
        assert 0 < covered.mean() < 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        {"p_flip": 1.5},
        {"scale": -0.1},
        {"rotation": 4.0},
        {"noise": 100.0},
        {"occluder": (0.2, 0.1)},
    ],
)
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(HandbenchError, match=next(iter(wrong))):
        Augment(**wrong)


def test_flips_are_refused_for_a_model_of_one_side() -> None:
    with pytest.raises(HandbenchError, match=r"p_flip=0\.5 would show other hands to a model of right hands"):
        PRESETS["full"].check(Inputs())
    PRESETS["full"].check(Inputs(sides="both"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"crop": "head"}, {"masks": ("hand",)}, {"frames": 0}, {"scale": 0.0}, {"sides": "none"},
        {"crop": "pair", "mirror_left": True}, {"prev_crop": "x"}, {"supervise": "x"},
    ],
)  # fmt: skip
def test_inputs_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(HandbenchError, match="inputs: "):
        Inputs(**wrong)
