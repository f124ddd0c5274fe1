"""Where the object goes while it is held: poses in the workspace that a wrist can reach."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from handbench.arrays import FloatArray
from handbench.hands.rotations import about, exponential
from handbench.synth.grasp_hand import GraspHand
from handbench.synth.grasps import Grasp
from handbench.synth.take import TABLE_Y
from handbench.synth.take_curves import tremor

UP = np.array([0.0, -1.0, 0.0])

ELBOW = np.array([-0.22, 0.0, 0.42])
"""Where the right elbow lies when the hand is in the middle of the workspace; a direction."""

FOLLOW = 0.35
"""Share of the hand's way that the elbow goes along."""

ARM_CLEAR, ARM_LENGTH = 0.045, 0.25
"""The forearm's middle stays so far above the table at the elbow, that far from the wrist [m]."""

LEAST_ROLL, MOST_ROLL = np.deg2rad(-75.0), np.deg2rad(115.0)
"""Turn of the palm about the forearm from facing sideways: palm up to palm down and a little beyond."""

WRIST_BEND = np.deg2rad(48.0)
"""The forearm bends so far from the hand at most."""


@dataclass(frozen=True)
class Place:
    """A pose of the object.

    Attributes:
        R: (3, 3) rest frame to world.
        t: (3,) [m].
    """

    R: FloatArray
    t: FloatArray


def arm_directions(
    wrists: FloatArray, rotations: FloatArray, forward: FloatArray, elbow: FloatArray = ELBOW
) -> FloatArray:
    """Returns unit vectors (T, 3) from the wrist to the elbow: towards the body, within the wrist's range.

    Args:
        wrists: (T, 3) [m], world.
        rotations: (T, 3, 3) of the hand's root.
        forward: (3,) direction of the fingers in the rest hand.
        elbow: (3,) :data:`ELBOW`, or its mirror image for a left hand.
    """
    back = -(rotations @ forward)
    wanted = elbow + FOLLOW * wrists - wrists
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    cosine = np.clip(np.sum(back * wanted, axis=1), -1.0, 1.0)
    angle = np.arccos(cosine)
    # Bends beyond the range are pressed into it smoothly.
    allowed = WRIST_BEND * np.tanh(angle / WRIST_BEND)
    aside = wanted - cosine[:, None] * back
    aside /= np.maximum(np.linalg.norm(aside, axis=1, keepdims=True), 1e-9)
    arm = np.cos(allowed)[:, None] * back + np.sin(allowed)[:, None] * aside
    low = np.maximum((TABLE_Y - ARM_CLEAR - wrists[:, 1]) / ARM_LENGTH, -0.6)
    # A soft minimum keeps the arm off the table without a kink.
    excess = 40.0 * (arm[:, 1] - low)
    arm[:, 1] -= np.logaddexp(0.0, excess) / 40.0 - np.logaddexp(0.0, -40.0 * 0.8) / 40.0
    return np.asarray(arm / np.linalg.norm(arm, axis=1, keepdims=True))


def table_place(
    rng: np.random.Generator, hand: GraspHand, grasp: Grasp, near: FloatArray, yaw: float
) -> Place:
    """Returns the object standing on the table, turned so that the arm comes from the body.

    Args:
        rng: the take's stream.
        hand: whose.
        grasp: how it will be grasped.
        near: (2,) x and z about which the object's middle stands [m].
        yaw: standard deviation of its turn about the vertical [rad].
    """
    up, across = grasp.stand.up, grasp.stand.across
    right = np.array([1.0, 0.0, 0.0])
    base = np.stack([right, UP, np.cross(right, UP)], axis=1) @ np.stack([across, up, np.cross(across, up)])
    back = -(base @ grasp.state.rotation @ hand.frame[:, 0])
    spot = np.array([near[0], TABLE_Y, near[1]])
    wanted = ELBOW - spot
    now, goal = np.arctan2(back[0], back[2]), np.arctan2(wanted[0], wanted[2])
    turn = about(np.array([0.0, 1.0, 0.0]), goal - now + yaw * float(np.clip(rng.standard_normal(), -2, 2)))
    R = turn @ base
    height = -float(grasp.stand.table[3])
    return Place(R, spot + UP * height)


def held_places(
    rng: np.random.Generator, hand: GraspHand, grasp: Grasp, start: Place, end: Place, count: int, wide: float
) -> tuple[list[Place], FloatArray]:
    """Draws the poses of the object between pick-up and put-down.

    Args:
        rng: the take's stream.
        hand: whose.
        grasp: how it is held.
        start: on the table.
        end: on the table again.
        count: poses in the air besides those over the table.
        wide: how wide the hand swings; 1 is the workspace's half.

    Returns:
        The poses, and the knots (K,) at which they are reached: as far apart as the way between them.
    """
    lift = start.t + UP * rng.uniform(0.035, 0.06) + 0.012 * rng.standard_normal(3) * (1, 0, 1)
    lower = end.t + UP * rng.uniform(0.035, 0.06) + 0.012 * rng.standard_normal(3) * (1, 0, 1)
    places = [start, Place(start.R, lift)]
    wrist0 = start.R @ grasp.state.wrist
    hand0 = start.R @ grasp.state.rotation
    arm = arm_directions((lift + wrist0)[None], hand0[None], hand.frame[:, 0])[0]
    roll0 = _roll(hand0 @ hand.frame[:, 1], arm)
    position, roll = lift.copy(), roll0
    for _ in range(count):
        goal = np.array([rng.uniform(-0.07, 0.07), rng.uniform(-0.09, 0.02), rng.uniform(-0.05, 0.05)]) * wide
        goal[1] = min(goal[1], start.t[1] - 0.05)
        position = position + rng.uniform(0.45, 0.9) * (goal - position)
        roll = float(np.clip(roll + np.deg2rad(66.0) * rng.standard_normal() * wide, LEAST_ROLL, MOST_ROLL))
        bend, side = np.deg2rad(17.0) * rng.standard_normal(), np.deg2rad(9.0) * rng.standard_normal()
        turn = (
            about(arm, roll - roll0)
            @ about(hand0 @ hand.frame[:, 2], bend)
            @ about(hand0 @ hand.frame[:, 1], side)
        )
        places.append(Place(turn @ start.R, position))
    places += [Place(end.R, lower), end]
    ways = [way_between(a, b) for a, b in itertools.pairwise(places)]
    # Short ways are gone at a slower pace, as people do.
    steps = np.array(ways) ** 0.85 * np.exp(0.15 * rng.standard_normal(len(ways))) + 0.012
    return places, np.concatenate([[0.0], np.cumsum(steps)])


def way_between(a: Place, b: Place) -> float:
    """Returns how far a hand about goes [m]: the object's shift, and its turn on 7 cm."""
    cosine = np.clip((np.trace(a.R.T @ b.R) - 1.0) / 2.0, -1.0, 1.0)
    return float(np.hypot(np.linalg.norm(b.t - a.t), 0.07 * np.arccos(cosine)))


def swayed(
    rng: np.random.Generator, R: FloatArray, t: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Returns poses (T, 3, 3) and (T, 3) that sway by a millimetre and tremble by less, where weight is 1."""
    count = len(t)
    shift = 0.0011 * tremor(rng, count, 3, 1 / 45, 1 / 15) + 0.00025 * tremor(rng, count, 3, 1 / 14, 1 / 5)
    turn = np.deg2rad(1.3) * tremor(rng, count, 3, 1 / 45, 1 / 15)
    turn += np.deg2rad(0.12) * tremor(rng, count, 3, 1 / 14, 1 / 5)
    turned = np.array([exponential(w * v) @ A for w, v, A in zip(weight, turn, R, strict=True)])
    return turned, t + weight[:, None] * shift


def _roll(normal: FloatArray, arm: FloatArray) -> float:
    """Returns how far the palm is turned from facing sideways (0) towards the table (pi / 2) [rad]."""
    side = np.cross(UP, -arm)
    side /= np.linalg.norm(side)
    return float(np.arctan2(normal @ np.cross(arm, side), normal @ side))
