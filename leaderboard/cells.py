"""One row of the board as texts of a CSV, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas

from handbench.errors import HandbenchError
from handbench.leaderboard.schema import COLUMNS, KINDS, Row

FLOATS = frozenset(("value", "std", "ci_low", "ci_high"))
WHOLE = frozenset(("seeds", "n_units", "n_total", "n_scored"))
BOOLS = frozenset(("higher_is_better", "partial"))
TEXTS = tuple(name for name in COLUMNS if name not in FLOATS | WHOLE | BOOLS)
NEEDED = ("model", "metric", "unit", "value", "kind", "dataset", "protocol")

_QUOTE = '"'
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_WORDS = {"true": True, "false": False, "": False}


def guard(text: str) -> str:
    """Returns a cell that no spreadsheet takes for a formula.

    A text that starts with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return gets ``'`` in front,
    unless it is a number. :func:`unguard` takes it away again.
    """
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def unguard(cell: str) -> str:
    """Returns the text of a cell that :func:`guard` wrote."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def quoted(cell: str) -> str:
    """Returns a cell in quotes where a reader needs them; the csv module leaves a carriage return bare."""
    return f'"{cell.replace(_QUOTE, _QUOTE * 2)}"' if any(mark in cell for mark in ',"\r\n') else cell


def to_cells(row: Mapping[str, Any]) -> list[str]:
    """Returns the cells of a row, in the order of ``COLUMNS``; what is not known is empty."""
    return [_cell(name, row[name]) for name in COLUMNS]


def from_cells(cells: Mapping[str, str], where: str) -> Row:
    """Returns the row of a CSV's cells.

    Args:
        cells: by column; columns that are not there keep their defaults.
        where: file and line, for errors.

    Raises:
        HandbenchError: for a value of the wrong type, a needed cell that is empty, or an unknown kind.
    """
    values: dict[str, Any] = {}
    for name in COLUMNS:
        text = unguard(cells.get(name, ""))
        if name in TEXTS:
            values[name] = text
        elif text or name in BOOLS:
            values[name] = _value(name, text, where)
    empty = [name for name in NEEDED if values.get(name) in (None, "")]
    if empty:
        raise HandbenchError(f"{where}: no {', '.join(empty)}", "docs/leaderboard.md lists the columns")
    if values["kind"] not in KINDS:
        raise HandbenchError(f"{where}: kind {values['kind']!r}", f"write {' or '.join(KINDS)}")
    if not values["subset"]:
        values["subset"] = "all"
    return Row(**values)


def absent(value: Any) -> bool:
    """Whether a value of a table is not known: None, NaN or pandas' NA."""
    return bool(pandas.isna(value))


def _cell(name: str, value: Any) -> str:
    if absent(value):
        return ""
    if name in FLOATS:
        return repr(float(value))
    if name in WHOLE:
        return str(int(value))
    return str(bool(value)).lower() if name in BOOLS else guard(str(value))


def _value(name: str, text: str, where: str) -> float | int | bool:
    try:
        if name in BOOLS:
            return _WORDS[text.strip().lower()]
        return int(text) if name in WHOLE else float(text)
    except (ValueError, KeyError):
        wanted = "true or false" if name in BOOLS else "a whole number" if name in WHOLE else "a number"
        raise HandbenchError(f"{where}: {name} is {text!r}", f"write {wanted}") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    # float() also takes white space around, which a spreadsheet may take for text.
    return text == text.strip()
