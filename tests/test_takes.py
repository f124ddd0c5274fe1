"""Takes: held as a hand holds, smooth, of the size of real motion, and the same for the same arguments."""

from __future__ import annotations

import pickle
from functools import lru_cache

import numpy as np
import pytest

from handbench.errors import HandbenchError
from handbench.hands.anatomy import anatomy
from handbench.hands.contact import penetration_depth
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward
from handbench.synth.grasp_families import TEST_FAMILIES, TRAIN_FAMILIES
from handbench.synth.grasp_surface import surface_of
from handbench.synth.occluders import TEST_OBJECTS, TRAIN_OBJECTS
from handbench.synth.take import PHASES, Take, TakeSettings
from handbench.synth.take_contact import contact_report, track_vertices, vertex_distances
from handbench.synth.takes import make_take
from handbench.types import Side

MODELS = {side: load_hand_model("procedural", side) for side in Side}
KINDS = TRAIN_OBJECTS + TEST_OBJECTS


@lru_cache(maxsize=64)
def take_of(
    stratum: str, index: int, kind: str, families: tuple[str, ...] = TRAIN_FAMILIES, frames: int = 300
) -> Take:
    return make_take(21, index, stratum, frames, MODELS, TakeSettings((kind,), families))


def joints_of(take: Take) -> np.ndarray:
    return forward(MODELS[Side.RIGHT], take.pose, take.betas, take.transl).joints21


def moved(joints: np.ndarray, stride: int = 1) -> np.ndarray:
    return np.asarray(np.linalg.norm(joints[stride:] - joints[:-stride], axis=-1)).ravel()


def check_contact(take: Take) -> None:
    report = contact_report(take, MODELS[Side.RIGHT])
    assert report.held_share >= 0.9
    assert report.depth.max() < 0.005
    assert 0.35 < take.held.mean() < 0.95


def check_world(take: Take) -> None:
    """Nothing is below the table, the object stands still where it is not held, joints keep their limits."""
    step = range(0, len(take), 5)
    assert max(take.object_vertices(f)[:, 1].max() for f in step) < take.table_y + 0.001
    hand = track_vertices(MODELS[Side.RIGHT], take.right)
    assert hand[:, :, 1].max() < take.table_y + 0.002
    resting = ~take.held
    still = resting[1:] & resting[:-1]
    assert np.abs(np.diff(take.object_t, axis=0))[still].max() < 1e-12
    assert anatomy(MODELS[Side.RIGHT]).violation(take.pose).max() < 1e-6
    assert np.allclose(np.linalg.norm(take.arm, axis=1), 1.0)
    assert np.einsum("tij,tkj->tik", take.object_R, take.object_R) == pytest.approx(
        np.broadcast_to(np.eye(3), take.object_R.shape), abs=1e-9
    )


def check_smooth(take: Take, most: float) -> None:
    """Nothing jumps: tracked hands accelerate by 6.8 mm a frame squared at the 99th percentile."""
    joints = joints_of(take)
    acceleration = np.linalg.norm(joints[2:] - 2 * joints[1:-1] + joints[:-2], axis=-1)
    assert acceleration.max() < most
    arm = np.linalg.norm(np.diff(take.arm, axis=0), axis=1)
    assert arm.max() < 30 * most


@pytest.mark.parametrize("kind", KINDS)
def test_a_take_holds_its_object(kind: str) -> None:
    take = take_of("plain", KINDS.index(kind), kind)
    assert take.solid.kind == kind and len(take) == 300
    check_contact(take)
    check_world(take)
    check_smooth(take, 0.006)
    order = [PHASES.index(phase) for phase in take.phases]
    assert order == sorted(order) and set(order) == set(range(len(PHASES)))
    assert (take.held == np.isin(take.phases, ["lift", "manipulate", "place"])).all()


@pytest.mark.parametrize(("kind", "family"), [("mug", "cap"), ("phone", "tips")])
def test_the_families_of_test_splits_hold_too(kind: str, family: str) -> None:
    take = take_of("plain", 3, kind, TEST_FAMILIES)
    assert take.family == family
    check_contact(take)
    check_world(take)


def test_motion_is_that_of_tracked_hands() -> None:
    """Spec benchmark.md section 1; eight takes of one length, so with more tolerance than the soak."""
    all_joints = [joints_of(take_of("plain", i, kind)) * 1e3 for i, kind in enumerate(KINDS)]
    found = np.percentile(np.concatenate([moved(j) for j in all_joints]), [50, 90, 99])
    assert found == pytest.approx([1.6, 3.9, 6.9], rel=0.3)


def test_fast_is_three_to_five_times_as_fast() -> None:
    takes = [take_of("fast", i, kind) for i, kind in enumerate(("can", "ball", "box"))]
    median = np.median(np.concatenate([moved(joints_of(take)) for take in takes])) * 1e3
    assert 3 * 1.6 < median < 5 * 1.6
    for take in takes:
        check_contact(take)
        check_smooth(take, 0.04)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_left_hand_touches_nothing_deeply(index: int) -> None:
    take = take_of("second-hand", index, ("bottle", "box", "ball")[index])
    assert take.other is not None and take.other.side is Side.LEFT
    check_contact(take)
    left = track_vertices(MODELS[Side.LEFT], take.other)
    right = track_vertices(MODELS[Side.RIGHT], take.right)
    faces = [MODELS[side].closed_faces for side in (Side.LEFT, Side.RIGHT)]
    gaps = []
    for frame in range(0, len(take), 4):
        assert penetration_depth(left[frame], faces[0], right[frame], faces[1]) < 0.003
        local = (left[frame] - take.object_t[frame]) @ take.object_R[frame]
        assert surface_of(take.solid).depth(local, faces[0]) < 0.003
        gaps.append(np.abs(left[frame] - take.object_t[frame]).min())
    assert left[:, :, 1].max() < take.table_y + 1e-6
    assert min(gaps) < 0.15, "it is near"
    assert anatomy(MODELS[Side.LEFT]).violation(take.other.pose).max() < 1e-6


def test_the_same_arguments_give_the_same_take() -> None:
    settings = TakeSettings(("can",), TRAIN_FAMILIES)
    again = make_take(21, KINDS.index("can"), "plain", 300, MODELS, settings)
    first = take_of("plain", KINDS.index("can"), "can")
    assert again.pose.tobytes() == first.pose.tobytes()
    assert again.object_t.tobytes() == first.object_t.tobytes()
    assert again.name == first.name == "plain_00003"
    other = make_take(22, KINDS.index("can"), "plain", 300, MODELS, settings)
    assert not np.array_equal(other.betas, first.betas)
    copy = pickle.loads(pickle.dumps(first))
    assert np.array_equal(copy.right.pose, first.right.pose)


def test_vertex_distances_are_in_the_world() -> None:
    take = take_of("plain", KINDS.index("box"), "box")
    frame = int(np.flatnonzero(take.held)[40])
    vertices = track_vertices(MODELS[Side.RIGHT], take.right, np.array([frame]))[0]
    found = vertex_distances(take, frame, vertices)
    assert np.linalg.norm(found.projection - vertices, axis=1) == pytest.approx(found.distance, abs=1e-9)
    assert found.inside.sum() == (found.signed < 0).sum() < 200
    assert found.distance.min() < 0.002


@pytest.mark.parametrize(
    ("stratum", "frames", "settings", "words"),
    [
        ("slow", 300, TakeSettings(), "unknown stratum 'slow'"),
        ("plain", 30, TakeSettings(), "a take of 30 frames"),
        ("plain", 300, TakeSettings(("pen",), ("wrap",)), "no grasp of wrap suits pen"),
        ("plain", 300, TakeSettings(("teapot",), ("wrap",)), "no grasp of wrap suits teapot"),
        ("plain", 300, TakeSettings(families=("grab",)), "unknown grasp family 'grab'"),
    ],
)
def test_faults_are_named(stratum: str, frames: int, settings: TakeSettings, words: str) -> None:
    with pytest.raises(HandbenchError, match=words):
        make_take(0, 0, stratum, frames, MODELS, settings)


@pytest.mark.soak
def test_motion_of_many_takes() -> None:
    """The percentiles of benchmark.md section 1 within 20 %, and contact in every take."""
    takes = [take_of("plain", 100 + i, KINDS[i % len(KINDS)]) for i in range(32)]
    all_joints = [joints_of(take) * 1e3 for take in takes]
    found = np.percentile(np.concatenate([moved(j) for j in all_joints]), [50, 90, 99])
    assert found == pytest.approx([1.6, 3.9, 6.9], rel=0.2)
    relative = np.concatenate([moved(j[:, 1:] - j[:, :1]) for j in all_joints])
    assert np.percentile(relative, [50, 90, 99]) == pytest.approx([1.0, 3.3, 7.4], rel=0.2)
    for take in takes:
        check_contact(take)
        check_world(take)
        check_smooth(take, 0.006)
