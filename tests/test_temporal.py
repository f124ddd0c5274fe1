"""Temporal metrics against plain loops over whole videos, and sliding hands."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from handbench.arrays import FloatArray
from handbench.metrics.motion_deviation import RigidObject, motion_deviation, stable_contacts
from handbench.metrics.temporal import (
    Timeline,
    acceleration,
    acceleration_error,
    in_seconds,
    jitter,
    velocity_error,
)

Value = Callable[[int], FloatArray]


def shuffled_videos(seed: int, step: int) -> Timeline:
    """Some videos with gaps and rows that are not valid, in any order."""
    rng = np.random.default_rng(seed)
    rows = [(video, step * frame) for video in range(3) for frame in range(5, 14) if rng.random() > 0.15]
    rng.shuffle(rows)
    videos, frames = np.array(rows).T
    return Timeline(videos, frames, rng.random(len(rows)) > 0.1, step)


def reference(time: Timeline, offsets: tuple[int, ...], norm: Callable[[list[int]], float]) -> FloatArray:
    """Looks each frame up by its video and number."""
    rows = {(int(v), int(f)): i for i, (v, f) in enumerate(zip(time.videos, time.frames, strict=True))}
    out = np.full(len(time.frames), np.nan)
    for (video, frame), i in rows.items():
        window = [rows.get((video, frame + offset * time.step)) for offset in offsets]
        if all(row is not None and time.valid[row] for row in window):
            out[i] = norm([row for row in window if row is not None])
    return out


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 6]), st.booleans())
def test_differences_are_those_of_plain_loops(seed: int, step: int, rooted: bool) -> None:
    time = shuffled_videos(seed, step)
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, len(time.frames), 4, 3))
    x = x.astype(np.float32)
    x[rng.random(len(x)) > 0.9, 2] = np.nan
    a, b = (x - x[:, :1], y - y[:, :1]) if rooted else (x, y)
    roots = (x[:, 0], y[:, 0]) if rooted else None

    def mean_norm(difference: FloatArray) -> float:
        return float(np.nanmean(np.sqrt((difference.astype(np.float64) ** 2).sum(axis=1))))

    def second(z: FloatArray, w: list[int]) -> FloatArray:
        return np.asarray(z[w[0]] - 2 * z[w[1]] + z[w[2]], dtype=np.float64)

    def third(z: FloatArray, w: list[int]) -> FloatArray:
        return np.asarray(np.diff(z[w].astype(np.float64), n=3, axis=0)[0])

    expected = reference(time, (-1, 0, 1), lambda w: mean_norm(second(a, w) - second(b, w)))
    found = acceleration_error(x, y, time, roots)
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-5, equal_nan=True)
    expected = reference(time, (-1, 0, 1), lambda w: mean_norm(second(a, w)))
    assert np.allclose(
        acceleration(x, time, roots and roots[0]), expected, rtol=1e-5, atol=1e-5, equal_nan=True
    )
    expected = reference(time, (-1, 0), lambda w: mean_norm((a[w[1]] - a[w[0]]) - (b[w[1]] - b[w[0]])))
    assert np.allclose(velocity_error(x, y, time, roots), expected, rtol=1e-5, atol=1e-5, equal_nan=True)
    expected = reference(time, (-1, 0, 1, 2), lambda w: mean_norm(third(a, w)))
    assert np.allclose(jitter(x, time, roots and roots[0]), expected, rtol=1e-5, atol=1e-5, equal_nan=True)


def test_a_falling_hand_accelerates_with_g() -> None:
    frames = np.arange(10)
    points = np.zeros((10, 21, 3))
    points[..., 1] = 0.5 * 9.81 * (frames[:, None] / 30) ** 2
    time = Timeline(np.zeros(10, int), frames, np.ones(10, bool))
    found = in_seconds(acceleration_error(np.zeros_like(points), points, time), 30, 2)
    assert found[1:-1] == pytest.approx(9.81)
    assert np.isnan(found[[0, -1]]).all()
    # Relative to its wrist it rests.
    assert acceleration(points, time, points[:, 0])[1:-1] == pytest.approx(0, abs=1e-15)


def test_a_frame_that_is_there_twice_breaks_a_video() -> None:
    time = Timeline(np.zeros(6, int), np.array([0, 1, 2, 2, 3, 4]), np.ones(6, bool))
    assert np.isnan(acceleration(np.ones((6, 1, 3)), time)).all()
    nobody = Timeline(np.zeros(2, int), np.arange(2), np.zeros(2, bool))
    assert np.isnan(velocity_error(np.ones((2, 1, 3)), np.ones((2, 1, 3)), nobody)).all()
    nothing = Timeline(np.zeros(0, int), np.zeros(0, int), np.zeros(0, bool))
    assert jitter(np.ones((0, 1, 3)), nothing).shape == (0,)


def held_object(seed: int, frames: int) -> tuple[FloatArray, RigidObject, Timeline]:
    """A ball that turns and moves, and two vertices on it, two far away."""
    rng = np.random.default_rng(seed)
    ball = rng.normal(size=(400, 3))
    ball *= 0.04 / np.linalg.norm(ball, axis=1, keepdims=True)
    R = Rotation.from_rotvec(np.linspace(0, 2, frames)[:, None] * [0.3, 1.0, 0.2]).as_matrix()
    t = np.cumsum(rng.normal(scale=0.003, size=(frames, 3)), axis=0) + np.array([0, 0, 0.6])
    rest = np.concatenate([1.01 * ball[:2], 3 * ball[:2]])
    hand = np.einsum("nij,vj->nvi", R, rest) + t[:, None]
    time = Timeline(np.zeros(frames, int), np.arange(frames), np.ones(frames, bool))
    return hand, RigidObject(ball, R, t), time


def test_only_vertices_that_stay_on_the_object_are_in_contact() -> None:
    hand, ball, time = held_object(0, 40)
    hand[10:12, 1] += 0.02
    found = [
        (contact.hand, contact.rows[0], len(contact.rows)) for contact in stable_contacts(hand, ball, time)
    ]
    assert found == [(0, 0, 40), (1, 12, 28)]
    time.valid[20] = False
    found = [
        (contact.hand, contact.rows[0], len(contact.rows)) for contact in stable_contacts(hand, ball, time)
    ]
    assert found == [(0, 0, 20), (0, 21, 19), (1, 21, 19)]


def test_a_finger_that_slides_over_the_object_is_in_no_stable_contact() -> None:
    hand, ball, time = held_object(1, 20)
    path = np.linspace(0, 1, 20)[:, None]
    rest = 0.0405 * np.concatenate([np.cos(path), np.sin(path), 0 * path], axis=1)
    dense = np.concatenate([ball.points, rest / 1.0125])
    sliding = np.einsum("nij,nj->ni", ball.R, rest) + ball.t
    thing = RigidObject(dense, ball.R, ball.t)
    assert not stable_contacts(sliding[:, None], thing, time)
    assert len(stable_contacts(hand[:, :1], thing, time)) == 1


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_motion_deviation_is_the_mean_slip_of_each_window(seed: int) -> None:
    hand, ball, time = held_object(seed, 30)
    contacts = stable_contacts(hand, ball, time)
    assert motion_deviation(hand + 0.01, ball, contacts).max() < 0.0005 + 1e-6  # 1 % above a turning surface
    said = hand + np.random.default_rng(seed).normal(scale=0.004, size=hand.shape)
    said[5] = np.nan
    for contact, value in zip(contacts, motion_deviation(said, ball, contacts), strict=True):
        slips = []
        for now, then in zip(contact.rows[1:], contact.rows[:-1], strict=True):
            o = [ball.R[i] @ ball.points[contact.point] + ball.t[i] for i in (now, then)]
            h = [said[i, contact.hand] for i in (now, then)]
            slips.append(np.linalg.norm((h[0] - h[1]) - (o[0] - o[1])))
        assert value == pytest.approx(np.mean([slip for slip in slips if slip == slip]))
    assert np.isnan(motion_deviation(np.full_like(hand, np.nan), ball, contacts)).all()
