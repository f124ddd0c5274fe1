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
from handbench.synth.grasp_surface import surface_of
from handbench.synth.pose_sampler import HandPoser
from handbench.synth.solids import Solid

TIGHT = np.array([3.5, 7.0, 3.5, 4.5] * 4 + [4.0, 4.0, 5.0, 4.0, 3.5])
"""One over the standard deviation of each free angle about the drawn shape [1/rad]."""

ROOT_TIGHT = np.array([3.0, 60.0])


HOPELESS = 350.0
"""A fit that costs more than this after some steps is given up."""

OVERLAP = 0.003
"""The object enters the spheres inside the hand no deeper than this [m]."""

STARTS = 6
"""Placements that are tried before one is fitted."""

TABLE_FREE = 0.0003
"""The hand keeps so far off the table [m]."""

DEEPEST = 0.003
"""No vertex of hand or object lies deeper than this in the other, in a grasp [m]."""


@dataclass(frozen=True)
class Grasp:
    """A hand that holds an object.

    Attributes:
        family: its generator.
        state: the hand in the object's rest frame.
        stand: how the object rests while it is grasped.
        gaps: (5,) least distance of each finger's palmar skin to the object [m], negative inside.
        depth: how deep the deepest vertex of hand or object lies inside the other [m].
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
    rng: np.random.Generator, hand: GraspHand, solid: Solid, families: Sequence[str], tries: int = 7,
    enough: float = 60.0,
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
    best: tuple[float, Stand, HandState, Goal] | None = None
    # A mug is turned until its handle is out of the way.
    for _ in range(2 * STARTS if solid.kind == "mug" else STARTS):
        stand = draw_stand(rng, solid, family)
        if stand is None:
            return None
        angles = poser.draw(rng, hand.betas, family.shapes, vary=0.6)
        if family.thumb:
            shape_thumb(angles, family.thumb)
        angles = hand.anatomy.clamp_angles(angles)
        start = place_in_hand(rng, hand, angles, solid, stand, family)
        goal = goal_for(family, angles, start, stand.table + np.array([0.0, 0.0, 0.0, TABLE_FREE]))
        cost = fit_hand(hand, field, start, goal, rounds=0).cost
        if best is None or cost < best[0]:
            best = cost, stand, start, goal
    assert best is not None
    _, stand, start, goal = best
    fitted = fit_hand(hand, field, start, goal, rounds=6)
    if fitted.cost > HOPELESS:
        return None
    fitted = fit_hand(hand, field, fitted.state, goal, rounds=20)
    return graded(hand, name, solid, fitted, stand, goal)


def shape_thumb(angles: FloatArray, thumb: tuple[float, ...]) -> None:
    """Writes the thumb's flexion, abduction, twist, and flexion of its other joints [degree] into angles."""
    angles[12] = np.deg2rad(thumb[:3])
    angles[13, 0], angles[14, 0] = np.deg2rad(thumb[3:])


def graded(
    hand: GraspHand, name: str, solid: Solid, fitted: Fitted, stand: Stand, goal: Goal
) -> Grasp | None:
    """Measures a fitted hand; None where it does not hold."""
    gaps = finger_gaps(hand, fitted.signed)
    low = float((fitted.vertices @ goal.table[:3]).min() - goal.table[3])
    if (
        (gaps < 0.003).sum() < 3
        or gaps[0] > 0.003
        or low < -0.0015
        or fitted.self_cost > 12.0
        or fitted.overlap > OVERLAP
    ):
        return None
    depth = surface_of(solid).depth(fitted.vertices, hand.model.closed_faces)
    grasp = Grasp(name, fitted.state, stand, gaps, depth, fitted.cost, goal)
    return grasp if depth < DEEPEST else None


def finger_gaps(hand: GraspHand, signed: FloatArray) -> FloatArray:
    """Returns the least signed distance (5,) [m] of the palmar skin of each finger."""
    starts, members = hand.skin.starts, hand.skin.members
    return np.array([signed[members[starts[3 * f] : starts[3 * f + 3]]].min() for f in range(5)])
