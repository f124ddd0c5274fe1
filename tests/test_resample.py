"""Intervals and paired tests: what they cover, and what they refuse to say."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handbench.arrays import FloatArray
from handbench.metrics.resample import MIN_RANKED, interval, paired
from handbench.metrics.score import Figure, Metric, ratio

UNIT = Metric("error", "mm")


def takes(rng: np.random.Generator, recordings: int, frames: int) -> FloatArray:
    """Errors (recordings, frames) around 10 that go together within a recording."""
    return np.asarray(
        10 + rng.normal(size=(recordings, 1)) + rng.normal(scale=0.5, size=(recordings, frames))
    )


def test_drawing_recordings_covers_the_truth_and_drawing_frames_does_not() -> None:
    rng = np.random.default_rng(5)
    trials, by_recording, by_frame = 300, 0, 0
    for trial in range(trials):
        errors = takes(rng, 20, 15)
        found = interval(errors.sum(axis=1)[:, None], np.full((20, 1), 15.0), 400, seed=trial)
        naive = interval(errors.reshape(-1, 1), np.ones((300, 1)), 100, seed=trial)
        assert found is not None
        assert naive is not None
        by_recording += found.low < 10 < found.high
        by_frame += naive.low < 10 < naive.high
    # Binomial: 95 % of 300 is 285 +- 4; a percentile interval of 20 recordings loses some 2 %.
    assert 0.89 * trials <= by_recording <= 0.98 * trials
    assert by_frame < 0.5 * trials


def test_the_interval_is_that_of_redrawn_recordings() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 5, (12, 3)).astype(float)
    counts[3] = 0
    sums = counts * rng.normal(10, 1, (12, 3))
    found = interval(sums, counts, draws=4000)
    assert found is not None
    assert found.n_units == Figure(UNIT, sums, counts).n_units < 12
    there = np.flatnonzero(counts.any(axis=1))
    values = []
    for _ in range(4000):
        rows = rng.choice(there, len(there))
        values.append(ratio(sums[rows].sum(0), counts[rows].sum(0)))
    assert [found.low, found.high] == pytest.approx(np.percentile(values, [2.5, 97.5]).tolist(), abs=0.06)
    assert interval(sums, counts, draws=4000) == found
    assert interval(sums, counts, draws=4000, seed=1) != found


def test_few_recordings_have_no_interval() -> None:
    counts = np.ones((6, 1))
    assert interval(counts, counts) is not None
    counts[:2] = 0
    assert interval(counts, counts) is None
    small = paired(counts, counts, 2 * counts, counts)
    assert np.isnan([small.low, small.high]).all()
    assert small.difference == -1


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30))
def test_identical_models_do_not_differ(seed: int, recordings: int) -> None:
    counts = np.random.default_rng(seed).integers(1, 5, (recordings, 2)).astype(float)
    sums = counts * 0.1
    same = paired(sums, counts, sums, counts, draws=100)
    assert (same.difference, same.p) == (0, 1)
    assert same.resolvable == (recordings >= MIN_RANKED)
    assert same.words.startswith("not resolvable") == (recordings < MIN_RANKED)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9))
def test_p_is_the_share_of_exchanges_that_differ_as_much(seed: int, recordings: int) -> None:
    rng = np.random.default_rng(seed)
    counts = np.tile(rng.integers(1, 5, (recordings, 2)).astype(float), (2, 1, 1))
    sums = counts * rng.normal(10, 1, counts.shape)

    def difference(exchanged: tuple[bool, ...]) -> float:
        a = np.where(np.array(exchanged)[:, None], sums[1], sums[0])
        b = np.where(np.array(exchanged)[:, None], sums[0], sums[1])
        total = counts[0].sum(0)
        return float(ratio(a.sum(0), total) - ratio(b.sum(0), total))

    found = paired(sums[0], counts[0], sums[1], counts[1], draws=50)
    all_of_them = [difference(flips) for flips in itertools.product((False, True), repeat=recordings)]
    assert found.difference == pytest.approx(all_of_them[0])
    assert found.p == pytest.approx(np.mean(np.abs(all_of_them) >= abs(found.difference) - 1e-9))


def test_a_paired_test_sees_what_two_intervals_hide() -> None:
    rng = np.random.default_rng(1)
    errors, counts = takes(rng, 24, 50), np.full((24, 1), 50.0)
    a, b = errors.sum(1)[:, None], (errors + 0.1 + rng.normal(scale=0.3, size=errors.shape)).sum(1)[:, None]
    one, other = interval(a, counts), interval(b, counts)
    assert one is not None
    assert other is not None
    assert one.high > other.low
    found = paired(a, counts, b, counts)
    assert found.resolvable
    assert found.low < -0.1 < found.high < 0
    assert found.p < 0.01
    assert found.words.endswith("24 recordings")


def test_the_false_alarms_of_the_test_are_as_many_as_it_says() -> None:
    rng = np.random.default_rng(3)
    counts = np.ones((16, 1))
    ps = [paired(*_noise(rng, counts), *_noise(rng, counts), draws=2).p for _ in range(200)]
    assert 2 <= sum(p <= 0.05 for p in ps) <= 20


def _noise(rng: np.random.Generator, counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    return rng.normal(size=counts.shape), counts


def test_only_common_recordings_are_compared() -> None:
    counts = np.ones((12, 1))
    fewer = counts.copy()
    fewer[0] = 0
    a = counts.copy()
    a[0] = 1000
    found = paired(a, counts, fewer, fewer)
    assert (found.n_units, found.difference) == (11, 0)
    with pytest.raises(ValueError, match="differ in shape"):
        paired(a, counts, a[1:], counts[1:])


def test_many_recordings_are_drawn_in_groups() -> None:
    rng = np.random.default_rng(2)
    errors = rng.normal(10, 5, (20_000, 1))
    found = interval(errors, np.ones_like(errors))
    assert found is not None and found.n_units == 20_000
    half = 1.96 * 5 / np.sqrt(20_000)
    assert found.low == pytest.approx(errors.mean() - half, abs=0.3 * half)
    assert found.high == pytest.approx(errors.mean() + half, abs=0.3 * half)
