"""Where a grasp starts: how an object stands on the table, and where it lies in a shaped hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handbench.arrays import FloatArray
from handbench.hands.model import forward
from handbench.hands.rotations import about
from handbench.synth.grasp_families import Family
from handbench.synth.grasp_fit import HandState
from handbench.synth.grasp_hand import GraspHand
from handbench.synth.grasp_solid import AROUND
from handbench.synth.solids import Solid

X, Y, Z = np.eye(3)

STEM = 4
"""Rings of an apple's stem: the last ones of its mesh."""


@dataclass(frozen=True)
class Stand:
    """How an object rests.

    Attributes:
        up: (3,) the direction away from the table, in the object's rest frame.
        across: (3,) the direction between thumb and fingers, square to ``up``.
        table: (4,) ``up`` and the height of the table along it [m].
        top: height of the object's highest point along ``up`` [m].
    """

    up: FloatArray
    across: FloatArray
    table: FloatArray
    top: float


def draw_stand(rng: np.random.Generator, solid: Solid, family: Family) -> Stand | None:
    """Draws how the object stands and between which sides it is held; None where the family cannot."""
    sides = np.ptp(solid.vertices, axis=0)
    choices: list[tuple[FloatArray, FloatArray]] = []
    if solid.kind in ("box", "phone", "pen"):
        for top in range(3):
            for side in range(3):
                if side == top or not family.width[0] <= sides[side] <= family.width[1]:
                    continue
                if _suits(family, solid.kind, sides, top, side):
                    choices.append((np.eye(3)[top], np.eye(3)[side]))
    elif family.width[0] <= sides[1] <= family.width[1]:
        turn = rng.uniform(-np.pi, np.pi)
        choices.append((Z, np.array([np.cos(turn), np.sin(turn), 0.0])))
    if not choices:
        return None
    up, across = choices[int(rng.integers(len(choices)))]
    heights = solid.vertices @ up
    if solid.kind == "apple":
        # Fingers reach below its top, not below that of its stem.
        heights = heights[: -STEM * AROUND]
    sign = 1.0 if rng.random() < 0.5 else -1.0
    return Stand(up, sign * across, np.append(up, heights.min()), float(heights.max()))


def _suits(family: Family, kind: str, sides: FloatArray, up: int, across: int) -> bool:
    along = 3 - up - across
    if kind != "box":
        # A pen lies, a phone lies or stands on its long side.
        return (up, across) == (1, 0) or (kind == "phone" and (up, across) == (0, 1))
    if family.power:
        # A wrap needs a standing bar that the fingers go round.
        return up == 2 and sides[2] > 0.085 and sides[across] < 0.06 and sides[along] < 0.075
    # A slab on its edge falls over.
    return bool(sides[up] < 2.2 * min(sides[across], sides[along]) + 0.02)


def place_in_hand(
    rng: np.random.Generator, hand: GraspHand, angles: FloatArray, solid: Solid, stand: Stand,
    family: Family,
) -> HandState:  # fmt: skip
    """Returns a shaped hand in the object's rest frame, near enough for the fit.

    Args:
        rng: the take's stream.
        hand: whose.
        angles: (15, 3) shape of the hand [rad].
        solid: the object.
        stand: how it stands.
        family: how it is to be grasped.
    """
    pose = np.concatenate([np.zeros(3), hand.anatomy.pose_from_angles(angles)])
    vertices = forward(hand.model, pose[None], hand.betas, np.zeros(3)).vertices[0]
    palm = hand.palm
    if family.power:
        turn, middle = _wrapped(rng, hand, palm, solid, stand, family)
    else:
        turn, middle = _opposed(rng, hand, palm, vertices, solid, stand, family)
    # x_hand = turn x_object + middle, so the hand in the object's frame is its inverse.
    rotation = np.ascontiguousarray(turn.T)
    return HandState(rotation, rotation @ (hand.wrist - middle), angles.copy())


def _wrapped(
    rng: np.random.Generator, hand: GraspHand, palm: FloatArray, solid: Solid, stand: Stand, family: Family
) -> tuple[FloatArray, FloatArray]:
    forward_, normal, across = hand.frame.T
    tilt = np.deg2rad(rng.uniform(*family.pitch))
    axis = np.cos(tilt) * across + np.sin(tilt) * forward_
    # The object's side that faces the palm, in the object's frame and in the hand's.
    facing, out = np.cross(stand.up, stand.across), -normal
    third = np.cross(axis, out)
    turn = np.stack([axis, out, third], axis=1) @ np.stack([stand.up, facing, np.cross(stand.up, facing)])
    low, high = float(stand.table[3]), stand.top
    if solid.kind == "bottle":
        high = low + 0.6 * (high - low)
    # The palm is some 85 mm wide: it stays above the table and, where it can, below the top.
    middle = (
        0.5 * (low + high)
        if high - low < 0.1
        else float(rng.uniform(low + 0.052, max(high - 0.045, low + 0.056)))
    )
    level = solid.vertices[np.abs(solid.vertices @ stand.up - middle) < 0.02]
    reach = float(np.max(level @ facing, initial=0.0))
    place = palm + normal * (reach + 0.002) - axis * middle + forward_ * rng.uniform(0.0, 0.012)
    return turn, place


def _opposed(
    rng: np.random.Generator, hand: GraspHand, palm: FloatArray, vertices: FloatArray, solid: Solid,
    stand: Stand, family: Family,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    pads = [_pad(hand, vertices, finger) for finger in range(5)]
    fingers = np.mean([pads[f] for f in family.fingers if f > 0], axis=0)
    middle = 0.5 * (pads[0] + fingers)
    between = _unit(fingers - pads[0])
    outward = middle - palm
    outward = _unit(outward - between * (outward @ between))
    pitch = np.deg2rad(rng.uniform(*family.pitch))
    outward = about(between, pitch) @ outward
    third = np.cross(-outward, between)
    turn = np.stack([-outward, between, third], axis=1) @ np.stack(
        [stand.up, stand.across, np.cross(stand.up, stand.across)]
    )
    along = np.abs(np.cross(stand.up, stand.across))
    length = float(np.ptp(solid.vertices @ along))
    slide = rng.uniform(-0.5, 0.5) * max(length - 0.075, 0.0)
    height = stand.top - float(stand.table[3])
    depth = min(0.5 * height, family.depth)
    centre_up = stand.top - depth
    # The point of the object that lies between the pads.
    point = stand.up * centre_up + along * slide
    return turn, middle - turn @ point


def _pad(hand: GraspHand, vertices: FloatArray, finger: int) -> FloatArray:
    skin, group = hand.skin, 3 * finger + 2
    return np.asarray(vertices[skin.members[skin.starts[group] : skin.starts[group + 1]]].mean(axis=0))


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / np.sqrt(float(vector @ vector)))
