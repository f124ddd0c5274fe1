"""The annotation of a HIC tree as columns: tracked joints, labels, cameras and objects of every picture."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.camera import Camera
from handbench.formats.hic import (
    CAMERA,
    VISIBILITY,
    frame_numbers,
    label_path,
    list_views,
    read_labels,
    read_view_camera,
    read_visibility,
    view_folder,
)
from handbench.formats.hic_objects import read_object_tracks
from handbench.formats.tzionas import motion_path, read_tzionas_joints
from handbench.store.columns import Columns, content_fingerprint, stamp
from handbench.types import Side

SCHEMA = 1
SIDES = (Side.RIGHT, Side.LEFT)


def sequences_on_disk(root: Path) -> list[str]:
    """Returns the folders that hold a tracked motion, or pictures."""
    folders = sorted(path.name for path in root.iterdir() if path.is_dir() and path.name.isdecimal())
    return [name for name in folders if _motions(root, name) or list_views(root, name)]


def annotation_files(root: Path, sequences: list[str]) -> list[Path]:
    """Returns the files that the columns are read from, but for the labels."""
    files: list[Path] = []
    for sequence in sequences:
        files += sorted((root / sequence).glob("Model_*.MOTION")) + sorted((root / sequence).glob("*.SKEL"))
        for view in list_views(root, sequence):
            folder = view_folder(root, sequence, view)
            files += [folder / name for name in (CAMERA, VISIBILITY) if (folder / name).is_file()]
    return files


def index_stamp(root: Path, sequences: list[str]) -> str:
    """Returns the name of the cache entry of these sequences; labels and pictures count by name and size."""
    listing = []
    for sequence in sequences:
        for view in list_views(root, sequence):
            for folder in ("joints_2D_GT", "rgb"):
                listing.append(_listing(view_folder(root, sequence, view) / folder))
    return stamp(annotation_files(root, sequences), SCHEMA, sequences, listing)


def build_columns(root: Path, sequences: list[str]) -> Columns:
    """Reads the annotation of these sequences.

    Returns:
        Of F motion frames, sequence after sequence: ``joints`` (F, 2, 21, 3) [m] in the sensor's frame, NaN
        where there is none. Of N pictures (motion frames, where a sequence has no picture): ``sequence``,
        ``view``, ``frame``, ``row`` (of ``joints``, -1 without a motion), ``camera`` (row of the cameras),
        ``pictured``, ``labelled``, ``labels`` (N, 2, 21, 2) [px], ``visibility`` (N, 2, 21). Of the cameras:
        ``camera_K``, ``camera_R``, ``camera_t``, ``camera_size``, ``synthetic``. Of the objects:
        ``object_name``, ``object_sequence``, ``object_first``, ``object_pose`` (frames, 3, 4).
        ``fingerprint`` (32,) the codes of its digits.

    Raises:
        HandbenchError: when a motion, label or camera is damaged.
    """
    tracks = [_tracked_joints(root, name) for name in sequences]
    firsts = np.concatenate([[0], np.cumsum([len(track) for track in tracks])])
    samples = [
        sample
        for name, track, first in zip(sequences, tracks, firsts, strict=False)
        for sample in _samples(root, name, len(track), int(first))
    ]
    labels = {label_path(root, s.sequence, s.frame, s.view) for s in samples if s.labelled}
    digest = content_fingerprint([*annotation_files(root, sequences), *labels], root)
    return {
        "joints": np.concatenate([*tracks, np.empty((0, 2, 21, 3))]),
        **_sample_columns(root, samples),
        **_object_columns(root, sequences),
        "fingerprint": np.frombuffer(digest.encode(), np.uint8),
    }


@dataclass(frozen=True)
class _Sample:
    sequence: str
    view: str
    frame: int
    row: int
    pictured: bool
    labelled: bool


def _samples(root: Path, sequence: str, n_frames: int, first: int) -> Iterator[_Sample]:
    views = list_views(root, sequence)
    for view in views or ["1"]:
        folder = view_folder(root, sequence, view)
        pictures = set(frame_numbers(folder / "rgb", ".png"))
        labels = set(frame_numbers(folder / "joints_2D_GT", ".txt"))
        # Without any picture, the motion itself is what there is.
        frames = pictures | labels if views else set(range(n_frames))
        for frame in sorted(frames):
            row = first + frame if frame < n_frames else -1
            yield _Sample(sequence, view, frame, row, frame in pictures, frame in labels)


def _sample_columns(root: Path, samples: list[_Sample]) -> dict[str, npt.NDArray[Any]]:
    n = len(samples)
    labels = np.full((n, 2, 21, 2), np.nan)
    visibility = np.full((n, 2, 21), np.nan, np.float32)
    places: dict[tuple[str, str], int] = {}
    cameras: list[Camera] = []
    seen: dict[int, npt.NDArray[np.float32] | None] = {}
    camera = np.zeros(n, np.int64)
    for i, sample in enumerate(samples):
        view = (sample.sequence, sample.view)
        if view not in places:
            folder = view_folder(root, *view)
            places[view] = len(cameras)
            seen[len(cameras)] = read_visibility(folder)
            cameras.append(read_view_camera(folder))
        camera[i] = places[view]
        table = seen[places[view]]
        if table is not None and sample.frame < len(table):
            visibility[i] = table[sample.frame]
        if sample.labelled:
            found = read_labels(label_path(root, sample.sequence, sample.frame, sample.view))
            labels[i] = [found[side] for side in SIDES]
    return {
        "sequence": np.array([s.sequence for s in samples], dtype="U8"),
        "view": np.array([s.view for s in samples], dtype="U8"),
        "frame": np.array([s.frame for s in samples], dtype=np.int64),
        "row": np.array([s.row for s in samples], dtype=np.int64),
        "pictured": np.array([s.pictured for s in samples], dtype=np.bool_),
        "labelled": np.array([s.labelled for s in samples], dtype=np.bool_),
        "labels": labels,
        "visibility": visibility,
        "camera": camera,
        "camera_K": np.array([c.K for c in cameras]).reshape(-1, 3, 3),
        "camera_R": np.array([c.R for c in cameras]).reshape(-1, 3, 3),
        "camera_t": np.array([c.t for c in cameras]).reshape(-1, 3),
        "camera_size": np.array([c.size for c in cameras], dtype=np.int64).reshape(-1, 2),
        "synthetic": np.array([(view_folder(root, *view) / CAMERA).is_file() for view in places], np.bool_),
    }


def _object_columns(root: Path, sequences: list[str]) -> dict[str, npt.NDArray[Any]]:
    tracks = [(name, track) for name in sequences for track in read_object_tracks(root, name)]
    lengths = [len(track.poses) for _, track in tracks]
    return {
        "object_name": np.array([track.name for _, track in tracks], dtype="U64"),
        "object_sequence": np.array([name for name, _ in tracks], dtype="U8"),
        "object_first": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        "object_pose": np.concatenate([*(track.poses for _, track in tracks), np.empty((0, 3, 4))]),
    }


def _motions(root: Path, sequence: str) -> list[Side]:
    return [side for side in SIDES if motion_path(root, sequence, side).is_file()]


def _tracked_joints(root: Path, sequence: str) -> FloatArray:
    """Returns (T, 2, 21, 3) [m]; NaN for a side without a motion, (0, ...) without any."""
    found = {side: read_tzionas_joints(root, sequence, side).joints for side in _motions(root, sequence)}
    length = min((len(joints) for joints in found.values()), default=0)
    empty = np.full((length, 21, 3), np.nan)
    return np.stack([found.get(side, empty)[:length] for side in SIDES], axis=1)


def _listing(folder: Path) -> tuple[str, int, int, int]:
    if not folder.is_dir():
        return str(folder), 0, 0, 0
    with os.scandir(folder) as entries:
        stats = [entry.stat() for entry in entries]
    newest = max((status.st_mtime_ns for status in stats), default=0)
    return str(folder), len(stats), sum(status.st_size for status in stats), newest
