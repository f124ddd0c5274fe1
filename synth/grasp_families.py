"""Grasp families as data: how the hand is shaped, where the object lies in it, and what is to touch.

The names follow Feix et al., The GRASP taxonomy of human grasp types (2016): power wraps, sphere grasps and
precision grasps with the thumb against the fingers.
"""

from __future__ import annotations

from dataclasses import dataclass

THUMB, INDEX, MIDDLE, RING, LITTLE = range(5)


@dataclass(frozen=True)
class Family:
    """One way to grasp.

    Attributes:
        kinds: the objects it suits.
        shapes: archetypes of :data:`handbench.synth.archetypes.ARCHETYPES` with weights.
        power: whether the object lies in the palm; else it is held between thumb and fingers.
        ends, middles, bases, palm: standard deviation [m] of the gap of the fingers' end, middle and base
            segments and of the palm; 0 where they need not touch.
        fingers: the fingers that hold.
        width: least and greatest side of the object between thumb and fingers [m].
        depth: how far below the object's top the fingertips reach at most [m].
        pitch: least and greatest tilt of the hand about the axis between thumb and fingers, or for a wrap
            of the object's axis across the palm [degree].
        thumb: flexion, abduction and twist of its base, flexion of its second and third joint [degree], where
            they differ from the archetype's.
    """

    kinds: tuple[str, ...]
    shapes: dict[str, float]
    power: bool
    ends: float
    middles: float
    bases: float
    palm: float
    fingers: tuple[int, ...]
    width: tuple[float, float]
    depth: float
    pitch: tuple[float, float]
    thumb: tuple[float, ...] = ()


_ALL = (THUMB, INDEX, MIDDLE, RING, LITTLE)

FAMILIES: dict[str, Family] = {
    "wrap": Family(
        ("can", "bottle", "mug", "box"), {"cylinder": 1.0}, True,
        0.001, 0.002, 0.004, 0.003, _ALL, (0.02, 0.09), 0.0, (5, 25), (30, 40, 20, 25, 30),
    ),
    "cradle": Family(
        ("ball", "apple"), {"sphere": 1.0}, False,
        0.001, 0.003, 0.006, 0.008, _ALL, (0.03, 0.09), 0.05, (-15, 25),
    ),
    "span": Family(
        ("box", "phone", "can"), {"precision": 1.0, "cup": 0.6}, False,
        0.001, 0.008, 0.0, 0.0, _ALL, (0.03, 0.08), 0.03, (-15, 25),
    ),
    "pinch": Family(
        ("pen", "box", "ball", "phone"), {"tripod": 1.0, "precision": 0.6}, False,
        0.001, 0.0, 0.0, 0.0, (THUMB, INDEX, MIDDLE, RING), (0.005, 0.045), 0.018, (-15, 25),
    ),
    "cap": Family(
        ("can", "bottle", "mug", "box"), {"sphere": 1.0, "precision": 1.0}, False,
        0.001, 0.004, 0.0, 0.0, _ALL, (0.02, 0.09), 0.03, (-15, 25),
    ),
    "tips": Family(
        ("ball", "apple", "box", "phone", "pen"), {"precision": 1.0, "duckbill": 0.5}, False,
        0.001, 0.0, 0.0, 0.0, _ALL, (0.005, 0.085), 0.03, (-10, 30),
    ),
}  # fmt: skip
"""``cap`` and ``tips`` are for test splits."""

TRAIN_FAMILIES: tuple[str, ...] = ("wrap", "cradle", "span", "pinch")
TEST_FAMILIES: tuple[str, ...] = ("cap", "tips")
