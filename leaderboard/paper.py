"""The papers' tables in their own shape: what was published and what was measured here, side by side."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas

from handbench.errors import HandbenchError
from handbench.leaderboard.markdown import cell, markdown_table
from handbench.leaderboard.names import UNTRAINED, base_dataset
from handbench.leaderboard.paper_layouts import PAPERS, Column, Layout, Line
from handbench.leaderboard.schema import MEASURED, REPORTED, Row
from handbench.leaderboard.table import rows_of
from handbench.registry import nearest

NOTHING = "-"
_NONE = "No registered model of this table was measured."


class _Notes:
    """Footnotes of one table; the same words are noted once."""

    def __init__(self, mark: Callable[[int], str]) -> None:
        self.mark, self.words = mark, dict[str, str]()

    def add(self, words: str) -> str:
        """Returns the mark of a note, or an empty text for no words."""
        if not words:
            return ""
        return self.words.setdefault(words, self.mark(len(self.words)))

    def lines(self) -> list[str]:
        return [f"- {mark}: {cell(words)}" for words, mark in self.words.items()]


@dataclass(frozen=True)
class _Pair:
    """What stands in one cell."""

    published: Row | None
    measured: Row | None


def paper_tables(paper: str, frame: pandas.DataFrame) -> str:
    """Returns all tables of a paper as Markdown.

    Each figure has two columns: the published one, with its remarks as numbered notes, and beside it the one
    measured here with its 95 % interval, ``-`` where there is none. A measured one is of the same model,
    variant, metric and subset; its note (a letter) says on which data and by which protocol, and whether the
    data are others than the paper's: a synthetic tree, another version. Rows of a part of the data are left
    out. Where there are several, the paper's own data come first, then the newest. A table of which nothing
    was measured has the published columns alone, and says so.

    Args:
        paper: ``ifvonet`` or ``hdr``.
        frame: with the columns of ``schema.COLUMNS``.

    Raises:
        HandbenchError: for an unknown paper.
    """
    if paper not in PAPERS:
        raise HandbenchError(f"unknown paper {paper!r}", nearest(paper, list(PAPERS)))
    rows = rows_of(frame)
    reported = [row for row in rows if row.kind == REPORTED]
    measured = [
        row for row in rows
        if row.kind == MEASURED and not row.stratum and not row.partial and UNTRAINED not in row.remarks
    ]  # fmt: skip
    return "\n\n".join(_table(layout, reported, measured) for layout in PAPERS[paper]) + "\n"


def published(layout: Layout, line: Line, column: Column, reported: Sequence[Row]) -> Row | None:
    """Returns the published row that stands in one cell of a paper's table.

    A number is entered once: in this table, in another table of the same paper, or in another paper's with a
    remark that it is also in this table.
    """
    variant = column.variant or line.variant
    named = (line.model, variant, column.datasets[0], column.subset, column.metric)
    found = [r for r in reported if (r.model, r.variant, r.dataset, r.subset, r.metric) == named]
    paper = layout.source.partition(",")[0]
    for fits in (
        lambda row: row.source == layout.source,
        lambda row: re.search(rf"also in {re.escape(layout.source)}(?!\w)", row.remarks) is not None,
        lambda row: row.source.startswith(f"{paper},"),
    ):
        chosen = [row for row in found if fits(row)]
        if chosen:
            return chosen[0]
    return None


def best_measured(line: Line, column: Column, measured: Sequence[Row]) -> Row | None:
    """Returns the measured row for one cell: the paper's own data first, then the newest."""
    if column.variant:
        variants: tuple[str, ...] = (column.variant,)
    else:
        variants = line.measured or (line.variant,)
    subsets = [column.subset, *([column.stand_in] if column.stand_in else [])]
    found = [
        row for row in measured
        if (row.model, row.metric) == (line.model, column.metric) and row.subset in subsets
        and row.variant in variants and base_dataset(row.dataset) in column.datasets
    ]  # fmt: skip

    def worth(row: Row) -> tuple[bool, int, int, str]:
        data = column.datasets.index(base_dataset(row.dataset))
        return row.dataset == column.datasets[0], -data, -variants.index(row.variant), row.date

    return max(found, key=worth, default=None)


def _table(layout: Layout, reported: Sequence[Row], measured: Sequence[Row]) -> str:
    numbers = _Notes(lambda i: f"[{i + 1}]")
    letters = _Notes(lambda i: f"[{chr(97 + i % 26) * (i // 26 + 1)}]")
    pairs = {line.label: [_pair(layout, line, column, reported, measured) for column in layout.columns]
             for line in layout.lines}  # fmt: skip
    both = any(pair.measured for line in pairs.values() for pair in line)
    heads = [column.head for column in layout.columns] + ["delta"] * bool(layout.delta_to)
    head = ["", *(text for name in heads for text in [name, f"{name} measured"][: 1 + both])]
    body = []
    for line in layout.lines:
        texts = [cell(line.label)]
        for pair, column in zip(pairs[line.label], layout.columns, strict=True):
            texts.append(_published(pair.published, layout, numbers))
            texts += [_measured(pair.measured, column, layout, letters)] * both
        if layout.delta_to:
            texts += _delta(pairs[line.label][0], pairs[layout.delta_to][0])[: 1 + both]
        body.append(texts)
    notes = [*numbers.lines(), *letters.lines()]
    parts = [f"### {layout.title}", "", markdown_table(head, body), *([""] if notes else []), *notes]
    return "\n".join([*parts, *([] if both else ["", _NONE])])


def _pair(
    layout: Layout, line: Line, column: Column, reported: Sequence[Row], measured: Sequence[Row]
) -> _Pair:
    return _Pair(published(layout, line, column, reported), best_measured(line, column, measured))


def _published(row: Row | None, layout: Layout, notes: _Notes) -> str:
    if row is None:
        return NOTHING
    marks = "".join(notes.add(words) for words in row.remarks.split("; "))
    return f"{row.value:.{layout.digits}f} {marks}".strip()


def _measured(row: Row | None, column: Column, layout: Layout, notes: _Notes) -> str:
    if row is None:
        return NOTHING
    number = f"{row.value:.{layout.digits}f}"
    if row.ci_low is not None and row.ci_high is not None:
        number += f" [{row.ci_low:.{layout.digits}f}, {row.ci_high:.{layout.digits}f}]"
    where = f"{row.dataset} {row.split}".strip()
    if row.dataset != column.datasets[0]:
        other = "synthetic or other data" if "#" in row.dataset else "another version"
        where += f" ({other}, not the paper's {column.datasets[0]})"
    where += f", subset {row.subset}" if row.subset != column.subset else ""
    samples = "" if row.n_scored is None else f", {row.n_scored:,} samples"
    trained = f", trained on {row.train_data}" if row.train_data else ""
    words = f"measured on {where}{samples}, {row.protocol}{trained}"
    words += f", as variant {row.variant}" if row.variant else ""
    return f"{number} {notes.add(words)}"


def _delta(pair: _Pair, full: _Pair) -> list[str]:
    texts = []
    for mine, base in ((pair.published, full.published), (pair.measured, full.measured)):
        comparable = mine is not None and base is not None and mine is not base
        if comparable and mine and base and (mine.dataset, mine.protocol) == (base.dataset, base.protocol):
            gap = mine.value - base.value
            texts.append(f"{gap:+.2f} ({100 * abs(gap) / base.value:.1f}%)")
        else:
            texts.append(NOTHING)
    return texts
