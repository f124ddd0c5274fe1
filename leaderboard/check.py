"""What keeps a row off the board: no provenance, parts of the data, wrong counts, impossible values."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas

from handbench.config import content_hash
from handbench.errors import HandbenchError
from handbench.leaderboard.catalogue import CATALOGUE, UNITS
from handbench.leaderboard.names import OFFICIAL_SAMPLES, UNTRAINED, full_name
from handbench.leaderboard.result_parts import Units
from handbench.leaderboard.results import Result
from handbench.leaderboard.schema import KINDS, MEASURED, REPORTED, Row
from handbench.leaderboard.table import rows_of
from handbench.metrics.score import ratio

PUBLISHED_ONLY: dict[str, tuple[str, ...]] = {
    "ho3d": ("root", "tips"), "dexycb": ("root", "tips"), "freihand": ("root", "tips"), "latency": ("batch",),
}  # fmt: skip
"""Protocols that only reported rows name, and their options: HO-3D of a version that is not said, data that
no protocol here is for, and times."""

_UNSTATED = "unstated"
_ROUNDING = 1e-9
_DRAWN = 0.25
"""Share of an interval's width that its ends may differ by: another NumPy may draw other recordings."""


@dataclass(frozen=True)
class Problem:
    """One reason to refuse a row.

    Attributes:
        kind: one word: ``provenance``, ``partial``, ``counts``, ``untrained``, ``metric``, ``value``,
            ``duplicate``, ``source``, ``protocol``.
        row: the row, in words.
        what: what is wrong.
        remedy: what to do about it.
        index: place of the row among those that were checked.
    """

    kind: str
    row: str
    what: str
    remedy: str
    index: int

    def __str__(self) -> str:
        return f"{self.row}: {self.what} ({self.remedy})"


def check(rows: pandas.DataFrame | Sequence[Row], results: Iterable[Result] = ()) -> list[Problem]:
    """Returns what is wrong with rows, in their order; an empty list is a board that may be published.

    Args:
        rows: of the board.
        results: the result folders of measured rows: the hash in each row must be that of the provenance
            beside it, and value, interval and recordings those of the sums and counts beside it. A measured
            row without its folder is checked for having a hash at all.
    """
    table = rows_of(rows) if isinstance(rows, pandas.DataFrame) else list(rows)
    beside: dict[Row, tuple[str, Units]] = {}
    for result in results:
        digest = _hash_of(result)
        beside |= {row: (digest, units) for row, units in zip(result.rows, result.units, strict=True)}
    found: list[Problem] = []
    first: dict[str, Row] = {}
    for i, row in enumerate(table):
        reasons = [*_kind(row), *_metric(row), *_values(row), *_counts(row), *_protocol(row)]
        reasons += _source(row) if row.kind == REPORTED else _measured(row, beside.get(row))
        other = first.setdefault(row.id, row)
        if _number(other) != _number(row):
            words = f"is {row.value:g} here and {other.value:g} before, with the same names and source"
            reasons.append(("duplicate", words, "keep one, or tell them apart by variant"))
        named = _words(row)
        found += [Problem(kind, named, what, remedy, i) for kind, what, remedy in reasons]
    return found


Reason = tuple[str, str, str]


def _kind(row: Row) -> Iterator[Reason]:
    if row.kind not in KINDS:
        yield "metric", f"kind {row.kind!r}", f"write {' or '.join(KINDS)}"


def _metric(row: Row) -> Iterator[Reason]:
    known = CATALOGUE.get(row.metric)
    if row.unit not in UNITS:
        yield "metric", f"unknown unit {row.unit!r}", f"known: {', '.join(UNITS)}"
    elif known is None and row.kind == REPORTED:
        yield "metric", f"unknown metric {row.metric!r}", f"known: {', '.join(CATALOGUE)}"
    elif known is not None and (row.unit, row.higher_is_better) != (known.unit, known.higher_is_better):
        better = "higher" if known.higher_is_better else "lower"
        yield "metric", f"{row.metric} in {row.unit!r}", f"it is in {known.unit!r}, {better} is better"


def _values(row: Row) -> Iterator[Reason]:
    low, high = UNITS.get(row.unit, (-math.inf, math.inf))
    if not low <= row.value <= high:
        yield "value", f"{row.value:g} {row.unit} is not possible", f"between {low:g} and {high:g}"
    if row.ci_low is not None and row.ci_high is not None and not row.ci_low <= row.ci_high:
        yield "value", f"interval {row.ci_low:g} to {row.ci_high:g}", "lower end first"
    if (row.std is not None and not row.std >= 0) or (row.seeds is not None and row.seeds < 1):
        yield "value", f"std {row.std}, seeds {row.seeds}", "std is 0 or more, seeds 1 or more"


def _counts(row: Row) -> Iterator[Reason]:
    if row.n_scored is not None and row.n_total is not None and row.n_scored > row.n_total:
        yield "counts", f"{row.n_scored:,} scored of {row.n_total:,}", "score it again"
    negative = [n for n in (row.n_units, row.n_total, row.n_scored) if n is not None and n < 0]
    if negative:
        yield "counts", f"a count of {negative[0]}", "score it again"
    official = OFFICIAL_SAMPLES.get((row.dataset, row.split, row.subset))
    if official and not row.stratum and not row.partial and row.kind == MEASURED and row.n_total != official:
        total = "no count" if row.n_total is None else f"{row.n_total:,} samples"
        where = " ".join(filter(None, (row.dataset, row.split, row.subset)))
        yield "counts", f"{total}, {where} has {official:,}", "score the whole official split"


def _protocol(row: Row) -> Iterator[Reason]:
    problem = protocol_problem(row.protocol, row.kind)
    if problem:
        yield "protocol", *problem


@functools.cache
def protocol_problem(text: str, kind: str) -> tuple[str, str] | None:
    """Returns what is wrong with a protocol id and the remedy, or None.

    A measured row's id must be one that the protocol itself gives. A reported row's may say ``unstated``
    for an option, leave options out, or name one of :data:`PUBLISHED_ONLY`.
    """
    from handbench.metrics.protocols import PROTOCOLS, open_protocol

    name, *words = text.split("/")
    parted = [word.partition("=") for word in words]
    if not name or not all(key and equals and value for key, equals, value in parted):
        return f"cannot read protocol id {text!r}", "write NAME/option=value/..."
    options = {key: value for key, _, value in parted}
    if kind == REPORTED and name in PUBLISHED_ONLY:
        unknown = [key for key in options if key not in PUBLISHED_ONLY[name]]
        known = ", ".join(PUBLISHED_ONLY[name])
        return (f"protocol {name} has no option {unknown[0]!r}", f"known: {known}") if unknown else None
    try:
        if kind != REPORTED:
            given = open_protocol(text).id
            return None if given == text else (f"protocol id {text!r}", f"the protocol writes {given!r}")
        fields = {field.name for field in dataclasses.fields(PROTOCOLS.get(name).options_type)}
        unknown = [key for key in options if key not in fields]
        if unknown:
            return f"protocol {name} has no option {unknown[0]!r}", f"known: {', '.join(sorted(fields))}"
        open_protocol("/".join([name, *(f"{k}={v}" for k, v in options.items() if v != _UNSTATED)]))
    except HandbenchError as error:
        return error.message, error.hint
    return None


def _source(row: Row) -> Iterator[Reason]:
    if not row.source.strip():
        yield "source", "a reported number without source", "name paper and table"


def _measured(row: Row, beside: tuple[str, Units] | None) -> Iterator[Reason]:
    if not row.provenance:
        yield "provenance", "no provenance", "write it with handbench evaluate or write_result"
    elif beside is not None and beside[0] != row.provenance:
        what = f"provenance {row.provenance}, but what lies beside it hashes to {beside[0]}"
        yield "provenance", what, "one of the two was changed: evaluate again"
    if beside is not None:
        yield from _averaged(row, beside[1])
    if row.partial:
        yield "partial", "a part of the data", "evaluate the whole split"
    if UNTRAINED in row.remarks:
        yield "untrained", "random weights", "evaluate a trained model"


def _averaged(row: Row, units: Units) -> Iterator[Reason]:
    """Gives what of a row is not what its sums and counts say."""
    from handbench.metrics.resample import interval

    again = "one of the two was changed: evaluate again"
    value = float(ratio(units.sums.sum(axis=0), units.counts.sum(axis=0)))
    if not math.isclose(row.value, value, rel_tol=_ROUNDING, abs_tol=_ROUNDING):
        yield "value", f"value {row.value:.6g}, but the sums beside it give {value:.6g}", again
        return
    recordings = int((units.counts > 0).any(axis=1).sum())
    if row.n_units != recordings:
        yield "counts", f"{row.n_units} recordings, but {recordings} have counts beside it", again
    drawn = interval(units.sums, units.counts)
    ends = [] if drawn is None or math.isnan(drawn.low) else [drawn.low, drawn.high]
    said = [end for end in (row.ci_low, row.ci_high) if end is not None]
    slack = _DRAWN * abs(ends[1] - ends[0]) + _ROUNDING * abs(value) + _ROUNDING if ends else 0.0
    if len(said) != len(ends) or not np.allclose(said, ends, rtol=0, atol=slack):
        words = [" to ".join(f"{end:.6g}" for end in pair) or "none" for pair in (said, ends)]
        yield "value", f"interval {words[0]}, but the sums beside it give {words[1]}", again


def _hash_of(result: Result) -> str:
    try:
        return content_hash(dict(result.provenance))
    except (TypeError, ValueError):
        return ""


def _number(row: Row) -> tuple[Any, ...]:
    return row.value, row.unit, row.provenance


def _words(row: Row) -> str:
    where = " ".join(filter(None, (row.dataset, row.split, row.subset, row.stratum)))
    return f"{full_name(row.model, row.variant)} {row.metric} on {where}"
