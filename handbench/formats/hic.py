"""The files of HIC (Tzionas et al., IJCV 2016): folders, frame numbers, 28-row labels, cameras of views.

A sequence ``NN`` has its pictures and labels in ``NN/1``. Other views of the same motion, as
``handbench synth-hic`` draws them, lie beside it in ``NN/2``, ``NN/3`` ... and state their camera in
``camera.json``; without that file a view has the sensor's camera and the frame of the motion.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.camera import Camera
from handbench.errors import BadSampleError, HandbenchError
from handbench.skeleton import HIC28, OPENPOSE21
from handbench.types import Side

SIZE = (640, 480)
"""(width, height) of every picture [px]."""

SENSOR_K = ((525.0, 0.0, 319.5), (0.0, 525.0, 239.5), (0.0, 0.0, 1.0))
"""Intrinsics [px] of the official pictures (``Cameras.txt``); the motion is in this camera's frame."""

ROWS = len(HIC28)
CAMERA = "camera.json"
CAMERA_SCHEMA = "handbench.hic_camera/1"
VISIBILITY = "visibility.npy"
_SIDES = (Side.RIGHT, Side.LEFT)


def stated_intrinsics(root: Path) -> FloatArray | None:
    """Returns the (3, 3) intrinsics that ``Cameras.txt`` of a tree states, or None where it states none."""
    try:
        words = (root / "Cameras.txt").read_text(encoding="ascii").split()
        return np.array(words[1:10], dtype=np.float64).reshape(3, 3)
    except (OSError, ValueError):
        return None


def view_folder(root: Path, sequence: str, view: str = "1") -> Path:
    """Returns the folder with one view's ``rgb`` and ``joints_2D_GT``."""
    return root / sequence / view


def image_path(root: Path, sequence: str, frame: int, view: str = "1") -> Path:
    """Returns the path of a picture: ``NN/<view>/rgb/000.png``; frame 0 is the motion's first."""
    return view_folder(root, sequence, view) / "rgb" / f"{frame:03d}.png"


def label_path(root: Path, sequence: str, frame: int, view: str = "1") -> Path:
    """Returns the path of a frame's labels; the official ones are of every fifth frame (000, 005 ...)."""
    return view_folder(root, sequence, view) / "joints_2D_GT" / f"{frame:03d}.txt"


def frame_numbers(folder: Path, suffix: str) -> list[int]:
    """Returns the numbers of the files ``NNN<suffix>`` in a folder, ascending; none where it is missing."""
    if not folder.is_dir():
        return []
    names = (path.stem for path in folder.iterdir() if path.suffix == suffix)
    return sorted(int(name) for name in names if re.fullmatch(r"\d{3,6}", name))


def list_views(root: Path, sequence: str) -> list[str]:
    """Returns the views of a sequence that have pictures: ``1`` is the official one."""
    folder = root / sequence
    if not folder.is_dir():
        return []
    names = [path.name for path in folder.iterdir() if path.name.isdecimal() and (path / "rgb").is_dir()]
    return sorted(names, key=int)


def write_labels(path: Path, joints_2d: Mapping[Side, FloatArray]) -> None:
    """Writes 28 lines ``index<TAB>x<TAB>y`` in whole pixels, as the official files are.

    Args:
        path: the file.
        joints_2d: (21, 2) [px], OPENPOSE21, of each side; NaN, and what would round to a coordinate of 0 or
            less, is written ``0 0``: not annotated. A missing side is not annotated.
    """
    empty = np.full((len(OPENPOSE21), 2), np.nan)
    points = np.concatenate([np.asarray(joints_2d.get(side, empty), np.float64) for side in _SIDES])
    names = [f"{side.value}_{name}" for side in _SIDES for name in OPENPOSE21.names]
    rows = points[[names.index(name) for name in HIC28.names]]
    pixels = np.where(np.isfinite(rows), np.rint(rows), 0).astype(np.int64)
    pixels[(pixels <= 0).any(axis=1)] = 0
    path.write_text("\n".join(f"{i}\t{x}\t{y}" for i, (x, y) in enumerate(pixels)), encoding="ascii")


def read_labels(path: Path) -> dict[Side, FloatArray]:
    """Reads a label file into (21, 2) [px], OPENPOSE21, of each side; NaN where there is no label.

    The left index finger's rows 23 to 25 run from base to tip like all others. One reader of the field lists
    them from tip to base; in the real label of sequence 02, frame 100, the two rows that are there lie 9 and
    5 px from the tracked joints read this way, 62 and 50 px the other way.

    Raises:
        BadSampleError: when it is missing, or its lines are not 28 rows ``index x y``.
    """
    try:
        lines = path.read_text(encoding="ascii").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSampleError(f"{path}: {error}", "is the download complete?") from None
    rows = [line.split() for line in lines if line.strip()]
    if len(rows) != ROWS:
        raise BadSampleError(f"{path}: {len(rows)} rows, expected {ROWS} (14 a hand)", "copy it again")
    try:
        table = np.array(rows, dtype=np.float64)
    except ValueError:
        table = np.empty((0, 0))
    if table.shape != (ROWS, 3) or not np.isfinite(table).all() or (table[:, 0] != np.arange(ROWS)).any():
        raise BadSampleError(f"{path}: a row is not 'index x y' with index 0 to {ROWS - 1}", "copy it again")
    pixels = table[:, 1:]
    pixels[(pixels <= 0).any(axis=1)] = np.nan
    return {side: _side_rows(pixels, side) for side in _SIDES}


def _side_rows(pixels: FloatArray, side: Side) -> FloatArray:
    joints = np.full((len(OPENPOSE21), 2), np.nan)
    for row, name in zip(pixels, HIC28.names, strict=True):
        if name.startswith(side.value):
            joints[OPENPOSE21.index(name.removeprefix(f"{side.value}_"))] = row
    return joints


def write_view_camera(folder: Path, camera: Camera) -> None:
    """Writes ``camera.json`` of a view; its R and t map the motion's frame to the view's camera."""
    content = {
        "schema": CAMERA_SCHEMA, "size": list(camera.size), "K": camera.K.tolist(), "R": camera.R.tolist(),
        "t": camera.t.tolist(),
    }  # fmt: skip
    (folder / CAMERA).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_view_camera(folder: Path) -> Camera:
    """Reads a view's camera; the sensor's where the folder has no ``camera.json``.

    Returns:
        K, size, and R, t from the motion's frame to the view's camera.

    Raises:
        HandbenchError: when the file is no camera.
    """
    path = folder / CAMERA
    if not path.is_file():
        return Camera(np.array(SENSOR_K), SIZE)
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        found = content["schema"]
        width, height = (int(n) for n in content["size"])
        camera = Camera(content["K"], (width, height), content["R"], content["t"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise HandbenchError(f"{path}: not the camera of a view: {error}", "make the tree again") from None
    if found != CAMERA_SCHEMA:
        raise HandbenchError(f"{path}: schema {found!r}, expected {CAMERA_SCHEMA!r}", "update handbench")
    turned = np.abs(camera.R @ camera.R.T - np.eye(3)).max()
    if not turned < 1e-6 or not np.isfinite(camera.K).all() or not np.isfinite(camera.t).all():
        raise HandbenchError(f"{path}: R is no rotation, or K or t is not finite", "make the tree again")
    return camera


def write_visibility(folder: Path, visibility: npt.NDArray[np.float32]) -> None:
    """Writes how much of each joint is seen: (T, 2, 21), right and left, row = frame; NaN where unknown."""
    np.save(folder / VISIBILITY, visibility.astype(np.float32), allow_pickle=False)


def read_visibility(folder: Path) -> npt.NDArray[np.float32] | None:
    """Reads what :func:`write_visibility` wrote, or None where there is none.

    Raises:
        HandbenchError: when the file is no such array.
    """
    path = folder / VISIBILITY
    if not path.is_file():
        return None
    try:
        table = np.load(path, allow_pickle=False)
    except Exception as error:  # numpy parses a damaged header as Python: TokenError, SyntaxError ...
        raise HandbenchError(f"{path}: {error}", "make the tree again") from None
    if table.ndim != 3 or table.shape[1:] != (2, len(OPENPOSE21)) or table.dtype != np.float32:
        raise HandbenchError(f"{path}: {table.dtype} {table.shape}, expected float32 (T, 2, 21)", "")
    return np.asarray(table)


@dataclass(frozen=True)
class MeshListing:
    """One picture of ``HIC.json`` (InterWild's listing with MANO meshes).

    Attributes:
        sequence: e.g. ``01``.
        frame: number of the picture.
        hand_type: ``right``, ``left`` or ``interacting``.
        meshes: side -> path of a PLY mesh [m] below the root.
    """

    sequence: str
    frame: int
    hand_type: str
    meshes: Mapping[Side, str]


def read_hic_json(path: Path) -> list[MeshListing]:
    """Reads ``HIC.json``, COCO style: pictures with ``file_name``, annotations with meshes.

    Raises:
        HandbenchError: when a key is missing, or a file name has no sequence and frame.
    """
    try:
        content = json.loads(path.read_bytes())
        names = {image["id"]: str(image["file_name"]) for image in content["images"]}
        return [_listing(path, names[entry["image_id"]], entry) for entry in content["annotations"]]
    except (ValueError, TypeError, KeyError, RecursionError, OSError) as error:
        raise HandbenchError(f"{path}: not HIC.json: {error!r}", "copy it again") from None


def _listing(path: Path, name: str, entry: Mapping[str, Any]) -> MeshListing:
    found = re.search(r"(?:^|/)(\d{2})/(?:.*/)?(\d{3,6})\.\w+$", name)
    if found is None:
        raise HandbenchError(f"{path}: file_name {name!r} has no NN/.../NNN.png", "copy it again")
    meshes = {side: entry.get(f"{side.value}_mano_path") for side in _SIDES}
    kept = {side: str(mesh) for side, mesh in meshes.items() if mesh is not None}
    return MeshListing(found[1], int(found[2]), str(entry["hand_type"]), kept)
