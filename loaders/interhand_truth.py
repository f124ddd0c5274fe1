"""InterHand2.6M's annotation of a whole split as columns, made in blocks: about 1.1 kB a sample and hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numba import njit

from handbench.arrays import BoolArray, FloatArray
from handbench.formats.interhand import HAND_TYPES, SIDES, gate_by_wrist, split_sides
from handbench.formats.interhand_params import add_mean, move_params, rest_wrists
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.hands.model import forward
from handbench.loaders.interhand_names import CodedNames

if TYPE_CHECKING:
    from handbench.loaders.interhand import InterHand

Array = npt.NDArray[Any]

CLOSE = 0.02
"""Two hands are ``close`` where the least distance between their joints is below this [m]."""

_BLOCK = 1 << 14


def ground_truth(dataset: InterHand) -> GroundTruth:
    """Returns the columns of a split.

    ``joints_valid`` is the annotation's, gated by the wrist, as the official evaluation has it; the filler
    (1, 1, 1) is never valid. Subsets: ``single``, ``interacting``; ``close`` (both hands valid, the least
    distance between their joints below 20 mm); ``human`` and ``machine`` where an id list is there.
    A hand has no box of its own: the annotated one is about both, and is each sample's ``box``. A video is
    one camera of one recording. With ``mesh`` there are ``vertices``, and ``mesh_joints`` of them.
    """
    columns, rows = dataset.columns, dataset.rows
    hand_type = columns["hand_type"][rows]
    joints, valid = joints_of(dataset, rows)
    interacting = hand_type == HAND_TYPES.index("interacting")
    subsets = {
        "single": ~interacting,
        "interacting": interacting,
        "close": least_distances(joints, valid) < CLOSE,
    }
    if "human" in columns:
        subsets |= {"human": columns["human"][rows], "machine": ~columns["human"][rows]}
    extra = _params(dataset, rows)
    recordings = [
        f"{capture}/{columns['seq_names'][seq]}"
        for capture, seq in zip(columns["recording_capture"], columns["recording_seq"], strict=True)
    ]
    videos = [
        f"{recordings[recording]}/{columns['camera_names'][camera]}"
        for recording, camera in zip(columns["folder_recording"], columns["folder_camera"], strict=True)
    ]
    hands = {}
    for i, side in enumerate(SIDES):
        depth = columns["root_depth"][rows, i] if "root_depth" in columns else None
        hands[side] = HandTruth(joints[i], valid[i], root_depth=depth, **extra.get(side, {}))
    return GroundTruth(
        dataset=dataset.name,
        split=dataset.split,
        keys=dataset.keys,
        recordings=CodedNames(columns["recording"][rows], recordings),
        K=_cameras(dataset, rows)[0],
        hands=hands,
        hand_type=CodedNames(hand_type, HAND_TYPES),
        hand_type_valid=columns["hand_type_valid"][rows],
        subsets=subsets,
        tips="interhand",
        fingerprint=dataset.fingerprint,
        partial=dataset.coverage.partial,
        videos=CodedNames(columns["folder"][rows], videos),
        frames=np.asarray(columns["frame"][rows], dtype=np.int64),
    )


def hands_present(dataset: InterHand) -> BoolArray:
    """Returns (n, 2) whether the right and the left hand have two valid joints or more, unplaced."""
    columns, rows = dataset.columns, dataset.rows
    out = np.zeros((len(rows), 2), dtype=np.bool_)
    known = np.isfinite(columns["step_world"][..., 0])
    for start in range(0, len(rows), _BLOCK):
        some = rows[start : start + _BLOCK]
        step = columns["step"][some]
        linked = (step >= 0) & (columns["camera_row"][some] >= 0)
        valid = gate_by_wrist(columns["valid"][some]) & known[step] & linked[:, None]
        out[start : start + _BLOCK] = valid.reshape(len(some), 2, -1).sum(axis=2) > 1
    return out


def joints_of(dataset: InterHand, rows: Array) -> tuple[FloatArray, BoolArray]:
    """Returns joints (2, n, 21, 3) [m], camera frame, NaN where not valid; valid (2, n, 21); right first."""
    columns = dataset.columns
    joints = np.empty((2, len(rows), 21, 3))
    valid = np.empty((2, len(rows), 21), dtype=np.bool_)
    for start in range(0, len(rows), _BLOCK):
        some = rows[start : start + _BLOCK]
        _, R, t = _cameras(dataset, some)
        step = columns["step"][some]
        world = columns["step_world"][step]
        here = split_sides(world @ R.transpose(0, 2, 1) + t[:, None])
        known = split_sides(gate_by_wrist(columns["valid"][some])) & np.isfinite(here[..., 0])
        known &= (step >= 0)[:, None, None]
        here[~known] = np.nan
        joints[:, start : start + _BLOCK] = here.swapaxes(0, 1)
        valid[:, start : start + _BLOCK] = known.swapaxes(0, 1)
    return joints, valid


def _cameras(dataset: InterHand, rows: Array) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Returns K (n, 3, 3), R (n, 3, 3) and t (n, 3) [m]; NaN where a camera is not annotated."""
    columns = dataset.columns
    at = columns["camera_row"][rows]
    K, R, t = (columns[f"camera_{name}"][at] for name in ("K", "R", "t"))
    lost = at < 0
    if lost.any():
        K[lost], R[lost], t[lost] = np.nan, np.nan, np.nan
    return K, R, t


def _params(dataset: InterHand, rows: Array) -> dict[Any, dict[str, Array]]:
    """Returns pose, betas, transl (with ``mesh`` also vertices and mesh_joints) of each side."""
    columns = dataset.columns
    if "mano" not in columns or not dataset.models:
        return {}
    at = columns["mano"][rows]
    _, R, t = _cameras(dataset, rows)
    found = {}
    for i, side in enumerate(SIDES):
        model = dataset.models[side]
        has = (at >= 0) & columns["mano_has"][at, i] & np.isfinite(t[:, 0])
        values = {"pose": np.full((len(rows), 48), np.nan), "betas": np.full((len(rows), 10), np.nan),
                  "transl": np.full((len(rows), 3), np.nan)}  # fmt: skip
        for some in np.array_split(np.flatnonzero(has), max(1, len(rows) // _BLOCK)):
            shape = columns["mano_shape"][at[some], i]
            pose = add_mean(columns["mano_pose"][at[some], i], model)
            trans = columns["mano_trans"][at[some], i]
            moved = move_params(pose, trans, rest_wrists(model, shape), R[some], t[some])
            values["pose"][some], values["transl"][some] = moved
            values["betas"][some] = shape
        if dataset.options.mesh:
            values["vertices"] = np.full((len(rows), 778, 3), np.nan, dtype=np.float32)
            values["mesh_joints"] = np.full((len(rows), 21, 3), np.nan)
            for some in np.array_split(np.flatnonzero(has), max(1, len(rows) // 256)):
                pose, shape, transl = (values[name][some] for name in ("pose", "betas", "transl"))
                mesh = forward(model, pose, shape, transl, "interhand")
                values["vertices"][some], values["mesh_joints"][some] = mesh.vertices, mesh.joints21
        found[side] = values
    return found


def least_distances(joints: FloatArray, valid: BoolArray) -> FloatArray:
    """Returns (n,) the least distance [m] between valid joints of the two hands; inf where one has none.

    Args:
        joints: (2, n, 21, 3) [m].
        valid: (2, n, 21).
    """
    out = np.empty(joints.shape[1])
    _least(joints, valid, out)
    return out


@njit(cache=True, nogil=True)
def _least(joints: FloatArray, valid: BoolArray, out: FloatArray) -> None:
    for n in range(joints.shape[1]):
        best = np.inf
        for i in range(21):
            if not valid[0, n, i]:
                continue
            for j in range(21):
                if valid[1, n, j]:
                    square = 0.0
                    for c in range(3):
                        square += (joints[0, n, i, c] - joints[1, n, j, c]) ** 2
                    best = min(best, square)
        out[n] = np.sqrt(best)
