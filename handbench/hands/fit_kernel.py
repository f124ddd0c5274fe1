"""Where the joints of a parametrised hand are, and how they move with each parameter.

The parameters of one hand are 61 numbers: root rotation (3, a small turn on the left of the current one),
root translation (3), the 15 joints' angles (45, see :mod:`handbench.hands.anatomy`), betas (10). Points are
the joints in HO3D21 order: MANO16, then the tips from thumb to little finger.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from handbench.arrays import FloatArray, IndexArray
from handbench.hands.anatomy import anatomy
from handbench.hands.lbs import N_JOINTS, PARENTS, chain, rest_joints
from handbench.hands.model import HandModel
from handbench.skeleton import FINGERS, MANO16, tip_vertices

N_POINTS, N_POSE, N_PARAMETERS = 21, 51, 61
FIRST_ANGLE, FIRST_BETA = 6, 51

LAST_JOINTS: IndexArray = np.array([MANO16.index(f"{finger}3") for finger in FINGERS], dtype=np.int64)
"""The joint that carries each tip, thumb to little."""


class FitArrays(NamedTuple):
    """What fitting needs of a hand model."""

    joint_template: FloatArray
    joint_shapedirs: FloatArray
    tip_template: FloatArray
    tip_shapedirs: FloatArray
    tip_posedirs: FloatArray
    tip_weights: FloatArray
    axes: FloatArray
    limits: FloatArray


class State(NamedTuple):
    """The parameters of one hand and what follows from them; every array is overwritten in place."""

    rotation: FloatArray
    transl: FloatArray
    angles: FloatArray
    betas: FloatArray
    rest: FloatArray
    local: FloatArray
    world: FloatArray
    turn_axes: FloatArray
    points: FloatArray


def fit_arrays(model: HandModel, tips: str = "smplx") -> FitArrays:
    """Takes the few rows of a model that its 21 joints depend on."""
    vertices = tip_vertices(tips, model.side)
    body = anatomy(model)
    arrays = (
        model.rest_joints, model.joint_shapedirs, model.v_template[vertices], model.shapedirs[vertices],
        model.posedirs[vertices], model.weights[vertices], body.axes, body.limits,
    )  # fmt: skip
    return FitArrays(*(np.array(array, dtype=np.float64) for array in arrays))


@njit(cache=True, nogil=True)
def new_state() -> State:
    """Returns an empty state: rest pose, mean shape."""
    rotation = np.zeros((3, 3))
    for c in range(3):
        rotation[c, c] = 1.0
    return State(
        rotation, np.zeros(3), np.zeros((15, 3)), np.zeros(10), np.zeros((N_JOINTS, 3)),
        np.zeros((N_JOINTS, 3, 3)), np.zeros((N_JOINTS, 3, 4)), np.zeros((15, 3, 3)), np.zeros((N_POINTS, 3)),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def copy_rows(source: FloatArray, target: FloatArray) -> None:
    """Copies a two-dimensional array; numba compiles this much faster than an assignment of slices."""
    for i in range(source.shape[0]):
        for k in range(source.shape[1]):
            target[i, k] = source[i, k]


@njit(cache=True, nogil=True)
def copy_row(source: FloatArray, target: FloatArray) -> None:
    """Copies a one-dimensional array."""
    for i in range(source.shape[0]):
        target[i] = source[i]


@njit(cache=True, nogil=True)
def copy_parameters(source: State, target: State) -> None:
    """Copies the parameters of one state into another."""
    copy_rows(source.rotation, target.rotation)
    copy_row(source.transl, target.transl)
    copy_rows(source.angles, target.angles)
    copy_row(source.betas, target.betas)


@njit(cache=True, nogil=True)
def evaluate(state: State, arrays: FitArrays) -> None:
    """Computes the 21 points from the parameters, tips with their exact skinning and pose correctives."""
    rest_joints(arrays.joint_template, arrays.joint_shapedirs, state.betas, state.rest)
    copy_rows(state.rotation, state.local[0])
    for j in range(15):
        _joint_rotation(arrays.axes[j], state.angles[j], state.local[j + 1], state.turn_axes[j])
    chain(state.local, state.rest, state.transl, state.world)
    for j in range(N_JOINTS):
        for c in range(3):
            state.points[j, c] = state.world[j, c, 3]
    # The axes so far are in the parent's frame.
    for j in range(15):
        parent = PARENTS[j + 1]
        for k in range(3):
            x, y, z = state.turn_axes[j, k, 0], state.turn_axes[j, k, 1], state.turn_axes[j, k, 2]
            for c in range(3):
                state.turn_axes[j, k, c] = (
                    state.world[parent, c, 0] * x
                    + state.world[parent, c, 1] * y
                    + state.world[parent, c, 2] * z
                )
    _place_tips(state, arrays)


@njit(cache=True, nogil=True)
def _joint_rotation(axes: FloatArray, angles: FloatArray, local: FloatArray, turn_axes: FloatArray) -> None:
    """Writes R = A^T Rx Ry Rz A and the axis each of the three angles turns about, in the parent's frame."""
    cf, sf = np.cos(angles[0]), np.sin(angles[0])
    ca, sa = np.cos(angles[1]), np.sin(angles[1])
    ct, st = np.cos(angles[2]), np.sin(angles[2])
    euler = np.empty((3, 3))
    euler[0, 0], euler[0, 1], euler[0, 2] = ca * ct, -ca * st, sa
    euler[1, 0], euler[1, 1], euler[1, 2] = cf * st + sf * sa * ct, cf * ct - sf * sa * st, -sf * ca
    euler[2, 0], euler[2, 1], euler[2, 2] = sf * st - cf * sa * ct, sf * ct + cf * sa * st, cf * ca
    for c in range(3):
        turn_axes[0, c] = axes[0, c]
        turn_axes[1, c] = cf * axes[1, c] + sf * axes[2, c]
        turn_axes[2, c] = sa * axes[0, c] - sf * ca * axes[1, c] + cf * ca * axes[2, c]
    for a in range(3):
        for b in range(3):
            value = 0.0
            for i in range(3):
                for k in range(3):
                    value += axes[i, a] * euler[i, k] * axes[k, b]
            local[a, b] = value


@njit(cache=True, nogil=True)
def _place_tips(state: State, arrays: FitArrays) -> None:
    for t in range(5):
        x, y, z = arrays.tip_template[t, 0], arrays.tip_template[t, 1], arrays.tip_template[t, 2]
        for b in range(10):
            beta = state.betas[b]
            x += arrays.tip_shapedirs[t, 0, b] * beta
            y += arrays.tip_shapedirs[t, 1, b] * beta
            z += arrays.tip_shapedirs[t, 2, b] * beta
        for j in range(15):
            for e in range(9):
                value = state.local[j + 1, e // 3, e % 3] - (1.0 if e % 4 == 0 else 0.0)
                x += arrays.tip_posedirs[t, 0, 9 * j + e] * value
                y += arrays.tip_posedirs[t, 1, 9 * j + e] * value
                z += arrays.tip_posedirs[t, 2, 9 * j + e] * value
        for c in range(3):
            state.points[N_JOINTS + t, c] = 0.0
        for j in range(N_JOINTS):
            weight = arrays.tip_weights[t, j]
            if weight == 0.0:
                continue
            dx, dy, dz = x - state.rest[j, 0], y - state.rest[j, 1], z - state.rest[j, 2]
            for c in range(3):
                w = state.world[j, c]
                state.points[N_JOINTS + t, c] += weight * (w[0] * dx + w[1] * dy + w[2] * dz + w[3])


@njit(cache=True, nogil=True)
def shape_motion(state: State, arrays: FitArrays, out: FloatArray) -> None:
    """Writes how the 21 points move with the betas (21, 3, 10), tips rigid with their last joint."""
    for j in range(N_JOINTS):
        parent = PARENTS[j]
        for b in range(10):
            if parent < 0:
                for c in range(3):
                    out[j, c, b] = arrays.joint_shapedirs[j, c, b]
                continue
            x = arrays.joint_shapedirs[j, 0, b] - arrays.joint_shapedirs[parent, 0, b]
            y = arrays.joint_shapedirs[j, 1, b] - arrays.joint_shapedirs[parent, 1, b]
            z = arrays.joint_shapedirs[j, 2, b] - arrays.joint_shapedirs[parent, 2, b]
            for c in range(3):
                w = state.world[parent, c]
                out[j, c, b] = out[parent, c, b] + w[0] * x + w[1] * y + w[2] * z
    for t in range(5):
        j = LAST_JOINTS[t]
        for b in range(10):
            x = arrays.tip_shapedirs[t, 0, b] - arrays.joint_shapedirs[j, 0, b]
            y = arrays.tip_shapedirs[t, 1, b] - arrays.joint_shapedirs[j, 1, b]
            z = arrays.tip_shapedirs[t, 2, b] - arrays.joint_shapedirs[j, 2, b]
            for c in range(3):
                w = state.world[j, c]
                out[N_JOINTS + t, c, b] = out[j, c, b] + w[0] * x + w[1] * y + w[2] * z


@njit(cache=True, nogil=True)
def point_jacobian(state: State, point: int, jacobian: FloatArray, columns: IndexArray) -> int:
    """Writes how one point moves with root and angles.

    Args:
        state: evaluated.
        point: 0 to 20.
        jacobian: (3, 61), only the listed columns are written.
        columns: receives the columns that matter.

    Returns:
        The number of columns.
    """
    x, y, z = state.points[point, 0], state.points[point, 1], state.points[point, 2]
    rx, ry, rz = x - state.points[0, 0], y - state.points[0, 1], z - state.points[0, 2]
    for c in range(3):
        for d in range(3):
            jacobian[d, c] = 0.0
            jacobian[d, 3 + c] = 1.0 if c == d else 0.0
        columns[c], columns[3 + c] = c, 3 + c
    jacobian[1, 0], jacobian[2, 0] = -rz, ry
    jacobian[0, 1], jacobian[2, 1] = rz, -rx
    jacobian[0, 2], jacobian[1, 2] = -ry, rx
    count = 6
    # A joint is moved by the joints before it, a tip also by its own last joint.
    joint = PARENTS[point] if point < N_JOINTS else LAST_JOINTS[point - N_JOINTS]
    while joint > 0:
        rx, ry, rz = x - state.points[joint, 0], y - state.points[joint, 1], z - state.points[joint, 2]
        for k in range(3):
            column = FIRST_ANGLE + 3 * (joint - 1) + k
            ux, uy, uz = (
                state.turn_axes[joint - 1, k, 0],
                state.turn_axes[joint - 1, k, 1],
                state.turn_axes[joint - 1, k, 2],
            )
            jacobian[0, column] = uy * rz - uz * ry
            jacobian[1, column] = uz * rx - ux * rz
            jacobian[2, column] = ux * ry - uy * rx
            columns[count] = column
            count += 1
        joint = PARENTS[joint]
    return count
