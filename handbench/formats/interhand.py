"""InterHand2.6M's conventions: 42 joints in millimetres and a world frame, one box about both hands.

Source: the dataset's homepage and ``common/utils/{transforms,preprocessing}.py`` of its repository.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.camera import Camera
from handbench.skeleton import INTERHAND42, OPENPOSE21
from handbench.types import Side

SPLITS = ("train", "val", "test")
SIDES = (Side.RIGHT, Side.LEFT)
"""The order of the two hands in every array with a side axis."""

N_JOINTS = len(INTERHAND42)
WRISTS = (INTERHAND42.index("right_wrist"), INTERHAND42.index("left_wrist"))
HAND_TYPES = ("right", "left", "interacting")
FILLER_MM = 1.0
"""A joint that is not annotated has the world coordinates (1, 1, 1) mm."""

BOX_SCALE = 1.2
_MM = 1e-3
_TO_SIDES = np.array([[INTERHAND42.index(f"{s.value}_{name}") for name in OPENPOSE21.names] for s in SIDES])
_FROM_SIDES = np.argsort(_TO_SIDES, axis=None)


def split_sides(joints: Any) -> Any:
    """Turns (..., 42) or (..., 42, C) values of INTERHAND42 into (..., 2, 21[, C]) OPENPOSE21, right first.

    Values of shape (..., 42) must be bool; all others have a last axis of coordinates.
    """
    return np.take(joints, _TO_SIDES, axis=-1 if joints.dtype == np.bool_ else -2)


def join_sides(joints: Any) -> Any:
    """Undoes :func:`split_sides`: (..., 2, 21[, C]) OPENPOSE21 to (..., 42[, C]) INTERHAND42."""
    flags = joints.dtype == np.bool_
    shape = (*joints.shape[:-2], N_JOINTS) if flags else (*joints.shape[:-3], N_JOINTS, joints.shape[-1])
    return np.take(joints.reshape(shape), _FROM_SIDES, axis=-1 if flags else -2)


def gate_by_wrist(valid: BoolArray) -> BoolArray:
    """Returns (..., 42) validity with a hand whose wrist is not valid taken out whole.

    The official evaluation does so (``dataset.py``: ``joint_valid`` times that of joints 20 and 41).
    """
    wrists = np.repeat(valid[..., list(WRISTS)], N_JOINTS // 2, axis=-1)
    return np.asarray(valid & wrists)


def is_filler(world_mm: FloatArray) -> BoolArray:
    """Tells which joints (..., 3) [mm], world frame, hold the filler (1, 1, 1)."""
    return np.asarray((world_mm == FILLER_MM).all(axis=-1))


def camera_from_record(
    position_mm: FloatArray, rotation: FloatArray, focal: FloatArray, centre: FloatArray,
    size: tuple[int, int],
) -> Camera:  # fmt: skip
    """Returns the camera of a record of ``_camera.json``: x_cam = R (x_world - position).

    Args:
        position_mm: (3,) ``campos`` [mm], world frame.
        rotation: (3, 3) ``camrot``, world to camera.
        focal: (2,) [px].
        centre: (2,) ``princpt`` [px].
        size: (width, height) [px].
    """
    K = np.array([[focal[0], 0.0, centre[0]], [0.0, focal[1], centre[1]], [0.0, 0.0, 1.0]])
    return Camera(K, size, rotation, -np.asarray(rotation) @ np.asarray(position_mm) * _MM)


def camera_record(camera: Camera) -> dict[str, list[Any]]:
    """Returns one camera as ``campos`` [mm], ``camrot``, ``focal``, ``princpt``.

    Raises:
        ValueError: for sheared or mirrored intrinsics, which the format cannot hold.
    """
    if camera.K[0, 1] != 0 or camera.K[0, 0] <= 0 or camera.K[1, 1] <= 0:
        raise ValueError("InterHand2.6M's camera has no shear and no mirror")
    return {
        "campos": (-camera.R.T @ camera.t / _MM).tolist(),
        "camrot": camera.R.tolist(),
        "focal": [camera.K[0, 0].item(), camera.K[1, 1].item()],
        "princpt": [camera.K[0, 2].item(), camera.K[1, 2].item()],
    }


def boxes_of(pixels: FloatArray, valid: BoolArray) -> FloatArray:
    """Returns the boxes of N pictures as the dataset makes them.

    The rule: the tight box of the projected valid joints of both hands, scaled by 1.2 about its centre
    (``preprocessing.py``: ``get_bbox``).

    Args:
        pixels: (N, J, 2) [px].
        valid: (N, J) bool.

    Returns:
        (N, 4) x, y, w, h [px]; NaN where no joint is valid.
    """
    low = np.where(valid[..., None], pixels, np.inf).min(axis=-2)
    high = np.where(valid[..., None], pixels, -np.inf).max(axis=-2)
    with np.errstate(invalid="ignore"):
        extent = (high - low) * BOX_SCALE
        box = np.concatenate([(low + high) / 2 - extent / 2, extent], axis=-1)
    return np.where(np.isfinite(box), box, np.nan)


def hand_type_of(present: Iterable[Side]) -> str:
    """Returns ``right``, ``left`` or ``interacting`` for the hands that a picture shows.

    Raises:
        ValueError: when it shows none.
    """
    shown = set(present)
    if not shown:
        raise ValueError("a picture of InterHand2.6M shows at least one hand")
    return "interacting" if len(shown) == 2 else shown.pop().value
