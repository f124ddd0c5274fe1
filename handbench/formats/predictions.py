"""The prediction file: one HDF5 file that any model can write and every protocol reads (docs/formats.md)."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from handbench.errors import HandbenchError
from handbench.formats.predictions_fields import (
    ATTRIBUTES,
    FIELDS,
    HAND_FIELDS,
    SCHEMA,
    Field,
    check_predictions,
    columns,
)
from handbench.memory import available_memory
from handbench.predictions import Predictions
from handbench.skeleton import OPENPOSE21
from handbench.store.files import fail_writing, sync_folder

_CHUNK = 1 << 20
"""Bytes of a chunk: small enough to be kept while a file is merged, large enough to be read fast."""

BY_PATH: dict[str, Field] = {
    **{field.path.format(side=side): field for side in ("right", "left") for field in HAND_FIELDS.values()},
    **FIELDS,
}


@dataclass(frozen=True)
class Layout:
    """Which columns a file has, and how wide they are.

    Attributes:
        rows: of a column, by its path in the file.
        mask_size: (width, height) of masks and images, (0, 0) where there are none.
    """

    rows: Mapping[str, tuple[int, ...]]
    mask_size: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, predictions: Predictions) -> Layout:
        """Returns the layout of predictions."""
        rows = {path: value.shape[1:] for path, _, value in columns(predictions)}
        return cls(rows, predictions.mask_size)

    def joined(self, other: Layout, where: str) -> Layout:
        """Returns the layout that holds both.

        Raises:
            HandbenchError: where rows of a column have two shapes.
        """
        for path, shape in other.rows.items():
            if self.rows.get(path, shape) != shape:
                raise HandbenchError(f"{where}: rows of {path} have shapes {self.rows[path]} and {shape}")
        size = self.mask_size if self.mask_size != (0, 0) else other.mask_size
        return Layout({**self.rows, **other.rows}, size)


def write_predictions(path: Path | str, predictions: Predictions) -> Path:
    """Writes a prediction file: whole or not at all.

    Args:
        path: of the file; one that is there is replaced.
        predictions: joints in OPENPOSE21, metres; NaN where a sample has none.

    Raises:
        HandbenchError: for a wrong shape, type, number or word, naming the field, or a path that cannot be.
        PartialError: when the disk is full.
    """
    path = Path(path)
    check_predictions(predictions, str(path))
    with replacing(path) as fresh, h5py.File(fresh, "w") as file:
        create_file(file, Layout.of(predictions), predictions)
        write_rows(file, 0, predictions)
    return path


@contextlib.contextmanager
def replacing(path: Path, fresh: Path | None = None) -> Iterator[Path]:
    """Gives a temporary path; what is written there takes the place of ``path`` once it is on disk.

    Raises:
        HandbenchError: when the folder is missing or the path is a folder.
        PartialError: when it cannot be written.
    """
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else f"lies in {path.parent}, which is no folder"
        raise HandbenchError(f"{path} {what}", "choose another file")
    fresh = fresh or path.with_name(f".{path.name}.tmp.{os.getpid()}")
    try:
        yield fresh
        descriptor = os.open(fresh, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        fail_writing(path, error)
    finally:
        fresh.unlink(missing_ok=True)


def create_file(
    file: h5py.File, layout: Layout, about: Predictions, keys: Sequence[str] | None = None
) -> None:
    """Makes all columns of a file, empty, and writes keys and attributes.

    Args:
        file: open for writing.
        layout: the columns.
        about: gives the attributes.
        keys: of all samples; those of ``about`` by default.
    """
    keys = about.keys if keys is None else keys
    n = len(keys)
    file.create_dataset(
        "keys", data=_encoded(keys), compression="gzip" if n else None, compression_opts=1 if n else None
    )
    for path, shape in layout.rows.items():
        field = BY_PATH[path]
        dtype = np.dtype(field.dtype)
        width = max(int(np.prod(shape, dtype=np.int64)) * dtype.itemsize, 1)
        packing: dict[str, Any] = {"compression": "gzip", "compression_opts": 1} if field.packed else {}
        if n:
            packing["chunks"] = (min(n, max(_CHUNK // width, 1)), *shape)
        fill = np.nan if dtype.kind == "f" else None
        file.create_dataset(path, (n, *shape), dtype, fillvalue=fill, **packing)
    file.attrs["schema"] = SCHEMA
    file.attrs["space"] = about.space
    file.attrs["joint_order"] = OPENPOSE21.name
    for name in ATTRIBUTES:
        file.attrs[name] = getattr(about, name)
    if layout.mask_size != (0, 0):
        file.attrs["mask_size"] = np.array(layout.mask_size, np.int64)
    file.attrs["provenance"] = json.dumps(dict(about.provenance), sort_keys=True)


def _encoded(keys: Sequence[str]) -> npt.NDArray[np.bytes_]:
    """Returns keys as UTF-8 of one length: read ten times as fast as texts that each have their own."""
    texts = [key.encode() for key in keys]
    kind = h5py.string_dtype("utf-8", max(map(len, texts), default=1) or 1)
    return np.array(texts, dtype=kind)


def write_rows(file: h5py.File, first: int, predictions: Predictions) -> None:
    """Writes rows from ``first`` on into the columns of a file."""
    for path, field, value in columns(predictions):
        file[path][first : first + len(value)] = value.astype(field.dtype, copy=False)


def read_predictions(path: Path | str, without: Collection[str] = ()) -> Predictions:
    """Reads a prediction file, whoever wrote it, and checks it.

    Args:
        path: of the file.
        without: names of fields to leave out, e.g. ``image`` or ``vertices`` (as in
            :class:`handbench.predictions.HandPredictions`); they are not read from disk.

    Returns:
        The columns, joints in OPENPOSE21 whatever order the file says; attributes that are missing are empty.

    Raises:
        HandbenchError: for anything that is not as docs/formats.md says: file, field, expected and found.
        CorruptError: where the bytes are damaged.
    """
    from handbench.formats.predictions_read import Reader, opened

    with opened(Path(path)) as file:
        return Reader(file, str(path), without, available_memory()).read()


def read_provenance(path: Path | str) -> dict[str, Any]:
    """Returns the provenance of a prediction file; empty where it has none.

    Raises:
        HandbenchError: when it is no prediction file.
        CorruptError: where the bytes are damaged.
    """
    from handbench.formats.predictions_read import opened, parse_provenance

    with opened(Path(path)) as file:
        return parse_provenance(file, str(path))
