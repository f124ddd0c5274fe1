"""Sums by recording of several metrics, subsets and strata; and values pooled over joints."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from handbench.arrays import IndexArray
from handbench.metrics.score import Figure, Metric, Tally, Values


class Tallies:
    """Adds values up by recording, and gives the figures in the order in which they were first named.

    Args:
        recordings: R, how many there are.
        totals: name of a subset -> its samples.
    """

    def __init__(self, recordings: int, totals: Mapping[str, int]) -> None:
        self.recordings, self.totals = recordings, totals
        self._tallies: dict[tuple[Metric, str, str], Tally] = {}
        self._pooled: set[Metric] = set()

    def add(
        self, metric: Metric, values: Values, codes: IndexArray, subset: str = "all", stratum: str = "",
        pool: bool = False,
    ) -> None:  # fmt: skip
        """Adds rows of one figure.

        Args:
            metric: what they are; its unit is theirs.
            values: (n,) or (n, K), a column for each thing that is averaged for itself first; NaN: no value.
            codes: (n,) recording of each row.
            subset: of the figure.
            stratum: of the figure.
            pool: the mean is over all values, whatever column they are in.
        """
        if pool:
            self._pooled.add(metric)
        key = (metric, subset, stratum)
        if key not in self._tallies:
            columns = 1 if values.ndim == 1 else values.shape[1]
            self._tallies[key] = Tally(self.recordings, columns)
        if len(values):
            self._tallies[key].add(values, codes)

    def figures(self) -> Iterator[Figure]:
        """Gives all figures, in the order in which they were first named."""
        for metric, subset, stratum in list(self._tallies):
            yield self.figure(metric, subset, stratum)

    def table(self, metric: Metric, subset: str = "all", stratum: str = "") -> Figure:
        """Returns one figure with all its columns, also where it is pooled."""
        tally = self._tallies[metric, subset, stratum]
        return tally.figure(metric, subset, stratum, self.totals[subset])

    def figure(self, metric: Metric, subset: str = "all", stratum: str = "") -> Figure:
        """Returns one figure."""
        found = self.table(metric, subset, stratum)
        return pooled(found) if metric in self._pooled else found


def pooled(figure: Figure) -> Figure:
    """Returns a figure that is the mean of all its values, whatever column they are in: a micro average."""
    sums, counts = (table.sum(axis=1, keepdims=True) for table in (figure.sums, figure.counts))
    return dataclasses.replace(figure, sums=sums, counts=counts)


def column(figure: Figure, k: int, stratum: str) -> Figure:
    """Returns the figure of one column alone, where a row counts once: ``n_scored`` is what was counted."""
    sums, counts = figure.sums[:, k : k + 1], figure.counts[:, k : k + 1]
    return dataclasses.replace(figure, sums=sums, counts=counts, stratum=stratum, n_scored=int(counts.sum()))
