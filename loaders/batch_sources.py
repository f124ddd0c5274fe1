"""Where batches get pictures and labels from: any dataset by its samples, stored records directly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.datasets import Dataset
from handbench.errors import BadSampleError
from handbench.loaders.batch_labels import SIDES, LabelRows, fill_sample
from handbench.loaders.batch_pictures import Picture, decode_fast, read_picture
from handbench.loaders.packed_fields import SCHEMA, fill_labels
from handbench.loaders.store_refs import read_stored
from handbench.store.dataset import Store
from handbench.store.kinds import SAMPLES
from handbench.store.record import Record
from handbench.subset import Subset
from handbench.types import Ref, Sample, Side

_IDENTITY = np.eye(2, 3)


@dataclass(slots=True)
class Origins:
    """Where the pictures of B items come from.

    Attributes:
        affine: (B, 2, 3) pixel of the original picture to pixel of this one.
        size: (B, 2) width and height [px] of the original picture.
    """

    affine: FloatArray
    size: FloatArray


class Source(Protocol):
    """Gives pictures and labels of a dataset by index; picklable."""

    def key(self, index: int) -> str:
        """Returns the key of a sample."""
        ...

    def fill(self, rows: LabelRows, origins: Origins, row: int, index: int) -> Picture:
        """Puts the labels of a sample into a row and returns its pictures.

        Raises:
            BadSampleError: when the annotation makes no sense.
        """
        ...

    def previous(self, index: int, gap: int) -> int | None:
        """Returns the sample ``gap`` frames before, or None."""
        ...


@runtime_checkable
class StoredDataset(Protocol):
    """A dataset whose samples are records of a store."""

    @property
    def store(self) -> Store:
        """The records."""
        ...

    @property
    def keys(self) -> Sequence[str]:
        """The samples' keys."""
        ...

    def id(self, index: int) -> int:
        """Returns the record of a sample."""
        ...

    def previous_index(self, index: int, gap: int = 1) -> int | None:
        """Returns the sample ``gap`` frames before, or None."""
        ...


class _Named:
    """What both sources know of a sample before it is read."""

    def __init__(self, dataset: Dataset | StoredDataset) -> None:
        self._keys, self._previous = dataset.keys, dataset.previous_index

    def key(self, index: int) -> str:
        """Returns the key of a sample."""
        return self._keys[index]

    def previous(self, index: int, gap: int) -> int | None:
        """Returns the sample ``gap`` frames before, or None."""
        return self._previous(index, gap)


class SampleSource(_Named):
    """Reads any dataset through its samples."""

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dataset)
        self.dataset = dataset

    def fill(self, rows: LabelRows, origins: Origins, row: int, index: int) -> Picture:
        """Puts the labels of a sample into a row and returns its pictures."""
        sample = self.dataset.read(index)
        fill_sample(rows, row, sample)
        origins.affine[row] = sample.meta.get("origin", _IDENTITY)
        origins.size[row] = sample.meta.get("source_size", sample.camera.size)
        return SamplePicture(sample)


@dataclass(frozen=True, slots=True)
class SamplePicture:
    """The pictures of a sample."""

    sample: Sample

    @property
    def where(self) -> str:
        """The sample's key."""
        return self.sample.key

    @property
    def target(self) -> Side | None:
        """The hand that the picture was made about, where the data say."""
        side = self.sample.meta.get("target_side")
        return None if side is None else Side(side)

    def pixels(self) -> ImageArray:
        """Returns the picture."""
        image = read_picture(self.sample.image)
        width, height = self.sample.camera.size
        if image.shape[:2] != (height, width):
            found = f"{image.shape[1]} x {image.shape[0]}"
            raise BadSampleError(f"{self.where}: {found} pixels, its camera says {width} x {height}")
        return image

    def target_pixels(self, side: Side) -> ImageArray | None:
        """Returns the picture of the target alone, where ``meta`` has it and it is that hand."""
        ref: Ref[ImageArray] | None = self.sample.meta.get("target_image")
        return None if ref is None or self.target is not side else read_picture(ref)

    def mask(self, side: Side, kind: str) -> BoolArray | None:
        """Returns a mask of a hand."""
        hand = self.sample.hand(side)
        ref = None if hand is None else getattr(hand, f"{kind}_mask")
        return None if ref is None else ref.read()

    def bits(self, side: Side, kind: str) -> None:
        """A sample's masks are not stored as bits."""
        return None


class StoreSource(_Named):
    """Reads the records of a store (``packed/1``, ``aih/1``, ``aih-table/1``) without building samples."""

    def __init__(self, dataset: StoredDataset) -> None:
        super().__init__(dataset)
        self.dataset, self.store = dataset, dataset.store

    def fill(self, rows: LabelRows, origins: Origins, row: int, index: int) -> Picture:
        """Puts the labels of a record into a row and returns its pictures."""
        record = self.store[self.dataset.id(index)]
        values = record.fields
        rows.size[row] = values["size"]
        if "labels" in values:
            fill_labels(rows, row, values)
            origins.affine[row], origins.size[row] = values["origin"], values["source_size"]
            return RecordPicture(record, self._keys[index])
        origins.size[row] = values["size"]
        for s, side in enumerate(SIDES):
            hand = values["hands"][side.value]
            if hand is not None:
                fill_fields(rows, row, s, hand)
        _share_camera(rows.K[row], rows.hand_valid[row])
        return RecordPicture(record, self._keys[index])


def fill_fields(rows: LabelRows, row: int, s: int, hand: Mapping[str, Any]) -> None:
    """Puts the fields of a stored hand into a row."""
    rows.hand_valid[row, s] = True
    rows.joints_valid[row, s] = hand["joints_valid"]
    for name in ("K", "joints", "joints_2d", "pose", "betas", "transl", "box", "visibility"):
        value = hand.get(name)
        if value is not None:
            getattr(rows, name)[row, s] = value
    if hand.get("occlusion") is not None:
        rows.occlusion[row, s] = hand["occlusion"]


def _share_camera(K: FloatArray, valid: BoolArray) -> None:
    """Gives an absent hand the camera of the other one; a picture without hands has none of its own."""
    if valid.any():
        K[~valid] = K[int(valid.argmax())]
    else:
        K[:] = np.eye(3)


@dataclass(frozen=True, slots=True)
class RecordPicture:
    """The pictures of a stored record."""

    record: Record
    where: str

    @property
    def target(self) -> Side | None:
        """The hand that the picture was made about, where the record says."""
        side = self.record.fields.get("target_side")
        return None if side is None else Side(side)

    def pixels(self) -> ImageArray:
        """Returns the picture."""
        return read_stored(self.record, "image", self.where, decode_fast)

    def target_pixels(self, side: Side) -> ImageArray | None:
        """Returns the picture of the target alone, where the record is about that hand."""
        stored = "target_image" in self.record.names and self.target is side
        return read_stored(self.record, "target_image", self.where, decode_fast) if stored else None

    def _name(self, side: Side, kind: str) -> str | None:
        for whose in (side.value, "target" if side is self.target else "other"):
            name = f"{whose}_{kind}"
            if name in self.record.names:
                return name
        return None

    def mask(self, side: Side, kind: str) -> BoolArray | None:
        """Returns a mask of a hand."""
        name = self._name(side, kind)
        return None if name is None else self.record.mask(name)

    def bits(self, side: Side, kind: str) -> tuple[npt.NDArray[np.uint8], tuple[int, int]] | None:
        """Returns the packed bits of a mask."""
        name = self._name(side, kind)
        return None if name is None else self.record.bits(name)


def open_source(dataset: Dataset) -> tuple[Source, npt.NDArray[np.int64]]:
    """Returns how a dataset is read, and which of the source's indices are its samples.

    A subset is read through the whole dataset, so that earlier frames are found also where they were not
    chosen.
    """
    chosen = np.arange(len(dataset))
    while isinstance(dataset, Subset):
        chosen, dataset = np.asarray(dataset.indices, np.int64)[chosen], dataset.whole
    if isinstance(dataset, StoredDataset) and dataset.store.manifest.spec.kind in (SCHEMA, *SAMPLES):
        return StoreSource(dataset), chosen
    return SampleSource(dataset), chosen
