"""The board as one table: read from CSV, from result folders and from the package's reported rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, cast

import pandas

from handbench.errors import HandbenchError
from handbench.leaderboard.cells import BOOLS, FLOATS, WHOLE, from_cells, quoted, to_cells
from handbench.leaderboard.files import write_whole
from handbench.leaderboard.results import RESULT, find_results, read_result
from handbench.leaderboard.schema import COLUMNS, Row

RESULTS = Path("results")
"""The folder that is read where none is named."""


def read(
    paths: Path | str | Iterable[Path | str] | None = None, *, reported: bool = True
) -> pandas.DataFrame:
    """Returns rows as a table, one a number, with the columns of ``schema.COLUMNS``.

    Args:
        paths: board CSVs, result folders, or folders that hold either at any depth. Without any: ``results``
            where it is there.
        reported: also the published numbers that come with the package.

    Returns:
        text, ``bool``, ``float64`` and ``Int64`` columns; a row that is there twice with every column equal
        is there once.

    Raises:
        HandbenchError: when a path is not there, or a file is damaged (naming file and line).
    """
    if paths is None:
        paths = [RESULTS] if RESULTS.is_dir() else []
    elif isinstance(paths, (str, Path)):
        paths = [paths]
    rows: dict[Row, None] = dict.fromkeys(reported_rows()) if reported else {}
    for path in paths:
        rows.update(dict.fromkeys(_rows_of(Path(path))))
    return frame_of(list(rows))


def frame_of(rows: Sequence[Row]) -> pandas.DataFrame:
    """Returns rows as a table with the columns of ``schema.COLUMNS`` and proper types."""
    columns: dict[str, Any] = {}
    for name in COLUMNS:
        values = [getattr(row, name) for row in rows]
        kind = (
            "bool" if name in BOOLS else "float64" if name in FLOATS else "Int64" if name in WHOLE else "str"
        )
        columns[name] = pandas.Series(values, dtype=cast(Any, kind))
    return pandas.DataFrame(columns, columns=list(COLUMNS))


def rows_of(frame: pandas.DataFrame) -> list[Row]:
    """Returns the rows of a table.

    Raises:
        HandbenchError: when a column is missing, or a value has the wrong type.
    """
    rows = []
    for i, record in enumerate(_records(frame)):
        rows.append(from_cells(dict(zip(COLUMNS, to_cells(record), strict=True)), f"row {i}"))
    return rows


def write_csv(frame: pandas.DataFrame, path: Path) -> None:
    """Writes a table as CSV, whole or not at all.

    Texts that a spreadsheet would take for a formula get ``'`` in front (``cells.guard``); :func:`read`
    takes it away again.

    Raises:
        HandbenchError: when it cannot be written there.
    """
    lines = [list(COLUMNS), *(to_cells(record) for record in _records(frame))]
    text = "".join(",".join(map(quoted, line)) + "\n" for line in lines)
    write_whole(path, text.encode())


def reported_rows() -> list[Row]:
    """Returns the published numbers that come with the package, file by file."""
    folder = resources.files("handbench.leaderboard").joinpath("reported")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".csv"))
    return [
        row for name in names for row in _parse(folder.joinpath(name).read_text("utf-8"), f"reported/{name}")
    ]


def _rows_of(path: Path) -> Iterator[Row]:
    if path.is_dir():
        for result in find_results(path):
            yield from read_result(result).rows
        for file in sorted(path.rglob("*.csv")):
            if not (file.parent / RESULT).exists():
                yield from _read_csv(file)
    elif path.is_file():
        yield from _read_csv(path)
    else:
        raise HandbenchError(f"no file or folder {path}", "check the path")


def _read_csv(path: Path) -> list[Row]:
    try:
        return _parse(path.read_bytes().decode("utf-8-sig"), str(path))
    except UnicodeDecodeError:
        raise HandbenchError(f"{path} is not UTF-8 text", "write the board again") from None


def _parse(text: str, where: str) -> list[Row]:
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        header = next(lines, [])
        unknown = [name for name in header if name not in COLUMNS]
        if unknown or "value" not in header:
            what = f"unknown column {unknown[0]!r}" if unknown else "no column 'value'"
            raise HandbenchError(f"{where}: {what}", "docs/leaderboard.md lists the columns")
        rows = []
        for cells in lines:
            at = f"{where} line {lines.line_num}"
            if len(cells) != len(header):
                raise HandbenchError(f"{at}: {len(cells)} cells, the header has {len(header)}")
            rows.append(from_cells(dict(zip(header, cells, strict=True)), at))
        return rows
    except csv.Error as error:
        raise HandbenchError(f"{where} line {lines.line_num}: {error}") from None


def _records(frame: pandas.DataFrame) -> list[dict[str, Any]]:
    lost = [name for name in COLUMNS if name not in frame.columns]
    if lost:
        raise HandbenchError(f"the table has no column {', '.join(lost)}", "make it with leaderboard.read()")
    return cast(list[dict[str, Any]], frame.loc[:, list(COLUMNS)].to_dict("records"))
