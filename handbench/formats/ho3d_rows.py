"""JSON lists of point sets, of up to gigabytes, in memory for the result and a block of text.

HO-3D's released ground truth and every submission to it are such lists: N rows, each W times three numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import orjson

from handbench.errors import HandbenchError

MAX_BYTES = 4 << 30
"""Larger files are refused before they are read; the official ones have up to 1.1 GB."""

_BLOCK, _ROW_LIMIT = 1 << 22, 1 << 26
_NUMERALS = b"0123456789.eE+- \t\r\n"
_ROW_END = re.compile(rb"\]\s*\]")
_LIST_END = re.compile(rb"\]\s*\]\s*\]")
_BETWEEN = re.compile(rb"\s*,\s*\[")
_REMEDY = "write it again, or download it again"


@dataclass(frozen=True, slots=True)
class Span:
    """Where the rows of a list are: inside its brackets.

    Attributes:
        path: the file.
        start: first byte.
        end: the byte behind the last.
    """

    path: Path
    start: int
    end: int


def whole_list(path: Path) -> Span:
    """Returns the rows of a file that is one list.

    Raises:
        HandbenchError: when it is missing, larger than :data:`MAX_BYTES`, or no list that is whole.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head, tail, at = _ends(file, size)
    except OSError as error:
        raise HandbenchError(f"{path}: {error.strerror or error}", _REMEDY) from None
    if size > MAX_BYTES:
        raise HandbenchError(f"{path}: {size:,} bytes", f"more than {MAX_BYTES:,}: is it the right file?")
    start = len(head) - len(head.lstrip())
    if not head.lstrip().startswith(b"[") or not tail.endswith(b"]") or size < 2:
        raise HandbenchError(f"{path}: not a JSON list that is whole", _REMEDY)
    return Span(path, start + 1, at + len(tail) - 1)


def two_lists(path: Path) -> tuple[Span, Span]:
    """Returns the rows of both lists of a file that is a list of two; either may be empty.

    Raises:
        HandbenchError: as :func:`whole_list`, and when it holds anything else.
    """
    outer = whole_list(path)
    with path.open("rb") as file:
        file.seek(outer.start)
        head = file.read(256)
        lead = len(head) - len(head.lstrip())
        first = outer.start + lead + 1
        if head[lead : lead + 1] != b"[":
            raise HandbenchError(f"{path}: not a list of two lists [joints, vertices]", _REMEDY)
        inside = head[lead + 1 :].lstrip()
        end = (
            first + head[lead + 1 :].index(b"]") if inside.startswith(b"]") else _list_end(file, first, outer)
        )
        file.seek(end + 1)
        between = _BETWEEN.match(file.read(256))
        file.seek(max(outer.end - 256, end + 1))
        tail = file.read(outer.end - file.tell()).rstrip()
    if between is None or not tail.endswith(b"]"):
        raise HandbenchError(f"{path}: not a list of two lists [joints, vertices]", _REMEDY)
    last = max(outer.end - 256, end + 1) + len(tail) - 1
    return Span(path, first, end), Span(path, end + 1 + between.end(), last)


def read_rows(
    span: Span, width: int | None, dtype: type[np.floating[Any]] = np.float64, expected: int = 1024
) -> npt.NDArray[Any]:
    """Reads the rows of a list.

    Args:
        span: where they are.
        width: points a row has; None takes what the first row has.
        dtype: of the result.
        expected: rows that there should be; other numbers are read too, with more memory.

    Returns:
        (N, width, 3).

    Raises:
        HandbenchError: when a row has another shape, or a number is not finite.
    """
    rows = np.empty((0 if width is None else expected, width or 0, 3), dtype)
    filled = 0
    for text in _texts(span):
        if width is None:
            width = _width(text)
            rows = np.empty((expected, width, 3), dtype)
        block = _block(text, width)
        if block is None or not np.isfinite(block).all():
            row, what = _fault(text, width)
            raise HandbenchError(
                f"{span.path}: row {filled + row} is {what}, expected {width} x 3 numbers", _REMEDY
            )
        if filled + len(block) > len(rows):
            more = np.empty((filled + len(block) + len(rows) // 2, width, 3), dtype)
            more[:filled] = rows[:filled]
            rows = more
        rows[filled : filled + len(block)] = block
        filled += len(block)
    return rows[:filled]


def _list_end(file: IO[bytes], start: int, outer: Span) -> int:
    """Returns the byte of the bracket that closes a list of rows that starts at ``start``."""
    at, rest = start, b""
    file.seek(start)
    while at < outer.end:
        block = rest + file.read(min(_BLOCK, outer.end - at))
        found = _LIST_END.search(block)
        if found:
            return at - len(rest) + found.end() - 1
        at += len(block) - len(rest)
        rest = block[-64:]
    raise HandbenchError(f"{outer.path}: its first list does not end", _REMEDY)


def _ends(file: IO[bytes], size: int) -> tuple[bytes, bytes, int]:
    head = file.read(256)
    at = max(0, size - 256)
    file.seek(at)
    return head, file.read().rstrip(), at


def _texts(span: Span) -> Iterator[bytes]:
    """Gives the text of whole rows, many at a time."""
    try:
        with span.path.open("rb") as file:
            file.seek(span.start)
            at, rest = span.start, b""
            while at < span.end:
                block = file.read(min(_BLOCK, span.end - at))
                if not block:
                    raise HandbenchError(f"{span.path}: shorter than when it was opened", _REMEDY)
                at += len(block)
                text = (rest + block).lstrip(b", \r\n\t")
                if at >= span.end:
                    if text.strip():
                        yield text.rstrip()
                    return
                cut = max((match.end() for match in _ROW_END.finditer(text)), default=0)
                if cut == 0 and len(text) > _ROW_LIMIT:
                    raise HandbenchError(f"{span.path}: no row ends in {len(text)} bytes", _REMEDY)
                if cut:
                    yield text[:cut]
                rest = text[cut:]
    except OSError as error:
        raise HandbenchError(f"{span.path}: {error.strerror or error}", _REMEDY) from None


def _block(text: bytes, width: int) -> npt.NDArray[np.float64] | None:
    """Returns rows (k, width, 3) of their JSON text, or None where it is anything else.

    What is left without digits tells whether the lists are nested as they should be; the numbers are then
    parsed as one flat list, in half the time of nested ones.
    """
    row = b"[" + b",".join([b"[,,]"] * width) + b"]"
    skeleton = text.translate(None, _NUMERALS)
    k = (len(skeleton) + 1) // (len(row) + 1)
    if not k or skeleton != b",".join([row] * k):
        return None
    try:
        values = orjson.loads(b"[" + text.translate(None, b"[]") + b"]")
    except orjson.JSONDecodeError:
        return None
    return np.array(values, dtype=np.float64).reshape(k, width, 3) if len(values) == k * width * 3 else None


def _width(text: bytes) -> int:
    """Returns how many points the first row has, at least one."""
    end = _ROW_END.search(text)
    row = text[: end.end()] if end else text
    return max(1, row.count(b"]") - 1)


def _fault(text: bytes, width: int) -> tuple[int, str]:
    """Returns the first row that is wrong, and what it is."""
    start, row = 0, 0
    while start < len(text):
        end = _ROW_END.search(text, start)
        part = text[start : end.end() if end else len(text)].lstrip(b", \r\n\t")
        what = _shape(part, width)
        if what or end is None:
            return row, what or "cut short"
        start, row = end.end(), row + 1
    return row, "something else"


def _shape(text: bytes, width: int) -> str:
    """Says what a row is; empty where it is as it should be."""
    words = re.search(rb"-?NaN|-?Infinity|null|true|false", text)
    if words:
        return f"not all numbers ({words[0].decode()})"
    try:
        found = np.array(orjson.loads(text), dtype=np.float64)
    except (orjson.JSONDecodeError, ValueError, TypeError):
        return "something else"
    if found.shape != (width, 3):
        return " x ".join(map(str, found.shape)) + " numbers"
    bad = np.argwhere(~np.isfinite(found))
    return f"not finite (point {bad[0][0]})" if len(bad) else ""
