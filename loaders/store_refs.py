"""References to pictures and masks inside a record of a store."""

from __future__ import annotations

from dataclasses import dataclass

from handbench.arrays import BoolArray, ImageArray
from handbench.formats.images import decode_image
from handbench.store.record import Record


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
        return decode_image(bytes(self.record.blob(self.name)), f"{self.where} {self.name}")


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
        return self.record.mask(self.name)
