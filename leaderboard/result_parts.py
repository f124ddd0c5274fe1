"""``result.json``: what a result folder holds, as JSON and back, with every damage named."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from handbench.arrays import FloatArray
from handbench.config import build
from handbench.errors import HandbenchError
from handbench.leaderboard.schema import KINDS, Row
from handbench.metrics.score import Curve


@dataclass(frozen=True, eq=False)
class Units:
    """What one row is a mean of: sums and counts by recording.

    Attributes:
        sums: (R, K) in the row's unit.
        counts: (R, K).
    """

    sums: FloatArray
    counts: FloatArray


@dataclass(frozen=True, eq=False)
class Parts:
    """The content of ``result.json``; the fields are those of ``results.Result``."""

    rows: list[Row]
    recordings: list[str]
    units: list[Units]
    curves: list[Curve]
    notes: list[str]
    warnings: list[str]
    provenance: Mapping[str, Any]
    official: Mapping[str, float]


def pack(schema: str, parts: Parts) -> bytes:
    """Returns the JSON; of each row's units only the recordings that it has a value in."""
    content = {
        "schema": schema,
        "rows": [row.to_dict() for row in parts.rows],
        "recordings": parts.recordings,
        "units": [_pack_units(units) for units in parts.units],
        "curves": [_pack_curve(curve) for curve in parts.curves],
        "notes": parts.notes,
        "warnings": parts.warnings,
        "official": dict(parts.official),
        "provenance": dict(parts.provenance),
    }
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_INDENT_2)


def unpack(content: Any, schema: str, path: Path) -> Parts:
    """Returns what the JSON holds.

    Raises:
        HandbenchError: naming the file and the first thing in it that is wrong.
    """
    found = content.get("schema") if isinstance(content, dict) else None
    if found != schema:
        raise HandbenchError(f"{path}: schema {found!r}, this version reads {schema!r}", "evaluate again")
    try:
        recordings = _texts(content["recordings"], "recordings")
        rows = [_unpack_row(row, i) for i, row in enumerate(_list(content["rows"], "rows"))]
        units = [_unpack_units(item, len(recordings)) for item in _list(content["units"], "units")]
        if len(units) != len(rows):
            raise ValueError(f"{len(rows)} rows, {len(units)} units")
        curves = [_unpack_curve(item) for item in _list(content["curves"], "curves")]
        if not isinstance(content["provenance"], dict) or not isinstance(content["official"], dict):
            raise ValueError("provenance and official are tables of names")
        official = {str(k): _number(v) for k, v in content["official"].items()}
        notes, warnings = (_texts(content[name], name) for name in ("notes", "warnings"))
        return Parts(rows, recordings, units, curves, notes, warnings, content["provenance"], official)
    except KeyError as error:
        raise HandbenchError(f"{path} is damaged: no {error}", "evaluate again") from None
    except (ValueError, TypeError, IndexError, HandbenchError) as error:
        raise HandbenchError(f"{path} is damaged: {error}", "evaluate again") from None


def _pack_units(units: Units) -> dict[str, Any]:
    there = np.flatnonzero((units.counts > 0).any(axis=1))
    sums, counts = units.sums[there], units.counts[there]
    return {
        "columns": int(units.sums.shape[1]), "recordings": there.tolist(),
        "sums": sums.tolist(), "counts": counts.tolist(),
    }  # fmt: skip


def _unpack_units(item: Any, n: int) -> Units:
    columns, there = int(item["columns"]), np.asarray(item["recordings"], dtype=np.int64)
    if len(there) and (there.min() < 0 or there.max() >= n):
        raise ValueError(f"a unit is of recording {there.max()}, there are {n}")
    sums, counts = np.zeros((n, columns)), np.zeros((n, columns))
    sums[there] = np.asarray(item["sums"], dtype=np.float64).reshape(len(there), columns)
    counts[there] = np.asarray(item["counts"], dtype=np.float64).reshape(len(there), columns)
    return Units(sums, counts)


def _pack_curve(curve: Curve) -> dict[str, Any]:
    return {**dataclasses.asdict(curve), "x": np.asarray(curve.x).tolist(), "y": np.asarray(curve.y).tolist()}


def _unpack_curve(item: Any) -> Curve:
    x, y = (np.array([_number(v) for v in item[axis]], dtype=np.float64) for axis in "xy")
    if len(x) != len(y):
        raise ValueError(f"curve {item['name']!r} has {len(x)} x and {len(y)} y")
    return Curve(str(item["name"]), x, y, str(item["x_unit"]), str(item["y_unit"]))


def _unpack_row(item: Any, i: int) -> Row:
    if not isinstance(item, dict):
        raise ValueError(f"row {i} is no table of names")
    row = build(Row, item, f"rows.{i}.")
    if row.kind not in KINDS or not math.isfinite(row.value):
        raise ValueError(f"row {i} has kind {row.kind!r} and value {row.value}")
    return row


def _number(value: Any) -> float:
    """Returns a number; JSON has null for NaN."""
    return math.nan if value is None else float(value)


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name} is no list")
    return value


def _texts(value: Any, name: str) -> list[str]:
    if not all(isinstance(word, str) for word in _list(value, name)):
        raise ValueError(f"{name} holds more than texts")
    return list(value)
