"""Sequences of texts that are made when they are asked for, not at the opening of a million samples."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from handbench.errors import HandbenchError

Array = npt.NDArray[Any]


class _Lazy(Sequence[str], abc.ABC):
    def __init__(self, length: int) -> None:
        self._length = length

    @abc.abstractmethod
    def _text(self, index: int) -> str: ...

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self._text(i) for i in range(self._length)[index]]
        return self._text(range(self._length)[index])

    def __iter__(self) -> Iterator[str]:
        return (self._text(i) for i in range(self._length))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sequence)
            and len(self) == len(other)
            and all(a == b for a, b in zip(self, other, strict=True))
        )

    def __hash__(self) -> int:
        return hash((type(self), self._length))


class NumberedKeys(_Lazy):
    """``prefix`` + number for each of (N,) numbers; finding one costs a search, not a walk."""

    def __init__(self, prefix: str, numbers: Array) -> None:
        super().__init__(len(numbers))
        self.prefix, self.numbers = prefix, numbers

    def _text(self, index: int) -> str:
        return f"{self.prefix}{self.numbers[index]}"

    @cached_property
    def _order(self) -> Array:
        return np.argsort(self.numbers, kind="stable")

    def index(self, value: str, start: int = 0, stop: int | None = None) -> int:
        """Returns where a key is.

        Raises:
            ValueError: when it is not there.
        """
        digits = value.removeprefix(self.prefix)
        if value.startswith(self.prefix) and digits.isdecimal() and len(digits) < 19:
            at = int(np.searchsorted(self.numbers, int(digits), sorter=self._order))
            place = int(self._order[at]) if at < len(self) else -1
            end = len(self) if stop is None else stop
            if start <= place < end and self._text(place) == value:
                return place
        raise ValueError(f"{value!r} is not in the list")

    def __contains__(self, value: object) -> bool:
        try:
            return isinstance(value, str) and self.index(value) >= 0
        except ValueError:
            return False


class CodedNames(_Lazy):
    """Names of a table by (N,) codes."""

    def __init__(self, codes: Array, table: Sequence[str]) -> None:
        super().__init__(len(codes))
        self.codes: Array = codes
        self.table = list(table)

    def _text(self, index: int) -> str:
        return self.table[int(self.codes[index])]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.table, dtype=dtype or np.str_)[self.codes]


def pack_columns(columns: dict[str, Array]) -> dict[str, Array | str]:
    """Returns columns for a pickle: those that are mapped from files become the files' names."""
    return {name: _file_of(column) or column for name, column in columns.items()}


def unpack_columns(packed: dict[str, Array | str]) -> dict[str, Array]:
    """Undoes :func:`pack_columns`, mapping the files again.

    Raises:
        HandbenchError: when the cache was cleared meanwhile.
    """
    try:
        return {
            name: np.asarray(np.load(column, mmap_mode="r", allow_pickle=False))
            if isinstance(column, str) else column
            for name, column in packed.items()
        }  # fmt: skip
    except (OSError, ValueError) as error:
        raise HandbenchError(f"the cache was cleared: {error}", "open the dataset again") from None


def _file_of(column: Array) -> str:
    base = column.base
    return str(base.filename) if isinstance(base, np.memmap) and base.shape == column.shape else ""
