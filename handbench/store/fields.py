"""The map of a record: msgpack with small numpy arrays written out explicitly, and no pickle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgpack
import numpy as np
import numpy.typing as npt

from handbench.errors import CorruptError

_ARRAY = 1
_DTYPES = ("|b1", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8")


def encode_fields(fields: Mapping[str, Any]) -> bytes:
    """Writes a map of plain values and numpy arrays as msgpack.

    Args:
        fields: text keys; values are None, bool, int, float, str, bytes, numpy scalars, arrays of bool,
            integer or float type, and lists, tuples or maps of these.

    Returns:
        msgpack bytes. An array is extension type 1, holding the msgpack triple (dtype, shape, bytes) with
        dtype as numpy writes it (``<f8``), little-endian, in C order.

    Raises:
        TypeError: for any other value.
    """
    data: bytes = msgpack.packb(dict(fields), default=_pack)
    return data


def decode_fields(data: bytes | memoryview) -> dict[str, Any]:
    """Reads what ``encode_fields`` wrote; arrays are read-only, tuples come back as lists.

    Raises:
        CorruptError: when the bytes hold anything else.
    """
    try:
        fields = msgpack.unpackb(data, ext_hook=_unpack, strict_map_key=False)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError, msgpack.UnpackException) as error:
        raise CorruptError(f"a map of fields does not decode: {error or type(error).__name__}") from None
    if not isinstance(fields, dict) or not all(isinstance(key, str) for key in fields):
        raise CorruptError("a map of fields does not decode: it has no text keys")
    return fields


def _pack(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
        if array.dtype.str not in _DTYPES:
            raise TypeError(f"an array of {value.dtype} cannot be a field")
        shape = value.shape
        return msgpack.ExtType(_ARRAY, msgpack.packb((array.dtype.str, shape, array.tobytes())))
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a {type(value).__name__} cannot be a field")


def _unpack(code: int, data: bytes) -> npt.NDArray[Any]:
    if code != _ARRAY:
        raise ValueError(f"unknown extension type {code}")
    dtype, shape, content = msgpack.unpackb(data, use_list=False)
    if dtype not in _DTYPES or not all(isinstance(length, int) and length >= 0 for length in shape):
        raise ValueError(f"an array of {dtype!r} with shape {shape!r}")
    if math.prod(shape) * np.dtype(dtype).itemsize != len(content):
        raise ValueError(f"an array of shape {shape!r} in {len(content)} bytes")
    return np.frombuffer(content, dtype=dtype).reshape(shape)
