"""References to pictures and masks inside a record of a store."""

from __future__ import annotations

from dataclasses import dataclass

from handbench.arrays import BoolArray, ImageArray
from handbench.errors import BadSampleError, CorruptError
from handbench.formats.images import decode_image
from handbench.store.record import Decode, Record


def read_stored(record: Record, name: str, where: str, decode: Decode = decode_image) -> ImageArray:
    """Returns a picture of a record; it may be read-only.

    Args:
        record: the record.
        name: of the blob.
        where: the sample's key.
        decode: how bytes are decoded, where the record has bytes.

    Raises:
        BadSampleError: when it does not decode, or cannot be composed.
    """
    try:
        return record.image(name, decode, where)
    except CorruptError as error:
        raise BadSampleError(f"{where} {name}: {error.message}", error.hint) from None


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A picture of a record.

    Attributes:
        record: the record.
        name: of the blob.
        where: the sample's key.
    """

    record: Record
    name: str
    where: str

    def read(self) -> ImageArray:
        """Returns (h, w, 3) uint8 RGB.

        Raises:
            BadSampleError: when it does not decode.
        """
        picture = read_stored(self.record, self.name, self.where)
        return picture if picture.flags.writeable else picture.copy()


@dataclass(frozen=True, slots=True)
class StoredMask:
    """A mask of a record.

    Attributes:
        record: the record.
        name: of the blob.
    """

    record: Record
    name: str

    def read(self) -> BoolArray:
        """Returns (h, w) bool."""
        mask = self.record.mask(self.name)
        return mask if mask.flags.writeable else mask.copy()
