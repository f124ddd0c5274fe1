"""HO-3D's conventions and the ways into ours: camera frame, joint order, boxes, depth.

HO-3D (Hampali et al., CVPR 2020) writes everything in OpenGL's camera frame (y up, the hand at negative z),
metres, and its own joint order, ``HO3D21``. Its pictures and intrinsics are OpenCV's. Its poses are full
MANO poses (``flat_hand_mean=True``), right hands only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.formats.images import decode_image, read_bytes
from handbench.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from handbench.skeleton import HO3D21, OPENPOSE21
from handbench.types import HandParams, Side

IMAGE_SIZE = (640, 480)
"""(width, height) of every official picture."""

DEPTH_SCALE = 0.00012498664727900177
"""Metres a step of the official depth maps (its vis_utils.py)."""

FROM_HO3D21 = HO3D21.index_to(OPENPOSE21)
TO_HO3D21 = OPENPOSE21.index_to(HO3D21)
_FLIP = np.array([1.0, -1.0, -1.0])


def points_flip(points: npt.NDArray[np.floating[Any]]) -> FloatArray:
    """Takes points (..., 3) from OpenGL's camera frame to OpenCV's, or back: y and z change their sign."""
    return np.asarray(points * _FLIP)


def joints_from_opengl(joints: npt.NDArray[np.floating[Any]]) -> FloatArray:
    """Turns joints (..., 21, 3) [m], OpenGL, HO3D21 into OpenCV's frame, OPENPOSE21."""
    return points_flip(joints[..., FROM_HO3D21, :])


def joints_to_opengl(joints: FloatArray) -> FloatArray:
    """Turns joints (..., 21, 3) [m], OpenCV, OPENPOSE21 into OpenGL's frame, HO3D21."""
    return points_flip(joints[..., TO_HO3D21, :])


def rotation_flip(rotvec: FloatArray) -> FloatArray:
    """Returns the axis-angle vectors (..., 3) of F R, F = diag(1, -1, -1), for those of R."""
    return matrix_to_axis_angle(_FLIP[:, None] * axis_angle_to_matrix(rotvec))


def pose_flip(pose: FloatArray, transl: FloatArray, rest_wrist: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Takes MANO parameters from OpenGL's camera frame to OpenCV's, or back, exactly.

    MANO turns the hand about its rest wrist J0, which is not at the origin: x = R (v - J0) + J0 + t. The
    flipped hand F x therefore has R' = F R and t' = F (J0 + t) - J0. The posed wrist is J0 + t, so with
    annotated joints J0 is their wrist minus t and no hand model is needed.

    Args:
        pose: (..., 48) axis-angle [rad], root first.
        transl: (..., 3) [m].
        rest_wrist: (..., 3) [m] J0 of the shape.

    Returns:
        pose (..., 48) and transl (..., 3) in the other frame.
    """
    root = rotation_flip(pose[..., :3])
    return np.concatenate([root, pose[..., 3:]], axis=-1), points_flip(rest_wrist + transl) - rest_wrist


def hand_to_opengl(params: HandParams, rest_wrist: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Returns pose (48,), betas (10,) and trans (3,) of a hand as HO-3D's pickles hold them.

    Args:
        params: OpenCV camera frame.
        rest_wrist: (3,) [m] rest wrist J0 of the shape: of any posing, joints[0] - params.transl.
    """
    pose, trans = pose_flip(params.pose, params.transl, rest_wrist)
    return pose, np.array(params.betas), trans


def hand_from_opengl(
    pose: FloatArray, betas: FloatArray, trans: FloatArray, rest_wrist: FloatArray
) -> HandParams:
    """Returns the parameters, OpenCV camera frame, of what HO-3D's pickles hold (see ``pose_flip``)."""
    turned, transl = pose_flip(pose, trans, rest_wrist)
    return HandParams(Side.RIGHT, turned, betas, transl)


def box_from_corners(corners: FloatArray) -> FloatArray:
    """Turns boxes (..., 4) x0, y0, x1, y1 [px] (``handBoundingBox``) into x, y, w, h."""
    return np.concatenate([corners[..., :2], corners[..., 2:] - corners[..., :2]], axis=-1)


def box_to_corners(box: FloatArray) -> FloatArray:
    """Turns boxes (..., 4) x, y, w, h [px] into x0, y0, x1, y1."""
    return np.concatenate([box[..., :2], box[..., :2] + box[..., 2:]], axis=-1)


def encode_depth(depth: npt.NDArray[np.floating[Any]]) -> ImageArray:
    """Turns depth (h, w) [m] into HO-3D's picture (h, w, 3) uint8, **BGR** as OpenCV writes it.

    Steps of ``DEPTH_SCALE``: the low byte in R, the high byte in G. What is not finite or negative becomes
    0 (unknown); what lies beyond 8.19 m is cut.
    """
    steps = np.nan_to_num(depth / DEPTH_SCALE, nan=0.0, posinf=0.0, neginf=0.0)
    low_high = np.rint(steps).clip(0, 65535).astype("<u2").view(np.uint8).reshape(*depth.shape, 2)
    bgr = np.zeros((*depth.shape, 3), dtype=np.uint8)
    bgr[..., 2], bgr[..., 1] = low_high[..., 0], low_high[..., 1]
    return bgr


def decode_depth(bgr: ImageArray) -> npt.NDArray[np.float32]:
    """Turns HO-3D's depth picture (h, w, 3) uint8 BGR into (h, w) [m] float32; 0 is unknown.

    The official line multiplies a uint8 by 256, which overflows on numpy 2.
    """
    steps = np.empty((*bgr.shape[:2], 2), dtype=np.uint8)
    steps[..., 0], steps[..., 1] = bgr[..., 2], bgr[..., 1]
    return np.asarray(steps.view("<u2")[..., 0] * np.float32(DEPTH_SCALE), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class DepthFile:
    """A reference to a depth map of HO-3D.

    Attributes:
        path: of the PNG.
        size: (width, height) that it must have, or None.
    """

    path: Path
    size: tuple[int, int] | None = None

    def read(self) -> npt.NDArray[np.float32]:
        """Returns (h, w) float32 [m], 0 where unknown.

        Raises:
            BadSampleError: naming the file, when it does not open or has another size.
        """
        return decode_depth(decode_image(read_bytes(self.path), str(self.path), self.size, cv2.IMREAD_COLOR))
