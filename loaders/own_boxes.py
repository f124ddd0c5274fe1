"""Where the hands are in one's own pictures: one box for all of them, or a file with a row a hand."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handbench.errors import HandbenchError
from handbench.registry import nearest
from handbench.types import Side

Box = tuple[float, float, float, float]

_SHAPE = 'write "x,y,w,h" in pixels, full, or a file.csv or file.json with a row a hand'
_FIELDS = ("x", "y", "w", "h")


@dataclass(frozen=True, slots=True)
class BoxRow:
    """One hand.

    Attributes:
        picture: file name, or number of the frame as text.
        side: which hand.
        box: x, y, w, h [px] of the picture as it is shown.
        where: of the row, for errors.
    """

    picture: str
    side: Side
    box: Box
    where: str


def one_box(text: str) -> Box | None:
    """Returns the box of a text ``x,y,w,h`` (also ``x:y:w:h``); None where the text is none.

    Raises:
        HandbenchError: for four words that are no numbers.
    """
    words = re.split(r"[,:\s]+", text.strip())
    if len(words) != 4:
        return None
    try:
        x, y, w, h = (float(word) for word in words)
    except ValueError:
        if any(letter in text for letter in "./\\"):
            return None
        raise HandbenchError(f"--boxes {text!r} holds something that is no number", _SHAPE) from None
    return (x, y, w, h)


def parse_side(text: Any, where: str) -> Side:
    """Returns a side.

    Raises:
        HandbenchError: for any other word.
    """
    for side in Side:
        if text == side.value:
            return side
    raise HandbenchError(f"{where}: side is {text!r}", "write right or left")


def read_boxes(path: Path, video: bool) -> list[BoxRow]:
    """Reads a file of boxes: CSV with a header, or JSON with a list of objects (docs/predict.md).

    Args:
        path: ``.csv`` or ``.json``.
        video: rows name a frame (``frame``), not a file (``file``).

    Raises:
        HandbenchError: naming file, row and field of what cannot be used.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise HandbenchError(f"no file of boxes {path}", _SHAPE) from None
    except (OSError, UnicodeDecodeError) as error:
        raise HandbenchError(f"{path} cannot be read: {error}", _SHAPE) from None
    kind = path.suffix.lower()
    if kind not in (".csv", ".json"):
        raise HandbenchError(f"{path} is neither .csv nor .json", _SHAPE)
    found = _json_rows(text, path) if kind == ".json" else _csv_rows(text, path)
    rows = [_row(fields, where, video) for where, fields in found]
    if not rows:
        raise HandbenchError(f"{path} holds no box", _SHAPE)
    return rows


def _csv_rows(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    wanted = ("side", *_FIELDS)
    missing = [name for name in wanted if name not in (reader.fieldnames or ())]
    if missing:
        raise HandbenchError(
            f"{path}: the first line has no column {missing[0]!r}",
            "begin with file,side,x,y,w,h (of a video frame,side,x,y,w,h)",
        )
    for fields in reader:
        yield f"{path} line {reader.line_num}", fields


def _json_rows(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    shape = 'write [{"file": "a.jpg", "side": "right", "box": [x, y, w, h]}, ...]'
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise HandbenchError(f"{path} is no JSON: {error}", shape) from None
    if not isinstance(rows, list):
        raise HandbenchError(f"{path} holds no list", shape)
    for i, fields in enumerate(rows):
        where = f"{path} entry {i}"
        if not isinstance(fields, dict):
            raise HandbenchError(f"{where} is no object", shape)
        box = fields.get("box")
        if isinstance(box, list) and len(box) == 4:
            fields = {**fields, **dict(zip(_FIELDS, box, strict=True))}
        yield where, fields


def _row(fields: Mapping[str, Any], where: str, video: bool) -> BoxRow:
    name, other = ("frame", "file") if video else ("file", "frame")
    picture = fields.get(name)
    if picture is None or picture == "":
        what = "a video's boxes name a frame" if video else "a folder's boxes name a file"
        hint = f"it has {other!r}: {what}" if fields.get(other) is not None else f"{what}: add {name!r}"
        raise HandbenchError(f"{where} has no {name!r}", hint)
    if video:
        try:
            picture = str(int(picture))
        except (TypeError, ValueError):
            raise HandbenchError(f"{where}: frame is {picture!r}", "count frames from 0") from None
    numbers = []
    for field in _FIELDS:
        value = fields.get(field)
        try:
            numbers.append(float(value))  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise HandbenchError(f"{where}: {field} is {value!r}", "give a number of pixels") from None
    x, y, w, h = numbers
    return BoxRow(str(picture), parse_side(fields.get("side"), where), (x, y, w, h), where)


def check_box(box: Box, size: tuple[int, int], where: str) -> None:
    """Refuses a box that a crop cannot be about; one that the border cuts is none of these.

    Args:
        box: x, y, w, h [px].
        size: (width, height) of its picture.
        where: what it is, for errors.

    Raises:
        HandbenchError: for a box that is not finite, has no area, or lies outside its picture.
    """
    x, y, w, h = box
    text = ",".join(f"{value:g}" for value in box)
    if not all(map(math.isfinite, box)) or w <= 0 or h <= 0:
        raise HandbenchError(f"{where}: the box {text} has no area", "w and h are above 0")
    width, height = size
    if x + w <= -0.5 or y + h <= -0.5 or x >= width - 0.5 or y >= height - 0.5:
        raise HandbenchError(
            f"{where}: the box {text} lies outside its picture of {width} x {height} pixels",
            "x,y is the left upper corner; of a turned photograph as it is shown",
        )


def by_picture(rows: Sequence[BoxRow], names: Sequence[str]) -> dict[str, list[BoxRow]]:
    """Returns the rows of each picture, in their order.

    Raises:
        HandbenchError: for a row of a picture that is not there.
    """
    found: dict[str, list[BoxRow]] = {name: [] for name in names}
    for row in rows:
        if row.picture not in found:
            hint = nearest(row.picture, list(names)) if not row.picture.isdecimal() else "count from 0"
            if len(hint) > 200:
                hint = f"there are {len(names)}, {names[0]} to {names[-1]}"
            raise HandbenchError(f"{row.where}: there is no picture {row.picture!r}", hint)
        found[row.picture].append(row)
    return found
