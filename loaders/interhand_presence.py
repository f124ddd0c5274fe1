"""Which annotated pictures are on disk: every folder is listed once, and again only when it changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from handbench.arrays import BoolArray
from handbench.errors import BadSampleError
from handbench.formats.interhand_write import file_name_of
from handbench.formats.paths import inside
from handbench.store.columns import Columns, cached_columns

Array = npt.NDArray[Any]


def file_name(columns: Columns, row: int) -> str:
    """Returns a picture's path below ``images/{split}``, as the annotation says."""
    odd = columns["odd_row"]
    at = int(np.searchsorted(odd, row))
    if at < len(odd) and odd[at] == row:
        start, end = (int(columns["odd_end"][at - 1]) if at else 0), int(columns["odd_end"][at])
        return str(columns["odd_bytes"][start:end].tobytes(), "utf-8")
    recording = columns["recording"][row]
    return file_name_of(
        int(columns["recording_capture"][recording]),
        str(columns["seq_names"][columns["recording_seq"][recording]]),
        str(columns["camera_names"][columns["camera"][row]]),
        int(columns["frame"][row]),
    )


def present_pictures(images: Path, columns: Columns, key: str) -> BoolArray:
    """Tells for each row whether its picture is there (a name that leaves ``images`` is not).

    The answer is cached and holds as long as no folder's time of change is another, so opening again costs a
    ``stat`` for each of the folders (one a recording and camera), not for each of a million pictures.

    Args:
        images: folder that file names are relative to.
        columns: of the split.
        key: names the columns.
    """
    folders = sorted(set(_folders(columns)))
    digest = xxhash.xxh3_128(f"{images.resolve()} {key} presence 1".encode())
    for folder in folders:
        digest.update(f"{folder} {_changed(images, folder)}\n".encode())
    found = cached_columns("interhand", digest.hexdigest(), lambda: {"present": _look(images, columns)})
    return np.asarray(found["present"])


def _folders(columns: Columns) -> Iterator[str]:
    """Gives the folders that the annotation names, below ``images``."""
    for recording, camera in zip(
        columns["folder_recording"].tolist(), columns["folder_camera"].tolist(), strict=True
    ):
        capture = columns["recording_capture"][recording]
        seq = columns["seq_names"][columns["recording_seq"][recording]]
        yield f"Capture{capture}/{seq}/cam{columns['camera_names'][camera]}"
    for row in columns["odd_row"].tolist():
        yield file_name(columns, row).rpartition("/")[0]


def _changed(images: Path, folder: str) -> int:
    try:
        return inside(images, folder or ".", "").stat().st_mtime_ns
    except (OSError, BadSampleError, ValueError):
        return -1


def _look(images: Path, columns: Columns) -> BoolArray:
    """Compares every row's file name with the listing of its folder."""
    present = np.zeros(len(columns["id"]), dtype=np.bool_)
    listings: dict[str, frozenset[str]] = {}

    def holds(folder: str, name: str) -> bool:
        if folder not in listings:
            listings[folder] = _listing(images, folder)
        return name in listings[folder]

    usual = list(_folders({**columns, "odd_row": columns["odd_row"][:0]}))
    odd = set(columns["odd_row"].tolist())
    frames, codes = columns["frame"].tolist(), columns["folder"].tolist()
    for row in columns["track_row"].tolist():
        if row in odd:
            folder, _, name = file_name(columns, row).rpartition("/")
            present[row] = holds(folder, name)
        else:
            present[row] = holds(usual[codes[row]], f"image{frames[row]}.jpg")
    return present


def _listing(images: Path, folder: str) -> frozenset[str]:
    try:
        with os.scandir(inside(images, folder or ".", "")) as entries:
            return frozenset(entry.name for entry in entries)
    except (OSError, BadSampleError, ValueError):
        return frozenset()
