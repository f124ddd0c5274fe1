"""Named ways to hold a hand, as data: the sampler blends them and varies them.

Angles in degrees, fingers in the order index, middle, ring, little. Flexion is towards the palm. The values
are typical of the grasps' names (Feix et al., The GRASP taxonomy, 2016) and were set by looking.
"""

from __future__ import annotations

from dataclasses import dataclass

Four = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Archetype:
    """One way to hold a hand.

    Attributes:
        base: flexion at the knuckles (MCP).
        middle: flexion at the middle joints (PIP); the end joints follow.
        spread: abduction of the outer fingers away from the middle one; 0 where all are parallel.
        thumb: palmar abduction and flexion of the base, flexion of the second and of the third joint.
        touch: the fingers whose tips the thumb's tip meets, or "fist" (it lies over the bent fingers).
    """

    base: Four
    middle: Four
    spread: float
    thumb: Four
    touch: tuple[int, ...] = ()
    over: bool = False


ARCHETYPES: dict[str, Archetype] = {
    "open": Archetype((3, 2, 3, 4), (6, 6, 7, 8), 8, (22, -5, 5, 5)),
    "flat": Archetype((1, 1, 1, 1), (3, 3, 3, 3), 0, (5, 5, 5, 8)),
    "spread": Archetype((-8, -6, -6, -8), (3, 3, 4, 4), 18, (32, -15, 0, -5)),
    "mitt": Archetype((10, 10, 10, 10), (8, 8, 8, 8), 0, (6, -20, 0, 0)),
    "interlock": Archetype((12, 12, 12, 12), (7, 7, 7, 7), 20, (12, -22, 0, 0)),
    "relaxed": Archetype((24, 28, 32, 36), (30, 33, 33, 30), 5, (25, 8, 15, 15)),
    "cup": Archetype((32, 32, 34, 36), (28, 28, 30, 32), 3, (35, 10, 12, 12)),
    "cylinder": Archetype((42, 44, 46, 48), (45, 48, 48, 46), 4, (42, 12, 18, 22)),
    "sphere": Archetype((28, 26, 28, 30), (38, 38, 40, 42), 14, (40, 5, 15, 20)),
    "fist": Archetype((74, 80, 84, 86), (95, 100, 100, 95), 0, (30, 22, 35, 40), (0, 1), True),
    "hook": Archetype((6, 8, 10, 12), (82, 85, 85, 80), 0, (15, 5, 10, 10)),
    "duckbill": Archetype((58, 60, 62, 62), (10, 10, 12, 14), 0, (40, 15, 10, 10), (1,)),
    "point": Archetype((5, 74, 80, 82), (6, 95, 98, 92), 0, (28, 22, 30, 35), (1,), True),
    "victory": Archetype((2, 2, 80, 82), (5, 5, 98, 92), 16, (30, 25, 32, 38), (2,), True),
    "thumb_up": Archetype((74, 80, 84, 86), (95, 100, 100, 95), 0, (12, -20, -5, -10)),
    "pinch": Archetype((46, 34, 34, 34), (48, 38, 36, 34), 6, (42, 12, 15, 20), (0,)),
    "tripod": Archetype((48, 50, 40, 42), (44, 44, 48, 46), 3, (42, 14, 15, 22), (0, 1)),
    "okay": Archetype((50, 20, 12, 8), (55, 15, 12, 12), 10, (42, 12, 18, 22), (0,)),
    "precision": Archetype((46, 48, 50, 50), (34, 34, 36, 38), 4, (45, 14, 12, 18), (0, 1, 2)),
}
"""Every name can be used in the tables of interaction kinds."""

FREE_MIX: dict[str, float] = {
    "open": 1.2,
    "flat": 0.6,
    "spread": 0.8,
    "relaxed": 1.6,
    "cup": 0.8,
    "cylinder": 1.2,
    "sphere": 0.8,
    "fist": 1.2,
    "hook": 0.6,
    "duckbill": 0.4,
    "point": 0.8,
    "victory": 0.4,
    "thumb_up": 0.4,
    "pinch": 0.8,
    "tripod": 0.6,
    "okay": 0.4,
    "precision": 0.5,
}
"""How often each archetype is drawn for a hand that has no task."""
