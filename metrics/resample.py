"""Intervals of a figure and tests between two, by drawing whole recordings again; never frames.

The errors of neighbouring frames go together (over 20 to 76 frames of real motion), so a frame is no
independent observation and neither is a camera: a recording, all cameras of one take, is taken for one.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.metrics.score import ratio

MIN_UNITS = 5
"""Below so many recordings no interval is given."""

MIN_RANKED = 10
"""Below so many recordings two models are not ranked."""

EXACT_UNITS = 14
"""Up to so many recordings all sign flips are tried; above, as many are drawn."""

MOST_UNITS = 1000
"""More recordings (AIH has a scene each) are put together at random into so many groups, which are drawn."""

_FLIPS: int = 2**EXACT_UNITS


@dataclass(frozen=True)
class Interval:
    """A bootstrap interval of a figure.

    Attributes:
        low: lower end, in the figure's unit.
        high: upper end.
        level: share of such intervals that should hold the true value.
        n_units: recordings that were drawn from.
    """

    low: float
    high: float
    level: float
    n_units: int


@dataclass(frozen=True)
class Paired:
    """The difference of two models on the same recordings.

    Attributes:
        difference: first minus second, in the figure's unit.
        low: lower end of its interval; NaN below :data:`MIN_UNITS` recordings.
        high: upper end.
        p: of the sign-flip test that the two are the same.
        n_units: recordings that both were scored on.
        resolvable: whether there are at least :data:`MIN_RANKED`, so that a rank may be given.
    """

    difference: float
    low: float
    high: float
    p: float
    n_units: int
    resolvable: bool

    @property
    def words(self) -> str:
        """The result in words."""
        if not self.resolvable:
            return f"not resolvable: {self.n_units} recordings, {MIN_RANKED} are needed"
        shown = f"{self.difference:+.3g} [{self.low:+.3g}, {self.high:+.3g}], p = {self.p:.2g}"
        return f"{shown}, {self.n_units} recordings"


def interval(
    sums: FloatArray, counts: FloatArray, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> Interval | None:
    """Returns the percentile bootstrap interval (Efron 1979) of a figure over whole recordings.

    The same arguments give the same interval. Percentile intervals are narrow with few recordings: of the
    95 % ones, 85 % hold the true value at 5 recordings, 91 % at 10 and 94 % at 20 (simulated, normal errors).

    Args:
        sums: (R, K) per recording, as in :class:`handbench.metrics.score.Figure`.
        counts: (R, K) how many values were added.
        draws: how often the recordings are drawn.
        level: of the interval.
        seed: of the draws.

    Returns:
        The interval, or None below :data:`MIN_UNITS` recordings with counts.
    """
    there = (counts > 0).any(axis=1)
    n = int(there.sum())
    if n < MIN_UNITS:
        return None
    sums, counts = _grouped(sums[there]), _grouped(counts[there])
    values = _redrawn(_draw(len(sums), draws, seed), sums, counts)
    low, high = _ends(values, level)
    return Interval(low, high, level, n)


def paired(
    a_sums: FloatArray,
    a_counts: FloatArray,
    b_sums: FloatArray,
    b_counts: FloatArray,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Paired:
    """Compares a figure of two models on the recordings that both were scored on.

    The interval draws the same recordings for both. The test (Fisher 1935) asks how often the difference
    would be as large when in each recording the two models were exchanged by a coin: a recording adds
    its part of the difference, and its sign is flipped. All flips are tried up to 14 recordings, 16,384 drawn
    above, where p is (1 + as large) / (1 + drawn).

    Args:
        a_sums: (R, K) per recording of the first model.
        a_counts: (R, K) of it.
        b_sums: (R, K) of the second model, the same recordings in the same order.
        b_counts: (R, K) of it.
        draws: how often the recordings are drawn for the interval.
        level: of the interval.
        seed: of draws and flips.

    Raises:
        ValueError: when the shapes differ.
    """
    if not a_sums.shape == a_counts.shape == b_sums.shape == b_counts.shape:
        raise ValueError(f"sums and counts differ in shape: {a_sums.shape}, {b_sums.shape}")
    there = (a_counts > 0).any(axis=1) & (b_counts > 0).any(axis=1)
    n = int(there.sum())
    a_sums, a_counts, b_sums, b_counts = (x[there] for x in (a_sums, a_counts, b_sums, b_counts))
    parts = _parts(a_sums, a_counts, b_sums, b_counts)
    difference = float(ratio(a_sums.sum(0), a_counts.sum(0)) - ratio(b_sums.sum(0), b_counts.sum(0)))
    low = high = np.nan
    parts = _grouped(parts[:, None])[:, 0]
    a_sums, a_counts, b_sums, b_counts = (_grouped(x) for x in (a_sums, a_counts, b_sums, b_counts))
    if n >= MIN_UNITS:
        drawn = _draw(len(a_sums), draws, seed)
        low, high = _ends(_redrawn(drawn, a_sums, a_counts) - _redrawn(drawn, b_sums, b_counts), level)
    return Paired(difference, low, high, _flip_p(parts, seed), n, n >= MIN_RANKED)


def _grouped(table: FloatArray) -> FloatArray:
    """Returns a table (R, K) with its rows added up into :data:`MOST_UNITS` groups, where there are more."""
    n = len(table)
    if n <= MOST_UNITS:
        return table
    groups = np.random.default_rng(n).permutation(n) % MOST_UNITS
    out = np.zeros((MOST_UNITS, table.shape[1]))
    np.add.at(out, groups, table)
    return out


@functools.lru_cache(maxsize=4)
def _draw(n: int, draws: int, seed: int) -> FloatArray:
    """Returns (draws, n) how often each recording was drawn; kept, as a score's figures share it."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float64)
    drawn.setflags(write=False)
    return drawn


def _redrawn(drawn: FloatArray, sums: FloatArray, counts: FloatArray) -> FloatArray:
    """Returns (draws,) the figure of each draw."""
    return np.asarray(ratio(drawn @ sums, drawn @ counts), dtype=np.float64)


def _ends(values: FloatArray, level: float) -> tuple[float, float]:
    # A draw without any value in any column has no figure: it is left out, as it would be of real data.
    tail = 50 * (1 - level)
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return float(low), float(high)


def _parts(a_sums: FloatArray, a_counts: FloatArray, b_sums: FloatArray, b_counts: FloatArray) -> FloatArray:
    """Returns (R,) what each recording adds to the difference of the two figures."""
    out = np.zeros(len(a_sums))
    for sign, sums, counts in ((1, a_sums, a_counts), (-1, b_sums, b_counts)):
        total = counts.sum(axis=0)
        used: BoolArray = total > 0
        if used.any():
            out += sign * (sums[:, used] / total[used]).mean(axis=1)
    return out


def _flip_p(parts: FloatArray, seed: int) -> float:
    """Returns the two-sided p-value of the sum of parts under sign flips."""
    n = len(parts)
    scale = float(np.abs(parts).sum())
    if scale == 0:
        return 1.0
    # Sums that are equal but for rounding count as equal.
    limit = abs(float(parts.sum())) - 1e-12 * scale
    if n <= EXACT_UNITS:
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        return float(np.mean(np.abs((1 - 2 * bits) @ parts) >= limit))
    rng = np.random.default_rng([seed, 1])
    large = 0
    for _ in range(16):
        signs = 1 - 2 * rng.integers(0, 2, (_FLIPS // 16, n), dtype=np.int8)
        large += int(np.sum(np.abs(signs @ parts) >= limit))
    return (1 + large) / (1 + _FLIPS)
