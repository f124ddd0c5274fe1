"""Histograms that add up: of a sample, a shard, a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Statistics: TypeAlias = Mapping[str, Mapping[str, int]]
"""Histogram name -> bin -> count. Counts are whole numbers, so the sum does not depend on the order."""


class Tally:
    """Adds up histograms."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, int]] = {}

    def add(self, statistics: Statistics) -> None:
        """Adds the counts of one sample or shard."""
        for name, bins in statistics.items():
            sums = self._counts.setdefault(name, {})
            for label, count in bins.items():
                sums[label] = sums.get(label, 0) + count

    def result(self) -> dict[str, dict[str, int]]:
        """Returns the sums with names and bins sorted as text."""
        return {name: dict(sorted(bins.items())) for name, bins in sorted(self._counts.items())}


def bin_label(value: float, width: float) -> str:
    """Names the bin of a value by its lower edge, zero-padded so that labels sort as text.

    Args:
        value: 0 or more.
        width: the bins' width; its own decimals give the label's decimals (0.05 gives ``0.35``).
    """
    text = f"{width:.10f}".rstrip("0").rstrip(".")
    decimals = len(text.partition(".")[2])
    # A value on an edge belongs to the bin that begins there, whatever the last bit of the quotient.
    index = int(value / width + 1e-9)
    return f"{index * width:.{decimals}f}"
