"""The skinning kernels: MANO's forward function for one hand, in plain compiled arithmetic.

No BLAS and no fastmath: the same parameters give the same bits on every machine. Rotations are exact
(Rodrigues); smplx adds 1e-8 to the angle instead, which moves no vertex by more than 1e-8 m.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from handbench.arrays import FloatArray, IndexArray

N_JOINTS = 16
PARENTS: IndexArray = np.array([-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14], dtype=np.int64)
"""Each joint's parent in MANO16."""


@njit(cache=True, nogil=True)
def rotations(pose: FloatArray, out: FloatArray) -> None:
    """Writes the rotation matrices (16, 3, 3) of an axis-angle pose (48,) [rad]."""
    for j in range(N_JOINTS):
        x, y, z = pose[3 * j], pose[3 * j + 1], pose[3 * j + 2]
        angle2 = x * x + y * y + z * z
        # Below 1e-4 rad the series is exact to the last bit and needs no division by the angle.
        if angle2 < 1e-8:
            first, second = 1.0 - angle2 / 6.0, 0.5 - angle2 / 24.0
        else:
            angle = np.sqrt(angle2)
            half = np.sin(0.5 * angle)
            first, second = np.sin(angle) / angle, 2.0 * half * half / angle2
        out[j, 0, 0] = 1.0 - second * (y * y + z * z)
        out[j, 1, 1] = 1.0 - second * (x * x + z * z)
        out[j, 2, 2] = 1.0 - second * (x * x + y * y)
        out[j, 0, 1] = second * x * y - first * z
        out[j, 1, 0] = second * x * y + first * z
        out[j, 0, 2] = second * x * z + first * y
        out[j, 2, 0] = second * x * z - first * y
        out[j, 1, 2] = second * y * z - first * x
        out[j, 2, 1] = second * y * z + first * x


@njit(cache=True, nogil=True)
def regress(regressor: FloatArray, values: FloatArray) -> FloatArray:
    """Returns the product of (16, V) and (V, C), added up in the order of the vertices on every machine."""
    out = np.zeros((regressor.shape[0], values.shape[1]))
    for j in range(regressor.shape[0]):
        for v in range(regressor.shape[1]):
            if regressor[j, v] != 0.0:
                for c in range(values.shape[1]):
                    out[j, c] += regressor[j, v] * values[v, c]
    return out


@njit(cache=True, nogil=True)
def rest_joints(template: FloatArray, directions: FloatArray, betas: FloatArray, out: FloatArray) -> None:
    """Writes the rest joints (16, 3) of a shape (10,), from the joint template and its shape directions."""
    for j in range(N_JOINTS):
        for c in range(3):
            value = template[j, c]
            for b in range(10):
                value += directions[j, c, b] * betas[b]
            out[j, c] = value


@njit(cache=True, nogil=True)
def chain(local: FloatArray, rest: FloatArray, transl: FloatArray, world: FloatArray) -> None:
    """Writes every joint's world rotation and position (16, 3, 4), from local rotations and rest joints."""
    for j in range(N_JOINTS):
        parent = PARENTS[j]
        if parent < 0:
            for c in range(3):
                world[j, c, 3] = rest[j, c] + transl[c]
                for d in range(3):
                    world[j, c, d] = local[j, c, d]
            continue
        for c in range(3):
            p0, p1, p2 = world[parent, c, 0], world[parent, c, 1], world[parent, c, 2]
            for d in range(3):
                world[j, c, d] = p0 * local[j, 0, d] + p1 * local[j, 1, d] + p2 * local[j, 2, d]
            world[j, c, 3] = (
                world[parent, c, 3]
                + p0 * (rest[j, 0] - rest[parent, 0])
                + p1 * (rest[j, 1] - rest[parent, 1])
                + p2 * (rest[j, 2] - rest[parent, 2])
            )


@njit(cache=True, nogil=True)
def add_pose_correctives(
    local: FloatArray, directions: npt.NDArray[np.float32], runs: IndexArray, vertices: FloatArray
) -> None:
    """Adds the pose correctives to flat vertices (V*3,).

    Args:
        local: (16, 3, 3) local rotations.
        directions: (135, V*3) float32.
        runs: (R, 3) rows (joint, first, last): the stretches of ``directions`` that are not zero.
        vertices: changed in place.
    """
    for r in range(runs.shape[0]):
        joint, first, last = runs[r, 0], runs[r, 1], runs[r, 2]
        row = 9 * (joint - 1)
        f0, f1, f2 = local[joint, 0, 0] - 1.0, local[joint, 0, 1], local[joint, 0, 2]
        f3, f4, f5 = local[joint, 1, 0], local[joint, 1, 1] - 1.0, local[joint, 1, 2]
        f6, f7, f8 = local[joint, 2, 0], local[joint, 2, 1], local[joint, 2, 2] - 1.0
        d0, d1, d2 = directions[row], directions[row + 1], directions[row + 2]
        d3, d4, d5 = directions[row + 3], directions[row + 4], directions[row + 5]
        d6, d7, d8 = directions[row + 6], directions[row + 7], directions[row + 8]
        for i in range(first, last):
            vertices[i] += (
                f0 * d0[i] + f1 * d1[i] + f2 * d2[i]
                + f3 * d3[i] + f4 * d4[i] + f5 * d5[i]
                + f6 * d6[i] + f7 * d7[i] + f8 * d8[i]
            )  # fmt: skip


@njit(cache=True, nogil=True)
def skin(
    world: FloatArray,
    rest: FloatArray,
    rest_vertices: FloatArray,
    starts: IndexArray,
    bones: IndexArray,
    weights: FloatArray,
    out: FloatArray,
) -> None:
    """Writes the posed vertices (V, 3) by linear blend skinning with weights in compressed rows."""
    shift = np.empty((N_JOINTS, 3))
    for j in range(N_JOINTS):
        for c in range(3):
            shift[j, c] = world[j, c, 3] - (
                world[j, c, 0] * rest[j, 0] + world[j, c, 1] * rest[j, 1] + world[j, c, 2] * rest[j, 2]
            )
    for v in range(out.shape[0]):
        x, y, z = rest_vertices[3 * v], rest_vertices[3 * v + 1], rest_vertices[3 * v + 2]
        px = py = pz = 0.0
        for k in range(starts[v], starts[v + 1]):
            w, j = weights[k], bones[k]
            px += w * (world[j, 0, 0] * x + world[j, 0, 1] * y + world[j, 0, 2] * z + shift[j, 0])
            py += w * (world[j, 1, 0] * x + world[j, 1, 1] * y + world[j, 1, 2] * z + shift[j, 1])
            pz += w * (world[j, 2, 0] * x + world[j, 2, 1] * y + world[j, 2, 2] * z + shift[j, 2])
        out[v, 0], out[v, 1], out[v, 2] = px, py, pz


@njit(cache=True, nogil=True)
def forward_hand(
    pose: FloatArray,
    betas: FloatArray,
    transl: FloatArray,
    template: FloatArray,
    shapedirs: FloatArray,
    posedirs: npt.NDArray[np.float32],
    pose_runs: IndexArray,
    joint_template: FloatArray,
    joint_shapedirs: FloatArray,
    starts: IndexArray,
    bones: IndexArray,
    weights: FloatArray,
    vertices: FloatArray,
    joints: FloatArray,
) -> None:
    """Writes vertices (V, 3) and joints (16, 3) of one hand, from ``model.kernel_arrays``."""
    local = np.empty((N_JOINTS, 3, 3))
    rest = np.empty((N_JOINTS, 3))
    world = np.empty((N_JOINTS, 3, 4))
    rotations(pose, local)
    rest_joints(joint_template, joint_shapedirs, betas, rest)
    # The translation comes last: float32 weights do not sum to 1 exactly, and would scale it.
    chain(local, rest, np.zeros(3), world)
    shaped = template.copy()
    for b in range(10):
        if betas[b] != 0.0:
            for i in range(shaped.shape[0]):
                shaped[i] += betas[b] * shapedirs[b, i]
    add_pose_correctives(local, posedirs, pose_runs, shaped)
    skin(world, rest, shaped, starts, bones, weights, vertices)
    for c in range(3):
        for v in range(vertices.shape[0]):
            vertices[v, c] += transl[c]
        for j in range(N_JOINTS):
            joints[j, c] = world[j, c, 3] + transl[c]
