"""The cameras of ``synth-hic``: the sensor where it stood, and others that see the same motion."""

from __future__ import annotations

import numpy as np

from handbench.arrays import FloatArray
from handbench.camera import Camera, look_at
from handbench.formats.hic import SENSOR_K, SIZE
from handbench.seeding import rng_for
from handbench.synth.hic_motion import Recording

MARGIN = 24
"""Joints keep this far from the border of a resampled view, wherever the motion allows it [px]."""

NEAREST, FARTHEST = 0.42, 0.95
"""Distance of a resampled camera from the middle of the motion [m]."""

ARM_ANGLE = np.deg2rad(50.0)
"""A camera stands at least this far off every mean forearm, which would hide the hand."""

APART = np.deg2rad(28.0)
"""Two cameras of a sequence stand at least this far apart, seen from the hands."""


def draw_views(recording: Recording, count: int, seed: int) -> list[Camera]:
    """Returns the sensor's camera and ``count`` others; R and t lead from the sensor's frame into each.

    Every second one looks along the line through both hands, where one hides the other: the sensor itself
    hardly ever saw that. View k is the same whatever ``count`` is.

    Args:
        recording: the sequence.
        count: of resampled views.
        seed: of their choice.
    """
    joints = np.concatenate([hand.joints[:, hand.valid] for hand in recording.hands.values()], axis=1)
    centres = [hand.joints[:, hand.valid].mean(axis=(0, 1)) for hand in recording.hands.values()]
    middle = np.mean(centres, axis=0)
    arms = [_mean_arm(hand.motion.frames) for hand in recording.hands.values()]
    line = centres[0] - centres[-1]
    cameras = [Camera(np.array(SENSOR_K), SIZE)]
    taken = [-middle / np.linalg.norm(middle)]
    for k in range(1, count + 1):
        rng = rng_for(seed, recording.name, "view", k)
        towards = _direction(rng, line if k % 2 and np.linalg.norm(line) > 0.02 else None, arms, taken)
        taken.append(towards)
        down = np.mean(arms, axis=0) * -1.0 + 0.5 * rng.standard_normal(3)
        if rng.random() < 0.7:
            # Mostly the forearms come from below.
            down = np.mean(arms, axis=0) + 0.25 * rng.standard_normal(3)
        cameras.append(_placed(joints.reshape(-1, 3), middle, towards, down))
    return cameras


def _mean_arm(frames: FloatArray) -> FloatArray:
    """Returns the mean unit vector from wrist to elbow; the arm is the first bone and runs to the hand."""
    arm = -frames[:, 0, :, 0].mean(axis=0)
    return np.asarray(arm / np.linalg.norm(arm))


def _direction(
    rng: np.random.Generator, line: FloatArray | None, arms: list[FloatArray], taken: list[FloatArray]
) -> FloatArray:
    """Draws the unit vector from the hands to a camera, clear of arms and of other cameras."""
    best, worst = taken[0], -np.inf
    for _ in range(60):
        way = rng.standard_normal(3)
        if line is not None:
            way = 0.45 * way + np.sign(rng.uniform(-1, 1)) * line / np.linalg.norm(line)
        way /= np.linalg.norm(way)
        room = min(np.arccos(np.clip(way @ arm, -1, 1)) - ARM_ANGLE for arm in arms)
        room = min(room, *(np.arccos(np.clip(way @ other, -1, 1)) - APART for other in taken))
        if room > worst:
            best, worst = way, room
        if worst >= 0:
            break
    return np.asarray(best)


def _placed(joints: FloatArray, middle: FloatArray, towards: FloatArray, down: FloatArray) -> Camera:
    """Returns the nearest camera of the sensor's kind that sees all joints."""
    camera = Camera(np.array(SENSOR_K), SIZE)
    for distance in np.linspace(NEAREST, FARTHEST, 12):
        R, t = look_at(middle + distance * towards, middle, down)
        camera = Camera(np.array(SENSOR_K), SIZE, R, t)
        inside = camera.to_camera(joints)
        pixels = camera.project(inside)
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        if inside[:, 2].min() > 0.15 and (low > MARGIN).all() and (high < np.array(SIZE) - MARGIN).all():
            break
    return camera
