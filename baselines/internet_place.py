"""Where a 2.5D hand is: the depth at which its bones have the lengths of the mean hand."""

from __future__ import annotations

from functools import cache

import numpy as np

from handbench.arrays import FloatArray
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward
from handbench.skeleton import OPENPOSE21, bone_lengths

NEAREST, FARTHEST = 0.1, 5.0
"""Depths [m] between which hands are placed."""

_PAIRS = np.array(OPENPOSE21.bones)


@cache
def mean_square_bones() -> FloatArray:
    """Returns the squared lengths (20,) [m^2] of the mean hand's bones."""
    hand = forward(load_hand_model("procedural"), np.zeros((1, 48)), np.zeros(10), np.zeros(3)).joints21[0]
    return np.asarray(np.square(bone_lengths(hand)))


def rays(K: FloatArray, pixels: FloatArray) -> FloatArray:
    """Returns the points (..., J, 3) at depth 1 that K (..., 3, 3) takes to pixels (..., J, 2)."""
    ones = np.ones((*pixels.shape[:-1], 1))
    seen = np.concatenate([pixels, ones], axis=-1) @ np.swapaxes(np.linalg.inv(K), -1, -2)
    return np.asarray(seen / seen[..., 2:])


def on_rays(K: FloatArray, pixels: FloatArray, depth: FloatArray) -> FloatArray:
    """Returns the points (..., J, 3) [m] that K takes to pixels (..., J, 2) at depths (..., J) [m]."""
    return np.asarray(rays(K, pixels) * depth[..., None])


def hand_depths(K: FloatArray, pixels: FloatArray, depth: FloatArray) -> FloatArray:
    """Returns the depths (B,) [m] of wrists at which hands are as large as the mean hand.

    A bone from ray p at depth d + z_p to ray c at d + z_c is d (c - p) + (z_c c - z_p p): its squared length
    is quadratic in d. The answer is the median over the 20 bones, so that few lost joints do not move it.
    Where no depth makes a bone short enough, the one that comes nearest.

    Args:
        K: (B, 3, 3) intrinsics [px].
        pixels: (B, 21, 2) [px], OPENPOSE21.
        depth: (B, 21) [m] from the wrist.
    """
    seen = rays(K, pixels)
    near = seen * depth[..., None]
    across = seen[:, _PAIRS[:, 1]] - seen[:, _PAIRS[:, 0]]
    offset = near[:, _PAIRS[:, 1]] - near[:, _PAIRS[:, 0]]
    a = np.maximum(np.square(across).sum(axis=-1), 1e-12)
    b = (across * offset).sum(axis=-1)
    c = np.square(offset).sum(axis=-1) - mean_square_bones()
    found = (np.sqrt(np.maximum(b * b - a * c, 0.0)) - b) / a
    return np.asarray(np.clip(np.median(found, axis=1), NEAREST, FARTHEST))


def pair_depths(right: FloatArray, left: FloatArray, apart: FloatArray, there: FloatArray) -> FloatArray:
    """Returns the depths (B, 2) [m] of both wrists, ``apart`` from each other.

    Args:
        right: (B,) [m] of the right wrist, by the size of that hand.
        left: (B,) [m] of the left one.
        apart: (B,) [m] predicted depth of the left wrist from the right one.
        there: (B, 2) probabilities of the hands: how much each size counts.
    """
    weight = there / np.maximum(there.sum(axis=1, keepdims=True), 1e-9)
    first = weight[:, 0] * right + weight[:, 1] * (left - apart)
    first = np.clip(first, NEAREST - np.minimum(apart, 0.0), FARTHEST)
    return np.stack([first, first + apart], axis=1)
