"""The prediction file: one HDF5 file that any model can write and every protocol reads (docs/formats.md)."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
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

LIBVER = ("v110", "v110")
"""The file format of HDF5 1.10: its headers have checksums. Those of older ones do not, and HDF5 hangs or
crashes in some that are damaged."""

_ATTRIBUTE = 60_000
"""Bytes of the longest attribute that HDF5 keeps in the header."""

_GZIP: dict[str, Any] = {"compression": "gzip", "compression_opts": 1}
_CHECKED: dict[str, Any] = {"fletcher32": True}
"""A checksum a chunk costs 0.1 s where 107 MB are written, and damage is said."""

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
    if path.parent.is_dir():
        check_room(path, Layout.of(predictions), len(predictions))
    with replacing(path) as fresh, h5py.File(fresh, "w", libver=LIBVER) as file:
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
    except RuntimeError as error:
        # HDF5 says so when a file that could not be written is closed.
        number = re.search(r"errno = (\d+)", str(error))
        if number is None:
            raise
        fail_writing(path, OSError(int(number[1]), ""))
    finally:
        fresh.unlink(missing_ok=True)


def check_room(path: Path, layout: Layout, n: int) -> None:
    """Refuses to begin a file that the disk does not hold: HDF5 cannot close one that it could not write.

    Raises:
        PartialError: naming what is left.
    """
    widths = [
        np.prod(shape, dtype=np.int64) * np.dtype(BY_PATH[name].dtype).itemsize
        for name, shape in layout.rows.items()
        if not BY_PATH[name].packed
    ]
    if int(sum(widths)) * n > shutil.disk_usage(path.parent).free:
        fail_writing(path, OSError(errno.ENOSPC, ""))


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
    file.create_dataset("keys", data=_encoded(keys), **(_CHECKED | _GZIP if n else {}))
    for path, shape in layout.rows.items():
        field = BY_PATH[path]
        dtype = np.dtype(field.dtype)
        width = max(int(np.prod(shape, dtype=np.int64)) * dtype.itemsize, 1)
        packing = {"chunks": (min(n, max(_CHUNK // width, 1)), *shape), **_CHECKED} if n else {}
        if n and field.packed:
            packing |= _GZIP
        fill = np.nan if dtype.kind == "f" else None
        file.create_dataset(path, (n, *shape), dtype, fillvalue=fill, **packing)
    texts = {"schema": SCHEMA, "space": about.space, "joint_order": OPENPOSE21.name}
    texts |= {name: getattr(about, name) for name in ATTRIBUTES}
    texts["provenance"] = json.dumps(dict(about.provenance), sort_keys=True)
    for name, text in texts.items():
        _write_text(file, name, text)
    if layout.mask_size != (0, 0):
        file.attrs["mask_size"] = np.array(layout.mask_size, np.int64)


def _write_text(file: h5py.File, name: str, text: str) -> None:
    """Writes an attribute, of fixed length where it fits; an empty text is the same as none."""
    data = text.encode()
    if not data:
        return
    if len(data) <= _ATTRIBUTE:
        file.attrs.create(name, np.bytes_(data), dtype=h5py.string_dtype("utf-8", len(data)))
    else:
        file.attrs[name] = text


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
