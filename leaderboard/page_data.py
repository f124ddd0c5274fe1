"""What the page shows, as plain values: tables of one protocol, their entries and numbers, runs."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas

from handbench.leaderboard.cells import BOOLS, FLOATS, WHOLE, absent
from handbench.leaderboard.names import ORACLES, SEES_TRUTH, UNTRAINED
from handbench.leaderboard.page_numbers import published_digits, shown_number
from handbench.leaderboard.ranking import rank
from handbench.leaderboard.results import Result
from handbench.leaderboard.schema import COLUMNS, MEASURED
from handbench.metrics.score import Curve

_TABLE = ("dataset", "split", "protocol")
_ENTRY = ("model", "variant", "kind", "train_data", "partial")
_RUN = ("model", "variant", "dataset", "split", "protocol", "provenance")
_ALL = "all"


def page_data(rows: pandas.DataFrame, results: Sequence[Result] = ()) -> dict[str, Any]:
    """Returns what the page shows, as values that JSON has.

    A table is one dataset, split and full protocol id; its columns are metrics of subsets, the whole data
    first. An entry is one line of a table: a model and variant with its training and where it is from.
    Tables of one paper share an entry where they do not contradict each other. ``parts`` of an entry gives
    its numbers by stratum (an empty name is the whole subset) and by column. Official data come before those
    that were made (``#`` in the name), and of each those with measured rows first.

    Args:
        rows: with the columns of ``schema.COLUMNS``.
        results: of measured rows, for their curves and provenance.
    """
    records = sorted(_records(rows), key=lambda row: row["kind"] != MEASURED)
    digits = published_digits(records)
    runs, places = _runs(results)
    tables: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in records:
        where = tuple(row[name] for name in _TABLE)
        names = dict(zip(_TABLE, where, strict=True))
        table = tables.setdefault(where, {**names, "columns": {}, "entries": {}})
        column = row["metric"] if row["subset"] == _ALL else f"{row['metric']} {row['subset']}"
        table["columns"].setdefault(column, _column(row))
        who = tuple(row[name] for name in (*_ENTRY, "source", "provenance"))
        entry = table["entries"].setdefault(who, _entry(row, where + who))
        run = places.get(tuple(row[name] for name in _RUN))
        if run is not None and row["kind"] == MEASURED:
            entry["run"] = run
        entry["parts"].setdefault(row["stratum"], {})[column] = shown_number(row, digits)
    for table in tables.values():
        table["columns"] = _in_order(table["columns"])
        table["entries"] = _joined(list(table["entries"].values()))
    measured = {row["dataset"] for row in records if row["kind"] == MEASURED}
    shown = sorted(
        tables.values(),
        key=lambda table: (
            "#" in table["dataset"],
            table["dataset"] not in measured,
            *(table[name] for name in _TABLE),
        ),
    )
    newest = max((row["date"] for row in records), default="")
    return {"tables": shown, "runs": runs, "rows": len(records), "newest": newest}


def _records(rows: pandas.DataFrame) -> list[dict[str, Any]]:
    """Returns the rows with their ranks as plain values; what is not known is None, or an empty text."""
    ranked = rank(rows)
    names = [*COLUMNS, "rank", "rank_note"]
    numbers = FLOATS | WHOLE | BOOLS | {"rank"}
    return [
        {str(k): _plain(v) if k in numbers else "" if absent(v) else str(v) for k, v in record.items()}
        for record in ranked[names].to_dict("records")
    ]


def _plain(value: Any) -> Any:
    """Returns a number or bool that JSON has; None for what is not known, and what is not finite."""
    if absent(value):
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    number = float(value)
    return (int(number) if number.is_integer() else number) if math.isfinite(number) else None


def _column(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "metric": row["metric"], "subset": row["subset"], "unit": row["unit"],
        "higher": bool(row["higher_is_better"]),
    }  # fmt: skip


def _in_order(columns: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Returns the columns subset by subset, the whole data first, as the rows first name them."""
    subsets = list(dict.fromkeys([_ALL, *(column["subset"] for column in columns.values())]))
    return dict(sorted(columns.items(), key=lambda item: subsets.index(item[1]["subset"])))


def _entry(row: Mapping[str, Any], identity: tuple[Any, ...]) -> dict[str, Any]:
    names = (*_ENTRY, "source", "device", "date", "provenance")
    digest = hashlib.blake2b(json.dumps(identity).encode(), digest_size=6).hexdigest()
    oracle = row["model"].split(":")[0] in ORACLES or SEES_TRUTH in str(row["remarks"])
    mark = "partial" if row["partial"] else "oracle" if oracle else ""
    if UNTRAINED in row["remarks"]:
        mark = "untrained"
    return {"id": digest, **{name: row[name] for name in names}, "mark": mark, "parts": {}}


def _joined(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Puts entries together that one paper gives in several of its tables, unless two numbers differ."""
    kept: list[dict[str, Any]] = []
    for entry in entries:
        paper, _, place = entry["source"].partition(", ")
        for other in kept:
            same = all(entry[name] == other[name] for name in _ENTRY)
            if same and entry["kind"] != MEASURED and paper == other["source"].partition(", ")[0]:
                if _contradict(entry["parts"], other["parts"]):
                    continue
                for part, numbers in entry["parts"].items():
                    other["parts"].setdefault(part, {}).update(numbers)
                other["source"] += f"; {place}" if place else ""
                break
        else:
            kept.append(entry)
    return kept


def _contradict(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return any(
        number.get("value") != other[part][column].get("value")
        for part, numbers in one.items()
        for column, number in numbers.items()
        if column in other.get(part, {})
    )


def _runs(results: Sequence[Result]) -> tuple[list[dict[str, Any]], dict[tuple[Any, ...], int]]:
    """Returns curves and provenance of each result, and which run a measured row is of."""
    runs: list[dict[str, Any]] = []
    places: dict[tuple[Any, ...], int] = {}
    for result in results:
        places.update({tuple(getattr(row, name) for name in _RUN): len(runs) for row in result.rows})
        runs.append({
            "curves": [_curve(curve) for curve in result.curves],
            "provenance": dict(result.provenance),
            "warnings": list(result.warnings),
            "notes": list(result.notes),
        })  # fmt: skip
    return runs, places


def _curve(curve: Curve) -> dict[str, Any]:
    """Returns a curve with points that no screen tells from the full ones; NaN is None."""
    points = [[_plain(float(f"{value:.4g}")) for value in axis] for axis in (curve.x, curve.y)]
    return {
        "name": curve.name,
        "x": points[0],
        "y": points[1],
        "x_unit": curve.x_unit,
        "y_unit": curve.y_unit,
    }
