"""What is accepted as a pair of hands."""

from __future__ import annotations

from dataclasses import dataclass

from handbench.arrays import FloatArray
from handbench.hands.contact import min_distance, penetration_depth
from handbench.hands.model import HandModel


@dataclass(frozen=True, slots=True)
class PairLimits:
    """Recipe keys of the acceptance of a pair.

    Attributes:
        penetration: the deepest vertex of one hand inside the other may lie this deep [m].
        gap: the surfaces may be this far apart at most [m].
        arms: a forearm may reach this deep into the other hand or forearm [m]; both are rough there.
    """

    penetration: float = 0.0025
    gap: float = 0.08
    arms: float = 0.01


@dataclass(frozen=True, slots=True)
class Contact:
    """How two surfaces meet.

    Attributes:
        gap: their least distance [m], 0 where they pass through each other.
        penetration: depth of the deepest vertex [m].
        reason: why the limits refuse it: "", "penetration" or "gap".
    """

    gap: float
    penetration: float
    reason: str = ""


def measure_contact(
    a: FloatArray, b: FloatArray, model_a: HandModel, model_b: HandModel, limits: PairLimits
) -> Contact:
    """Measures exactly how two hands meet.

    Args:
        a: (778, 3) vertices of the first hand [m].
        b: (778, 3) vertices of the second hand, same frame [m].
        model_a: the first hand's model.
        model_b: the second hand's model.
        limits: what is accepted.
    """
    faces_a, faces_b = model_a.closed_faces, model_b.closed_faces
    depth = penetration_depth(a, faces_a, b, faces_b)
    if depth > limits.penetration:
        return Contact(0.0, depth, "penetration")
    gap = 0.0 if depth > 0.0 else min_distance(a, faces_a, b, faces_b)
    return Contact(gap, depth, "gap" if gap > limits.gap else "")
