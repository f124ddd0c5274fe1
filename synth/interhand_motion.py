"""Moving hands in a studio's frame: what every source of motion shares, and single hands that move freely.

The frame is that of InterHand2.6M's captures: x right, y down, z from the front camera to the subject, who
faces it; hands are about a metre in front of that camera. Metres; 30 steps a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from handbench.arrays import FloatArray
from handbench.hands.model import HandModel, forward_one
from handbench.hands.rotations import about, exponential, logarithm
from handbench.synth.archetypes import FREE_MIX
from handbench.synth.frames import hand_frame
from handbench.synth.pose_sampler import HandPoser
from handbench.synth.poses import PlacedHand, rest_wrist
from handbench.types import HandParams, Side

RATE = 30
"""Steps a second."""

CENTRE = np.array([0.0, -0.04, 1.0])
"""Where hands are held [m]: the middle of the studio."""

Frame = Mapping[Side, PlacedHand]
"""The hands of one moment, in the studio's frame."""

_FLEXION, _DEVIATION = np.deg2rad(20.0), np.deg2rad(9.0)


@dataclass(frozen=True)
class Stance:
    """How a hand is held at one moment.

    Attributes:
        G: (3, 3) root rotation.
        wrist: (3,) [m].
        fingers: (45,) axis-angle [rad].
        arm: (3,) unit vector from wrist to elbow.
    """

    G: FloatArray
    wrist: FloatArray
    fingers: FloatArray
    arm: FloatArray


def arm_way(side: Side) -> FloatArray:
    """Returns the usual direction (3,) from a wrist to its elbow: down, back and outward."""
    return np.array([-0.55 if side is Side.RIGHT else 0.55, 0.5, 0.55])


def place_hand(model: HandModel, betas: FloatArray, stance: Stance) -> PlacedHand:
    """Returns the hand of a stance with its mesh."""
    pose = np.concatenate([logarithm(np.ascontiguousarray(stance.G)), stance.fingers])
    params = HandParams(model.side, pose, betas, stance.wrist - rest_wrist(model, betas))
    mesh = forward_one(model, params)
    return PlacedHand(params, mesh.vertices, mesh.joints21, stance.arm / np.linalg.norm(stance.arm))


def stance_of(hand: PlacedHand) -> Stance:
    """Undoes :func:`place_hand`."""
    pose = hand.params.pose
    return Stance(exponential(np.array(pose[:3])), hand.joints[0], np.array(pose[3:]), np.array(hand.arm))


def ease(t: float) -> float:
    """Returns the share of a movement that is done at time ``t`` in 0..1: least jerk, still at both ends."""
    t = min(max(t, 0.0), 1.0)
    return t * t * t * (10.0 + t * (6.0 * t - 15.0))


def turn_between(a: FloatArray, b: FloatArray, share: float) -> FloatArray:
    """Returns the rotation (3, 3) at a share of the way from ``a`` to ``b``."""
    return np.asarray(a @ exponential(share * logarithm(np.ascontiguousarray(a.T @ b))))


def fingers_between(a: FloatArray, b: FloatArray, share: float) -> FloatArray:
    """Returns finger rotations (45,) [rad] at a share of the way, joint by joint."""
    out = np.empty((15, 3))
    for j, (one, two) in enumerate(zip(a.reshape(15, 3), b.reshape(15, 3), strict=True)):
        out[j] = logarithm(turn_between(exponential(np.array(one)), exponential(np.array(two)), share))
    return out.reshape(45)


def way_between(a: FloatArray, b: FloatArray, share: float) -> FloatArray:
    """Returns the unit vector (3,) at a share of the way between two."""
    mixed = (1.0 - share) * a + share * b
    return np.asarray(mixed / max(float(np.linalg.norm(mixed)), 1e-9))


@dataclass(frozen=True)
class Sway:
    """The slow movement of a body that nobody can hold still, as a rigid motion about ``CENTRE``.

    Attributes:
        waves: (6, 3) amplitude [m or rad], angular speed [1/step] and phase of three shifts and three turns.
    """

    waves: FloatArray

    def at(self, step: int) -> tuple[FloatArray, FloatArray]:
        """Returns R (3, 3) and t (3,) [m]."""
        amount = self.waves[:, 0] * np.sin(self.waves[:, 1] * step + self.waves[:, 2])
        R = exponential(np.ascontiguousarray(amount[3:]))
        return R, CENTRE + amount[:3] - R @ CENTRE


def draw_sway(rng: np.random.Generator) -> Sway:
    """Draws one person's sway: about a centimetre and three degrees within two seconds."""
    size = np.concatenate([rng.uniform(0.004, 0.012, 3), rng.uniform(0.01, 0.06, 3)])
    speed = 2 * np.pi * rng.uniform(0.25, 0.6, 6) / RATE
    return Sway(np.stack([size, speed, rng.uniform(0, 2 * np.pi, 6)], axis=1))


def swayed(frame: Frame, sway: Sway, step: int, models: Mapping[Side, HandModel]) -> Frame:
    """Returns the hands of a step moved by the sway."""
    R, t = sway.at(step)
    return {side: hand.moved(R, t, models[side]) for side, hand in frame.items()}


def free_hand(
    rng: np.random.Generator, poser: HandPoser, betas: FloatArray, steps: int, mix: Mapping[str, float] | None
) -> list[PlacedHand]:
    """Moves one hand from pose to pose, as in InterHand2.6M's single-hand sequences.

    Args:
        rng: the take's stream.
        poser: draws the poses.
        betas: (10,) shape.
        steps: how many.
        mix: archetypes with weights: a few for one gesture, None for the whole range of motion.
    """
    side, model = poser.model.side, poser.model
    times, keys, angles = [-int(rng.integers(0, 50))], [], []
    while times[-1] < steps:
        times.append(times[-1] + int(rng.integers(38, 74)))
    at = CENTRE + rng.normal(0.0, (0.025, 0.025, 0.025))
    base = _drawn_stance(rng, poser, betas, arm_way(side), at, 1.0)
    for _ in times:
        angles.append(poser.draw(rng, betas, mix or FREE_MIX))
        keys.append(_drawn_stance(rng, poser, betas, base.arm, at, 0.45))
    track = _settled(poser, betas, _angle_track(times, angles, steps))
    hands = []
    for step in range(steps):
        k, share = _segment(times, step)
        a, b = keys[k], keys[k + 1]
        stance = Stance(
            turn_between(a.G, b.G, share),
            a.wrist + share * (b.wrist - a.wrist),
            poser.pose(track[step])[3:],
            way_between(a.arm, b.arm, share),
        )
        hands.append(place_hand(model, betas, stance))
    return hands


def _segment(times: Sequence[int], step: int) -> tuple[int, float]:
    """Returns the key before a step, and how much of the movement to the next is done."""
    k = max(i for i, time in enumerate(times[:-1]) if time <= step)
    # A little rest after each movement.
    return k, ease((step - times[k]) / (0.94 * (times[k + 1] - times[k])))


def _angle_track(times: Sequence[int], angles: Sequence[FloatArray], steps: int) -> FloatArray:
    rows = []
    for step in range(steps):
        k, share = _segment(times, step)
        rows.append((1.0 - share) * angles[k] + share * angles[k + 1])
    return np.stack(rows)


def _settled(poser: HandPoser, betas: FloatArray, track: FloatArray) -> FloatArray:
    """Takes the thumb out of the fingers on the way between two poses, smoothly over time."""
    settled = track.copy()
    for angles in settled:
        poser.settle(angles, betas)
    return np.asarray(track + gaussian_filter1d(settled - track, 2.5, axis=0, mode="nearest"))


def _drawn_stance(
    rng: np.random.Generator,
    poser: HandPoser,
    betas: FloatArray,
    arm: FloatArray,
    at: FloatArray,
    spread: float,
) -> Stance:
    """Draws an arm near a direction, how the wrist bends, the roll of the palm and the place."""
    model, side = poser.model, poser.model.side
    arm = arm + spread * rng.normal(0.0, (0.3, 0.35, 0.2))
    arm /= np.linalg.norm(arm)
    bend, aside = _FLEXION * rng.normal(), _DEVIATION * rng.normal()
    right = side is Side.RIGHT
    # The palm looks anywhere from down to up by way of the other hand, seldom outward.
    roll = rng.normal(0.0, np.deg2rad(55.0))
    inward = np.array([1.0 if right else -1.0, 0.0, 0.0])
    f = -arm
    n = inward - (inward @ f) * f
    n = about(f, roll) @ (n / np.linalg.norm(n))
    s = np.cross(f, n) * (1.0 if right else -1.0)
    # Bends of the hand against the arm: about the thumb's axis, then about the palm's normal.
    bent = about(n, aside) @ about(s, min(max(bend, -1.0), 1.0))
    wanted = bent @ np.stack([f, n, s], axis=1)
    rest = place_hand(model, betas, Stance(np.eye(3), np.zeros(3), np.zeros(45), arm))
    G = wanted @ hand_frame(rest.joints, right).T
    # The middle of the hand is where it is wanted, a hand's breadth before the wrist.
    middle = at + spread * rng.normal(0.0, 0.03, 3)
    wrist = middle - 0.08 * wanted[:, 0]
    return Stance(G, wrist, np.zeros(45), arm)
