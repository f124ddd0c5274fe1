"""The mean pose and the pose basis: principal components of plausible hand poses drawn from synergies.

All fingers curl together most of the time; fingers deviate from that one by one, the index most; bending
trades between knuckle and middle joint; fingers spread when they are straight; DIP follows PIP by about two
thirds (Rijpkema and Girard 1991); the thumb opposes and bends.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from dimensions import MANO_BONE, Dimensions, bone_frames
from scipy.spatial.transform import Rotation

Array = npt.NDArray[np.float64]

SAMPLES = 1554
# How far each finger (index, middle, ring, little) strays from the common curl, and its share of spreading.
STRAY = (0.20, 0.13, 0.12, 0.16)
LEAN = (0.00, 0.02, 0.06, 0.09)
SPREAD = np.deg2rad([6.0, 1.0, -5.0, -9.0])


def finger_angles(rng: np.random.Generator) -> Array:
    """Return flexion of MCP, PIP, DIP and abduction (N, 4, 4) [rad] of the long fingers."""
    curl = rng.beta(1.25, 2.0, SAMPLES)
    trade = rng.normal(0.0, 0.22, SAMPLES)
    spread = rng.normal(0.0, 1.0, SAMPLES)
    neighbour = rng.normal(0.0, 1.0, (SAMPLES, 5))
    out = np.empty((SAMPLES, 4, 4))
    for f in range(4):
        own = STRAY[f] * (0.8 * neighbour[:, f] + 0.6 * neighbour[:, f + 1])
        bend = np.clip(curl + LEAN[f] + own, 0.0, 1.05)
        base = np.deg2rad(-6.0 + 84.0 * bend) - 0.6 * trade
        middle = np.clip(np.deg2rad(6.0 + 92.0 * bend) + 0.7 * trade, 0.0, 1.9)
        end = middle * (0.66 + rng.normal(0.0, 0.07, SAMPLES))
        side = SPREAD[f] * (0.3 + 0.7 * spread) * (1.0 - 0.8 * bend) + rng.normal(0.0, 0.02, SAMPLES)
        out[:, f] = np.stack([base, middle, end, side], 1)
    return out


def thumb_angles(rng: np.random.Generator, curl: Array) -> Array:
    """Return CMC flexion, abduction, twist, MCP and IP flexion (N, 5) [rad] of the thumb."""
    oppose = 0.30 + 0.30 * curl + rng.normal(0.0, 0.35, SAMPLES)
    return np.stack(
        [
            0.42 * oppose + rng.normal(0.0, 0.08, SAMPLES),
            -0.35 * oppose + rng.normal(0.0, 0.12, SAMPLES),
            0.22 * oppose + rng.normal(0.0, 0.05, SAMPLES),
            0.10 + 0.30 * curl + rng.normal(0.0, 0.16, SAMPLES),
            0.12 + 0.45 * curl + rng.normal(0.0, 0.25, SAMPLES),
        ],
        1,
    )


def sample_poses(dims: Dimensions) -> Array:
    """Return SAMPLES poses (N, 45): axis-angle of the 15 joints in MANO's order."""
    rng = np.random.Generator(np.random.Philox(key=20160901))
    fingers = finger_angles(rng)
    thumb = thumb_angles(rng, fingers[:, 0, 1] / 1.7)
    poses = np.zeros((SAMPLES, 15, 3))
    for f, shape in enumerate(dims.fingers):
        frames, start = bone_frames(shape), MANO_BONE[shape.name] - 1
        for j in range(3):
            lateral, dorsal, axis = frames[j]
            if f == 4:
                turn = Rotation.from_rotvec(thumb[:, (0, 3, 4)[j], None] * lateral)
                if j == 0:
                    aside = Rotation.from_rotvec(thumb[:, 1, None] * dorsal)
                    turn = aside * turn * Rotation.from_rotvec(thumb[:, 2, None] * axis)
            else:
                turn = Rotation.from_rotvec(fingers[:, f, j, None] * lateral)
                if j == 0:
                    turn = Rotation.from_rotvec(-fingers[:, f, 3, None] * dorsal) * turn
            poses[:, start + j] = turn.as_rotvec()
    # A trace of noise on every axis, different on each, keeps the components of least variance defined.
    noise = rng.normal(0.0, 1.0, (SAMPLES, 45)) * (0.010 + 0.0002 * np.arange(45))
    return poses.reshape(SAMPLES, 45) + noise


def make_pose_basis(dims: Dimensions) -> tuple[Array, Array, Array]:
    """Return the mean (45,), the components (45, 45) by falling variance, and the coefficients (N, 45)."""
    poses = sample_poses(dims)
    mean = poses.mean(0)
    centred = poses - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)
    components = vectors.T[::-1].copy()
    largest = np.abs(components).argmax(1)
    components *= np.sign(components[np.arange(45), largest])[:, None]
    return mean, components, centred @ components.T
