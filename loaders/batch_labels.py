"""Labels of many items as arrays: filled row by row, then moved all at once with their pictures."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray
from handbench.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from handbench.loaders.crop import Warp, follow_intrinsics, move_box, points_box
from handbench.types import HandAnnotation, Sample, Side

SIDES = (Side.RIGHT, Side.LEFT)
"""The order of the hand axis: 0 is the right hand, 1 the left one."""

VERTICES = 778
_MIRROR_POSE = np.tile([1.0, -1.0, -1.0], 16)


@dataclass(slots=True)
class LabelRows:
    """Labels of B items; S = 2 hands, right then left; NaN (False) where something is not annotated.

    Attributes:
        K: (B, S, 3, 3) [px] each hand's own intrinsics (they differ in pasted pictures only).
        size: (B, 2) width and height [px] of the picture.
        hand_valid: (B, S) whether the hand is annotated at all.
        joints: (B, S, 21, 3) [m], camera frame, OPENPOSE21.
        joints_valid: (B, S, 21).
        joints_2d: (B, S, 21, 2) [px].
        visibility: (B, S, 21) share of each joint that is seen.
        pose: (B, S, 48) axis-angle [rad], flat_hand_mean=True.
        betas: (B, S, 10).
        transl: (B, S, 3) [m].
        box: (B, S, 4) x, y, w, h [px].
        occlusion: (B, S) 1 - visible / amodal.
        vertices: (B, S, 778, 3) float32 [m], or None where they were not asked for.
    """

    K: FloatArray
    size: FloatArray
    hand_valid: BoolArray
    joints: FloatArray
    joints_valid: BoolArray
    joints_2d: FloatArray
    visibility: FloatArray
    pose: FloatArray
    betas: FloatArray
    transl: FloatArray
    box: FloatArray
    occlusion: FloatArray
    vertices: npt.NDArray[np.float32] | None = None

    @classmethod
    def empty(cls, count: int, vertices: bool = False) -> LabelRows:
        """Returns rows without any annotation."""

        def nan(*shape: int) -> FloatArray:
            return np.full((count, *shape), np.nan)

        return cls(
            K=nan(2, 3, 3),
            size=nan(2),
            hand_valid=np.zeros((count, 2), np.bool_),
            joints=nan(2, 21, 3),
            joints_valid=np.zeros((count, 2, 21), np.bool_),
            joints_2d=nan(2, 21, 2),
            visibility=nan(2, 21),
            pose=nan(2, 48),
            betas=nan(2, 10),
            transl=nan(2, 3),
            box=nan(2, 4),
            occlusion=nan(2),
            vertices=np.full((count, 2, VERTICES, 3), np.nan, np.float32) if vertices else None,
        )

    def take(self, rows: npt.ArrayLike) -> LabelRows:
        """Returns some rows."""
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        taken: dict[str, Any] = {name: None if v is None else v[rows] for name, v in values.items()}
        return LabelRows(**taken)


def fill_sample(rows: LabelRows, i: int, sample: Sample) -> None:
    """Puts the annotation of a sample into row ``i``."""
    rows.size[i] = sample.camera.size
    rows.K[i] = sample.camera.K
    for hand in sample.hands:
        _fill_hand(rows, i, SIDES.index(hand.side), hand)


def _fill_hand(rows: LabelRows, i: int, s: int, hand: HandAnnotation) -> None:
    rows.hand_valid[i, s] = True
    rows.joints[i, s] = hand.joints
    rows.joints_valid[i, s] = hand.joints_valid
    if hand.camera is not None:
        rows.K[i, s] = hand.camera.K
    if hand.params is not None:
        rows.pose[i, s], rows.betas[i, s] = hand.params.pose, hand.params.betas
        rows.transl[i, s] = hand.params.transl
    for name in ("joints_2d", "visibility", "box", "occlusion"):
        value = getattr(hand, name)
        if value is not None:
            getattr(rows, name)[i, s] = value
    if rows.vertices is not None and hand.vertices is not None and len(hand.vertices) == VERTICES:
        rows.vertices[i, s] = hand.vertices


def project(K: FloatArray, joints: FloatArray) -> FloatArray:
    """Projects joints (..., J, 3) [m] by K (..., 3, 3) to pixels (..., J, 2); z = 0 gives inf or NaN."""
    image = joints @ np.swapaxes(K, -1, -2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(image[..., :2] / image[..., 2:])


def complete(rows: LabelRows) -> None:
    """Fills in what follows: pixels of joints by projection, boxes as the tight box of these."""
    unlabelled = np.isnan(rows.joints_2d).any(axis=-1) & rows.joints_valid
    if unlabelled.any():
        pixels = project(rows.K, rows.joints)
        rows.joints_2d[unlabelled] = pixels[unlabelled]
    boxless = np.isnan(rows.box).any(axis=-1) & rows.hand_valid
    if boxless.any():
        seen: BoolArray = np.asarray(np.isfinite(rows.joints_2d).all(axis=-1))
        rows.box[boxless] = points_box(rows.joints_2d, seen)[boxless]


@dataclass(frozen=True, slots=True)
class RestWrists:
    """The wrist at rest of a hand model, both sides: J0 = template + directions betas.

    Attributes:
        template: (S, 3) [m].
        directions: (S, 3, 10) [m] a unit of beta.
    """

    template: FloatArray
    directions: FloatArray


def rest_wrist(rows: LabelRows, model: RestWrists | None = None) -> FloatArray:
    """Returns (B, S, 3) [m], J0: the wrist at rest, about which MANO's root turns.

    Without a model it is the annotated wrist less transl, as the posed wrist is J0 + transl: exact where
    joints and parameters are of one model (HO-3D, AIH), off where joints were measured on their own.
    """
    if model is None:
        return np.asarray(rows.joints[:, :, 0] - rows.transl)
    return np.asarray(model.template + (model.directions @ rows.betas[..., None])[..., 0])


def move(rows: LabelRows, warp: Warp, size: tuple[int, int], rest: FloatArray) -> LabelRows:
    """Returns the labels of the warped pictures; hands change places where a picture is flipped.

    Args:
        rows: labels of the pictures as they are.
        warp: of each item.
        size: (width, height) of what is shown.
        rest: (B, S, 3) [m] rest wrists, see :func:`rest_wrist`.
    """
    turn = warp.turn[:, None]
    flip = warp.flip[:, None, None]
    joints = rows.joints @ np.swapaxes(turn, -1, -2)
    mirrored_rest = np.where(flip, rest * [-1.0, 1.0, 1.0], rest)
    wrist = ((rest + rows.transl)[:, :, None] @ np.swapaxes(turn, -1, -2))[:, :, 0]
    pose = np.where(flip, rows.pose * _MIRROR_POSE, rows.pose)
    # What is left of the turn once the mirroring is in the pose: a rotation about the optical axis.
    rotation = np.where(flip[..., None], turn @ np.diag([-1.0, 1.0, 1.0]), turn)
    turned = np.abs(rotation - np.eye(3)).max(axis=(1, 2, 3)) > 0
    if turned.any():
        root = axis_angle_to_matrix(pose[turned, :, :3])
        pose[turned, :, :3] = matrix_to_axis_angle(rotation[turned] @ root)
    joints_2d = rows.joints_2d @ np.swapaxes(warp.affine[:, None, :, :2], -1, -2)
    joints_2d += warp.affine[:, None, None, :, 2]
    moved = LabelRows(
        K=follow_intrinsics(rows.K, warp.affine[:, None], turn),
        size=np.tile(np.array(size, float), (len(rows.size), 1)),
        hand_valid=rows.hand_valid,
        joints=joints,
        joints_valid=rows.joints_valid,
        joints_2d=joints_2d,
        visibility=rows.visibility,
        pose=pose,
        betas=rows.betas,
        transl=wrist - mirrored_rest,
        box=move_box(rows.box, warp.affine[:, None]),
        occlusion=rows.occlusion,
        vertices=None
        if rows.vertices is None
        else rows.vertices @ np.swapaxes(turn, -1, -2).astype(np.float32),
    )
    return _exchange(moved, warp.flip) if warp.flip.any() else moved


def _exchange(rows: LabelRows, flip: BoolArray) -> LabelRows:
    """Lets the hands of flipped items change places: a mirrored left hand is a right hand."""
    for field in fields(rows):
        value = getattr(rows, field.name)
        if value is not None and field.name != "size":
            value = value.copy()
            value[flip] = value[flip, ::-1]
            setattr(rows, field.name, value)
    return rows


def hide_joints(rows: LabelRows, i: int, covered: BoolArray) -> None:
    """Sets the visibility of row ``i``'s joints to 0 where ``covered`` (h, w) hides them; NaN stays."""
    height, width = covered.shape
    at = np.round(np.nan_to_num(rows.joints_2d[i], nan=-1.0, posinf=-1.0, neginf=-1.0)).astype(np.int64)
    inside = (at >= 0).all(axis=-1) & (at[..., 0] < width) & (at[..., 1] < height)
    hidden = inside & covered[np.where(inside, at[..., 1], 0), np.where(inside, at[..., 0], 0)]
    if hidden.any():
        rows.visibility[i][hidden & np.isfinite(rows.visibility[i])] = 0.0
