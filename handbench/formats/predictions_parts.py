"""Predictions written in parts, because an HDF5 file that is appended to does not survive a kill."""

from __future__ import annotations

import dataclasses
import fcntl
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py

from handbench.errors import CorruptError, HandbenchError
from handbench.formats.predictions import (
    LIBVER,
    Layout,
    check_room,
    create_file,
    read_predictions,
    replacing,
    write_rows,
)
from handbench.formats.predictions_fields import ATTRIBUTES, check_predictions
from handbench.predictions import Predictions
from handbench.store.files import fail_writing, remove, sync_folder

_LOCK, _MERGED = ".lock", "merged.tmp"


def parts_folder(path: Path) -> Path:
    """Returns the folder of the parts of a prediction file."""
    return path.with_name(path.name + ".parts")


def parts_identity(path: Path) -> dict[str, str] | None:
    """Returns what the parts beside a prediction file were predicted with; None where there are none."""
    first = parts_folder(path) / "00000.h5"
    if not first.is_file():
        return None
    found = read_predictions(first).provenance.get("identity")
    return found if isinstance(found, dict) else {}


class Parts:
    """The parts of one prediction file: rows 0 to ``done`` in files of their own; a context manager.

    A part is written beside its place, made durable and renamed, so a kill at any time leaves whole parts.
    A lock keeps two runs apart; the kernel frees it when its process ends.

    Args:
        path: of the prediction file.
        keys: of all its samples, in order.
        identity: what is predicted with what; parts of another identity are refused.

    Raises:
        HandbenchError: when another run writes it, or parts of another identity are there.
    """

    def __init__(self, path: Path, keys: Sequence[str], identity: Mapping[str, str]) -> None:
        self.path, self.folder, self.keys = path, parts_folder(path), keys
        self.identity = dict(identity)
        self.done = 0
        self.bad: dict[str, str] = {}
        self._files: list[Path] = []
        self._layout, self._about = Layout({}), Predictions((), {})
        self._lock = -1

    def __enter__(self) -> Parts:
        try:
            self.folder.mkdir(exist_ok=True)
            self._lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise HandbenchError(
                f"{self.path} is being written by another run", "wait for it to end"
            ) from None
        except OSError as error:
            raise HandbenchError(
                f"cannot write {self.folder}: {error.strerror}", "choose another file"
            ) from None
        try:
            self._find()
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lock)

    def _find(self) -> None:
        """Keeps the parts that follow each other from row 0 on; what lies beyond a gap is removed."""
        for number in range(1 << 20):
            file = self.folder / f"{number:05d}.h5"
            if not file.is_file():
                break
            try:
                part = read_predictions(file)
            except CorruptError:
                # Its disk failed: it is predicted again.
                break
            self._check_identity(part.provenance.get("identity", {}))
            if list(part.keys) != list(self.keys[self.done : self.done + len(part)]):
                raise HandbenchError(f"{file} holds other samples", "use --on-existing overwrite")
            self._count(file, part, part.provenance.get("bad", {}))
        kept = {_LOCK, *(file.name for file in self._files)}
        for stray in self.folder.iterdir():
            if stray.name not in kept:
                remove(stray)

    def _check_identity(self, found: Mapping[str, str]) -> None:
        differs = first_difference(found, self.identity)
        if differs:
            raise HandbenchError(
                f"{self.folder} holds parts of another run: {differs}", "use --on-existing overwrite"
            )

    def add(self, part: Predictions, bad: Mapping[str, str]) -> None:
        """Publishes the next rows.

        Args:
            part: predictions of the samples after those that are done.
            bad: key -> what was wrong, of those that could not be read.

        Raises:
            PartialError: when the disk is full.
        """
        assert list(part.keys) == list(self.keys[self.done : self.done + len(part)]), "rows in order"
        file = self.folder / f"{len(self._files):05d}.h5"
        note = {"identity": self.identity, "bad": dict(bad)}
        check_predictions(part, str(self.path))
        check_room(file, Layout.of(part), len(part))
        with replacing(file) as fresh, h5py.File(fresh, "w", libver=LIBVER) as target:
            create_file(target, Layout.of(part), dataclasses.replace(part, provenance=note))
            write_rows(target, 0, part)
        self._count(file, part, bad)

    def _count(self, file: Path, part: Predictions, bad: Mapping[str, str]) -> None:
        self._layout = self._layout.joined(Layout.of(part), str(file))
        self._about = _named(self._about, part, not self._files)
        self.bad |= bad
        self.done += len(part)
        self._files.append(file)

    def merge(self, provenance: Mapping[str, Any]) -> Path:
        """Puts the parts together, in their order and one at a time in memory, and removes them.

        Args:
            provenance: of the file.

        Raises:
            PartialError: when the disk is full.
        """
        assert self.done == len(self.keys), "all samples are predicted"
        check_room(self.path, self._layout, self.done)
        about = dataclasses.replace(self._about, provenance=provenance)
        with (
            replacing(self.path, self.folder / _MERGED) as fresh,
            h5py.File(fresh, "w", libver=LIBVER) as target,
        ):
            create_file(target, self._layout, about, self.keys)
            first = 0
            for file in self._files:
                part = read_predictions(file)
                write_rows(target, first, part)
                first += len(part)
        self.discard()
        return self.path

    def discard(self) -> None:
        """Removes the parts and their folder."""
        try:
            remove(self.folder)
            sync_folder(self.folder.parent)
        except OSError as error:
            fail_writing(self.folder, error)


def _named(about: Predictions, part: Predictions, first: bool) -> Predictions:
    """Returns attributes without rows: those of the first part, and where it has none, of a later one."""
    source, other = (part, part) if first else (about, part)
    texts = {name: getattr(source, name) or getattr(other, name) for name in ATTRIBUTES}
    return Predictions((), {}, space=source.space, **texts)


def first_difference(found: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """Returns the first thing that differs between two identities in words; empty where nothing does."""
    for key in [*wanted, *found]:
        a, b = found.get(key), wanted.get(key)
        if a != b:
            return (
                f"{key} is {a if a is not None else 'not stated'}, now {b if b is not None else 'not stated'}"
            )
    return ""
