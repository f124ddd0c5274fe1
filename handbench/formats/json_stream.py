"""JSON files of gigabytes in bounded memory: the members of outer containers, in batches of raw bytes.

A compiled scan finds where members end (strings and brackets are tracked, nothing is decoded); orjson decodes
a batch at a time and is what judges its grammar. So memory holds one batch, whatever the file's size.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import orjson
from numba import njit

from handbench.errors import HandbenchError

CHUNK = 4 << 20
MAX_ELEMENT = 64 << 20
MAX_DEPTH = 64
MAX_SMALL = 256 << 20
_MAX_WORD = 1 << 16

_BLANK = re.compile(rb"[ \t\n\r]*")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NAN = re.compile(rb"-?(NaN|Infinity)")
_NAMED = re.compile(rb'"id": ?\d+|"[\w.]+"(?=: ?\{)')
_WORD = re.compile(rb'[^\s,:"\[\]{}]+')
_RAN_OUT, _CLOSED, _TOO_DEEP = 0, 1, 2

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some members of one container that follow one another, or a single value outside of them.

    Attributes:
        keys: where the container is: keys of objects and indices of arrays, from the top.
        kind: ``list`` or ``dict``: ``body`` holds members of such a container; ``value``: it is one value.
        body: raw bytes, without the brackets; empty for an empty container.
        offset: of ``body`` in the file [bytes].
        path: the file.
    """

    keys: Keys
    kind: str
    body: bytes
    offset: int
    path: Path

    def decode(self) -> Any:
        """Returns a list, a dict or a value.

        Raises:
            HandbenchError: where the bytes are not JSON, with the file and the byte; NaN is not JSON.
        """
        head, tail = {"list": (b"[", b"]"), "dict": (b"{", b"}"), "value": (b" ", b"")}[self.kind]
        # A batch is a million small lists; the collector walks over them again and again: 4 times slower.
        collects = gc.isenabled()
        gc.disable()
        try:
            return orjson.loads(head + self.body + tail)
        except orjson.JSONDecodeError as error:
            before = self.body.decode("utf-8", "replace")[: max(error.pos - 1, 0)].encode()
            what = "NaN or Infinity is no number" if _NAN.match(self.body, len(before)) else error.msg
            last = _NAMED.findall(before[-_MAX_WORD:])
            behind = f" (behind {last[-1].decode()})" if last else ""
            fail(self.path, self.offset + len(before), what + behind)
        finally:
            if collects:
                gc.enable()


def fail(path: Path, offset: int, what: str) -> NoReturn:
    """Raises the one-line error of a damaged file.

    Raises:
        HandbenchError: always.
    """
    raise HandbenchError(f"{path}: byte {offset}: {what}", "damaged or cut short: download it again")


def read_small_json(path: Path, max_bytes: int = MAX_SMALL) -> Any:
    """Reads a JSON file whole.

    Raises:
        HandbenchError: when it is missing, larger than ``max_bytes`` or no JSON.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise HandbenchError(f"{path}: {size} bytes, more than the {max_bytes} that such a file may have")
        data = path.read_bytes()
    except OSError as error:
        raise HandbenchError(f"{path}: {error.strerror or error}", "is the download complete?") from None
    return Piece((), "value", data, 0, path).decode()


def stream_json(
    path: Path, depth: int = 1, chunk: int = CHUNK, max_element: int = MAX_ELEMENT
) -> Iterator[Piece]:
    """Gives a document in pieces, in its order.

    Args:
        path: a JSON file whose top is an object or an array.
        depth: how many containers lie above those that are cut into pieces: 0 for ``[record, ...]``, 1 for
            ``{"images": [record, ...]}`` and ``{capture: {frame: record}}``.
        chunk: how much is read at a time [bytes]; a piece has about this size.
        max_element: the most that one member may have [bytes].

    Raises:
        HandbenchError: when the file cannot be read, is cut short, is malformed, nests deeper than 64 or
            holds a larger member; with the file and the byte.
    """
    try:
        with path.open("rb", buffering=0) as file:
            window = _Window(path, file, chunk, max_element)
            yield from _container(window, (), depth)
            if not window.at_end():
                window.fail("data behind the end of the document")
    except OSError as error:
        raise HandbenchError(f"{path}: {error.strerror or error}", "is the download complete?") from None


class _Window:
    """The stretch of a file that is in memory: ``data[at]`` is the next byte to be read."""

    def __init__(self, path: Path, file: Any, chunk: int, max_element: int) -> None:
        self.path, self.file, self.chunk, self.max_element = path, file, chunk, max_element
        self.data, self.at, self.base = b"", 0, 0

    def fail(self, what: str, at: int | None = None) -> NoReturn:
        fail(self.path, self.base + (self.at if at is None else at), what)

    def more(self) -> bool:
        """Reads another chunk, drops what is behind ``at``; False at the end of the file."""
        new = self.file.read(self.chunk)
        self.data, self.base, self.at = self.data[self.at :] + new, self.base + self.at, 0
        return bool(new)

    def _cut(self) -> NoReturn:
        self.fail("the file ends inside the document", len(self.data))

    def at_end(self) -> bool:
        """Skips blanks and tells whether nothing follows."""
        while True:
            self.at = _BLANK.match(self.data, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.data):
                return False
            if not self.more():
                return True

    def peek(self) -> bytes:
        """Returns the next byte that is no blank."""
        if self.at_end():
            self._cut()
        return self.data[self.at : self.at + 1]

    def take(self, expected: bytes, what: str) -> bytes:
        """Takes the next byte, which must be one of ``expected``."""
        found = self.peek()
        if found not in expected:
            self.fail(f"expected {what}, found {found!r}")
        self.at += 1
        return found

    def word(self) -> bytes:
        """Takes a string with its quotes, or a number or a bare word."""
        pattern = _STRING if self.peek() == b'"' else _WORD
        while True:
            found = pattern.match(self.data, self.at)
            if found and (pattern is _STRING or found.end() < len(self.data)):
                self.at = found.end()
                return found.group()
            if not found and pattern is _WORD:
                self.fail(f"expected a value, found {self.data[self.at : self.at + 1]!r}")
            if len(self.data) - self.at > _MAX_WORD:
                self.fail(f"a name or value of more than {_MAX_WORD} bytes")
            if not self.more():
                self._cut()

    def units(self, keys: Keys, kind: str) -> Iterator[Piece]:
        """Gives the members of the container whose opening bracket was just taken."""
        state = np.array([1, 0, 0], dtype=np.int64)
        scanned, comma, first = self.at, -1, True
        while True:
            buffer = np.frombuffer(self.data, np.uint8)
            status, where, found = _scan(buffer, scanned, state, MAX_DEPTH)
            comma = found if found >= 0 else comma
            if status == _TOO_DEEP:
                self.fail(f"brackets nest deeper than {MAX_DEPTH}", where)
            cut = where if status == _CLOSED else comma
            if cut >= 0:
                body = self.data[self.at : cut]
                blank = _BLANK.fullmatch(body) is not None
                if blank and not (first and status == _CLOSED):
                    self.fail("a comma without a value", cut)
                yield Piece(keys, kind, b"" if blank else body, self.base + self.at, self.path)
                self.at, first, comma = cut + 1, False, -1
            if status == _CLOSED:
                closing = self.data[cut : cut + 1]
                if closing != (b"]" if kind == "list" else b"}"):
                    self.fail(f"{closing!r} closes a {kind}", cut)
                return
            scanned = len(self.data) - self.at
            if scanned > self.max_element:
                self.fail(f"a member of more than {self.max_element} bytes")
            if not self.more():
                self._cut()


def _container(window: _Window, keys: Keys, depth: int) -> Iterator[Piece]:
    opening = window.take(b"{[", "an object or a list")
    kind, closing = ("list", b"]") if opening == b"[" else ("dict", b"}")
    if depth == len(keys):
        yield from window.units(keys, kind)
        return
    if window.peek() == closing:
        window.at += 1
        yield Piece(keys, kind, b"", window.base + window.at - 1, window.path)
        return
    index = 0
    while True:
        key: str | int = index
        if kind == "dict":
            if window.peek() != b'"':
                window.fail(f"expected a name, found {window.peek()!r}")
            start, name = window.base + window.at, window.word()
            key = Piece(keys, "value", name, start, window.path).decode()
            window.take(b":", "a colon")
        if window.peek() in b"{[":
            yield from _container(window, (*keys, key), depth)
        else:
            start = window.base + window.at
            yield Piece((*keys, key), "value", window.word(), start, window.path)
        index += 1
        if window.take(b"," + closing, f"a comma or {closing.decode()}") == closing:
            return


@njit(cache=True, nogil=True)
def _scan(
    data: npt.NDArray[np.uint8], start: int, state: npt.NDArray[np.int64], max_depth: int
) -> tuple[int, int, int]:
    """Runs to the end of the data or of the container that was open at the beginning.

    Args:
        data: bytes.
        start: where to begin.
        state: (3,) open brackets (1 = the container's own), whether inside a string, whether behind a
            backslash; kept from call to call.
        max_depth: the most open brackets.

    Returns:
        What ended it, where, and the last comma between members of the container (-1: none).
    """
    depth, text, escaped = state[0], state[1], state[2]
    comma = -1
    for i in range(start, data.shape[0]):
        c = data[i]
        if text:
            if escaped:
                escaped = 0
            elif c == 92:
                escaped = 1
            elif c == 34:
                text = 0
        elif c == 34:
            text = 1
        elif c == 44:
            if depth == 1:
                comma = i
        elif c == 91 or c == 123:
            depth += 1
            if depth > max_depth:
                return _TOO_DEEP, i, comma
        elif c == 93 or c == 125:
            depth -= 1
            if depth == 0:
                return _CLOSED, i, comma
    state[0], state[1], state[2] = depth, text, escaped
    return _RAN_OUT, data.shape[0], comma
