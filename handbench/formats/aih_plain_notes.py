"""``handbench.jsonl``: what the official AIH layout has no place for, one JSON object a line.

It lies in ``AIH_render/{branch}_annot/{split}`` or ``AIH_syn/{branch}_annot/{split}``. A line has ``id``
(``r_images/<stem>`` or ``l_images/<stem>``: the picture's folder and name) and the AIH fields of the record
(docs/formats.md): arrays as nested lists, ``null`` for NaN. In ``AIH_syn`` it is about the crop of a single
hand; the fields of the other hand are null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.aih_plain import NOTES
from handbench.types import Side

_SINGLE = ("pose", "betas", "transl", "joints", "joints_2d", "box", "visibility", "visibility_causes",
           "finger_visibility")  # fmt: skip
_HEAD = b'{"id":"'


def note_id(side: Side, stem: str) -> str:
    """Returns the ``id`` of a picture about one side."""
    return f"{side.value[0]}_images/{stem}"


def write_notes(folder: Path, notes: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
    """Writes ``handbench.jsonl`` into a folder; returns the number of lines.

    Args:
        folder: of a branch and split.
        notes: (id, fields of a record).
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    with (folder / NOTES).open("wb") as file:
        for name, fields in notes:
            line = orjson.dumps({"id": name, **fields}, option=orjson.OPT_SERIALIZE_NUMPY)
            file.write(line + b"\n")
            count += 1
    return count


def index_notes(folder: Path) -> dict[str, int]:
    """Returns id -> place of its line in bytes; empty where there is no ``handbench.jsonl``.

    Raises:
        HandbenchError: when a line does not begin with its id, naming the line.
    """
    path = folder / NOTES
    if not path.is_file():
        return {}
    places: dict[str, int] = {}
    at = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            end = line.find(b'"', len(_HEAD))
            if not line.startswith(_HEAD) or end < 0:
                raise HandbenchError(
                    f"{path}: line {number} does not begin with its id", 'expected {"id":"r_images/..."'
                )
            places[line[len(_HEAD) : end].decode("utf-8", "replace")] = at
            at += len(line)
    return places


def read_note(folder: Path, place: int) -> dict[str, Any]:
    """Returns the fields of one line; the arrays of its hands are arrays again.

    Raises:
        BadSampleError: when the line is no JSON object with hands, or an array is ragged.
    """
    path = folder / NOTES
    try:
        with path.open("rb") as file:
            file.seek(place)
            fields: dict[str, Any] = orjson.loads(file.readline())
        for hand in fields["hands"].values():
            if hand is not None:
                _restore(hand)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadSampleError(f"{path}: at byte {place}: {error}", "write the tree again") from None
    return fields


def _restore(hand: dict[str, Any]) -> None:
    hand["K"] = np.array(hand["K"], dtype=np.float64)
    hand["joints_valid"] = np.array(hand["joints_valid"], dtype=np.bool_)
    for name in _SINGLE:
        if name in hand:
            hand[name] = np.array(hand[name], dtype=np.float32)
