"""The board as lists of models by data and protocol: Markdown, and text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas

from handbench.leaderboard.catalogue import CATALOGUE
from handbench.leaderboard.markdown import cell, markdown_table
from handbench.leaderboard.names import full_name
from handbench.leaderboard.ranking import rank
from handbench.leaderboard.schema import MEASURED, Row
from handbench.leaderboard.table import rows_of

_WIDE = 44


@dataclass(frozen=True)
class Entry:
    """One model in a list.

    Attributes:
        rows: by metric.
        rank: in the list's first metric, None where it has none.
        note: why there is no rank, or what to keep in mind.
    """

    rows: dict[str, Row]
    rank: int | None
    note: str

    @property
    def row(self) -> Row:
        """Any of its rows: they agree in all but metric and numbers."""
        return next(iter(self.rows.values()))

    @property
    def name(self) -> str:
        """The model with its variant."""
        return full_name(self.row.model, self.row.variant)


@dataclass(frozen=True)
class Listing:
    """One dataset, split, subset, stratum and protocol id.

    Attributes:
        title: the data.
        protocol: id.
        metrics: name to unit; the first orders the list. Those of measured rows come first.
        entries: best first, models without the first metric last.
    """

    title: str
    protocol: str
    metrics: dict[str, str]
    entries: tuple[Entry, ...]


def listings(frame: pandas.DataFrame) -> list[Listing]:
    """Returns the lists of a table, sorted by data and protocol."""
    ranked = rank(frame)
    places = [None if pandas.isna(place) else int(place) for place in ranked["rank"]]
    groups: dict[tuple[str, ...], list[tuple[Row, int | None, str]]] = {}
    for row, place, note in zip(rows_of(frame), places, ranked["rank_note"], strict=True):
        key = (row.dataset, row.split, row.subset, row.stratum, row.protocol)
        groups.setdefault(key, []).append((row, place, str(note)))
    return [_listing(key, groups[key]) for key in sorted(groups)]


def board_markdown(frame: pandas.DataFrame) -> str:
    """Returns the board as Markdown: a table for each dataset, split, subset and protocol id, no strata."""
    parts = [
        "# Leaderboard", "",
        "Rows rank within one table alone, by its first metric. 95 % intervals draw whole recordings again.",
    ]  # fmt: skip
    for found in listings(frame[frame["stratum"] == ""]):
        head = ["model", "rank", *(_head(found, metric) for metric in found.metrics), "kind", "source"]
        body = []
        for entry in found.entries:
            numbers = [cell(_number(entry.rows.get(metric))) for metric in found.metrics]
            body.append([cell(entry.name), _place(entry), *numbers, _kind(entry.row), cell(entry.row.source)])
        parts += ["", f"## {cell(found.title)}", "", f"Protocol {cell(found.protocol)}", ""]
        parts.append(markdown_table([cell(word) for word in head], body))
    return "\n".join(parts) + "\n"


def terminal_lines(frame: pandas.DataFrame) -> list[str]:
    """Returns the board as lines for a terminal; control characters of names are not printed."""
    lines: list[str] = []
    for found in listings(frame):
        lines += ["", _plain(f"{found.title}  {found.protocol}")]
        table = [["rank", "model", *(_head(found, metric) for metric in found.metrics), "kind", "source"]]
        for entry in found.entries:
            numbers = [_number(entry.rows.get(metric)) for metric in found.metrics]
            words = [_place(entry), entry.name, *numbers, _kind(entry.row), entry.row.source]
            table.append([_plain(word) for word in words])
        lines += _padded(table)
        notes = {entry.note for entry in found.entries if entry.note}
        lines += [f"  ({note})" for note in sorted(notes)]
    return lines[1:]


def _listing(key: tuple[str, ...], group: Sequence[tuple[Row, int | None, str]]) -> Listing:
    # A protocol gives its headline first; published numbers stand in the order of their files.
    ordered = sorted(group, key=lambda item: (item[0].kind != MEASURED, _usual(item[0])))
    metrics = {row.metric: row.unit for row, _, _ in ordered}
    lead = next(iter(metrics))
    named: dict[tuple[object, ...], list[tuple[Row, int | None, str]]] = {}
    for item in ordered:
        row = item[0]
        same = (row.model, row.variant, row.kind, row.train_data, row.source, row.partial, row.provenance)
        named.setdefault(same, []).append(item)
    entries = [_entry(items, lead) for items in named.values()]
    entries.sort(key=lambda entry: _order(entry.rows.get(lead)))
    title = " ".join(filter(None, key[:4]))
    return Listing(title, key[4], metrics, tuple(entries))


def _usual(row: Row) -> int:
    """Returns the place of a reported row's metric among the usual ones."""
    known = list(CATALOGUE)
    if row.kind == MEASURED:
        return 0
    return known.index(row.metric) if row.metric in known else len(known)


def _entry(items: Sequence[tuple[Row, int | None, str]], lead: str) -> Entry:
    rows = {row.metric: row for row, _, _ in items}
    place = next((place for row, place, _ in items if row.metric == lead), None)
    return Entry(rows, place, items[0][2])


def _order(row: Row | None) -> float:
    if row is None:
        return math.inf
    return -row.value if row.higher_is_better else row.value


def _head(found: Listing, metric: str) -> str:
    unit = found.metrics[metric]
    return f"{metric} [{unit}]" if unit else metric


def _number(row: Row | None) -> str:
    if row is None:
        return "-"
    known = row.ci_low is not None and row.ci_high is not None
    return f"{row.value:.4g}" + (f" [{row.ci_low:.4g}, {row.ci_high:.4g}]" if known else "")


def _place(entry: Entry) -> str:
    return "-" if entry.rank is None else str(entry.rank)


def _kind(row: Row) -> str:
    return row.kind + ", partial" * row.partial


def _plain(text: str) -> str:
    return "".join(mark if mark.isprintable() else " " for mark in text)


def _padded(table: Sequence[Sequence[str]]) -> list[str]:
    cut = [[word if len(word) <= _WIDE else f"{word[: _WIDE - 3]}..." for word in row] for row in table]
    wide = [max(len(row[i]) for row in cut) for i in range(len(cut[0]))]
    return ["  ".join(word.ljust(w) for word, w in zip(row, wide, strict=True)).rstrip() for row in cut]
