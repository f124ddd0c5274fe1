"""A cut-out: one photographed hand with its mask, light, joints and camera, as a store keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import simplejpeg

from handbench.arrays import FloatArray, ImageArray
from handbench.errors import CorruptError
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
        hand_box: x, y, w, h [px] of ``hand`` in the stored picture.
        margin: rim round the nominal square [px].
        record: the stored record.
    """

    id: int
    side: Side
    fields: Mapping[str, Any]
    mask: npt.NDArray[np.uint8]
    hand_box: tuple[int, int, int, int]
    margin: int
    record: Record

    def picture(self) -> ImageArray:
        """Decodes the whole stored picture, (S, S, 3) uint8 RGB."""
        return _decode(self.record, "image")

    def hand(self) -> ImageArray:
        """Decodes the hand alone, (h, w, 3) uint8 RGB: its own colours continued beyond its outline."""
        return _decode(self.record, "hand")

    @property
    def hand_fields(self) -> Mapping[str, Any]:
        """Parameters, joints and camera of the hand."""
        found: Mapping[str, Any] = self.fields["hand"]
        return found


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
    x, y, w, h = (int(value) for value in fields["hand_box"])
    return Cutout(
        record.id,
        Side(fields["side"]),
        fields,
        decode_mask(record.blob("mask")).view(np.uint8),
        (x, y, w, h),
        int(fields["margin"]),
        record,
    )


def _decode(record: Record, name: str) -> ImageArray:
    try:
        return np.asarray(simplejpeg.decode_jpeg(record.blob(name), colorspace="RGB"))
    except (ValueError, KeyError) as error:
        raise CorruptError(f"cut-out {record.id}: {name} does not decode: {error}", "pack it again") from None


def hand_k(fields: Mapping[str, Any]) -> FloatArray:
    """Returns the (3, 3) intrinsics of the stored picture."""
    return np.asarray(fields["hand"]["K"], dtype=np.float64)
