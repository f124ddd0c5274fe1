"""Grasps: a shaped hand is brought to an object, closed on it, and kept where it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handbench.arrays import FloatArray
from handbench.synth.grasp_families import FAMILIES, Family
from handbench.synth.grasp_fit import Fitted, HandState, fit_hand
from handbench.synth.grasp_hand import FREE, N_GROUPS, PALM_GROUP, GraspHand, hand_spheres
from handbench.synth.grasp_kernel import Goal
from handbench.synth.grasp_placement import Stand, draw_stand, place_in_hand
from handbench.synth.grasp_solid import Field, make_field
from handbench.synth.pose_sampler import HandPoser
from handbench.synth.solids import Solid

TIGHT = np.array([3.5, 7.0, 3.5, 4.5] * 4 + [4.0, 4.0, 5.0, 4.0, 3.5])
"""One over the standard deviation of each free angle about the drawn shape [1/rad]."""

ROOT_TIGHT = np.array([3.0, 60.0])


@dataclass(frozen=True)
class Grasp:
    """A hand that holds an object.

    Attributes:
        family: its generator.
        state: the hand in the object's rest frame.
        stand: how the object rests while it is grasped.
        gaps: (5,) least distance of each finger's palmar skin to the object [m], negative inside.
        depth: how deep the deepest skin lies inside [m].
        score: lower is better.
        goal: what the fit was asked for.
    """

    family: str
    state: HandState
    stand: Stand
    gaps: FloatArray
    depth: float
    score: float
    goal: Goal

    @property
    def touching(self) -> int:
        """How many fingers lie within 3 mm of the surface."""
        return int((self.gaps < 0.003).sum())


def suitable(families: Sequence[str], kind: str) -> list[str]:
    """Returns the families among ``families`` that suit a kind of object."""
    return [name for name in families if kind in FAMILIES[name].kinds]


def make_grasp(
    rng: np.random.Generator, hand: GraspHand, solid: Solid, families: Sequence[str], tries: int = 6,
    enough: float = 12.0,
) -> Grasp | None:  # fmt: skip
    """Finds a grasp: the best of some tries, or the first that is good enough.

    Args:
        rng: the take's stream.
        hand: whose.
        solid: what is to be held.
        families: names to draw from.
        tries: most tries.
        enough: the score at which the search ends.

    Returns:
        A grasp in which three fingers touch, or None where no try gave one.
    """
    field = make_field(solid)
    poser = HandPoser(hand.model, hand_spheres(hand.model))
    names = suitable(families, solid.kind)
    best: Grasp | None = None
    for _ in range(tries):
        if not names:
            break
        name = names[int(rng.integers(len(names)))]
        grasp = _try(rng, hand, poser, solid, field, name)
        if grasp is not None and (best is None or grasp.score < best.score):
            best = grasp
        if best is not None and best.score < enough:
            break
    return best


def goal_for(family: Family, angles: FloatArray, state: HandState, table: FloatArray) -> Goal:
    """Returns what a grasp of a family is to be: near a shape and a place, and touching."""
    contact = np.zeros(N_GROUPS)
    for finger in family.fingers:
        for k, sigma in enumerate((family.bases, family.middles, family.ends)):
            if sigma > 0.0:
                contact[3 * finger + k] = 1.0 / sigma
    # The thumb's base is part of the palm.
    contact[0] = 0.0
    if family.palm > 0.0:
        contact[PALM_GROUP] = 1.0 / family.palm
    return Goal(
        contact, angles[FREE[:, 0], FREE[:, 1]].copy(), TIGHT, state.rotation.copy(), state.wrist.copy(),
        ROOT_TIGHT, table,
    )  # fmt: skip


def _try(
    rng: np.random.Generator, hand: GraspHand, poser: HandPoser, solid: Solid, field: Field, name: str
) -> Grasp | None:
    family = FAMILIES[name]
    stand = draw_stand(rng, solid, family)
    if stand is None:
        return None
    angles = poser.draw(rng, hand.betas, family.shapes, vary=0.6)
    start = place_in_hand(rng, hand, angles, solid, stand, family)
    table = stand.table + np.array([0.0, 0.0, 0.0, 0.002])
    goal = goal_for(family, angles, start, table)
    fitted = fit_hand(hand, field, start, goal, rounds=25)
    return graded(hand, name, fitted, stand, goal)


def graded(hand: GraspHand, name: str, fitted: Fitted, stand: Stand, goal: Goal) -> Grasp | None:
    """Measures a fitted hand; None where it does not hold."""
    gaps = finger_gaps(hand, fitted.signed)
    depth = float(max(-fitted.signed.min(), 0.0))
    low = float((fitted.vertices @ goal.table[:3]).min() - goal.table[3])
    grasp = Grasp(name, fitted.state, stand, gaps, depth, fitted.cost, goal)
    holds = (gaps < 0.003).sum() >= 3 and gaps[0] < 0.003 and depth < 0.003
    return grasp if holds and low > -0.002 and fitted.self_cost < 12.0 else None


def finger_gaps(hand: GraspHand, signed: FloatArray) -> FloatArray:
    """Returns the least signed distance (5,) [m] of the palmar skin of each finger."""
    starts, members = hand.skin.starts, hand.skin.members
    return np.array([signed[members[starts[3 * f] : starts[3 * f + 3]]].min() for f in range(5)])
