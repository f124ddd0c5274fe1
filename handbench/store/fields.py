"""The map of a record: msgpack with small numpy arrays written out explicitly, and no pickle."""

from __future__ import annotations

import functools
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
        msgpack bytes. An array is extension type 1: one byte with the length of its head, the head as
        msgpack (dtype as numpy writes it, e.g. ``<f8``; shape), then the values, little-endian, in C order.

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
        head = _head(value.dtype, value.shape)
        little = value if value.dtype.byteorder != ">" else value.astype(value.dtype.newbyteorder("<"))
        # What ExtType itself would check takes as long as all the rest.
        return tuple.__new__(msgpack.ExtType, (_ARRAY, head + little.tobytes()))
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a {type(value).__name__} cannot be a field")


@functools.lru_cache(maxsize=1024)
def _head(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    name = dtype.newbyteorder("<").str
    if name not in _DTYPES:
        raise TypeError(f"an array of {dtype} cannot be a field")
    head: bytes = msgpack.packb((name, shape))
    return bytes([len(head)]) + head


def _unpack(code: int, data: bytes) -> npt.NDArray[Any]:
    if code != _ARRAY or not data:
        raise ValueError(f"unknown extension type {code}")
    at = 1 + data[0]
    dtype, shape, size = _parse_head(data[1:at])
    if size != len(data) - at:
        raise ValueError(f"an array of shape {shape!r} in {len(data) - at} bytes")
    return np.ndarray(shape, dtype, data, at)


@functools.lru_cache(maxsize=1024)
def _parse_head(head: bytes) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    name, shape = msgpack.unpackb(head, use_list=False)
    if name not in _DTYPES or not all(isinstance(length, int) and length >= 0 for length in shape):
        raise ValueError(f"an array of {name!r} with shape {shape!r}")
    dtype: np.dtype[Any] = np.dtype(name)
    return dtype, shape, math.prod(shape) * dtype.itemsize
