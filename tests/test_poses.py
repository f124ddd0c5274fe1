from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracked_motion import bone_names, write_tracked

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.geometry import axis_angle_to_matrix
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward_one
from handbench.hands.rotations import exponential, logarithm
from handbench.seeding import rng_for
from handbench.skeleton import OPENPOSE21
from handbench.synth.archetypes import ARCHETYPES
from handbench.synth.motion_fit import fitted_motion, motion_fingerprint
from handbench.synth.pair_kinds import KINDS
from handbench.synth.pairs import PairSampler, SamplerConfig, make_posers
from handbench.synth.pose_tzionas import MotionSource, parse_sequences
from handbench.synth.poses import TwoHands, move_params, rest_wrist
from handbench.synth.recorded_pairs import MotionConfig
from handbench.synth.spheres import make_spheres
from handbench.types import HandParams, Side

MODELS = {side: load_hand_model("procedural", side) for side in Side}
POSERS = make_posers(MODELS)
SAMPLER = PairSampler(MODELS, POSERS, SamplerConfig())


def person(number: int) -> dict[Side, FloatArray]:
    betas = np.clip(rng_for(number, "person").normal(size=10), -2.0, 2.0)
    return dict.fromkeys(Side, betas)


def agree(hands: TwoHands) -> None:
    """Mesh and joints are those of the parameters."""
    for hand in hands.hands:
        mesh = forward_one(MODELS[hand.side], hand.params)
        # Not closer: a model's skinning weights add up to 1 in float32 only.
        assert np.abs(mesh.vertices - hand.vertices).max() < 5e-8
        assert np.abs(mesh.joints21 - hand.joints).max() < 5e-8
        assert np.linalg.norm(hand.arm) == pytest.approx(1.0)


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_rotations_invert_each_other(seed: int) -> None:
    rotvec = rng_for(seed).normal(size=3)
    rotvec *= min(1.0, 3.1 / float(np.linalg.norm(rotvec)))
    assert np.allclose(exponential(rotvec), axis_angle_to_matrix(rotvec), atol=1e-12)
    assert np.allclose(logarithm(exponential(rotvec)), rotvec, atol=1e-9)


@pytest.mark.parametrize("name", ARCHETYPES)
def test_poses_keep_the_limits_and_the_fingertips_out_of_the_palm(name: str) -> None:
    poser = POSERS[Side.RIGHT]
    for number in range(12):
        betas = person(number)[Side.RIGHT]
        angles = poser.draw(rng_for(number, name), betas, {name: 1.0})
        slack = np.deg2rad(1e-6)
        # Opening a fist may pass a straight finger by nothing: only the upper limit is at stake there.
        assert (angles <= poser.high + slack).all() and (angles >= poser.low - slack).all()
        params = HandParams(Side.RIGHT, poser.pose(angles), betas, np.zeros(3))
        spheres = poser.spheres.place(forward_one(MODELS[Side.RIGHT], params).vertices)
        tips = spheres[(poser.spheres.fingers > 0) & (poser.spheres.bones % 3 == 0)]
        palm = spheres[poser.spheres.fingers < 0]
        apart = np.linalg.norm(tips[:, None, :3] - palm[None, :, :3], axis=2)
        assert (apart - tips[:, None, 3] - palm[None, :, 3]).min() > -0.006


def test_a_left_hand_is_posed_like_a_mirrored_right_one() -> None:
    betas = np.zeros(10)
    mesh = {}
    for side in Side:
        angles = POSERS[side].draw(rng_for(3), betas, {"relaxed": 1.0})
        mesh[side] = forward_one(
            MODELS[side], HandParams(side, POSERS[side].pose(angles), betas, np.zeros(3))
        )
    mirrored = mesh[Side.RIGHT].joints21 * [-1.0, 1.0, 1.0]
    assert np.abs(mirrored - mesh[Side.LEFT].joints21).max() < 1e-6


def test_parameters_move_with_their_mesh() -> None:
    rng = rng_for(1)
    params = HandParams(Side.LEFT, rng.normal(size=48) * 0.4, rng.normal(size=10), rng.normal(size=3))
    model = MODELS[Side.LEFT]
    R, t = exponential(rng.normal(size=3)), rng.normal(size=3)
    moved = forward_one(model, move_params(params, R, t, rest_wrist(model, params.betas)))
    assert np.allclose(moved.vertices, forward_one(model, params).vertices @ R.T + t, atol=5e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_and_meshes_of_every_kind_agree(kind: str) -> None:
    sampler = PairSampler(MODELS, POSERS, SamplerConfig(kinds={kind: 1.0}))
    for number in range(4):
        pair = sampler.draw(rng_for(number, kind), person(number))
        assert pair.meta.kind == kind
        agree(pair)
        R, t = exponential(np.array([0.3, -1.0, 0.5])), np.array([0.1, 0.0, 0.7])
        moved = [hand.moved(R, t, MODELS[hand.side]) for hand in pair.hands]
        agree(TwoHands(moved[0], moved[1], pair.meta))


def test_the_same_stream_gives_the_same_bits() -> None:
    first, again = (SAMPLER.draw(rng_for(5), person(5)) for _ in range(2))
    for one, other in zip(first.hands, again.hands, strict=True):
        assert one.vertices.tobytes() == other.vertices.tobytes()
        assert one.params.pose.tobytes() == other.params.pose.tobytes()
    assert first.meta == again.meta
    assert first.only(Side.LEFT).hands == (first.left,)


def test_spheres_fill_the_hand() -> None:
    model = MODELS[Side.RIGHT]
    spheres = make_spheres(model)
    placed = spheres.place(model.v_template)
    apart = np.linalg.norm(model.v_template[:, None] - placed[None, :, :3], axis=2) - placed[None, :, 3]
    depth = apart.min(axis=1)
    assert np.percentile(np.abs(depth), 90) < 0.0025
    assert depth.min() > -0.004


NUMBERS = {"thumb": 4, "index": 3, "middle": 2, "ring": 1, "little": 0}


def write_motion(folder: Path, side: Side, joints: list[FloatArray]) -> None:
    """Writes joints (21, 3) of each frame in the format of the tracked hands."""
    letter = "R" if side is Side.RIGHT else "L"
    names = bone_names(letter)
    ends = {names[0]: ("wrist", "middle1")}
    for finger, k in NUMBERS.items():
        numbers = (2, 3, 4) if finger == "thumb" else (1, 2, 3, 4)
        chain = ["wrist", *(f"{finger}{n}" for n in numbers)]
        for part, pair in zip(("Hand", "0", "1", "2"), pairwise(chain), strict=False):
            ends[f"{letter}Fing.{k}_{part}"] = pair
    start, end = ([OPENPOSE21.index(ends[name][k]) for name in names] for k in (0, 1))
    rows = np.stack([joints[0], *joints])
    along = rows[:, end] - rows[:, start]
    lengths = np.linalg.norm(along, axis=-1)
    x = along / lengths[..., None]
    y = np.cross(x, [0.3, 0.9, 0.1])
    y /= np.linalg.norm(y, axis=-1, keepdims=True)
    poses = np.stack([x, y, np.cross(x, y), 1000 * rows[:, start]], axis=-1)
    write_tracked(folder, letter, poses, [float(length) for length in 1000 * lengths[0]])


@pytest.fixture(scope="module")
def motion_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("motion")
    betas = dict.fromkeys(Side, np.zeros(10))
    pairs = [SAMPLER.draw(rng_for(number, "motion"), betas) for number in range(6)]
    for side in Side:
        joints = [hand.joints for pair in pairs if (hand := pair.hand(side)) is not None]
        write_motion(root / "01", side, joints)
    return root


def test_recorded_hands_are_fitted_once_and_kept(
    motion_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDBENCH_CACHE", str(tmp_path))
    fingerprint = motion_fingerprint(motion_root, ("01",), MODELS)
    first = fitted_motion(motion_root, ("01",), MODELS, fingerprint)
    assert len(first) + first.dropped["penetration"] == 6
    (kept,) = tmp_path.rglob("*.npz")
    again = fitted_motion(Path("gone"), ("01",), MODELS, fingerprint)
    assert again.pose[Side.LEFT].tobytes() == first.pose[Side.LEFT].tobytes()
    # One person: the shape is kept once, and is each frame's own when it is read.
    with np.load(kept) as file:
        assert file["betas_left"].shape == (10,)
    assert again.betas[Side.LEFT].shape == (len(first), 10)
    assert again.betas[Side.LEFT].tobytes() == first.betas[Side.LEFT].tobytes()
    kept.write_bytes(kept.read_bytes()[:-40])
    assert len(fitted_motion(motion_root, ("01",), MODELS, fingerprint)) == len(first)


def test_recorded_pairs_agree_and_can_be_mirrored(
    motion_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDBENCH_CACHE", str(tmp_path))
    plain, mirrored = (
        MotionSource(MODELS, motion_root, ("01",), MotionConfig(mirrored=share, shape=0.0))
        for share in (0, 1)
    )
    assert plain.fingerprint != mirrored.fingerprint
    for number in range(4):
        pair, other = (source.draw(rng_for(number), person(number)) for source in (plain, mirrored))
        agree(pair)
        agree(other)
        assert pair.right is not None and other.left is not None
        assert np.abs(pair.right.joints * [-1.0, 1, 1] - other.left.joints).max() < 1e-4
        assert dataclasses.replace(other.meta, mirrored=False).frame == pair.meta.frame


def test_sequences_are_read_or_refused(motion_root: Path) -> None:
    assert parse_sequences("01-03") == ("01", "02", "03")
    assert parse_sequences("01+05") == ("01", "05")
    for wrong in ("a", "", "05-01"):
        with pytest.raises(HandbenchError):
            parse_sequences(wrong)
    with pytest.raises(HandbenchError, match="no sequence '09'"):
        motion_fingerprint(motion_root, ("09",), MODELS)
