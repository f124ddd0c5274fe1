"""Writes plain values as Python 2 pickled them (protocol 2), as the files of HO-3D are.

Python 3's own pickler at protocol 2 names ``_codecs.encode`` and numpy 2's private modules, which the
programs that read these files do not expect. Only dictionaries, lists, texts, numbers, None and numeric
arrays can be written; nothing here reads a pickle.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt


def dump_protocol2(value: Any) -> bytes:
    """Returns the pickle of a value.

    Args:
        value: None, bool, int (32 bits), float, ASCII text, numeric array of up to 3 axes, or lists and
            dictionaries of these.

    Raises:
        TypeError: for anything else.
    """
    parts = [b"\x80\x02"]
    _write(value, parts)
    return b"".join([*parts, b"."])


def _write(value: Any, parts: list[bytes]) -> None:
    if value is None:
        parts.append(b"N")
    elif isinstance(value, bool):
        parts.append(b"\x88" if value else b"\x89")
    elif isinstance(value, int):
        parts.append(b"J" + struct.pack("<i", value))
    elif isinstance(value, float):
        parts.append(b"G" + struct.pack(">d", value))
    elif isinstance(value, str):
        parts.append(_text(value.encode("ascii")))
    elif isinstance(value, list):
        parts.append(b"](")
        for item in value:
            _write(item, parts)
        parts.append(b"e")
    elif isinstance(value, dict):
        parts.append(b"}(")
        for key, item in value.items():
            _write(key, parts)
            _write(item, parts)
        parts.append(b"u")
    elif isinstance(value, np.ndarray):
        _write_array(value, parts)
    else:
        raise TypeError(f"cannot write a {type(value).__name__}")


def _text(data: bytes) -> bytes:
    return b"U" + bytes([len(data)]) + data if len(data) < 256 else b"T" + struct.pack("<i", len(data)) + data


_RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"


def _write_array(array: npt.NDArray[Any], parts: list[bytes]) -> None:
    """As ``numpy.ndarray.__reduce__``: an empty array, then version, shape, type, order and bytes."""
    code = f"{array.dtype.kind}{array.dtype.itemsize}"
    if array.dtype.kind not in "biuf" or not 1 <= array.ndim <= 3:
        raise TypeError(f"cannot write an array of {array.dtype} with {array.ndim} axes")
    order = b"|" if array.dtype.itemsize == 1 else b"<"
    shape = b"".join(b"J" + struct.pack("<i", n) for n in array.shape) + b"\x85\x86\x87"[array.ndim - 1 :][:1]
    kind = b"cnumpy\ndtype\n" + _text(code.encode()) + b"K\x00K\x01\x87R"
    state = b"(K\x03U\x01" + order + b"NNN" + 2 * (b"J" + struct.pack("<i", -1)) + b"K\x00tb"
    data = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    parts += [_RECONSTRUCT, b"(K\x01", shape, kind, state, b"\x89", _text(data), b"tb"]
