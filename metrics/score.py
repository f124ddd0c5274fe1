"""What scoring gives: figures with what they were averaged over, per-sample values, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from handbench.arrays import FloatArray, IndexArray

Values = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Metric:
    """Names a number.

    Attributes:
        name: with its alignment, e.g. ``PA-MPJPE``.
        unit: e.g. ``mm``, ``%``, ``px``.
        higher_is_better: the direction.
        about: what it is, one line.
    """

    name: str
    unit: str
    higher_is_better: bool = False
    about: str = ""


@dataclass(frozen=True, eq=False)
class Figure:
    """One number of a score, with what it is a mean of.

    The value is the mean over K columns (keypoints of a macro average; most have one) of sum / count, where
    sum and count are added up over recordings. So whole recordings can be drawn again for an interval.

    Attributes:
        metric: what it is.
        sums: (R, K) per recording, in the metric's unit.
        counts: (R, K) how many values were added.
        subset: the part of the data that the protocol names: ``all``, ``SH`` ...
        stratum: a finer part, e.g. ``occlusion 0.3-0.5`` or ``joint index2``; empty for the whole subset.
        n_total: samples of the subset.
        n_scored: samples that entered.
    """

    metric: Metric
    sums: FloatArray
    counts: FloatArray
    subset: str = "all"
    stratum: str = ""
    n_total: int = 0
    n_scored: int = 0

    @cached_property
    def value(self) -> float:
        """The number; NaN where nothing was counted."""
        return float(ratio(self.sums.sum(axis=0), self.counts.sum(axis=0)))

    @property
    def n_units(self) -> int:
        """Recordings that entered."""
        return int((self.counts > 0).any(axis=1).sum())


@dataclass(frozen=True)
class Curve:
    """A curve of a score, e.g. a PCK curve.

    Attributes:
        name: e.g. ``PA-PCK joints``.
        x: (n,) in ``x_unit``.
        y: (n,) in ``y_unit``.
        x_unit: e.g. ``mm``.
        y_unit: e.g. ``%``.
    """

    name: str
    x: FloatArray
    y: FloatArray
    x_unit: str = "mm"
    y_unit: str = "%"


@dataclass(frozen=True, eq=False)
class Score:
    """All that a protocol says of one prediction file.

    Attributes:
        protocol: full id, with the options as resolved, e.g. ``ho3d_v2/root=gt/tips=ho3d``.
        version: of the protocol.
        figures: the numbers; the first are the protocol's headline.
        recordings: (R,) names of the units that figures are summed over.
        keys: (N,) of the samples.
        samples: per-sample columns (N,) for analysis; the name carries the unit: ``PA-MPJPE [mm]``.
        curves: PCK and the like.
        n_total: samples of the data.
        n_scored: samples that were scored.
        partial: the data, or the predictions, are a part of the official split.
        notes: what was resolved, in words.
        warnings: what a reader should know, in words.
        official: numbers under the official script's own key names, where there is one.
    """

    protocol: str
    version: int
    figures: Sequence[Figure]
    recordings: Sequence[str]
    keys: Sequence[str]
    samples: Mapping[str, Values] = field(default_factory=dict)
    curves: Sequence[Curve] = ()
    n_total: int = 0
    n_scored: int = 0
    partial: bool = False
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()
    official: Mapping[str, float] = field(default_factory=dict)

    def value(self, metric: str, subset: str = "all", stratum: str = "") -> float:
        """Returns one number by name.

        Raises:
            KeyError: when there is none.
        """
        for figure in self.figures:
            if (figure.metric.name, figure.subset, figure.stratum) == (metric, subset, stratum):
                return figure.value
        raise KeyError(f"{metric} of {subset} {stratum}".strip())


def ratio(sums: Values, counts: Values) -> Values:
    """Returns the mean over the last axis of sums / counts, NaN columns left out; NaN where all are empty.

    Args:
        sums: (..., K).
        counts: (..., K).
    """
    there = counts > 0
    each = np.where(there, sums / np.where(there, counts, 1), 0.0)
    number = there.sum(axis=-1)
    mean: Values = np.where(number > 0, each.sum(axis=-1) / np.maximum(number, 1), np.nan)
    return mean


class Tally:
    """Adds values up by recording; a NaN is not counted.

    Args:
        recordings: R, how many there are.
        columns: K, columns that are averaged for themselves first (keypoints of a macro average).
    """

    def __init__(self, recordings: int, columns: int = 1) -> None:
        self.sums = np.zeros((recordings, columns))
        self.counts = np.zeros((recordings, columns))
        self.rows = 0

    def add(self, values: Values, codes: IndexArray) -> None:
        """Adds rows.

        Args:
            values: (n,) or (n, K); NaN where a row has none.
            codes: (n,) recording of each row.
        """
        table = values.reshape(len(values), -1)
        self.rows += int(_add(self.sums, self.counts, table, codes))

    def figure(self, metric: Metric, subset: str = "all", stratum: str = "", n_total: int = 0) -> Figure:
        """Returns the figure of what was added; ``n_scored`` counts rows that had any value."""
        return Figure(metric, self.sums, self.counts, subset, stratum, n_total, self.rows)


@njit(cache=True, nogil=True)
def _add(sums: FloatArray, counts: FloatArray, table: Values, codes: IndexArray) -> int:
    rows = 0
    for i in range(table.shape[0]):
        any_value = False
        for k in range(table.shape[1]):
            value = table[i, k]
            if not np.isnan(value):
                sums[codes[i], k] += value
                counts[codes[i], k] += 1
                any_value = True
        rows += any_value
    return rows


def unit_codes(recordings: Sequence[str]) -> tuple[list[str], IndexArray]:
    """Returns the names of the recordings and the number of each sample's; in order of first appearance."""
    names: dict[str, int] = {}
    codes = np.fromiter(
        (names.setdefault(name, len(names)) for name in recordings), np.int64, len(recordings)
    )
    return list(names), codes
