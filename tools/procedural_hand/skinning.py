"""Skinning weights: smooth steps along the bones, shared between neighbours, then evened out on the mesh."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from dimensions import MANO_BONE, Dimensions, bone_frames, finger_joints
from scipy import sparse
from topology import Layout

Array = npt.NDArray[np.float64]

# Half lengths [mm] over which MCP, PIP, DIP (thumb: CMC, MCP, IP) turn from one bone to the next.
HALF = (11.0, 7.0, 6.0)
THUMB_HALF = (16.0, 9.5, 8.0)


def smoothstep(x: Array) -> Array:
    """Return the cubic step of x, 0 below 0 and 1 above 1."""
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x * x * (3.0 - 2.0 * x))


def _along(points: Array, joint: Array, before: Array, after: Array) -> Array:
    """Return the signed distance [mm] past a joint, along the mean of the bones that meet there."""
    axis = before + after
    return np.asarray((points - joint) @ (axis / np.linalg.norm(axis)))


def chain_weights(dims: Dimensions, finger: int, points: Array) -> Array:
    """Return (N, 4): the shares of palm and three bones if only this finger pulled at the points."""
    shape = dims.fingers[finger]
    joints, axes = finger_joints(shape), bone_frames(shape)[:, 2]
    halves = THUMB_HALF if finger == 4 else HALF
    steps = []
    for j in range(3):
        before = axes[max(j - 1, 0)]
        distance = _along(points, joints[j], before, axes[j])
        steps.append(smoothstep(distance / (2 * halves[j]) + 0.5))
    first, second, third = steps
    return np.stack(
        [1 - first, first * (1 - second), first * second * (1 - third), first * second * third], 1
    )


def _owners(layout: Layout) -> npt.NDArray[np.int64]:
    """Return the finger that each vertex belongs to, -1 in the palm and on the shared bases."""
    owner = np.full(layout.count, -1, dtype=np.int64)
    for f, loops in enumerate(layout.rings):
        for loop in loops:
            owner[loop] = f
    return owner


def _shares(dims: Dimensions, points: Array) -> Array:
    """Return (N, 4): how the four long fingers share the palm's vertices, with a fall-off at the sides."""
    lateral = []
    for finger in dims.fingers[:4]:
        frame = bone_frames(finger)[0]
        lateral.append(np.abs((points - finger_joints(finger)[0]) @ frame[0]))
    far = np.stack(lateral, 1)
    pull = np.exp(-((far / 8.5) ** 2)) + 1e-12
    pull /= pull.sum(1, keepdims=True)
    return np.asarray(pull * (1.0 - smoothstep((far.min(1) - 13.0) / 14.0))[:, None])


def _thumb_pull(dims: Dimensions, points: Array) -> Array:
    """Return (N,): how much of the thumb's metacarpal moves a vertex of the palm."""
    joints = finger_joints(dims.fingers[4])
    a, b = joints[0] * 0.62 + joints[1] * 0.38, joints[1]
    t = np.clip((points - a) @ (b - a) / ((b - a) @ (b - a)), 0.0, 1.0)
    distance = np.linalg.norm(points - a - t[:, None] * (b - a), axis=1)
    return np.asarray(1.0 - smoothstep((distance - 11.0) / 27.0))


def make_weights(dims: Dimensions, layout: Layout, points: Array, links: sparse.csr_matrix) -> Array:
    """Return the weights (V, 16) for MANO's joints; rows sum to 1, at most about five bones a vertex."""
    weights = np.zeros((layout.count, 16))
    owner = _owners(layout)
    palm = owner < 0
    shares = _shares(dims, points)
    for f in range(5):
        start = MANO_BONE[dims.fingers[f].name]
        chain = chain_weights(dims, f, points)
        if f == 4:
            own = owner == 4
            pull = np.where(own, np.maximum(chain[:, 1:].sum(1), _thumb_pull(dims, points)), 0.0)
            pull[palm] = _thumb_pull(dims, points)[palm]
            inner = chain[:, 1:] / np.maximum(chain[:, 1:].sum(1, keepdims=True), 1e-9)
            inner[palm] = (1.0, 0.0, 0.0)
            thumb = pull[:, None] * inner
        else:
            part = np.where(owner == f, 1.0, np.where(palm, shares[:, f], 0.0))
            weights[:, start : start + 3] = part[:, None] * chain[:, 1:]
    rest = 1.0 - weights.sum(1)
    weights[:, 13:16] = thumb * np.where(owner == 4, 1.0, rest)[:, None]
    weights[:, 0] = np.maximum(1.0 - weights[:, 1:].sum(1), 0.0)
    return smooth_weights(weights, palm, links)


def smooth_weights(weights: Array, free: npt.NDArray[np.bool_], links: sparse.csr_matrix) -> Array:
    """Return the weights averaged twice with their neighbours on the palm, small shares dropped."""
    degree = np.asarray(links.sum(1))
    for _ in range(2):
        mean = (links @ weights) / degree
        weights[free] = 0.5 * weights[free] + 0.5 * mean[free]
    weights[weights < 2e-3] = 0.0
    return np.asarray(weights / weights.sum(1, keepdims=True))
