"""How well a posed hand holds an object, as residuals: the compiled part of the grasp fit.

Everything is in the object's rest frame; the hand moves. A residual of 1 is one standard deviation of what a
good grasp shows.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from handbench.arrays import FloatArray, IndexArray
from handbench.hands.lbs import forward_hand
from handbench.hands.rotations import exponential, logarithm, product
from handbench.synth.fingers import joint_rotation
from handbench.synth.grasp_solid import signed_distance

INSIDE_SIGMA, INSIDE_FREE = 0.0006, 0.0004
"""Skin inside the object [m]: how bad, and how much is free."""

SPHERE_SIGMA, SPHERE_FREE = 0.0007, 0.0006
TABLE_SIGMA = 0.0010
SELF_SIGMA, SELF_FREE = 0.0010, 0.0015

LOWEST = 2
"""A segment touches with so many of its vertices."""

REACH = 0.010
"""What is farther from the surface than this is drawn to it less and less [m]."""

PRESS = -0.0003
"""Skin that touches lies this far inside [m]: flesh gives way."""


class Goal(NamedTuple):
    """What a grasp is to be.

    Attributes:
        contact: (16,) one over the standard deviation of each group's gap [1/m]; 0 where it need not touch.
        angles: (21,) the angles it should be near to [rad].
        tightness: (21,) one over their standard deviations [1/rad].
        rotation: (3, 3) the root's rotation it should be near to.
        wrist: (3,) the wrist it should be near to [m].
        root: (2,) one over the standard deviations of rotation [1/rad] and place [1/m].
        table: (4,) unit normal, out of the table, and height of the plane along it; zeros for none.
    """

    contact: FloatArray
    angles: FloatArray
    tightness: FloatArray
    rotation: FloatArray
    wrist: FloatArray
    root: FloatArray
    table: FloatArray


@numba.njit(cache=True, nogil=True)
def write_pose(angles: FloatArray, rotation: FloatArray, axes: FloatArray, pose: FloatArray) -> None:
    """Writes the pose (48,) of joint angles (15, 3) and a root rotation (3, 3)."""
    pose[:3] = logarithm(rotation)
    for j in range(15):
        pose[3 * j + 3 : 3 * j + 6] = logarithm(joint_rotation(axes[j], angles[j]))


def pose_of(angles: FloatArray, rotation: FloatArray, axes: FloatArray) -> FloatArray:
    """Returns the pose (48,) of joint angles (15, 3) and a root rotation (3, 3).

    Not a kernel: one that gives an array and is called by another cached kernel too fails when both come out
    of numba's cache ('descr' is NULL).
    """
    pose = np.empty(48)
    write_pose(angles, rotation, axes, pose)
    return pose


@numba.njit(cache=True, nogil=True)
def spread(free: IndexArray, values: FloatArray, angles: FloatArray) -> None:
    """Writes free values (21,) into a table of angles (15, 3)."""
    for n in range(len(free)):
        angles[free[n, 0], free[n, 1]] = values[n]


@numba.njit(cache=True, nogil=True)
def place_spheres(vertices: FloatArray, skin: tuple, out: FloatArray) -> None:  # type: ignore[type-arg]
    """Writes centre and radius (S, 4) of the spheres of a posed hand."""
    anchors, weights, scales = skin[2], skin[3], skin[4]
    count = anchors.shape[1]
    for i in range(len(anchors)):
        x = y = z = total = 0.0
        for k in range(count):
            v, w = anchors[i, k], weights[i, k]
            x, y, z = x + w * vertices[v, 0], y + w * vertices[v, 1], z + w * vertices[v, 2]
        for k in range(count):
            v = anchors[i, k]
            dx, dy, dz = vertices[v, 0] - x, vertices[v, 1] - y, vertices[v, 2] - z
            total += np.sqrt(dx * dx + dy * dy + dz * dz)
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = x, y, z, scales[i] * total / count


@numba.njit(cache=True, nogil=True)
def lowest_mean(signed: FloatArray, members: IndexArray, first: int, last: int) -> float:
    """Returns the mean of the :data:`LOWEST` least distances of a group of skin [m]."""
    least = np.full(LOWEST, np.inf)
    for i in range(first, last):
        value = signed[members[i]]
        if value < least[LOWEST - 1]:
            k = LOWEST - 1
            while k > 0 and least[k - 1] > value:
                least[k] = least[k - 1]
                k -= 1
            least[k] = value
    return float(least.mean())


@numba.njit(cache=True, nogil=True)
def _self_overlap(spheres: FloatArray, fingers: IndexArray, segments: IndexArray, out: FloatArray) -> None:
    """Writes (15,) root square overlaps: of the ten pairs of fingers, and of each finger with the palm."""
    out[:] = 0.0
    for i in range(len(spheres)):
        f = fingers[i]
        if f < 0 or (f > 0 and segments[i] == 0):
            continue
        for j in range(len(spheres)):
            g = fingers[j]
            if (
                g == f
                or (g < 0 and (segments[i] < 2))
                or (g > f and segments[j] > 0)
                or (g == 0 and segments[j] == 0)
            ):
                continue
            if g >= 0 and segments[i] == 1 and segments[j] == 0:
                continue
            reach = spheres[i, 3] + spheres[j, 3] - SELF_FREE
            dx, dy, dz = (
                spheres[i, 0] - spheres[j, 0],
                spheres[i, 1] - spheres[j, 1],
                spheres[i, 2] - spheres[j, 2],
            )
            square = dx * dx + dy * dy + dz * dz
            if square < reach * reach:
                gap = reach - np.sqrt(square)
                low, high = min(f, g), max(f, g)
                row = 10 + f if g < 0 else low * (9 - low) // 2 + high - low - 1
                out[row] += gap * gap
    for row in range(15):
        out[row] = np.sqrt(out[row])


@numba.njit(cache=True, nogil=True)
def pose_hand(
    rotation: FloatArray,
    wrist: FloatArray,
    angles: FloatArray,
    axes: FloatArray,
    skinning: tuple,  # type: ignore[type-arg]
    vertices: FloatArray,
) -> None:
    """Writes the vertices (778, 3) of a hand with root rotation (3, 3), wrist (3,) and angles (15, 3)."""
    joints = np.empty((16, 3))
    pose = np.empty(48)
    write_pose(angles, rotation, axes, pose)
    forward_hand(pose, np.zeros(10), wrist - skinning[4][0], *skinning, vertices, joints)  # type: ignore[call-arg]


@numba.njit(cache=True, nogil=True)
def measure(
    vertices: FloatArray,
    field: tuple,  # type: ignore[type-arg]
    skin: tuple,  # type: ignore[type-arg]
    old_vertices: FloatArray,
    old_signed: FloatArray,
    signed: FloatArray,
    spheres: FloatArray,
) -> None:
    """Writes the signed distances (778,) and the spheres (S, 4); a vertex that stayed keeps its distance."""
    for v in range(len(vertices)):
        x, y, z = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        if x == old_vertices[v, 0] and y == old_vertices[v, 1] and z == old_vertices[v, 2]:
            signed[v] = old_signed[v]
        else:
            signed[v] = signed_distance(x, y, z, *field)
    place_spheres(vertices, skin, spheres)


@numba.njit(cache=True, nogil=True)
def residuals(
    values: FloatArray,
    rotation: FloatArray,
    wrist: FloatArray,
    vertices: FloatArray,
    signed: FloatArray,
    spheres: FloatArray,
    field: tuple,  # type: ignore[type-arg]
    skin: tuple,  # type: ignore[type-arg]
    goal: tuple,  # type: ignore[type-arg]
    out: FloatArray,
) -> float:
    """Writes all residuals and returns the sum of their squares."""
    contact, prior, tightness, rotation0, wrist0, root, table = goal
    n_vertices, n_spheres = len(vertices), len(spheres)
    for v in range(n_vertices):
        out[v] = max(-signed[v] - INSIDE_FREE, 0.0) / INSIDE_SIGMA
        low = table[3] - (table[0] * vertices[v, 0] + table[1] * vertices[v, 1] + table[2] * vertices[v, 2])
        if low > 0.0 and (table[0] != 0.0 or table[1] != 0.0 or table[2] != 0.0):
            out[v] += low / TABLE_SIGMA
    at = n_vertices
    for i in range(n_spheres):
        away = signed_distance(spheres[i, 0], spheres[i, 1], spheres[i, 2], *field)
        out[at + i] = max(spheres[i, 3] - away - SPHERE_FREE, 0.0) / SPHERE_SIGMA
    at += n_spheres
    for g in range(len(contact)):
        out[at + g] = 0.0
        if contact[g] > 0.0:
            gap = lowest_mean(signed, skin[1], skin[0][g], skin[0][g + 1]) - PRESS
            out[at + g] = contact[g] * REACH * np.arctan(gap / REACH)
    at += len(contact)
    for n in range(len(values)):
        out[at + n] = tightness[n] * (values[n] - prior[n])
    at += len(values)
    for f in range(4):
        # One tendon bends middle and end joint together.
        out[at + f] = (values[4 * f + 3] - 0.62 * values[4 * f + 2]) / 0.12
    at += 4
    _self_overlap(spheres, skin[5], skin[6], out[at : at + 15])
    out[at : at + 15] /= SELF_SIGMA
    at += 15
    turn = logarithm(product(rotation, np.ascontiguousarray(rotation0.T)))
    for c in range(3):
        out[at + c] = root[0] * turn[c]
        out[at + 3 + c] = root[1] * (wrist[c] - wrist0[c])
    total = 0.0
    for n in range(at + 6):
        total += out[n] * out[n]
    return total


@numba.njit(cache=True, nogil=True)
def moved_root(
    rotation: FloatArray, wrist: FloatArray, step: FloatArray, pivot: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Returns root rotation and wrist after a small turn (step[:3]) about a point and a shift (step[3:6])."""
    turn = exponential(step[:3])
    out = np.empty(3)
    for c in range(3):
        out[c] = pivot[c] + step[3 + c]
        for d in range(3):
            out[c] += turn[c, d] * (wrist[d] - pivot[d])
    return product(turn, rotation), out
