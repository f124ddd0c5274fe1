"""Filters against their formulas, gaps, and what they do to real motion."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import savgol_filter

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.formats.tzionas import read_tzionas_joints
from handbench.metrics.filter_predictions import FILTERS, PIXELS_A_METRE, filter_predictions
from handbench.metrics.filters import BETA, D_CUTOFF, MIN_CUTOFF, one_euro, savitzky_golay
from handbench.metrics.temporal import Timeline, acceleration_error
from handbench.predictions import HandPredictions, Predictions
from handbench.types import Side


def plain_one_euro(values: FloatArray, rate: float) -> list[float]:
    """One coordinate as the paper's algorithm 1 has it."""

    def alpha(cutoff: float) -> float:
        tau = 1 / (2 * math.pi * cutoff)
        return 1 / (1 + tau * rate)

    out, speed = [float(values[0])], 0.0
    for before, now in pairwise(values):
        a = alpha(D_CUTOFF)
        speed = a * (now - before) * rate + (1 - a) * speed
        a = alpha(MIN_CUTOFF + BETA * abs(speed))
        out.append(a * now + (1 - a) * out[-1])
    return out


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 5]))
def test_one_euro_is_the_papers_algorithm(seed: int, step: int) -> None:
    walk = np.cumsum(np.random.default_rng(seed).normal(scale=0.01, size=(20, 2, 3)), axis=0)
    found = one_euro(walk, step * np.arange(20) + 7, fps=60, step=step)
    for p in range(2):
        for c in range(3):
            assert found[:, p, c] == pytest.approx(plain_one_euro(walk[:, p, c], 60 / step))


@pytest.mark.parametrize("name", ["one-euro", "savgol"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_runs_are_filtered_for_themselves(name: str, kind: type[np.floating]) -> None:
    smooth = FILTERS.get(name)
    walk = np.random.default_rng(0).normal(size=(40, 4, 3)).astype(kind)
    frames = np.concatenate([np.arange(15), np.arange(20, 45)])
    walk[25:28] = np.nan
    walk[30, 1] = np.nan
    walk[:, 3] = np.nan
    found = smooth(walk, frames)
    assert found.dtype == kind
    assert np.array_equal(np.isnan(found), np.isnan(walk))
    for point, runs in ((0, [(0, 15), (15, 25), (28, 40)]), (1, [(0, 15), (15, 25), (28, 30), (31, 40)])):
        for a, b in runs:
            alone = smooth(walk[a:b, point], np.arange(b - a))
            assert np.allclose(found[a:b, point], alone, atol=1e-6)
    assert smooth(walk[:0], frames[:0]).shape == (0, 4, 3)
    assert np.array_equal(smooth(walk[:1], frames[:1]), walk[:1], equal_nan=True)


@given(st.integers(1, 30))
def test_short_runs_take_shorter_windows_and_keep_what_a_polynomial_keeps(length: int) -> None:
    values = np.random.default_rng(length).normal(size=(length, 2))
    found = savitzky_golay(values, np.arange(length))
    if length < 5:
        assert np.array_equal(found, values)
    else:
        window = max(w for w in (5, 7, 9) if w <= length)
        assert np.allclose(found, savgol_filter(values, window, 3, axis=0))
    cubic = np.arange(length)[:, None] ** [0.0, 3.0]
    assert np.allclose(savitzky_golay(cubic, np.arange(length)), cubic, rtol=1e-9)


@pytest.mark.parametrize("name", ["one-euro", "savgol"])
def test_filters_calm_real_motion_and_raise_no_error(name: str, tzionas: Path) -> None:
    rng = np.random.default_rng(0)
    errors: list[FloatArray] = []
    for sequence in ("01", "07", "15"):
        track = read_tzionas_joints(tzionas, sequence, Side.RIGHT)
        true = track.joints[:, track.valid]
        said = true + rng.normal(scale=0.005, size=true.shape)
        frames = np.arange(len(true))
        time = Timeline(np.zeros_like(frames), frames, np.ones(len(true), bool))
        for points in (said, FILTERS.get(name)(said, frames)):
            place = np.linalg.norm(points - true, axis=2).mean()
            errors.append(np.array([place, np.nanmean(acceleration_error(points, true, time))]))
    before, after = np.mean(errors[::2], axis=0), np.mean(errors[1::2], axis=0)
    assert after[0] < 0.7 * before[0]
    assert after[1] < 0.4 * before[1]


def test_predictions_are_filtered_video_by_video() -> None:
    rng = np.random.default_rng(2)
    videos = np.repeat([4, 9], 12)
    frames = np.tile(np.arange(12), 2)
    mixed = rng.permutation(24)
    joints = rng.normal(size=(24, 21, 3)).astype(np.float32)
    hand = HandPredictions(joints=joints, joints_2d=1000 * joints[..., :2], pose=np.zeros((24, 48)))
    said = Predictions(
        [f"k{i}" for i in range(24)], {Side.LEFT: hand}, relative_root=joints[:, 0], provenance={"model": "m"}
    )
    found = filter_predictions(said.take(mixed), videos[mixed], frames[mixed], "one-euro")
    assert found.provenance == {"model": "m", "filter": "one-euro"}
    hand = found.hands[Side.LEFT]
    assert hand.pose is None
    assert hand.joints is not None and hand.joints_2d is not None and found.relative_root is not None
    for video in (4, 9):
        there = videos == video
        expected = one_euro(joints[there], frames[there])
        rows = np.argsort(mixed)[there]
        assert np.array_equal(hand.joints[rows], expected)
        assert np.allclose(hand.joints_2d[rows] / PIXELS_A_METRE, expected[..., :2], atol=1e-5)
        assert np.array_equal(found.relative_root[rows], expected[:, 0])


def test_filters_need_videos_and_a_known_name() -> None:
    said = Predictions(["a", "b"], {})
    with pytest.raises(HandbenchError, match="did you mean 'savgol'"):
        filter_predictions(said, np.zeros(2, int), np.arange(2), "savgo")
    with pytest.raises(HandbenchError, match="needs videos"):
        filter_predictions(said, np.zeros(0, int), None, "savgol")
