"""A hand model in MANO's format, and its forward function: parameters to vertices and joints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, IndexArray
from handbench.errors import HandbenchError
from handbench.hands.lbs import N_JOINTS, forward_hand, regress
from handbench.hands.topology import close_faces, mirrored_axis, wrist_loop
from handbench.skeleton import MANO16, OPENPOSE21, tip_vertices
from handbench.types import HandParams, Side

N_VERTICES, N_FACES, N_BETAS = 778, 1538, 10

SHAPES: dict[str, tuple[int, ...]] = {
    "v_template": (N_VERTICES, 3),
    "shapedirs": (N_VERTICES, 3, N_BETAS),
    "posedirs": (N_VERTICES, 3, 135),
    "J_regressor": (N_JOINTS, N_VERTICES),
    "weights": (N_VERTICES, N_JOINTS),
    "f": (N_FACES, 3),
    "hands_mean": (45,),
    "hands_components": (45, 45),
}
"""The arrays a model needs, by MANO's names."""


_SOURCE_NAMES = (*MANO16.names, "thumb4", "index4", "middle4", "ring4", "little4")
OPENPOSE21_FROM_MANO: IndexArray = np.array([_SOURCE_NAMES.index(name) for name in OPENPOSE21.names])
"""Where each OPENPOSE21 joint comes from: MANO16's joints followed by the five tips, thumb to little."""


class KernelArrays(NamedTuple):
    """A model as the skinning kernel reads it: flat, contiguous, sparse where it pays."""

    template: FloatArray
    shapedirs: FloatArray
    posedirs: npt.NDArray[np.float32]
    pose_runs: IndexArray
    joint_template: FloatArray
    joint_shapedirs: FloatArray
    starts: IndexArray
    bones: IndexArray
    weights: FloatArray


@dataclass(frozen=True, eq=False)
class HandModel:
    """The arrays of one hand (float64) and what they came from.

    Attributes:
        name: ``procedural`` or ``mano``.
        side: which hand.
        sha256: of the file the arrays came from (of the pickle, where they were converted).
        v_template: (778, 3) rest vertices [m].
        shapedirs: (778, 3, 10) displacement a unit of beta [m].
        posedirs: (778, 3, 135) displacement a unit of R - I of the 15 joints [m].
        J_regressor: (16, 778) rest joints from rest vertices.
        weights: (778, 16) skinning weights.
        faces: (1538, 3) int32, open at the wrist; outward.
        closed_faces: (1552, 3) int32, the wrist closed by a fan of 14 triangles: watertight.
        hands_mean: (45,) mean pose [rad].
        hands_components: (45, 45) pose basis, one component a row.
        wrist_loop: (16,) the open edge at the wrist, in winding direction.
        left_shapedirs: what is known of MANO's left shape directions (smplx issue 48): ``mirrored`` (nothing
            wrong), ``fixed`` or ``kept``.
    """

    name: str
    side: Side
    sha256: str
    v_template: FloatArray
    shapedirs: FloatArray
    posedirs: FloatArray
    J_regressor: FloatArray
    weights: FloatArray
    faces: npt.NDArray[np.int32]
    closed_faces: npt.NDArray[np.int32]
    hands_mean: FloatArray
    hands_components: FloatArray
    wrist_loop: IndexArray
    left_shapedirs: str = "mirrored"

    @cached_property
    def rest_joints(self) -> FloatArray:
        """(16, 3) rest joints of the mean shape [m]."""
        return np.asarray(regress(self.J_regressor, self.v_template))

    @cached_property
    def joint_shapedirs(self) -> FloatArray:
        """(16, 3, 10) displacement of the rest joints a unit of beta [m]."""
        flat = np.ascontiguousarray(self.shapedirs.reshape(N_VERTICES, -1))
        return np.asarray(regress(self.J_regressor, flat)).reshape(N_JOINTS, 3, N_BETAS)

    @cached_property
    def kernel_arrays(self) -> KernelArrays:
        """The arrays as :func:`handbench.hands.lbs.forward_hand` takes them."""
        posedirs = np.ascontiguousarray(self.posedirs.reshape(-1, 135).T, dtype=np.float32)
        vertex, bones = np.nonzero(self.weights)
        starts = np.searchsorted(vertex, np.arange(N_VERTICES + 1))
        return KernelArrays(
            np.ascontiguousarray(self.v_template.reshape(-1)),
            np.ascontiguousarray(self.shapedirs.reshape(-1, N_BETAS).T),
            posedirs,
            _pose_runs(posedirs),
            self.rest_joints,
            self.joint_shapedirs,
            starts.astype(np.int64),
            bones.astype(np.int64),
            np.ascontiguousarray(self.weights[vertex, bones]),
        )

    def with_left_shapedirs(self, wanted: str) -> HandModel:
        """Returns the model with MANO's left shape directions ``fix``-ed or ``keep``-t as in the file."""
        if self.left_shapedirs == {"fix": "kept", "keep": "fixed"}[wanted]:
            state = "fixed" if wanted == "fix" else "kept"
            return replace(
                self, shapedirs=self.shapedirs * np.array([[-1.0], [1], [1]]), left_shapedirs=state
            )
        return self


@dataclass(frozen=True)
class HandMesh:
    """Posed hands; the leading axis N is missing where one hand was asked for.

    Attributes:
        vertices: (N, 778, 3) [m].
        joints16: (N, 16, 3) [m], MANO16.
        joints21: (N, 21, 3) [m], OPENPOSE21, tips at the vertices of the named tip set.
    """

    vertices: FloatArray
    joints16: FloatArray
    joints21: FloatArray


def forward(
    model: HandModel, pose: FloatArray, betas: FloatArray, transl: FloatArray, tips: str = "smplx"
) -> HandMesh:
    """Poses N hands (Romero et al. 2017, equations 2 to 5); equal to ``smplx.MANO`` within 1e-6 m.

    Args:
        model: the hand model.
        pose: (N, 48) axis-angle [rad], root first, ``flat_hand_mean=True``.
        betas: (N, 10), or (10,) for all.
        transl: (N, 3) [m], or (3,) for all.
        tips: the fingertip set of :data:`handbench.skeleton.TIP_SETS`.

    Raises:
        HandbenchError: when a parameter is not finite, naming where.
        ValueError: when a shape differs.
    """
    pose = np.ascontiguousarray(pose, dtype=np.float64)
    if pose.ndim != 2 or pose.shape[1] != 48:
        raise ValueError(f"pose has shape {pose.shape}, expected (N, 48)")
    n = len(pose)
    betas = np.ascontiguousarray(np.broadcast_to(np.asarray(betas, dtype=np.float64), (n, N_BETAS)))
    transl = np.ascontiguousarray(np.broadcast_to(np.asarray(transl, dtype=np.float64), (n, 3)))
    _check_finite(pose, betas, transl)
    vertices, joints = np.empty((n, N_VERTICES, 3)), np.empty((n, N_JOINTS, 3))
    arrays = model.kernel_arrays
    for i in range(n):
        forward_hand(pose[i], betas[i], transl[i], *arrays, vertices[i], joints[i])
    with_tips = np.concatenate([joints, vertices[:, tip_vertices(tips, model.side)]], axis=1)
    return HandMesh(vertices, joints, with_tips[:, OPENPOSE21_FROM_MANO])


def forward_one(model: HandModel, params: HandParams, tips: str = "smplx") -> HandMesh:
    """Poses one hand, without a leading axis: the fast path of synthesis (about 0.1 ms).

    Raises:
        HandbenchError: when the parameters are of the other side or not finite, naming where.
    """
    if params.side is not model.side:
        raise HandbenchError(f"parameters of a {params.side.value} hand, model of a {model.side.value} hand")
    pose, betas, transl = params.pose, params.betas, params.transl
    # One sum instead of three tests: it is finite only where all of them are.
    if not np.isfinite(pose.sum() + betas.sum() + transl.sum()):
        _check_finite(pose[None], betas[None], transl[None])
    vertices, joints = np.empty((N_VERTICES, 3)), np.empty((N_JOINTS, 3))
    forward_hand(pose, betas, transl, *model.kernel_arrays, vertices, joints)
    with_tips = np.concatenate([joints, vertices[tip_vertices(tips, model.side)]])
    return HandMesh(vertices, joints, with_tips[OPENPOSE21_FROM_MANO])


def model_from_arrays(
    arrays: Mapping[str, npt.NDArray[np.generic]], name: str, side: Side, sha256: str, source: str
) -> HandModel:
    """Checks MANO's arrays and builds a model of the side that is asked for.

    Args:
        arrays: at least the keys of :data:`SHAPES`; ``left_shapedirs`` (a word) where it is known.
        name: ``procedural`` or ``mano``.
        side: the side the file claims to hold.
        sha256: of the file.
        source: what the errors call the file.

    Raises:
        HandbenchError: when an array is missing, has another shape or is not finite, when the mesh is not
            MANO's, or when it is the other hand.
    """
    checked: dict[str, FloatArray] = {}
    for key, shape in SHAPES.items():
        if key not in arrays:
            raise HandbenchError(f"{source}: lacks {key!r}", "is this a MANO hand (not SMPL or SMPL-X)?")
        value = np.asarray(arrays[key])
        if value.shape != shape or value.dtype.kind not in "fiu":
            raise HandbenchError(f"{source}: {key} has shape {value.shape}, expected {shape} numbers")
        checked[key] = np.ascontiguousarray(value, dtype=np.float64)
        if not np.isfinite(checked[key]).all():
            raise HandbenchError(f"{source}: {key} holds values that are not finite")
    faces = checked.pop("f").astype(np.int32)
    if faces.min() < 0 or faces.max() >= N_VERTICES:
        raise HandbenchError(f"{source}: a face names a vertex outside 0 to {N_VERTICES - 1}")
    loop = wrist_loop(faces, source)
    model = HandModel(
        name=name,
        side=side,
        sha256=sha256,
        faces=faces,
        closed_faces=close_faces(faces, loop),
        wrist_loop=loop,
        left_shapedirs=str(arrays.get("left_shapedirs", np.array("mirrored"))),
        **checked,
    )
    found = mirrored_axis(model.rest_joints, model.v_template, model.closed_faces)
    if found is not side:
        held = f"a {found.value} hand" if found else "a hand whose faces are inside out"
        raise HandbenchError(
            f"{source}: holds {held}, expected a {side.value} one", "are the two files swapped or renamed?"
        )
    for value in vars(model).values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return model


def _pose_runs(posedirs: npt.NDArray[np.float32]) -> IndexArray:
    """Returns (R, 3) rows (joint, first, last): where the nine rows of a joint are not all zero."""
    runs: list[list[int]] = []
    for joint in range(1, N_JOINTS):
        used = (posedirs[9 * joint - 9 : 9 * joint] != 0).any(axis=0)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], used.astype(np.int8), [0]])))
        for first, last in edges.reshape(-1, 2):
            # A short gap costs less than another run.
            if runs and runs[-1][0] == joint and first - runs[-1][2] < 64:
                runs[-1][2] = int(last)
            else:
                runs.append([joint, int(first), int(last)])
    return np.array(runs, dtype=np.int64).reshape(-1, 3)


def _check_finite(pose: FloatArray, betas: FloatArray, transl: FloatArray) -> None:
    for name, value in (("pose", pose), ("betas", betas), ("transl", transl)):
        bad = np.argwhere(~np.isfinite(value))
        if len(bad):
            hand, column = (int(i) for i in bad[0])
            joint = f" (joint {MANO16.names[column // 3]})" if name == "pose" else ""
            raise HandbenchError(
                f"{name}[{hand}, {column}]{joint} is {value[hand, column]}, not a finite number"
            )
