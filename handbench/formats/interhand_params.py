"""NeuralAnnot's MANO parameters (world frame, ``flat_hand_mean=False``) to ours (camera frame, mean added).

MANO turns about the rest wrist J0(betas), not about the origin. So for x_cam = R x_world + t the exact
parameters in the camera are root' = log(R exp(root)) and transl' = R (J0 + transl) + t - J0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from handbench.arrays import FloatArray
from handbench.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from handbench.hands.model import HandModel
from handbench.types import HandParams, Side


def rest_wrists(model: HandModel, betas: FloatArray) -> FloatArray:
    """Returns the rest wrists J0 (..., 3) [m] of shapes (..., 10)."""
    return np.asarray(model.rest_joints[0] + betas @ model.joint_shapedirs[0].T)


def move_params(
    pose: FloatArray, transl: FloatArray, wrist: FloatArray, R: FloatArray, t: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Moves parameters of hands by a rigid motion x' = R x + t, exactly.

    Args:
        pose: (..., 48) axis-angle [rad]; only the root changes.
        transl: (..., 3) [m].
        wrist: (..., 3) rest wrist [m], see :func:`rest_wrists`.
        R: (..., 3, 3) rotation.
        t: (..., 3) [m].

    Returns:
        pose (..., 48) and transl (..., 3) in the new frame.
    """
    root = matrix_to_axis_angle(R @ axis_angle_to_matrix(pose[..., :3]))
    moved = (R @ (wrist + transl)[..., None])[..., 0] + t - wrist
    return np.concatenate([root, pose[..., 3:]], axis=-1), moved


def add_mean(pose: FloatArray, model: HandModel) -> FloatArray:
    """Turns poses (..., 48) of ``flat_hand_mean=False`` into ours, which include the model's mean pose."""
    return np.concatenate([pose[..., :3], pose[..., 3:] + model.hands_mean], axis=-1)


def mano_record(
    params: HandParams, model: HandModel, R: FloatArray | None = None, t: FloatArray | None = None
) -> dict[str, Any]:
    """Returns one hand as ``_MANO_NeuralAnnot.json`` holds it: ``pose`` 48, ``shape`` 10, ``trans`` 3 [m].

    Args:
        params: in the world frame, or in a camera's where its ``R`` and ``t`` are given.
        model: of the same side; its mean pose is taken off.
        R: (3, 3) rotation, world to camera.
        t: (3,) translation [m], world to camera.

    Raises:
        ValueError: when the model is of the other side.
    """
    if model.side is not params.side:
        raise ValueError(f"parameters of a {params.side.value} hand, model of a {model.side.value} hand")
    pose, transl = params.pose, params.transl
    if R is not None:
        back = -R.T @ (np.zeros(3) if t is None else t)
        pose, transl = move_params(pose, transl, rest_wrists(model, params.betas), R.T, back)
    pose = np.concatenate([pose[:3], pose[3:] - model.hands_mean])
    return {"pose": pose.tolist(), "shape": params.betas.tolist(), "trans": transl.tolist()}


def params_from_record(
    record: dict[str, Any], side: Side, model: HandModel, R: FloatArray, t: FloatArray
) -> HandParams:
    """Undoes :func:`mano_record`: one hand's parameters in a camera's frame."""
    pose = add_mean(np.asarray(record["pose"], np.float64), model)
    betas = np.asarray(record["shape"], np.float64)
    pose, transl = move_params(pose, np.asarray(record["trans"]), rest_wrists(model, betas), R, t)
    return HandParams(side, pose, betas, transl)
