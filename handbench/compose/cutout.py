"""A cut-out: one photographed hand with its mask, light, joints and camera, as a store keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import simplejpeg

from handbench.arrays import ImageArray
from handbench.errors import CorruptError
from handbench.store.fields import decode_fields
from handbench.store.masks import decode_mask
from handbench.store.record import Record
from handbench.types import Side

SCHEMA = "cutouts/1"
NOMINAL = 256
"""Side of a cut-out's nominal square [px]: what AIH calls a crop of one hand."""


@dataclass(frozen=True, slots=True)
class Cutout:
    """One hand of a store of cut-outs, decoded.

    Attributes:
        id: its number in the store.
        side: which hand.
        fields: as docs/formats.md lists them; arrays in the stored picture's pixels.
        mask: (S, S) uint8 0 or 1, the whole hand.
        arm: (S, S) uint8, what is seen of its forearm; None where none was found.
        hand_box: x, y, w, h [px] of the hand in the stored picture.
        paste_box: x, y, w, h [px] of ``hand()`` in the stored picture: of the hand and its forearm.
        margin: rim round the nominal square [px].
        record: the stored record.
    """

    id: int
    side: Side
    fields: Mapping[str, Any]
    mask: npt.NDArray[np.uint8]
    arm: npt.NDArray[np.uint8] | None
    hand_box: tuple[int, int, int, int]
    paste_box: tuple[int, int, int, int]
    margin: int
    record: Record

    def picture(self) -> ImageArray:
        """Decodes the whole stored picture, (S, S, 4) uint8 RGB and 255."""
        return _decode(self.record, "image")

    def hand(self) -> ImageArray:
        """Decodes hand and forearm, (h, w, 4) uint8 RGB and 255: their colours go on beyond their outline."""
        return _decode(self.record, "hand")

    def annotation(self) -> dict[str, Any]:
        """Decodes parameters, joints and camera of the hand; pictures do without them."""
        return decode_fields(self.record.blob("annotation"))


def cutout_of(record: Record) -> Cutout:
    """Opens the record of a cut-out; pictures are decoded when they are asked for.

    Raises:
        CorruptError: when it is a rejected one, or no cut-out.
    """
    fields = record.fields
    if "bad" in fields or "hand_box" not in fields:
        raise CorruptError(
            f"cut-out {record.id} cannot be pasted: {fields.get('bad', 'it is no cut-out')}",
            "are the cut-outs those that the samples were made from?",
        )
    return Cutout(
        record.id,
        Side(fields["side"]),
        fields,
        decode_mask(record.blob("mask")).view(np.uint8),
        decode_mask(record.blob("arm")).view(np.uint8) if fields["arm"] else None,
        _box(fields["hand_box"]),
        _box(fields["paste_box"]),
        int(fields["margin"]),
        record,
    )


def _box(values: Sequence[int]) -> tuple[int, int, int, int]:
    x, y, w, h = (int(value) for value in values)
    return x, y, w, h


def _decode(record: Record, name: str) -> ImageArray:
    try:
        return np.asarray(simplejpeg.decode_jpeg(record.blob(name), colorspace="RGBA"))
    except (ValueError, KeyError) as error:
        raise CorruptError(f"cut-out {record.id}: {name} does not decode: {error}", "pack it again") from None
