"""What a store of cut-outs contains, from its manifest: what was kept, what was not and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handbench.show.figures import keep_figure, open_pyplot
from handbench.store.manifest import Manifest

_MEASURES = (
    ("fit_mm", "error of the fit [mm]", 0.5, 8.0),
    ("agreement", "agreement with the fit", 0.05, 1.05),
    ("score", "score", 0.05, 1.05),
)
"""Name of a histogram, what it is, width of its bins, and the least end of its axis."""
_MARKS = (5, 25, 50, 75, 95)


@dataclass(frozen=True)
class CutoutStats:
    """Histograms of a store of cut-outs.

    Attributes:
        pictures: how many were looked at.
        counts: pictures by what became of them: ``good`` or the reason why not.
        faulty: how many are faulty data, not merely poor pictures.
        sides: good cut-outs by side.
        people: good cut-outs by person.
        measures: name -> lower edge of a bin -> good cut-outs.
    """

    pictures: int
    counts: Mapping[str, int]
    faulty: int
    sides: Mapping[str, int]
    people: Mapping[str, int]
    measures: Mapping[str, Mapping[float, int]]

    def lines(self) -> list[str]:
        """Returns the summary as text, a line a fact."""
        good = self.counts.get("good", 0)
        lost = {name: count for name, count in self.counts.items() if name != "good"}
        share = 100 * good / self.pictures if self.pictures else 0.0
        out = [f"{'pictures':<26} {self.pictures}, {good} good ({share:.1f} %)"]
        if lost:
            told = f"{self.faulty} of them faulty data"
            out.append(f"{'not used':<26} {_listed(lost)}; {told}")
        out.append(f"{'good by side':<26} {_listed(self.sides)}")
        if self.people:
            each = sorted(self.people.values())
            span = f"{each[0]}" if each[0] == each[-1] else f"{each[0]} to {each[-1]}"
            out.append(f"{'people':<26} {len(each)}, cut-outs of each: {span}")
        for name, words, *_ in _MEASURES:
            if self.measures.get(name):
                out.append(f"{words:<26} {_spread(self.measures[name])}")
        return out


def read_cutout_stats(manifest: Manifest) -> CutoutStats:
    """Reads the histograms of a manifest; no record is opened."""
    found = manifest.statistics
    return CutoutStats(
        manifest.num,
        found.get("cutouts", {}),
        found.get("fault", {}).get("yes", 0),
        found.get("side", {}),
        found.get("person", {}),
        {
            name: {float(edge): count for edge, count in found[name].items()}
            for name, *_ in _MEASURES
            if name in found
        },
    )


def plot_cutouts(stats: CutoutStats, path: Path) -> None:
    """Plots what became of the pictures, and how good the good ones are, into one picture.

    Raises:
        HandbenchError: when the place cannot be written.
    """
    plt = open_pyplot()
    figure, axes = plt.subplots(2, 2, figsize=(9, 6.5), layout="constrained")
    names = sorted(stats.counts, key=lambda name: stats.counts[name])
    axes[0, 0].barh(names, [stats.counts[name] for name in names], color="#f0963c")
    axes[0, 0].set_title("pictures by what became of them", loc="left", fontsize=10)
    for axis, (name, words, width, end) in zip(axes.flat[1:], _MEASURES, strict=True):
        bins = stats.measures.get(name, {})
        edges = sorted(bins)
        axis.set_xlim(0.0, max([end, *(edge + width for edge in edges)]))
        axis.bar(
            edges, [bins[edge] for edge in edges], width=width, align="edge", color="#5896e6",
            edgecolor="white",
        )  # fmt: skip
        axis.set_title(words, loc="left", fontsize=10)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    keep_figure(figure, path)


def _spread(bins: Mapping[float, int]) -> str:
    """Returns percentiles of a histogram, to the width of its bins."""
    edges = sorted(bins)
    reached = np.cumsum([bins[edge] for edge in edges])
    words = []
    for mark in _MARKS:
        place = int(np.searchsorted(reached, mark / 100 * reached[-1]))
        words.append(f"p{mark} {edges[place]:g}")
    return f"{'  '.join(words)}  (n {reached[-1]}; lower edges of bins)"


def _listed(counts: Mapping[str, int]) -> str:
    if not counts:
        return "none"
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
