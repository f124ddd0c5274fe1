"""Builds the board: the CSV, the Markdown and the page, of measured results and published numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from handbench.leaderboard.check import Problem, check
from handbench.leaderboard.files import write_whole
from handbench.leaderboard.lists import board_markdown
from handbench.leaderboard.results import Result, find_results, read_result
from handbench.leaderboard.table import RESULTS, read, write_csv

_NOT_REFUSED = "partial"


@dataclass(frozen=True)
class Board:
    """What was written.

    Attributes:
        csv: all rows, ``schema.COLUMNS``.
        markdown: tables by data and protocol.
        html: the page.
        rows: how many rows are on it.
        left_out: rows that the checks refuse, with why.
    """

    csv: Path
    markdown: Path
    html: Path
    rows: int
    left_out: tuple[Problem, ...]


def build(results: Path | str | Iterable[Path | str] | None = None, out: Path = Path("leaderboard")) -> Board:
    """Writes ``leaderboard.csv``, ``leaderboard.md`` and ``leaderboard.html``.

    Rows that ``check`` refuses are left off and named in the result. Rows of a part of the data stay, marked,
    and are never ranked.

    Args:
        results: what :func:`handbench.leaderboard.table.read` takes; without any: ``results``.
        out: folder to write to; it is made.

    Raises:
        HandbenchError: when something cannot be read or written.
    """
    from handbench.leaderboard.page import write_page

    paths = result_paths(results)
    frame, measured = read(paths), read_results(paths)
    problems = tuple(p for p in check(frame, measured) if p.kind != _NOT_REFUSED)
    kept = frame.drop(index=[frame.index[i] for i in {problem.index for problem in problems}])
    kept = kept.reset_index(drop=True)
    board = Board(
        out / "leaderboard.csv", out / "leaderboard.md", out / "leaderboard.html", len(kept), problems
    )
    write_csv(kept, board.csv)
    write_whole(board.markdown, board_markdown(kept).encode())
    write_page(kept, measured, board.html)
    return board


def read_results(paths: Iterable[Path | str]) -> list[Result]:
    """Returns the result folders in some folders; files are passed over."""
    return [read_result(found) for path in paths if Path(path).is_dir() for found in find_results(Path(path))]


def result_paths(results: Path | str | Iterable[Path | str] | None) -> list[Path | str]:
    """Returns the paths that were named, or the folder ``results`` where there is one."""
    if results is None:
        return [RESULTS] if RESULTS.is_dir() else []
    return [results] if isinstance(results, (str, Path)) else list(results)
