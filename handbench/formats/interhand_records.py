"""Lists of JSON records to checked arrays, with errors that name file, record and field."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.errors import HandbenchError
from handbench.formats.interhand import HAND_TYPES, N_JOINTS

Array = npt.NDArray[Any]

LARGEST = 1e9
"""No length [mm], pixel or angle of this data is larger; squares of such numbers stay finite."""


class Records:
    """Records of one kind in one file.

    Args:
        path: of the file.
        records: as decoded.
        names: what each is called in errors, e.g. ``annotations id 3``; or None: by number.
        what: e.g. ``images``.
    """

    def __init__(self, path: Path, records: Sequence[Any], what: str, names: Sequence[str] | None = None):
        self.path, self.records, self.what, self.names = path, records, what, names

    def wrong(self, index: int, what: str) -> HandbenchError:
        """Returns the error of one record."""
        record = self.records[index]
        label = f"[{index}]"
        if self.names is not None:
            label = f" {self.names[index]}"
        elif isinstance(record, dict) and "id" in record:
            label = f" id {record['id']!r:.40}"
        return HandbenchError(f"{self.path}: {self.what}{label}: {what}", "the file is damaged")

    def field(self, name: str) -> list[Any]:
        """Returns a field of all records.

        Raises:
            HandbenchError: naming the first record that lacks it.
        """
        try:
            return [record[name] for record in self.records]
        except (KeyError, TypeError, IndexError):
            for i, record in enumerate(self.records):
                if not isinstance(record, dict):
                    raise self.wrong(i, f"expected an object, found {record!r:.40}") from None
                if name not in record:
                    raise self.wrong(i, f"lacks {name!r}") from None
            raise

    def integers(self, name: str, low: int = -(2**63), high: int = 2**63 - 1) -> npt.NDArray[np.int64]:
        """Returns (n,) whole numbers; digits in quotes are taken, too."""
        values = self.field(name)
        try:
            # numpy would cut 1.5 down to 1.
            if any(type(value) is float for value in values):
                raise ValueError
            found = np.array([*map(int, values)], dtype=np.int64)
        except (ValueError, TypeError, OverflowError):
            for i, value in enumerate(values):
                if type(value) not in (int, bool) and not (isinstance(value, str) and value.isdigit()):
                    raise self.wrong(i, f"{name} is {value!r:.40}, expected a whole number") from None
            raise self.wrong(0, f"{name} holds a number beyond 64 bits") from None
        for i in np.flatnonzero((found < low) | (found > high))[:1]:
            raise self.wrong(int(i), f"{name} is {found[i]}, expected {low} to {high}")
        return found

    def texts(self, name: str, limit: int = 200) -> list[str]:
        """Returns n texts of at most ``limit`` letters; a number becomes its digits."""
        values = [str(value) if type(value) is int else value for value in self.field(name)]
        for i, value in enumerate(values):
            if not isinstance(value, str) or len(value) > limit:
                raise self.wrong(i, f"{name} is {value!r:.40}, expected a text of at most {limit} letters")
        return values

    def numbers(self, name: str, *shape: int) -> npt.NDArray[np.float64]:
        """Returns (n, *shape) finite numbers."""
        return self.check(self.field(name), name, shape)

    def check(self, values: Sequence[Any], name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
        """Makes (n, *shape) finite float64 of nested lists, none beyond ``LARGEST``."""
        try:
            found = np.array(values, dtype=np.float64) if values else np.zeros((0, *shape))
        except (ValueError, TypeError):
            found = None
        if found is None or found.shape != (len(values), *shape):
            for i, value in enumerate(values):
                one = _shape(value)
                if one != shape:
                    raise self.wrong(i, f"{name} has {_words(one)}, expected {_words(shape)}")
            raise self.wrong(0, f"{name}: expected {_words(shape)} of numbers")
        sane = (np.abs(found) <= LARGEST).all(axis=tuple(range(1, found.ndim)))
        for i in np.flatnonzero(~sane)[:1]:
            raise self.wrong(int(i), f"{name} is not finite, or beyond {LARGEST:g}")
        return found

    def flags(self, name: str) -> npt.NDArray[np.bool_]:
        """Returns (n, 42) bool of 42 x [flag] or 42 x flag; a fast path over Python's lists."""
        values = self.field(name)
        try:
            flat = list(chain.from_iterable(values))
            if flat and isinstance(flat[0], list):
                flat = list(chain.from_iterable(flat))
            right = len(flat) == N_JOINTS * len(values) and all(len(one) == N_JOINTS for one in values)
            found = np.array(flat, dtype=np.float64) if right else None
        except (TypeError, ValueError):
            found = None
        if found is None or not np.isin(found, (0, 1)).all():
            for i, value in enumerate(values):
                if (one := _shape(value)) not in ((N_JOINTS, 1), (N_JOINTS,)):
                    raise self.wrong(i, f"{name} has {_words(one)}, expected {_words((N_JOINTS, 1))}")
            raise self.wrong(0, f"{name}: expected 0, 1, true or false")
        return np.asarray(found.reshape(-1, N_JOINTS) != 0)

    def hand_types(self) -> npt.NDArray[np.uint8]:
        """Returns (n,) places in ``HAND_TYPES``."""
        values = self.field("hand_type")
        try:
            return np.array([HAND_TYPES.index(value) for value in values], dtype=np.uint8)
        except ValueError:
            i = next(i for i, value in enumerate(values) if value not in HAND_TYPES)
            known = ", ".join(HAND_TYPES)
            raise self.wrong(i, f"hand_type is {values[i]!r:.40}, expected one of {known}") from None


def _shape(value: Any) -> tuple[int, ...] | None:
    """Returns the shape of nested lists of numbers, or None where they are ragged or hold other things."""
    if not isinstance(value, list):
        return () if isinstance(value, (int, float)) else None
    inner = {_shape(one) for one in value}
    if not inner:
        return (0,)
    first = inner.pop()
    return None if inner or first is None else (len(value), *first)


def _words(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "rows of different lengths, or no numbers"
    return f"shape {shape}" if shape else "one number"


def gather(parts: Sequence[dict[str, Array]]) -> dict[str, Array]:
    """Joins the arrays of batches."""
    return {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}
