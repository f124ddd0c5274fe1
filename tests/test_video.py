"""Video pictures: true flow, strata, things that pass, blur, and files that are those of the formats."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from handbench.formats.ho3d import decode_depth, encode_depth
from handbench.formats.ho3d_seg import encode_seg
from handbench.hands.library import load_hand_model
from handbench.synth.flow import SEEN, FlowCamera, decode_flow, encode_flow
from handbench.synth.ho3d_motion import TakeSpec, plan_take
from handbench.synth.ho3d_pictures import depth_png, seg_png
from handbench.synth.ho3d_plan import plan_takes
from handbench.synth.performers import Skins
from handbench.synth.png import encode_png
from handbench.synth.raster import RasterRenderer
from handbench.synth.take import Take
from handbench.synth.video_actors import seen_from
from handbench.synth.video_effects import mean_luminance
from handbench.synth.video_recipe import VideoRecipe
from handbench.synth.video_stage import Stage, Staging
from handbench.types import Side

CAMERAS = 2


@pytest.fixture(scope="module")
def skins() -> Skins:
    return Skins({side: load_hand_model("procedural", side) for side in Side})


@pytest.fixture(scope="module")
def take(skins: Skins) -> Take:
    spec = TakeSpec("v3", 0, 10, True, VideoRecipe())
    return plan_take(plan_takes(1, 0, CAMERAS, ("plain",))[0], spec, skins)


def decoded(data: npt.NDArray[np.uint8], flags: int) -> npt.NDArray[Any]:
    """What OpenCV makes of a file's bytes."""
    return np.asarray(cv2.imdecode(data, flags))


def stage_of(base: str, stratum: str, take: Take, skins: Skins) -> Stage:
    staging = Staging(0, base, "train", stratum, CAMERAS, VideoRecipe())
    return Stage(take, staging, skins, RasterRenderer())


def test_flow_leads_to_the_same_point_of_the_surface(take: Take, skins: Skins) -> None:
    stage = stage_of("PLN1", "plain", take, skins)
    eye = stage.eyes[0]
    now, before = (seen_from(eye.camera, stage.actors.parts(frame)) for frame in (5, 4))
    flow, state = decode_flow(encode_flow(*FlowCamera(eye.camera, eye.view.depth).draw(now, before)))
    ids = RasterRenderer().render(eye._scene(now, eye.view.picture)).visible([part.name for part in now])
    rng, checked, depth = np.random.default_rng(0), 0, stage.picture(0, 5).depth
    for name in ("right", "object"):
        index = [part.name for part in now].index(name)
        part, old = now[index], before[index]
        corners = part.vertices[part.faces]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        facing = np.flatnonzero((normal * corners.mean(axis=1)).sum(axis=1) < 0)
        for face in rng.permutation(facing)[:400]:
            share = rng.dirichlet(np.ones(3))
            point = share @ part.vertices[part.faces[face]]
            pixel = np.rint(eye.camera.project(point)).astype(int)
            if not ((pixel >= 1).all() and (pixel < (639, 479)).all()) or ids[pixel[1], pixel[0]] != index:
                continue
            # The point of this face that lies under the pixel's own centre.
            ray = np.linalg.inv(eye.camera.K) @ (*pixel, 1.0)
            share = np.linalg.solve(np.stack([*part.vertices[part.faces[face]]], axis=1), ray)
            share /= share.sum()
            seen = share @ part.vertices[part.faces[face]]
            x, y = pixel
            if share.min() < 0 or state[y, x] != SEEN or seen[2] > depth[y, x] + 1e-4:
                continue
            target = eye.camera.project(share @ old.vertices[old.faces[face]])
            assert np.abs(pixel + flow[pixel[1], pixel[0]] - target).max() < 0.05
            checked += 1
    assert checked > 60
    still = eye.view.table & (ids < 0) & (state == SEEN)
    assert still.sum() > 1000 and not flow[still].any()


def test_strata_do_what_they_say(take: Take, skins: Skins) -> None:
    dark = stage_of("LOW9", "low-light", take, skins)
    for camera in range(CAMERAS):
        assert 4 < mean_luminance(dark.picture(camera, 3).picture) < 30
    plain = stage_of("PLN1", "plain", take, skins)
    assert mean_luminance(plain.picture(0, 3).picture) > 40
    # Noise differs from frame to frame, the still room does not.
    a, b = (dark.picture(0, frame).picture.astype(int)[:60] for frame in (3, 4))
    assert 0.5 < np.abs(a - b).mean() < 12


def test_a_thing_that_passes_hides_the_hand_for_the_stated_frames(skins: Skins) -> None:
    spec = TakeSpec("v3", 0, 140, False, VideoRecipe())
    take = plan_take(plan_takes(1, 0, CAMERAS, ("occlusion",))[0], spec, skins)
    stage = stage_of("OCC1", "occlusion", take, skins)
    for camera in range(CAMERAS):
        passings = stage.passings[camera]
        assert len({p.length for p in passings}) >= 3 and {p.length for p in passings} <= {1, 5, 15, 30}
        for passing in passings:
            last = passing.first + passing.length - 1
            for frame in {passing.first, (passing.first + last) // 2, last}:
                drawn = stage.picture(camera, frame)
                assert stage.hidden(camera, frame)
                if drawn.amodal.any():
                    assert drawn.seen < 0.02 and drawn.visibility.max() < 0.5
            for frame in (passing.first - passing.approach - 1, last + passing.approach + 1):
                if 0 <= frame < len(take):
                    assert not stage.hidden(camera, frame)
                    assert not stage.passing_parts(camera, frame)


def test_motion_blur_is_the_mean_of_the_exposure(take: Take, skins: Skins) -> None:
    sharp = stage_of("FST1", "plain", take, skins)
    eye, actors = sharp.eyes[0], sharp.actors
    dark = np.zeros((256, 256), np.uint8)
    args = (actors.parts(5), actors.joints(Side.RIGHT, 5), dark)
    still = eye.draw(*args)
    # A neighbour far away: the hand smears over the way between, the rest stays.
    far, near = (
        [replace(part, vertices=part.vertices + np.array([shift, 0.0, 0.0])) for part in actors.parts(5)]
        for shift in (0.06, -0.06)
    )
    moved = eye.draw(*args, neighbours=(near, far), exposure=0.5)
    assert np.array_equal(moved.hand, still.hand) and np.array_equal(moved.depth, still.depth)
    inside = cv2.erode(still.hand.astype(np.uint8), np.ones((3, 3))).astype(bool)
    edges = [
        np.abs(np.diff(drawn.picture.astype(int).sum(axis=2), axis=1))[inside[:, 1:]].mean()
        for drawn in (still, moved)
    ]
    assert edges[1] < 0.85 * edges[0]
    outside = np.abs(moved.picture.astype(int) - still.picture).sum(axis=2) > 0
    assert (outside & ~still.hand).sum() > 100


def test_pngs_are_those_of_the_format() -> None:
    rng = np.random.default_rng(0)
    depth = rng.uniform(0.0, 9.0, (48, 64)).astype(np.float32)
    depth[0, :4] = np.inf, np.nan, -1.0, 0.0
    still = depth.copy()
    still[20:30] = 0.5  # rows that move, between rows that do not
    stored = decoded(np.frombuffer(depth_png(depth), np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(stored, encode_depth(depth))
    near = (depth > 0) & (depth < 8.19)
    assert np.abs(decode_depth(stored) - depth)[near].max() < 0.5 * 0.000125 + 1e-6
    hand, thing = rng.random((2, 48, 64)) < 0.4
    seg = decoded(np.frombuffer(seg_png(hand, thing), np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(seg[..., ::-1], encode_seg(hand, thing, "v3"))
    for dtype in (np.uint8, np.uint16):
        picture = rng.integers(0, np.iinfo(dtype).max, (7, 9, 3)).astype(dtype)
        for kind in ("none", "left", "above"):
            data = np.frombuffer(encode_png(picture, kind), np.uint8)  # type: ignore[arg-type]
            assert np.array_equal(decoded(data, cv2.IMREAD_UNCHANGED)[..., ::-1], picture)
    with pytest.raises(ValueError, match="expected"):
        encode_png(np.zeros((3, 3, 4), np.uint8))
