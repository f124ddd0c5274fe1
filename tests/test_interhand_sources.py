"""InterHand2.6M as a source of pairs: what is fitted, left out, kept and drawn."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from interhand_tree import make_tree
from present import present

from handbench.arrays import FloatArray, IndexArray
from handbench.datasets import load_dataset
from handbench.errors import HandbenchError
from handbench.hands.contact import penetration_depth
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward, forward_one
from handbench.seeding import rng_for
from handbench.synth.interhand_plan import InterhandPlan
from handbench.synth.interhand_tree import synth_interhand
from handbench.synth.moment_pairs import fit_pairs, leaner, two_hand_moments
from handbench.synth.motion_fit import settle
from handbench.synth.persons import NobodyError
from handbench.synth.pose_interhand import InterHandPairs, open_interhand_pairs
from handbench.synth.recipe import AihRecipe
from handbench.synth.recorded_pairs import MotionConfig
from handbench.synth.sources import open_poses
from handbench.types import Side

MODELS = {side: load_hand_model("procedural", side) for side in Side}
RECIPE = AihRecipe()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes of two persons, both hands or one."""
    out = tmp_path_factory.mktemp("interhand") / "ih"
    plan = InterhandPlan(frames=3, cameras=2, fps=5, seed=3, renderer="raster")
    synth_interhand(out, plan, "test=6", workers=0, quiet=True)
    return out


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Pictures of one grey value each, and hands that pass through each other."""
    make_tree(tmp_path / "flat")
    return tmp_path / "flat"


def opened(root: Path, options: str = "", persons: frozenset[str] | None = None) -> InterHandPairs:
    mine = None if persons is None else persons.__contains__
    return open_interhand_pairs(f"interhand:{root}{options}", MODELS, RECIPE, mine)


def no_betas() -> dict[Side, FloatArray]:
    return dict.fromkeys(Side, np.zeros(10))


def test_moments_are_fitted_once_and_kept(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDBENCH_CACHE", str(tmp_path))
    first = opened(tree)
    (kept,) = tmp_path.rglob("*.npz")
    before = kept.stat().st_mtime_ns
    again = opened(tree, "@split=test")
    assert kept.stat().st_mtime_ns == before and again.fingerprint == first.fingerprint
    for side in Side:
        for field in ("pose", "betas", "transl", "arms"):
            one, other = (getattr(source.motion, field)[side] for source in (first, again))
            assert one.tobytes() == other.tobytes() and one.shape == other.shape
    assert again.motion.dropped == first.motion.dropped
    # A moment is one frame, however many cameras saw it.
    assert sum(first.persons.values()) == len(first.motion) <= 9
    # Pictures are not needed, and nothing depends on which of them are there.
    bare = tmp_path / "bare"
    shutil.copytree(tree / "annotations", bare / "annotations")
    assert opened(bare).fingerprint == first.fingerprint


def test_joints_alone_give_the_hands_that_were_annotated(tree: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(tree / "annotations", bare / "annotations")
    next(bare.rglob("*MANO_NeuralAnnot.json")).unlink()
    told, fitted = (
        fit_pairs(two_hand_moments(present(data.moments())), MODELS, quiet=True)
        for data in (
            load_dataset("interhand", root, split="test", missing="keep", quiet=True) for root in (tree, bare)
        )
    )
    assert len(told) == len(fitted) > 0
    for side in Side:
        a, b = (
            forward(MODELS[side], m.pose[side], m.betas[side], m.transl[side]).joints21
            for m in (told, fitted)
        )
        assert np.abs(a - b).max() < 4e-3 and np.abs(a - b).mean() < 6e-4


def test_pairs_are_drawn_by_person(tree: Path) -> None:
    whole = opened(tree)
    assert len(whole.persons) == 2
    parts = [opened(tree, persons=frozenset({person})) for person in whole.persons]
    assert [part.persons for part in parts] == [{who: count} for who, count in whole.persons.items()]
    assert not set(parts[0].rows) & set(parts[1].rows)
    assert len({whole.fingerprint, *(part.fingerprint for part in parts)}) == 3
    drawn = {parts[0].draw(rng_for(i), no_betas()).meta.kind for i in range(20)}
    assert drawn <= {parts[0].motion.names[i] for i in parts[0].motion.sequence[parts[0].rows]}
    with pytest.raises(NobodyError, match="nothing usable of these people"):
        opened(tree, persons=frozenset({"subject 7"}))


def test_draws_agree_with_their_parameters_and_can_be_mirrored(tree: Path) -> None:
    recipes = [replace(RECIPE, motion=MotionConfig(mirrored=share, shape=0.0)) for share in (0, 1)]
    plain, mirrored = (open_poses(f"interhand:{tree}", MODELS, recipe) for recipe in recipes)
    for number in range(6):
        pair, other = (source.draw(rng_for(number), no_betas()) for source in (plain, mirrored))
        assert pair.meta.source == "interhand" and "/" in pair.meta.kind and pair.meta.penetration <= 0.003
        for hand in (*pair.hands, *other.hands):
            mesh = forward_one(MODELS[hand.side], hand.params)
            assert np.abs(mesh.vertices - hand.vertices).max() < 5e-8
            assert np.linalg.norm(hand.arm) == pytest.approx(1.0)
        a, b = present(pair.right), present(other.left)
        assert (pair.meta.kind, pair.meta.frame) == (other.meta.kind, other.meta.frame)
        # The two sides are drawn apart again, the right hand moves: the left one shows the reflection.
        a, b = present(pair.left), present(other.right)
        assert np.abs(np.ptp(a.joints, axis=0) - np.ptp(b.joints, axis=0)).max() < 1e-6


def test_both_real_pairs_survive(real_frames: Path) -> None:
    source = opened(real_frames)
    motion = source.motion
    assert motion.names == ("3/0390_dh_touchROM", "2/0266_dh_pray")
    assert motion.frame.tolist() == [69148, 44669] and not sum(motion.dropped.values())
    assert source.persons == {"subject 2": 1, "subject 3": 1}
    meshes = {
        side: forward(MODELS[side], motion.pose[side], motion.betas[side], motion.transl[side])
        for side in Side
    }
    for row in range(2):
        a, b = (meshes[side].vertices[row] for side in Side)
        assert (
            penetration_depth(a, MODELS[Side.RIGHT].closed_faces, b, MODELS[Side.LEFT].closed_faces) < 0.0025
        )
        for side in Side:
            joints = meshes[side].joints21[row]
            straight = joints[0] - joints[[5, 9, 13, 17]].mean(axis=0)
            assert motion.arms[side][row] @ straight / np.linalg.norm(straight) > np.cos(np.deg2rad(45))


def volume(vertices: FloatArray, faces: IndexArray) -> float:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


def test_a_leaner_hand_keeps_its_joints() -> None:
    for model in MODELS.values():
        betas = 0.001 * leaner(model)
        thin, rest = (forward(model, np.zeros((1, 48)), b, np.zeros(3)) for b in (betas, np.zeros(10)))
        moved = thin.joints21[0] - rest.joints21[0]
        assert np.linalg.norm(moved - moved.mean(axis=0), axis=-1).mean() < 0.0008
        faces = np.asarray(model.closed_faces, dtype=np.int64)
        assert volume(thin.vertices[0], faces) < 0.93 * volume(rest.vertices[0], faces)


def test_settled_hands_never_lie_deeper_than_before() -> None:
    right, left = MODELS[Side.RIGHT], MODELS[Side.LEFT]
    turned = left.v_template * [-1.0, 1.0, -1.0]  # fingers against fingers
    for number in range(6):
        b = turned + np.array([-0.06, *rng_for(number).uniform(-0.02, 0.02, 2)])
        before = penetration_depth(right.v_template, right.closed_faces, b, left.closed_faces)
        shift, depth = settle(right.v_template, b, right, left, 0.006)
        after = penetration_depth(right.v_template + shift, right.closed_faces, b, left.closed_faces)
        assert depth == after <= before and np.linalg.norm(shift) <= 0.006 + 1e-12


def test_moments_that_cannot_be_used_are_counted_and_told(tree: Path, flat: Path) -> None:
    moments = two_hand_moments(present(load_dataset("interhand", tree, split="test", quiet=True).moments()))
    joints = moments.joints.copy()
    joints[0, 0, :15] = np.nan
    joints[1] *= 1.3  # no hand of this person
    spoilt = two_hand_moments(
        replace(
            moments, joints=joints, params=None, of=np.arange(len(moments)),
            shown=np.full(len(moments), 2, np.int8),
        )
    )  # fmt: skip
    found = fit_pairs(spoilt, MODELS, quiet=True)
    assert found.dropped["joints"] == 1 and found.dropped["fit"] >= 1
    assert len(found) == len(moments) - sum(found.dropped.values())
    with pytest.raises(HandbenchError, match=r"no moment shows two hands \(use another split"):
        opened(tree, "@hand_type=right")
    with pytest.raises(HandbenchError, match=r"none of 4 moments .* 4 hands through each other \(use"):
        opened(flat)
