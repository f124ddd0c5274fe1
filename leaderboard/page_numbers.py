"""One number of a row as the page shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from handbench.leaderboard.schema import REPORTED

DIGITS = {"%": 1, "": 3}
"""Digits behind the point of measured numbers, by unit; of other units 2."""

_MOST = 4
_KEPT = {"value": "value", "low": "ci_low", "high": "ci_high", "seeds": "seeds", "units": "n_units",
         "total": "n_total", "scored": "n_scored", "rank": "rank", "note": "rank_note",
         "remarks": "remarks"}  # fmt: skip


def published_digits(records: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """Returns digits behind the point, by source and unit of reported rows: as many as any number has there.

    A paper prints 9.0 beside 9.1, of which a CSV keeps 9.
    """
    digits: dict[tuple[str, str], int] = {}
    for row in records:
        if row["kind"] == REPORTED and row["value"] is not None:
            has = len(f"{row['value']:.{_MOST}f}".rstrip("0").partition(".")[2])
            where = row["source"], row["unit"]
            digits[where] = max(has, digits.get(where, 0))
    return digits


def shown_number(row: Mapping[str, Any], digits: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """Returns one number, as values and as texts, with what belongs to it; what is not known is left out.

    Args:
        row: a row's values by column, with ``rank`` and ``rank_note``.
        digits: of reported numbers, see :func:`published_digits`.
    """
    places = DIGITS.get(row["unit"], 2)
    if row["kind"] == REPORTED:
        places = digits.get((row["source"], row["unit"]), places)
    number = {short: row[name] for short, name in _KEPT.items()}
    value, low, high, std = (row[name] for name in ("value", "ci_low", "ci_high", "std"))
    if value is not None:
        number["text"] = f"{value:.{places}f}"
    if low is not None and high is not None:
        number["range"] = f"[{low:.{places}f}, {high:.{places}f}]"
    if std is not None:
        number["spread"] = f"{std:.{places}f}"
    return {key: value for key, value in number.items() if value not in (None, "")}
