"""Two measured results against each other, paired on the recordings that both have."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handbench.arrays import IndexArray
from handbench.errors import HandbenchError
from handbench.leaderboard.names import full_name
from handbench.leaderboard.result_parts import Units
from handbench.leaderboard.results import Result, read_result
from handbench.leaderboard.schema import Row
from handbench.metrics.resample import MIN_RANKED, Paired, paired
from handbench.metrics.score import ratio
from handbench.registry import nearest

LEVEL = 0.05
"""A difference is called one below this p."""


@dataclass(frozen=True)
class Line:
    """One metric of one part of the data.

    Attributes:
        metric: its name.
        unit: of the values.
        part: the stratum, or the subset where there is none.
        a: value of the first on the common recordings.
        b: value of the second.
        result: the paired difference, first minus second.
        higher_is_better: the direction.
    """

    metric: str
    unit: str
    part: str
    a: float
    b: float
    result: Paired
    higher_is_better: bool

    @property
    def verdict(self) -> str:
        """``A``, ``B``, ``no difference``, or ``not resolvable`` below 10 common recordings."""
        if not self.result.resolvable:
            return "not resolvable"
        if not self.result.p < LEVEL:
            return "no difference"
        return "A" if (self.result.difference > 0) == self.higher_is_better else "B"


@dataclass(frozen=True)
class Comparison:
    """Two results on the same data by the same protocol.

    Attributes:
        a: name of the first.
        b: name of the second.
        dataset: name on the board.
        protocol: id of both.
        common: recordings that both have.
        only_a: recordings of the first alone.
        only_b: recordings of the second alone.
        lines: a metric and part each.
    """

    a: str
    b: str
    dataset: str
    protocol: str
    common: int
    only_a: int
    only_b: int
    lines: tuple[Line, ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values; of each line its verdict too."""
        lines = [{**dataclasses.asdict(line), "verdict": line.verdict} for line in self.lines]
        return {**dataclasses.asdict(self), "lines": lines}

    def words(self) -> list[str]:
        """Returns the comparison as text, a line each."""
        out = [f"A = {self.a}", f"B = {self.b}", f"{self.dataset}, {self.protocol}"]
        left = f" ({self.only_a} of A alone and {self.only_b} of B alone left out)"
        out.append(f"paired on {self.common} common recordings" + left * bool(self.only_a or self.only_b))
        wide = max((len(line.part) for line in self.lines), default=0)
        for line in self.lines:
            unit = f" [{line.unit}]" if line.unit else ""
            pair = f"A {line.a:8.3f}  B {line.b:8.3f}"
            out.append(f"{line.metric + unit:<16} {line.part:<{wide}}  {pair}  A-B {_shown(line)}")
        return out


def compare(
    a: Path | Result, b: Path | Result, metric: str = "", subset: str = "all", by: str = ""
) -> Comparison:
    """Compares two results.

    Args:
        a: the first, or its folder.
        b: the second.
        metric: one metric; empty: all that both have.
        subset: the part of the data that the protocol names.
        by: first word of the strata, e.g. ``occlusion``: a line for each; empty: the whole subset.

    Where the two were scored on other parts of the same data, only recordings count in which both have as
    many values.

    Raises:
        HandbenchError: when data or protocol ids differ, there is no common recording, or no such metric,
            subset or stratum in both.
    """
    first, second = (x if isinstance(x, Result) else read_result(x) for x in (a, b))
    _same_ground(first, second)
    places = {name: i for i, name in enumerate(second.recordings)}
    pairs = [(i, places[name]) for i, name in enumerate(first.recordings) if name in places]
    if not pairs:
        raise HandbenchError(
            f"{first.folder} and {second.folder} have no common recording", "score the same data"
        )
    rows = np.array(pairs).T
    lines = tuple(_lines(first, second, rows, (metric, subset, by)))
    if not lines:
        raise HandbenchError(_nothing(first, second, metric, subset, by), _known(first, subset, by))
    names = [full_name(x.rows[0].model, x.rows[0].variant) for x in (first, second)]
    return Comparison(
        names[0], names[1], first.rows[0].dataset, first.rows[0].protocol, len(pairs),
        len(first.recordings) - len(pairs), len(second.recordings) - len(pairs), lines,
    )  # fmt: skip


def _same_ground(a: Result, b: Result) -> None:
    for result in (a, b):
        if not result.rows:
            raise HandbenchError(f"{result.folder} has no rows", "evaluate again")
    versions = [(x.rows[0].protocol, x.provenance.get("protocol_version")) for x in (a, b)]
    if versions[0] != versions[1]:
        words = " and ".join(f"{name} (version {version})" for name, version in versions)
        raise HandbenchError(f"protocols differ: {words}", _remedy(versions[0][0], versions[1][0]))
    data = [(x.rows[0].dataset.partition("#")[0], x.rows[0].split) for x in (a, b)]
    prints = [x.provenance.get("data_fingerprint") for x in (a, b)]
    if data[0] != data[1] or prints[0] != prints[1]:
        words = " and ".join(f"{x.rows[0].dataset} {x.rows[0].split}" for x in (a, b))
        raise HandbenchError(f"data differ: {words}", "score both on the same data")


def _remedy(a: str, b: str) -> str:
    """Says by which protocol id two results of other ids can both be scored.

    Predictions of every kind can be put on the true root. HO-3D turns meshes into its own fingertips;
    elsewhere a file that states none takes those of the other, and two other sets have no id in common.
    """
    if a == b:
        return "score both again with this version"
    (name, *first), (other, *second) = (text.split("/") for text in (a, b))
    options, others = (dict(word.partition("=")[::2] for word in words) for words in (first, second))
    common = {**others, **options}
    differ = {key for key in common if options.get(key) != others.get(key)}
    stated = {x["tips"] for x in (options, others) if x.get("tips", "unstated") != "unstated"}
    common |= {"root": "gt"} if "root" in differ else {}
    if "tips" in differ and (name.startswith("ho3d") or len(stated) == 1):
        common["tips"] = "ho3d" if name.startswith("ho3d") else next(iter(stated))
    elif "tips" in differ or name != other:
        return "score both with the same --protocol"
    return f"score both with --protocol {'/'.join([name, *(f'{k}={v}' for k, v in common.items())])}"


def _lines(a: Result, b: Result, rows: IndexArray, what: tuple[str, str, str]) -> Iterator[Line]:
    metric, subset, by = what
    strict = a.rows[0].dataset != b.rows[0].dataset
    there = {(row.metric, row.subset, row.stratum): units for row, units in zip(b.rows, b.units, strict=True)}
    for row, units in zip(a.rows, a.units, strict=True):
        other = there.get((row.metric, row.subset, row.stratum))
        if other is None or row.subset != subset or (metric and row.metric != metric):
            continue
        if bool(row.stratum) != bool(by) or (by and row.stratum.partition(" ")[0] != by):
            continue
        yield _line(row, units, other, rows, strict)


def _line(row: Row, a: Units, b: Units, rows: IndexArray, strict: bool) -> Line:
    """Compares one figure; ``strict``: only recordings of which both have as many values."""
    a_counts, b_counts = a.counts[rows[0]], b.counts[rows[1]]
    both = (a_counts > 0).any(axis=1) & (b_counts > 0).any(axis=1)
    if strict:
        both &= (a_counts == b_counts).all(axis=1)
    kept = [a.sums[rows[0]][both], a_counts[both], b.sums[rows[1]][both], b_counts[both]]
    values = [float(ratio(kept[i].sum(axis=0), kept[i + 1].sum(axis=0))) for i in (0, 2)]
    part = row.stratum or row.subset
    return Line(row.metric, row.unit, part, values[0], values[1], paired(*kept), row.higher_is_better)


def _shown(line: Line) -> str:
    found = line.result
    ends = "" if math.isnan(found.low) else f" [{found.low:+.3g}, {found.high:+.3g}]"
    if not found.resolvable:
        few = f"not resolvable: {found.n_units} recordings, {MIN_RANKED} are needed"
        return f"{found.difference:+.3g}{ends}  {few}"
    better = {"A": "A is better", "B": "B is better"}.get(line.verdict, line.verdict)
    return f"{found.difference:+.3g}{ends}  p = {found.p:.2g}, {found.n_units} recordings: {better}"


def _nothing(a: Result, b: Result, metric: str, subset: str, by: str) -> str:
    what = f"metric {metric}" if metric else "metric"
    part = f"subset {subset}" + (f" by {by}" if by else "")
    return f"no {what} of {part} in both {a.folder} and {b.folder}"


def _known(a: Result, subset: str, by: str) -> str:
    if by:
        return nearest(by, sorted({row.stratum.partition(" ")[0] for row in a.rows if row.stratum}))
    subsets = sorted({row.subset for row in a.rows})
    if subset not in subsets:
        return nearest(subset, subsets)
    return f"metrics: {', '.join(sorted({row.metric for row in a.rows}))}"
