"""The camera rig of a take of HO-3D v3: ``calibration/<take>/calibration/``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError

_NUMBER = r"([-+0-9.eE]+)"
_INTRINSICS = re.compile(
    rf"\s*fx:\s*{_NUMBER},\s*fy:\s*{_NUMBER},\s*ppx:\s*{_NUMBER},\s*ppy:\s*{_NUMBER}\s*,?\s*"
)


@dataclass(frozen=True, eq=False)
class RigCamera:
    """One camera of a rig.

    Attributes:
        name: its number in the names of the sequences (``0`` for ABF10).
        serial: what ``cam_orders.txt`` calls it.
        K: (3, 3) intrinsics [px].
        to_world: (4, 4) camera (OpenCV frame) to world [m].
        depth_scale: metres a step of the depth maps.
    """

    name: str
    serial: str
    K: FloatArray
    to_world: FloatArray
    depth_scale: float


def calibration_folder(root: Path, take: str) -> Path:
    """Returns the folder of a take's calibration."""
    return root / "calibration" / take / "calibration"


def read_calibration(root: Path, take: str) -> list[RigCamera]:
    """Reads the cameras of a take, in the order of their numbers.

    Raises:
        HandbenchError: when a file is missing or does not read, naming file and what was expected.
    """
    folder = calibration_folder(root, take)
    serials = _text(folder / "cam_orders.txt").replace(",", " ").split()
    return [_camera(folder, i, serial) for i, serial in enumerate(serials)]


def _camera(folder: Path, i: int, serial: str) -> RigCamera:
    path = folder / f"cam_{i}_intrinsics.txt"
    match = _INTRINSICS.fullmatch(_text(path))
    if match is None:
        raise HandbenchError(f"{path}: expected 'fx: 1, fy: 2, ppx: 3, ppy: 4'", "copy the file again")
    fx, fy, cx, cy = (float(word) for word in match.groups())
    K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
    to_world = _numbers(folder / f"trans_{i}.txt", 16).reshape(4, 4)
    scale = float(_numbers(folder / f"cam_{i}_depth_scale.txt", 1)[0])
    return RigCamera(str(i), serial, K, to_world, scale)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text"
        raise HandbenchError(f"{path}: {reason}", "is the download complete?") from None


def _numbers(path: Path, n: int) -> FloatArray:
    words = _text(path).replace(",", " ").split()
    try:
        values = np.array([float(word) for word in words])
    except ValueError:
        values = np.empty(0)
    if len(values) != n or not np.isfinite(values).all():
        raise HandbenchError(f"{path}: expected {n} numbers", "copy the file again")
    return values


def write_calibration(root: Path, take: str, cameras: Sequence[RigCamera]) -> None:
    """Writes the cameras of a take, numbered in the order given."""
    folder = calibration_folder(root, take)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cam_orders.txt").write_text("".join(f"{camera.serial}\n" for camera in cameras))
    for i, camera in enumerate(cameras):
        values = (camera.K[0, 0], camera.K[1, 1], camera.K[0, 2], camera.K[1, 2])
        words = (f"{name}: {float(x)!r}" for name, x in zip(("fx", "fy", "ppx", "ppy"), values, strict=True))
        (folder / f"cam_{i}_intrinsics.txt").write_text(", ".join(words) + "\n")
        (folder / f"cam_{i}_depth_scale.txt").write_text(f"{camera.depth_scale!r}\n")
        rows = (" ".join(repr(float(x)) for x in row) for row in camera.to_world)
        (folder / f"trans_{i}.txt").write_text("\n".join(rows) + "\n")
