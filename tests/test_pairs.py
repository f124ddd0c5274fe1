from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.hands.contact import min_distance, penetration_depth
from handbench.hands.library import load_hand_model
from handbench.seeding import rng_for
from handbench.synth.approach import FINE, free_way
from handbench.synth.closing import close_fingers
from handbench.synth.motion_fit import separate
from handbench.synth.pair_kinds import KINDS
from handbench.synth.pairs import PairSampler, SamplerConfig, make_posers
from handbench.synth.quality import PairLimits
from handbench.synth.recipe import AihRecipe
from handbench.synth.sources import open_poses
from handbench.types import Side

MODELS = {side: load_hand_model("procedural", side) for side in Side}
POSERS = make_posers(MODELS)
FACES = {side: MODELS[side].closed_faces for side in Side}
MEAN = dict.fromkeys(Side, np.zeros(10))


def test_pairs_touch_and_do_not_pass_through_each_other() -> None:
    sampler = PairSampler(MODELS, POSERS, SamplerConfig())
    gaps, depths = [], []
    for number in range(150):
        betas = np.clip(rng_for(number, "person").normal(size=10), -2.2, 2.2)
        pair = sampler.draw(rng_for(number, "pair"), dict.fromkeys(Side, betas))
        assert pair.right is not None and pair.left is not None
        meshes = pair.right.vertices, FACES[Side.RIGHT], pair.left.vertices, FACES[Side.LEFT]
        depths.append(penetration_depth(*meshes))
        gaps.append(min_distance(*meshes))
        assert pair.meta.penetration == pytest.approx(depths[-1])
        assert pair.meta.gap == pytest.approx(0.0 if depths[-1] > 0 else gaps[-1])
    assert max(depths) <= 0.003
    assert np.mean(np.array(gaps) < 0.005) > 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_with_either_hand_first(kind: str) -> None:
    sampler = PairSampler(MODELS, POSERS, SamplerConfig(kinds={kind: 1.0}))
    at_rest = set()
    for number in range(12):
        pair = sampler.draw(rng_for(number, kind), MEAN)
        at_rest |= {hand.side for hand in pair.hands if np.abs(hand.params.pose[:3]).max() < 1e-12}
    assert at_rest == set(Side)


def ball(radius: float, rows: int) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """A closed ball with outward faces."""
    theta, phi = np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, 2 * rows)
    ring = np.stack(np.meshgrid(theta, phi, indexing="ij"), axis=-1)
    unit = np.stack(
        [np.sin(ring[..., 0]) * np.cos(ring[..., 1]), np.sin(ring[..., 0]) * np.sin(ring[..., 1])], axis=-1
    )
    vertices = radius * np.concatenate([unit, np.cos(ring[..., :1])], axis=-1).reshape(-1, 3)
    ids = np.arange(len(vertices)).reshape(rows, 2 * rows)
    a, b, c, d = ids[:-1, :-1], ids[1:, :-1], ids[1:, 1:], ids[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    return vertices, faces.astype(np.int32)


def test_the_free_way_ends_where_balls_touch() -> None:
    vertices, faces = ball(0.02, 24)
    for offset in (0.0, 0.01, 0.02, 0.03):
        moved = vertices + np.array([offset, 0.0, 0.0])
        way, _, _ = free_way(vertices, moved, faces, faces, np.array([0.0, 0.0, 1.0]), FINE)
        # Two balls of radius r touch when their centres are 2 r apart.
        assert way == pytest.approx(-np.sqrt(0.04**2 - offset**2), abs=6e-4)
    way, _, _ = free_way(
        vertices, vertices + np.array([0.05, 0, 0]), faces, faces, np.array([0.0, 0, 1]), FINE
    )
    assert way == np.inf


def test_a_finger_closes_until_it_touches() -> None:
    x = np.linspace(0.0, 0.09, 10)
    finger = np.stack([x, 0 * x, 0 * x, np.full(10, 0.008)], axis=1)
    segments = np.repeat([0, 1, 2], [5, 3, 2]).astype(np.int64)
    joints, axes, room = np.zeros((5, 3, 3)), np.zeros((5, 3, 3)), np.zeros((5, 3))
    joints[1, :, 0] = 0.0, 0.045, 0.075
    axes[1, :, 1] = 1.0
    room[1] = 1.5, 0.0, 0.0
    # Turning about +y moves +x towards -z: the tip meets a ball there.
    other = np.array([[0.08 * np.cos(0.6), 0.0, -0.08 * np.sin(0.6), 0.008]])
    ids = np.full(10, 1, dtype=np.int64)
    bends = close_fingers(finger, ids, segments, joints, axes, room, other, 0.0)
    touch = 0.6 - 2 * np.arcsin(0.016 / 2 / 0.08)
    assert bends[1, 0] == pytest.approx(touch, abs=0.03)
    far = other + np.array([0.0, 1.0, 0.0, 0.0])
    free = close_fingers(finger, ids, segments, joints, axes, room, far, 0.0)
    assert free[1, 0] == pytest.approx(0.33 * 1.5)


def test_overlapping_hands_are_separated() -> None:
    right, left = MODELS[Side.RIGHT], MODELS[Side.LEFT]
    pair = PairSampler(MODELS, POSERS, SamplerConfig(touching=1.0, kinds={"palm_to_palm": 1.0})).draw(
        rng_for(4), MEAN
    )
    assert pair.right is not None and pair.left is not None
    way = pair.left.vertices.mean(axis=0) - pair.right.vertices.mean(axis=0)
    a = pair.right.vertices + 0.003 * way / np.linalg.norm(way)
    before = penetration_depth(a, right.closed_faces, pair.left.vertices, left.closed_faces)
    shift, after = separate(a, pair.left.vertices, right, left, most=0.006)
    assert before > 0.002 and after < 0.5 * before and np.linalg.norm(shift) <= 0.006


def test_what_cannot_be_drawn_is_one_clear_error() -> None:
    with pytest.raises(HandbenchError, match=r"unknown kind of interaction 'clapp'.*'clasp'"):
        PairSampler(MODELS, POSERS, SamplerConfig(kinds={"clapp": 1.0}))
    strict = SamplerConfig(limits=PairLimits(penetration=-1.0), tries=3)
    with pytest.raises(HandbenchError, match="of 3 draws was acceptable"):
        PairSampler(MODELS, POSERS, strict).draw(rng_for(0), MEAN)
    with pytest.raises(HandbenchError, match="sampler"):
        open_poses("samplr", MODELS, AihRecipe())
    with pytest.raises(HandbenchError, match="needs a folder"):
        open_poses("tzionas", MODELS, AihRecipe())
    with pytest.raises(HandbenchError, match=r"unknown key 'sequence'.*'sequences'"):
        open_poses("tzionas:x@sequence=01", MODELS, AihRecipe())


def test_the_real_motion_keeps_the_bars(tzionas: Path) -> None:
    source = open_poses(f"tzionas:{tzionas}@sequences=07", MODELS, AihRecipe())
    near = 0
    for number in range(60):
        betas = np.clip(rng_for(number, "person").normal(size=10), -2.2, 2.2)
        pair = source.draw(rng_for(number, "motion"), dict.fromkeys(Side, betas))
        assert pair.right is not None and pair.left is not None
        meshes = pair.right.vertices, FACES[Side.RIGHT], pair.left.vertices, FACES[Side.LEFT]
        assert penetration_depth(*meshes) <= 0.003
        near += pair.meta.gap < 0.005
    assert near >= 30
