"""One sample as bytes: a header, named blobs, a map of fields, and a checksum over all of it."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Mapping
from typing import Any

import msgpack
import numpy as np
import numpy.typing as npt
import xxhash

from handbench.arrays import BoolArray, ImageArray
from handbench.errors import BadSampleError, CorruptError
from handbench.store.fields import decode_fields, encode_fields
from handbench.store.masks import decode_mask, mask_bits

Decode = Callable[[bytes, str], ImageArray]
"""Decodes a picture: its bytes, and what it is for errors."""

MAGIC = b"HBR1"
VERSION = 1
# magic, version, zero, sample id, length of the directory, length of the map; docs/formats.md has the table.
HEADER = struct.Struct("<4sHHQII")
_CHECKSUM = struct.Struct("<Q")
_SMALLEST = HEADER.size + _CHECKSUM.size


class Record:
    """A sample read from a store: blobs and fields are decoded when they are asked for.

    Attributes:
        id: the sample's number.
        checksum: xxh3_64 of the record.
        data: the bytes of the whole record.
    """

    __slots__ = ("__dict__", "_at", "_spans", "checksum", "data", "id")

    def __init__(
        self, sample_id: int, data: bytes, checksum: int, spans: dict[str, slice], at: slice
    ) -> None:
        self.id, self.data, self.checksum = sample_id, data, checksum
        self._spans, self._at = spans, at

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the blobs, in the order they were written."""
        return tuple(self._spans)

    def blob(self, name: str) -> memoryview:
        """Returns the bytes of one blob without a copy.

        Raises:
            KeyError: when the record has no blob of this name.
        """
        if name not in self._spans:
            raise KeyError(f"record {self.id} has no {name!r}; it has {', '.join(self._spans)}")
        return memoryview(self.data)[self._spans[name]]

    def image(self, name: str, decode: Decode | None = None, where: str = "") -> ImageArray:
        """Decodes one picture.

        Args:
            name: of the blob.
            decode: how, with errors of its own; not asked by records that hold pixels instead of bytes.
            where: what the record is, for errors of ``decode``.

        Returns:
            (h, w, 3) uint8 RGB, or what ``decode`` gives; it may be read-only.

        Raises:
            KeyError: when the record has no blob of this name.
            CorruptError: when the blob is no picture.
        """
        data = bytes(self.blob(name))
        if decode is not None:
            return decode(data, f"{where} {name}")
        # Pictures need OpenCV, whose import would be most of the time that opening a store takes.
        from handbench.formats.images import decode_image

        try:
            return decode_image(data, f"{name} of sample {self.id}")
        except BadSampleError as error:
            raise CorruptError(error.message, "handbench data verify --deep") from None

    def mask(self, name: str) -> BoolArray:
        """Decodes one mask.

        Returns:
            (h, w) bool.

        Raises:
            KeyError: when the record has no blob of this name.
            CorruptError: when the blob is no mask.
        """
        return decode_mask(self.blob(name))

    def bits(self, name: str) -> tuple[npt.NDArray[np.uint8], tuple[int, int]]:
        """Returns one mask with its bits packed, as :func:`handbench.store.masks.mask_bits` does.

        Raises:
            KeyError: when the record has no blob of this name.
            CorruptError: when the blob is no mask.
        """
        return mask_bits(self.blob(name))

    @functools.cached_property
    def fields(self) -> dict[str, Any]:
        """The map of fields; its arrays are read-only.

        Raises:
            CorruptError: when the map does not decode.
        """
        return decode_fields(memoryview(self.data)[self._at])


def encode_record(
    sample_id: int, blobs: Mapping[str, bytes | memoryview], fields: Mapping[str, Any]
) -> bytes:
    """Writes one sample as bytes that name and check themselves.

    Args:
        sample_id: 0 or more.
        blobs: named binary parts (pictures, masks), kept in this order.
        fields: everything else; see ``encode_fields``.
    """
    directory = msgpack.packb([(name, len(blob)) for name, blob in blobs.items()])
    body = encode_fields(fields)
    header = HEADER.pack(MAGIC, VERSION, 0, sample_id, len(directory), len(body))
    parts = (header, directory, body, *blobs.values())
    checksum = xxhash.xxh3_64()
    for part in parts:
        checksum.update(part)
    return b"".join((*parts, _CHECKSUM.pack(checksum.intdigest())))


def record_checksum(data: bytes | memoryview) -> int:
    """Returns the checksum that a record carries in its last eight bytes."""
    return int(_CHECKSUM.unpack_from(data, len(data) - _CHECKSUM.size)[0])


def decode_record(data: bytes, expected_id: int | None = None) -> Record:
    """Checks one record and makes its parts available.

    Args:
        data: exactly the bytes of one record.
        expected_id: the sample that these bytes should be, where the caller knows it.

    Raises:
        CorruptError: when a byte differs from what was written, bytes are missing or left over, the version
            is unknown, or it is another sample; the error names the sample.
    """
    name = "a record" if expected_id is None else f"sample {expected_id}"
    if len(data) < _SMALLEST:
        raise CorruptError(f"{name} is cut short: {len(data)} bytes")
    magic, version, _, sample_id, directory_length, body_length = HEADER.unpack_from(data)
    checksum = record_checksum(data)
    if xxhash.xxh3_64_intdigest(memoryview(data)[: -_CHECKSUM.size]) != checksum:
        raise CorruptError(f"{name} differs from its checksum")
    if magic != MAGIC or version != VERSION:
        raise CorruptError(f"{name} is no record of version {VERSION}: {magic!r}, version {version}")
    if expected_id is not None and sample_id != expected_id:
        raise CorruptError(f"{name} holds the record of sample {sample_id}")
    body_at = HEADER.size + directory_length
    at = body_at + body_length
    try:
        entries = msgpack.unpackb(data[HEADER.size : body_at])
        spans: dict[str, slice] = {}
        for key, length in entries:
            if not isinstance(key, str) or not isinstance(length, int) or length < 0:
                raise ValueError(f"entry {key!r}")
            spans[key] = slice(at, at := at + length)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise CorruptError(f"the directory of sample {sample_id} does not decode: {error}") from None
    if at + _CHECKSUM.size != len(data):
        raise CorruptError(f"sample {sample_id} has {len(data)} bytes, its header says {at + _CHECKSUM.size}")
    return Record(sample_id, data, checksum, spans, slice(body_at, body_at + body_length))


def find_records(data: bytes | memoryview) -> dict[int, list[tuple[int, int]]]:
    """Finds the intact records in raw bytes, wherever they lie.

    Returns:
        sample id -> the (offset, checksum) of each intact record of it.
    """
    raw = bytes(data)
    found: dict[int, list[tuple[int, int]]] = {}
    at = raw.find(MAGIC)
    while at >= 0:
        record = _record_at(raw, at)
        if record is not None:
            found.setdefault(record.id, []).append((at, record.checksum))
        at = raw.find(MAGIC, at + (len(record.data) if record else 1))
    return found


def _record_at(raw: bytes, at: int) -> Record | None:
    try:
        _, _, _, _, directory_length, body_length = HEADER.unpack_from(raw, at)
        body_at = at + HEADER.size + directory_length
        entries = msgpack.unpackb(raw[at + HEADER.size : body_at])
        size = sum(length for _, length in entries) + body_at - at + body_length + _CHECKSUM.size
        return decode_record(raw[at : at + size])
    except (struct.error, ValueError, TypeError, RecursionError, msgpack.UnpackException, CorruptError):
        return None
