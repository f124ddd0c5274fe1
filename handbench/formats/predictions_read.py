"""Reads a prediction file that anybody may have written: nothing in it is trusted before it is checked."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from handbench.errors import CorruptError, HandbenchError
from handbench.formats.predictions_fields import (
    ATTRIBUTES,
    FIELDS,
    HAND_FIELDS,
    SCHEMA,
    Array,
    Field,
    check_mesh,
    check_predictions,
    check_shape,
    fill_flags,
)
from handbench.predictions import SPACES, HandPredictions, Predictions
from handbench.registry import nearest
from handbench.skeleton import OPENPOSE21, ORDERS
from handbench.types import Side

_EXTRA = "extra"
"""A group that anybody may use for what the format does not know."""

_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError)
"""What h5py raises for bytes that HDF5 reads as something else (found by flipping them)."""

_GROUPS: dict[str, list[str]] = {}
for _field in HAND_FIELDS.values():
    for _side in Side:
        _group, _, _name = _field.path.format(side=_side.value).partition("/")
        _GROUPS.setdefault(_group, []).append(_name)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Opens a file and turns what HDF5 says of damage into one line.

    Raises:
        HandbenchError: when it is missing, or no HDF5 file.
        CorruptError: where the bytes are damaged.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise HandbenchError(f"prediction file {path} {what}", "handbench predict --out FILE.h5 writes one")
    try:
        if not h5py.is_hdf5(path):
            raise HandbenchError(
                f"{path} is no HDF5 file", "docs/formats.md tells what predictions look like"
            )
        with h5py.File(path, "r") as file:
            yield file
    except _DAMAGE as error:
        reason = str(error).strip("'\"").partition("\n")[0]
        raise CorruptError(f"{path} is damaged: {reason}", "write or copy it again") from None


def parse_provenance(file: h5py.File, where: str) -> dict[str, Any]:
    """Returns the provenance of a file, empty where it has none.

    Raises:
        HandbenchError: when it is no JSON of a mapping.
    """
    text = _text(file, "provenance", where)
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise HandbenchError(f"{where}: attribute provenance is no JSON object", "leave it out, or write one")
    return found


def _text(file: h5py.File, name: str, where: str) -> str:
    """Returns an attribute that is a text, empty where it is missing."""
    value = file.attrs.get(name, "")
    if isinstance(value, bytes | np.bytes_):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        raise HandbenchError(f"{where}: attribute {name} is {value!r}", "write a text")
    return value


class Reader:
    """Reads one open file.

    Args:
        file: the file.
        where: its path, for errors.
        without: fields that are left out.
        memory: bytes that reading may take.
    """

    def __init__(self, file: h5py.File, where: str, without: Collection[str], memory: int) -> None:
        self.file, self.where, self.without, self.memory = file, where, without, memory
        known = [*HAND_FIELDS, *FIELDS]
        for name in without:
            if name not in known:
                raise HandbenchError(f"predictions have no field {name!r}", nearest(name, known))

    def read(self) -> Predictions:
        """Returns the predictions; see :func:`handbench.formats.predictions.read_predictions`."""
        self._check_schema()
        self._check_names()
        keys = self._keys()
        order = self._order()
        texts: dict[str, Any] = {name: _text(self.file, name, self.where) for name in ATTRIBUTES}
        found = self._datasets(len(keys), texts["hand_model"])
        values = {path: self._values(path, dataset) for path, dataset in found.items()}
        if order is not None:
            for path, value in values.items():
                if path.endswith(("/joints", "/joints_2d", "/score")):
                    values[path] = value[:, order]
        hands = {}
        for side in Side:
            paths = {name: field.path.format(side=side.value) for name, field in HAND_FIELDS.items()}
            columns = {name: values[path] for name, path in paths.items() if path in values}
            if columns or side.value in self.file:
                hands[side] = HandPredictions(**columns)
        samples: dict[str, Any] = {name: values[name] for name in FIELDS if name in values}
        predictions = fill_flags(
            Predictions(
                keys, hands, space=self._space(), **samples,
                mask_size=self._mask_size(values), provenance=parse_provenance(self.file, self.where),
                path=self.where, **texts,
            )
        )  # fmt: skip
        check_predictions(predictions, self.where)
        return predictions

    def _check_schema(self) -> None:
        schema = _text(self.file, "schema", self.where)
        if schema not in ("", SCHEMA):
            raise HandbenchError(
                f"{self.where}: schema is {schema!r}, expected {SCHEMA!r}", "another version wrote it"
            )

    def _check_names(self) -> None:
        """Refuses names that the format does not know: a misspelt one would be left out silently."""
        top = ["keys", *FIELDS, *_GROUPS]
        for name in self.file:
            self._check_link(self.file, name)
            if name == _EXTRA:
                continue
            if name not in top:
                raise HandbenchError(
                    f"{self.where}: unknown field {name!r}", nearest(name, [*top, f"{_EXTRA}/{name}"])
                )
            group = self.file[name]
            if isinstance(group, h5py.Group) != (name in _GROUPS):
                raise HandbenchError(
                    f"{self.where}: {name} is a {type(group).__name__.lower()}",
                    f"{name}/{_GROUPS[name][0]} is a column" if name in _GROUPS else f"{name} is a column",
                )
            for below in group if name in _GROUPS else ():
                self._check_link(group, below)
                if below not in _GROUPS[name]:
                    raise HandbenchError(
                        f"{self.where}: unknown field '{name}/{below}'", nearest(below, _GROUPS[name])
                    )

    def _check_link(self, group: h5py.Group, name: str) -> None:
        if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
            raise HandbenchError(f"{self.where}: {name} links to another file", "write the values themselves")

    def _keys(self) -> list[str]:
        if "keys" not in self.file:
            raise HandbenchError(f"{self.where}: no keys", "write keys (N,), the samples' names, as UTF-8")
        data = self.file["keys"]
        if data.ndim != 1 or h5py.check_string_dtype(data.dtype) is None:
            raise HandbenchError(
                f"{self.where}: keys are {data.dtype} of shape {data.shape}, expected texts of shape (N,)",
                "write them with h5py.string_dtype()",
            )
        self._check_memory(data.size * max(data.dtype.itemsize, 64))
        try:
            return [key.decode() for key in data[:].tolist()]
        except UnicodeDecodeError as error:
            raise HandbenchError(
                f"{self.where}: keys are no UTF-8: {error.reason}", "encode them as UTF-8"
            ) from None

    def _order(self) -> Array | None:
        """Returns where each OPENPOSE21 joint stands in the file's order; None where it is that order."""
        name = _text(self.file, "joint_order", self.where) or OPENPOSE21.name
        if name == OPENPOSE21.name:
            return None
        if name not in ORDERS:
            raise HandbenchError(f"{self.where}: joint_order is {name!r}", nearest(name, list(ORDERS)))
        if set(ORDERS[name].names) != set(OPENPOSE21.names):
            raise HandbenchError(
                f"{self.where}: joint_order {name} has other joints than one hand's 21",
                "write 21 joints a hand, e.g. in OPENPOSE21",
            )
        return ORDERS[name].index_to(OPENPOSE21)

    def _space(self) -> Any:
        space = _text(self.file, "space", self.where)
        if space not in SPACES:
            what = f"space is {space!r}" if space else "no attribute space"
            raise HandbenchError(f"{self.where}: {what}", f"write one of {', '.join(SPACES)}")
        return space

    def _datasets(self, n: int, hand_model: str) -> dict[str, h5py.Dataset]:
        """Returns the columns that will be read; shapes, types and memory are checked before a value is."""
        fields: dict[str, tuple[str, Field]] = {path: (path, field) for path, field in FIELDS.items()}
        for name, field in HAND_FIELDS.items():
            fields |= {field.path.format(side=side.value): (name, field) for side in Side}
        found = {}
        for path, (name, field) in fields.items():
            if name in self.without or path not in self.file:
                continue
            data = self.file[path]
            if not isinstance(data, h5py.Dataset) or data.is_virtual or data.external:
                raise HandbenchError(
                    f"{self.where}: {path} is no plain column", "write the values themselves"
                )
            check_shape(self.where, path, field, data.shape, data.dtype.kind, n)
            check_mesh(self.where, path, data.shape, hand_model)
            found[path] = data
        self._check_memory(sum(data.size * data.dtype.itemsize for data in found.values()))
        return found

    def _check_memory(self, needed: int) -> None:
        if needed > self.memory:
            raise HandbenchError(
                f"{self.where} holds {needed / 1e9:.1f} GB, {self.memory / 1e9:.1f} GB of memory are free",
                "leave columns out that are not scored, or predict a part",
            )

    def _values(self, path: str, data: h5py.Dataset) -> Array:
        values: Array = data[()]
        # Half floats are as coarse as 0.5 mm at a metre, but they are what was written.
        half = values.dtype.kind == "f" and values.dtype.itemsize == 2
        wanted = np.dtype(np.float32) if half else values.dtype.newbyteorder("=")
        return values.astype(wanted, copy=False)

    def _mask_size(self, values: dict[str, Array]) -> tuple[int, int]:
        size = self.file.attrs.get("mask_size")
        if size is not None:
            if np.shape(size) != (2,) or np.asarray(size).dtype.kind not in "iu" or np.min(size) < 0:
                raise HandbenchError(
                    f"{self.where}: attribute mask_size is {size!r}", "write width and height [px]"
                )
            return int(size[0]), int(size[1])
        image = next((values[path] for path in ("images/right", "images/left") if path in values), None)
        return (0, 0) if image is None else (image.shape[2], image.shape[1])
