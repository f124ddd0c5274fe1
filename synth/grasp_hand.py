"""One person's right hand, prepared for grasping: which skin touches, which joints are free, its spheres."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, IndexArray
from handbench.hands.anatomy import anatomy, palm_frame
from handbench.hands.model import HandModel
from handbench.hands.rotations import shaped_points
from handbench.synth.fingers import CHAINS
from handbench.synth.spheres import SphereSet, make_spheres

FREE = np.array(
    [(int(CHAINS[f, k]), a) for f in range(1, 5) for k, a in ((0, 0), (0, 1), (1, 0), (2, 0))]
    + [(12, 0), (12, 1), (12, 2), (13, 0), (14, 0)],
    dtype=np.int64,
)
"""(21, 2) joint and axis of each angle that a grasp may change: index, middle, ring, little, thumb."""

PALM_GROUP = 15
"""The palm's group of skin; group 3 f + k is segment k of finger f, thumb first."""

N_GROUPS = 16


class Skinning(NamedTuple):
    """What :func:`handbench.hands.lbs.forward_hand` takes after the translation, with the shape built in."""

    template: FloatArray
    shapedirs: FloatArray
    posedirs: npt.NDArray[np.float32]
    pose_runs: IndexArray
    joint_template: FloatArray
    joint_shapedirs: FloatArray
    starts: IndexArray
    bones: IndexArray
    weights: FloatArray


class HandSkin(NamedTuple):
    """The skin that touches, and the spheres that may not be entered.

    Attributes:
        starts: (G + 1,) first entry of each group in ``members``.
        members: palmar vertices, group by group.
        anchors, weights, scales: of the spheres, see :class:`handbench.synth.spheres.SphereSet`.
        fingers: (S,) 0 thumb to 4 little finger, -1 palm.
        segments: (S,) 0 base, 1 middle, 2 end.
    """

    starts: IndexArray
    members: IndexArray
    anchors: IndexArray
    weights: FloatArray
    scales: FloatArray
    fingers: IndexArray
    segments: IndexArray


class GraspHand:
    """A right hand of one shape.

    Args:
        model: its model.
        betas: (10,) shape.
    """

    def __init__(self, model: HandModel, betas: FloatArray) -> None:
        self.model, self.betas = model, np.asarray(betas, np.float64)
        self.anatomy = anatomy(model)
        self.axes = np.ascontiguousarray(self.anatomy.axes)
        # A little inside the passive limits: what a hand does without being pushed.
        self.low, self.high = (np.ascontiguousarray(0.95 * self.anatomy.limits[..., k]) for k in range(2))
        arrays = model.kernel_arrays
        vertices = shaped_points(model.v_template, model.shapedirs, self.betas)
        joints = shaped_points(model.rest_joints, model.joint_shapedirs, self.betas)
        self.rest_vertices, self.rest_joints = vertices, joints
        self.wrist = joints[0].copy()
        self.skinning = Skinning(
            np.ascontiguousarray(vertices.reshape(-1)),
            arrays.shapedirs,
            arrays.posedirs,
            arrays.pose_runs,
            joints,
            arrays.joint_shapedirs,
            arrays.starts,
            arrays.bones,
            arrays.weights,
        )
        self.skin = hand_skin(model)
        self.frame = np.stack(palm_frame(model), axis=1)

    @cached_property
    def palm(self) -> FloatArray:
        """(3,) the middle of the palm's skin at rest [m]."""
        knuckles = self.rest_joints[[1, 4, 10, 7]].mean(axis=0)
        point = self.wrist + 0.72 * (knuckles - self.wrist)
        normal = self.frame[:, 1]
        group = self.skin.members[self.skin.starts[PALM_GROUP] : self.skin.starts[PALM_GROUP + 1]]
        offset = self.rest_vertices[group] - point
        near = np.linalg.norm(offset - np.outer(offset @ normal, normal), axis=1) < 0.015
        return np.asarray(point + normal * float(np.median(offset[near] @ normal)))


@lru_cache(maxsize=8)
def hand_spheres(model: HandModel) -> SphereSet:
    """Returns the spheres of a model; built once."""
    return make_spheres(model)


@lru_cache(maxsize=8)
def hand_skin(model: HandModel) -> HandSkin:
    """Finds the palmar skin of each finger's segments and of the palm, on the rest hand."""
    spheres = hand_spheres(model)
    axes = anatomy(model).axes
    bone_of = np.argmax(model.weights, axis=1)
    groups: list[IndexArray] = []
    for finger in range(5):
        for k in range(3):
            joint = int(CHAINS[finger, k])
            rows = np.flatnonzero(bone_of == joint + 1)
            groups.append(_palmar(model, rows, axes[joint], joint, last=k == 2))
    rows = np.flatnonzero(bone_of == 0)
    normal = palm_frame(model)[1]
    height = (model.v_template[rows] - model.rest_joints[0]) @ normal
    groups.append(rows[height > 0.006])
    starts = np.concatenate([[0], np.cumsum([len(g) for g in groups])]).astype(np.int64)
    segments = np.where(spheres.fingers >= 0, (spheres.bones - 1) % 3, 0).astype(np.int64)
    return HandSkin(
        starts, np.concatenate(groups).astype(np.int64), spheres.anchors, spheres.weights, spheres.scales,
        spheres.fingers, segments,
    )  # fmt: skip


def _palmar(model: HandModel, rows: IndexArray, axes: FloatArray, joint: int, last: bool) -> IndexArray:
    """Returns the vertices of a segment that face where it bends; of the last one, those of the pad."""
    flexion, twist = axes[0], axes[2]
    direction = np.cross(flexion, twist)
    offset = model.v_template[rows] - model.rest_joints[joint + 1]
    along, out = offset @ twist, offset @ direction
    keep = out > np.percentile(out, 62)
    if last:
        keep &= along > 0.25 * along.max()
    return np.asarray(rows[keep])
