"""A table of recipes as a sequence of records: a pasted sample is composed when it is asked for."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, ImageArray
from handbench.compose import blobs
from handbench.compose.composer import Composed, compose
from handbench.compose.cutout import Cutout, cutout_of
from handbench.compose.paste import Paste, paste_of
from handbench.errors import CorruptError, HandbenchError
from handbench.store.dataset import Store, open_store
from handbench.store.kinds import AIH, AIH_TABLE, CUTOUTS, SAMPLES
from handbench.store.manifest import MANIFEST, Manifest
from handbench.store.plan import DatasetSpec
from handbench.store.record import Decode, Record


class ComposedRecord(Record):
    """A row of a table that reads as the record of its composite; composed once, when first needed.

    Pictures are given before JPEG: those of a composite are the same pixels, once compressed. Pickled, it is
    the row alone.

    Args:
        row: the record as it is stored.
        cutouts: the store that its numbers name.
    """

    def __init__(self, row: Record, cutouts: Store) -> None:
        super().__init__(row.id, row.data, row.checksum, {}, slice(0))
        self._row, self._cutouts = row, cutouts

    @functools.cached_property
    def fields(self) -> dict[str, Any]:
        """The map of fields, as of a composite.

        Raises:
            CorruptError: when it does not decode.
        """
        return self._row.fields

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the blobs that the composite has."""
        return blobs.NAMES

    @functools.cached_property
    def paste(self) -> Paste:
        """The row.

        Raises:
            CorruptError: when it makes no sense.
        """
        return read_paste(self)

    @functools.cached_property
    def composed(self) -> Composed:
        """The sample's pictures and masks.

        Raises:
            CorruptError: when the row or a cut-out does not read.
        """
        target = open_cutout(self._cutouts, self.paste.target)
        other = None if self.paste.alone else open_cutout(self._cutouts, self.paste.other)
        return compose(self.paste, target, other)

    def image(self, name: str, decode: Decode | None = None, where: str = "") -> ImageArray:
        """Returns a picture before JPEG.

        Args:
            name: ``image`` or ``target_image``.
            decode: not used: there are no bytes.
            where: not used.

        Returns:
            (N, N, 3) uint8 RGB, read-only.

        Raises:
            KeyError: for another name.
            CorruptError: when the row or a cut-out does not read.
        """
        picture = blobs.picture_of(self.composed, name).view()
        picture.flags.writeable = False
        return picture

    def mask(self, name: str) -> BoolArray:
        """Returns a mask (N, N) bool, read-only.

        Raises:
            KeyError: when there is no mask of this name.
            CorruptError: when the row or a cut-out does not read.
        """
        mask = blobs.mask_of(self.composed, name).view()
        mask.flags.writeable = False
        return mask

    def bits(self, name: str) -> tuple[npt.NDArray[np.uint8], tuple[int, int]]:
        """Returns a mask with its bits packed, and its (h, w)."""
        mask = blobs.mask_of(self.composed, name)
        return np.packbits(mask), (mask.shape[0], mask.shape[1])

    def blob(self, name: str) -> memoryview:
        """Encodes a picture or mask, byte for byte as a composite has it.

        Raises:
            KeyError: when there is no blob of this name.
            CorruptError: when the row or a cut-out does not read.
        """
        if name not in blobs.NAMES:
            raise KeyError(f"record {self.id} has no {name!r}; it has {', '.join(blobs.NAMES)}")
        return memoryview(blobs.encode_blob(self.composed, name, self.paste.effects.jpeg_quality))

    def __reduce__(self) -> tuple[Any, ...]:
        return ComposedRecord, (self._row, self._cutouts)


class Table(Store):
    """The records of a table, rendered ones as they are stored and pasted ones as :class:`ComposedRecord`.

    It may be indexed from threads, after a fork, and after pickling into another process.

    Args:
        root: the table's folder.
        manifest: its manifest.
        cutouts: what its rows name; None where it has no pasted samples.
    """

    def __init__(self, root: Path, manifest: Manifest, cutouts: Store | None) -> None:
        super().__init__(root, manifest)
        self.cutouts = cutouts

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        """Reads one record, or a list of them for a slice; see ``Store``."""
        found = super().__getitem__(index)
        if isinstance(found, Record) and not found.names and self.cutouts is not None:
            return ComposedRecord(found, self.cutouts)
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return Table, (self.root, self.manifest, self.cutouts)


def open_samples(path: Path | str, cutouts: Path | str | None = None) -> Store:
    """Opens AIH as a sequence of records, whether its pasted samples are stored as pictures or as rows.

    Args:
        path: a folder of kind ``aih/1`` or ``aih-table/1``.
        cutouts: see :func:`find_cutouts`; not looked at for ``aih/1``.

    Raises:
        HandbenchError: when it is unfinished or of another kind, or a table lacks its cut-outs.
        CorruptError: when a manifest differs from what was written.
    """
    store = open_store(path)
    kind = store.manifest.spec.kind
    if kind not in SAMPLES:
        raise HandbenchError(
            f"{path}: holds {kind!r}, expected {AIH!r} or {AIH_TABLE!r}", "packed data opens with packed:DIR"
        )
    if kind == AIH:
        return store
    spec = store.manifest.spec
    found = find_cutouts(store.root, spec, cutouts) if "cutouts" in spec.sources else None
    return Table(store.root, store.manifest, found)


def find_cutouts(root: Path, spec: DatasetSpec, cutouts: Path | str | None = None) -> Store:
    """Opens the cut-outs that the pasted samples of a dataset were made from.

    Args:
        root: folder of the dataset, a table or composites.
        spec: what it was made from.
        cutouts: their folder, or one with a folder for each split; by default ``../cutouts/<split>`` beside
            the dataset's own folder.

    Raises:
        HandbenchError: when they are not there, or are others than those.
    """
    wanted = spec.sources.get("cutouts")
    if wanted is None:
        raise HandbenchError(f"{root} has no pasted samples, and so no cut-outs", "")
    places = _places(root, cutouts)
    place = next((place for place in places if (place / MANIFEST).is_file()), None)
    if place is None:
        raise HandbenchError(
            f"{root} needs its cut-outs, which are not in {places[0]}",
            "put them or a link to them there, or write aih:DIR@cutouts=FOLDER",
        )
    found = open_store(place)
    if found.manifest.spec.kind != CUTOUTS:
        raise HandbenchError(
            f"{place} holds {found.manifest.spec.kind!r}, expected {CUTOUTS!r}",
            "write aih:DIR@cutouts=FOLDER",
        )
    if found.manifest.digest != wanted:
        raise HandbenchError(
            f"{place} holds other cut-outs (digest {found.manifest.digest}) than {root} was made from"
            f" ({wanted})",
            "put those there, or write aih:DIR@cutouts=FOLDER",
        )
    return found


def _places(root: Path, cutouts: Path | str | None) -> list[Path]:
    """Returns where cut-outs may lie, the likeliest first; a dataset may be linked from elsewhere."""
    if cutouts is not None:
        folder = Path(cutouts).expanduser()
        return [folder, folder / root.absolute().name]
    return [at.parent / "cutouts" / at.name for at in (root.absolute(), root.resolve())]


def read_paste(record: Record) -> Paste:
    """Returns the row of a pasted record.

    Raises:
        CorruptError: when it is missing or makes no sense.
    """
    try:
        return paste_of(record.fields["paste"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptError(
            f"the row of sample {record.id} makes no sense: {error}", "make it again"
        ) from None


def open_cutout(cutouts: Store, number: int) -> Cutout:
    """Opens a cut-out that a row names.

    Raises:
        CorruptError: when it does not read, is a rejected one, or there is none of this number.
    """
    if not 0 <= number < len(cutouts):
        raise CorruptError(f"{cutouts.root} has no cut-out {number}", "make the table again")
    return cutout_of(cutouts[number])
