"""Reads the pickles of MANO and HO-3D without running anything that they name.

A pickle is a program. This reader lets it name only a fixed list of (module, name) pairs, and even those
stand for inert records of our own: no numpy, scipy or chumpy code sees what the file holds until its sizes
and types have been checked. Everything else is refused by name.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import pickletools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handbench.errors import HandbenchError
from handbench.hands.pickle_records import STANDINS, Refused, Resolver, object_items

_NUMERIC = {
    ("numpy", "ndarray"), ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"),
}  # fmt: skip
MANO_NAMES = frozenset(
    _NUMERIC
    | {("scipy.sparse.csc", "csc_matrix"), ("scipy.sparse._csc", "csc_matrix"),
       ("chumpy.ch", "Ch"), ("chumpy.reordering", "Select"), ("__builtin__", "set")}
)  # fmt: skip
"""What MANO's pickles name (Python 2, protocol 2)."""

HO3D_NAMES = frozenset(
    _NUMERIC
    | {("_codecs", "encode"), ("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer")}
)
"""What HO-3D's annotation pickles name, written by Python 2 or 3 at any protocol."""


def load_restricted(
    path: str | Path, allow: frozenset[tuple[str, str]] = MANO_NAMES, max_bytes: int = 100_000_000
) -> Any:
    """Reads a pickle that may name only ``allow``; arrays come back as numpy arrays, chumpy objects as well.

    Args:
        path: the pickle.
        allow: (module, name) pairs, a subset of those this module knows.
        max_bytes: a larger file is refused unread.

    Returns:
        Dictionaries, lists, tuples, strings, numbers, None and numpy arrays.

    Raises:
        HandbenchError: when the file is missing, too large, cut short, damaged, or names anything else; one
            line that names it. Nothing the file names has run.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= max_bytes else b""
    except OSError as error:
        raise HandbenchError(f"{path} cannot be read: {error.strerror or error}") from None
    if size > max_bytes:
        raise HandbenchError(f"{path}: {size} bytes, more than the {max_bytes} such a file may have")
    with _named(str(path)):
        _check_memo(data)
        return Resolver().resolve(_Reader(data, allow).load())


def load_object_array(data: bytes, where: str) -> Iterator[Any]:
    """Reads the payload of an ``.npy`` file of objects: a pickled array of dictionaries.

    It may name what HO-3D's pickles may (:data:`HO3D_NAMES`); an array of objects stands for the list of its
    items. They are given one at a time, so that millions of them need not be there twice.

    Args:
        data: the pickle.
        where: the file, for errors.

    Raises:
        HandbenchError: as :func:`load_restricted`; nothing the file names has run.
    """
    with _named(where):
        _check_memo(data)
        items = object_items(_Reader(data, HO3D_NAMES).load())
        items.reverse()
        while items:
            yield Resolver(objects=True).resolve(items.pop())


@contextlib.contextmanager
def _named(where: str) -> Iterator[None]:
    """Turns whatever a damaged or refused pickle raises into one line that names the file."""
    try:
        yield
    except HandbenchError:
        raise
    except Refused as error:
        resaved = any(name in str(error) for name in ("_codecs.encode", "_frombuffer"))
        hint = "saved again by Python 3? use the original file" if resaved else "do not trust this file"
        raise HandbenchError(f"{where}: {error}", f"nothing of it was run; {hint}") from None
    # A damaged pickle raises nearly anything (EOFError, IndexError, MemoryError, TypeError ...).
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise HandbenchError(f"{where}: not a readable pickle: {reason}", "copy the file again") from None


def _check_memo(data: bytes) -> None:
    """Refuses a memo slot beyond any honest one: the reader would reserve memory up to its number."""
    for opcode, argument, _ in pickletools.genops(data):
        if "PUT" in opcode.name and isinstance(argument, int) and argument > len(data):
            raise Refused(f"the pickle reserves memo slot {argument}, which is refused")


class _Reader(pickle.Unpickler):
    def __init__(self, data: bytes, allow: frozenset[tuple[str, str]]) -> None:
        # Python 2 strings are bytes; latin1 keeps every one of them.
        super().__init__(io.BytesIO(data), encoding="latin1")
        self._allow = allow

    def find_class(self, module: str, name: str) -> Any:
        # The exact pair decides: a dotted name is never walked, so numpy.ndarray.__class__ is unknown.
        if (module, name) not in self._allow or (module, name) not in STANDINS:
            raise Refused(f"the pickle names {module}.{name}, which is refused")
        return STANDINS[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise Refused("the pickle refers to an outside object, which is refused")
