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

from handbench.arrays import BoolArray, FloatArray
from handbench.formats.ho3d import box_from_corners, joints_from_opengl, points_flip, pose_flip, rotation_flip
from handbench.formats.ho3d_tree import V2_SEGMENTATION, Split, Version, folder_of, seg_folder
from handbench.geometry import axis_angle_to_matrix
from handbench.loaders.ho3d_colours import vote_colours
from handbench.loaders.ho3d_metas import DAMAGED, Raw, read_all
from handbench.progress import Progress
from handbench.store.columns import Columns, stamp

SCHEMA = 3
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
    files = np.array([_codes(folders[sequence], frame) for sequence, frame in lines], dtype=np.int8)
    status = np.full(len(lines), NO_META, dtype=np.int8)
    there = np.flatnonzero(files[:, 0])
    label = f"HO-3D {version} {split}: reading annotations"
    with Progress(len(there), label, "frames", quiet=len(there) < _TELL_FROM) as progress:
        raw = read_all([str(_meta_path(root, split, lines[i])) for i in there.tolist()], progress.advance)
    status[there] = np.array([OK, UNANNOTATED, BAD], dtype=np.int8)[raw["state"]]
    if files[:, 1].any():
        status[np.isin(status, (OK, BAD)) & (files[:, 1] == 0)] = NO_PICTURE
    kept = np.flatnonzero(np.isin(status, (OK, BAD)))
    columns = _convert({name: values[np.searchsorted(there, kept)] for name, values in raw.items()})
    samples = [lines[i] for i in kept.tolist()]
    columns["fingerprint"] = np.array([_content(columns, samples, version, split)])
    columns["line"], columns["status"] = kept, status
    columns["rgb"], columns["depth"], columns["seg"] = np.ascontiguousarray(files[kept, 1:].T)
    columns["seg_folder"] = np.array([str(folders[name].seg_folder or "") for name in sequences])
    paths = [_seg_path(folders, line, code) for line, code in zip(samples, columns["seg"], strict=True)]
    columns["hand_colour"], columns["seg_balance"] = vote_colours(columns, paths)
    return columns


def _codes(found: Folders, frame: str) -> tuple[int, int, int, int]:
    """Returns whether there is an annotation, and which suffix picture, depth map and segmentation have."""
    meta = int(f"{frame}.pkl" in found.meta)
    return meta, _suffix(found.rgb, frame), _suffix(found.depth, frame), _suffix(found.seg, frame)


def _meta_path(root: Path, split: Split, line: tuple[str, str]) -> Path:
    return folder_of(root, split, line[0], "meta") / f"{line[1]}.pkl"


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


def _convert(raw: Raw) -> dict[str, npt.NDArray[Any]]:
    """Turns annotations into inner conventions."""
    # The posed wrist is J0 + trans in any frame.
    rest_wrist = raw["hand_joints"][:, 0] - raw["hand_trans"]
    with np.errstate(invalid="ignore"):
        pose, transl = pose_flip(raw["hand_pose"], raw["hand_trans"], rest_wrist)
        rotation = axis_angle_to_matrix(rotation_flip(raw["obj_rot"]))
        place = points_flip(raw["obj_trans"])
        # The rest box is not flipped: R carries the flip. The evaluation split names the rest box alone.
        posed = raw["obj_corners_rest"] @ np.swapaxes(rotation, 1, 2) + place[:, None]
        corners = np.where(np.isnan(raw["obj_corners"]), posed, points_flip(raw["obj_corners"]))
    joints, box = joints_from_opengl(raw["hand_joints"]), box_from_corners(raw["hand_box"])
    valid, boxes = hand_boxes(joints, raw["cam_mat"], box)
    return {
        "joints": np.ascontiguousarray(joints),
        "K": raw["cam_mat"],
        "pose": pose,
        "betas": raw["hand_beta"],
        "transl": transl,
        "object_R": rotation,
        "object_t": place,
        "corners": corners,
        "corners_rest": raw["obj_corners_rest"],
        "box": box,
        "valid": valid,
        "boxes": boxes,
        "bad": raw["state"] == DAMAGED,
        "object_name": raw["obj_name"],
        "cameras": raw["cam_ids"],
        "contact": raw["contact"],
    }


def hand_boxes(
    joints: npt.NDArray[np.floating[Any]], K: FloatArray, annotated: FloatArray
) -> tuple[BoolArray, FloatArray]:
    """Returns which joints (N, 21) are known, and the hands' boxes (N, 4) x, y, w, h [px].

    A box is as annotated, else tight about the projected joints; NaN where neither is known.

    Args:
        joints: (N, 21, 3) [m], camera frame, NaN where unknown.
        K: (N, 3, 3) intrinsics [px].
        annotated: (N, 4) boxes, NaN where there is none.
    """
    valid: BoolArray = np.isfinite(joints).all(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        uvw = np.asarray(joints, dtype=np.float64) @ np.swapaxes(K, -1, -2)
        pixels = uvw[..., :2] / uvw[..., 2:]
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    tight = np.concatenate([low, high - low], axis=-1)
    tight[~valid.all(axis=1)] = np.nan
    boxes = np.where(np.isfinite(annotated), annotated, tight)
    valid.flags.writeable = boxes.flags.writeable = False
    return valid, boxes
