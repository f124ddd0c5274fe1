"""The annotations of one split of HO-3D as columns, read once from its pickles."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from handbench.errors import BadSampleError
from handbench.formats.ho3d import box_from_corners, joints_from_opengl, points_flip, pose_flip, rotation_flip
from handbench.formats.ho3d_meta import Ho3dMeta, read_meta
from handbench.formats.ho3d_tree import V2_SEGMENTATION, Split, Version, folder_of, seg_folder
from handbench.geometry import axis_angle_to_matrix
from handbench.loaders.columns import Columns, stamp
from handbench.loaders.ho3d_colours import vote_colours
from handbench.progress import Progress

SCHEMA = 2
OK, NO_META, UNANNOTATED, NO_PICTURE, BAD = range(5)
"""What became of a line of the list: the first and the last are samples, the others are not."""

SUFFIXES = ("", ".png", ".jpg")
_TELL_FROM = 2000


@dataclass
class Folders:
    """The names of the files of one sequence.

    Attributes:
        meta: name -> (size, time) of the annotations.
        rgb: file names of the pictures.
        depth: file names of the depth maps.
        seg: file names of the segmentations.
        seg_folder: where these are.
    """

    meta: dict[str, tuple[int, int]] = field(default_factory=dict)
    rgb: frozenset[str] = frozenset()
    depth: frozenset[str] = frozenset()
    seg: frozenset[str] = frozenset()
    seg_folder: Path | None = None


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))  # noqa: PTH208 - a quarter of the time for 80,000 names
    except OSError:
        return frozenset()


def _seg_folders(root: Path, version: Version, split: str, sequence: str) -> Iterator[Path]:
    """Gives where segmentations may lie: v2's archive may be unpacked beside the tree or into it."""
    yield seg_folder(root, version, split, sequence)
    if version == "v2":
        yield root.parent / V2_SEGMENTATION / split / sequence / "seg"
        yield folder_of(root, split, sequence, "seg")


def list_folders(root: Path, version: Version, split: Split, sequence: str) -> Folders:
    """Lists the files of one sequence; what is not there is empty."""
    found = Folders()
    try:
        with os.scandir(folder_of(root, split, sequence, "meta")) as entries:
            for entry in entries:
                status = entry.stat()
                found.meta[entry.name] = (status.st_size, status.st_mtime_ns)
    except OSError:
        pass
    found.rgb = _names(folder_of(root, split, sequence, "rgb"))
    found.depth = _names(folder_of(root, split, sequence, "depth"))
    for folder in _seg_folders(root, version, split, sequence):
        found.seg = _names(folder)
        if found.seg:
            found.seg_folder = folder
            break
    return found


def index_stamp(root: Path, version: Version, split: Split, sequences: Sequence[str]) -> str:
    """Returns the name of the cached columns: it changes with any file that comes or goes, and any pickle."""
    digest = xxhash.xxh3_128()
    for sequence in sequences:
        kinds = [folder_of(root, split, sequence, kind) for kind in ("rgb", "depth")]
        for folder in (*kinds, *_seg_folders(root, version, split, sequence)):
            digest.update(f"{folder} {_folder_time(folder)};".encode())
        try:
            with os.scandir(folder_of(root, split, sequence, "meta")) as entries:
                rows = [f"{e.name} {(s := e.stat()).st_size} {s.st_mtime_ns};" for e in entries]
        except OSError:
            rows = []
        digest.update("".join(sorted(rows)).encode())
    return stamp([root / f"{split}.txt"], SCHEMA, version, split, digest.hexdigest())


def _folder_time(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def build_index(root: Path, version: Version, split: Split, lines: Sequence[tuple[str, str]]) -> Columns:
    """Reads all annotations of a split.

    Args:
        root: the tree's folder.
        version: ``v2`` or ``v3``.
        split: ``train`` or ``evaluation``.
        lines: (sequence, frame) of each line of the list.

    Returns:
        ``status`` of each line; for the K samples ``line``, the joints, parameters, object, box and
        intrinsics in inner conventions (NaN where unknown), which files there are, ``bad`` where the
        annotation cannot be used; ``fingerprint`` of all of them, ``hand_colour`` and ``seg_balance``.
    """
    sequences = sorted({sequence for sequence, _ in lines})
    folders = {name: list_folders(root, version, split, name) for name in sequences}
    any_picture = any(found.rgb for found in folders.values())
    status = np.zeros(len(lines), dtype=np.int8)
    rows, kept, files = _Rows(len(lines)), [], []
    label = f"HO-3D {version} {split}: reading annotations"
    with Progress(len(lines), label, "frames", quiet=len(lines) < _TELL_FROM) as progress:
        for i, (sequence, frame) in enumerate(lines):
            found = folders[sequence]
            rgb = _suffix(found.rgb, frame)
            status[i] = NO_META if f"{frame}.pkl" not in found.meta else OK
            if status[i] == OK:
                path = folder_of(root, split, sequence, "meta") / f"{frame}.pkl"
                status[i] = rows.add(path, keep=rgb > 0 or not any_picture)
            if status[i] in (OK, BAD):
                kept.append(i)
                files.append((rgb, _suffix(found.depth, frame), _suffix(found.seg, frame)))
            progress.advance()
    columns = rows.columns()
    columns["fingerprint"] = np.array([_content(columns, [lines[i] for i in kept], version, split)])
    columns["line"] = np.array(kept, dtype=np.int64)
    columns["rgb"], columns["depth"], columns["seg"] = np.array(files, dtype=np.int8).reshape(-1, 3).T
    columns["status"] = status
    columns["seg_folder"] = np.array([str(folders[name].seg_folder or "") for name in sequences])
    paths = [_seg_path(folders, lines[i], code) for i, code in zip(kept, columns["seg"], strict=True)]
    columns["hand_colour"], columns["seg_balance"] = vote_colours(columns, paths)
    return columns


def _suffix(names: frozenset[str], frame: str) -> int:
    return next((code for code in (1, 2) if frame + SUFFIXES[code] in names), 0)


def _seg_path(folders: dict[str, Folders], line: tuple[str, str], code: int) -> Path | None:
    folder = folders[line[0]].seg_folder
    return folder / (line[1] + SUFFIXES[code]) if code and folder is not None else None


def _content(columns: Columns, lines: list[tuple[str, str]], version: str, split: str) -> str:
    digest = xxhash.xxh3_128(f"{SCHEMA} {version} {split} {lines}".encode())
    for name in sorted(columns):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(columns[name]).tobytes())
    return digest.hexdigest()


_SHAPES: dict[str, tuple[int, ...]] = {
    "hand_joints": (21, 3), "cam_mat": (3, 3), "hand_pose": (48,), "hand_beta": (10,), "hand_trans": (3,),
    "obj_rot": (3,), "obj_trans": (3,), "obj_corners": (8, 3), "obj_corners_rest": (8, 3), "hand_box": (4,),
}  # fmt: skip


class _Rows:
    """Collects up to ``n`` annotations as they come and turns them into columns at the end."""

    def __init__(self, n: int) -> None:
        self.values = {name: np.full((n, *shape), np.nan) for name, shape in _SHAPES.items()}
        self.bad: list[bool] = []
        self.names: list[str] = []
        self.cameras: list[str] = []
        self.contact: list[int] = []

    def add(self, path: Path, keep: bool) -> int:
        """Reads one annotation and returns its status; without ``keep`` it is only looked at."""
        try:
            meta = read_meta(path)
        except BadSampleError:
            meta, status = Ho3dMeta(np.full(3, np.nan), np.full((3, 3), np.nan)), BAD
        else:
            status = OK if meta is not None else UNANNOTATED
        if meta is None:
            return UNANNOTATED
        if not keep:
            return NO_PICTURE
        for name, values in self.values.items():
            value = getattr(meta, name)
            if value is not None:
                # The wrist alone (3,) is the first of 21 joints.
                row = values[len(self.bad)]
                row[: len(value) if value.ndim == row.ndim else 1] = value
        self.bad.append(status == BAD)
        self.names.append(meta.obj_name)
        self.cameras.append(",".join(meta.cam_ids))
        self.contact.append(-1 if meta.vert_contact is None else int(meta.vert_contact.sum()))
        return status

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Returns the columns, converted to inner conventions."""
        n = len(self.bad)
        raw = {name: values[:n] for name, values in self.values.items()}
        # The posed wrist is J0 + trans in any frame.
        rest_wrist = raw["hand_joints"][:, 0] - raw["hand_trans"]
        with np.errstate(invalid="ignore"):
            pose, transl = pose_flip(raw["hand_pose"], raw["hand_trans"], rest_wrist)
            rotation = axis_angle_to_matrix(rotation_flip(raw["obj_rot"]))
            place = points_flip(raw["obj_trans"])
            # The rest box is not flipped: R carries the flip. The evaluation split names the rest box alone.
            posed = raw["obj_corners_rest"] @ np.swapaxes(rotation, 1, 2) + place[:, None]
            corners = np.where(np.isnan(raw["obj_corners"]), posed, points_flip(raw["obj_corners"]))
        return {
            "joints": np.ascontiguousarray(joints_from_opengl(raw["hand_joints"])),
            "K": raw["cam_mat"],
            "pose": pose,
            "betas": raw["hand_beta"],
            "transl": transl,
            "object_R": rotation,
            "object_t": place,
            "corners": corners,
            "corners_rest": raw["obj_corners_rest"],
            "box": box_from_corners(raw["hand_box"]),
            "bad": np.array(self.bad, dtype=np.bool_),
            "object_name": np.array(self.names, dtype=np.str_),
            "cameras": np.array(self.cameras, dtype=np.str_),
            "contact": np.array(self.contact, dtype=np.int32),
        }
