"""Joint orders as named data, and the conversions between them.

Every order names its joints with the same words, so an order converts to any other by name:
``wrist``, then ``thumb|index|middle|ring|little`` + ``1`` (base) to ``4`` (tip). Two-hand orders put
``right_`` or ``left_`` in front.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handbench.arrays import FloatArray, IndexArray
from handbench.types import Side

FINGERS = ("thumb", "index", "middle", "ring", "little")


@dataclass(frozen=True)
class JointOrder:
    """A named list of joints.

    Attributes:
        name: what the field calls it.
        names: the J joint names in order.
        parents: (J,) index of each joint's parent within the order, -1 for a root.
    """

    name: str
    names: tuple[str, ...]
    parents: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)

    def index(self, joint: str) -> int:
        """Returns the position of a joint name; raises ValueError where it is missing."""
        return self.names.index(joint)

    def index_to(self, target: JointOrder) -> IndexArray:
        """Returns ``idx`` with ``joints_in_self[..., idx, :]`` in the order ``target``.

        Raises:
            ValueError: when this order lacks a joint that ``target`` has.
        """
        missing = [name for name in target.names if name not in self.names]
        if missing:
            raise ValueError(f"{self.name} lacks {', '.join(missing)} of {target.name}")
        return np.array([self.names.index(name) for name in target.names], dtype=np.int64)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) index pairs, in joint order."""
        return tuple((parent, child) for child, parent in enumerate(self.parents) if parent >= 0)


def _parent_name(name: str) -> str | None:
    side, _, joint = name.rpartition("_")
    prefix = f"{side}_" if side else ""
    if joint == "wrist":
        return None
    return f"{prefix}wrist" if joint[-1] == "1" else f"{prefix}{joint[:-1]}{int(joint[-1]) - 1}"


def _order(name: str, names: list[str]) -> JointOrder:
    parents = []
    for joint in names:
        parent = _parent_name(joint)
        # An order without wrist or bases starts its chains at the first joint it has.
        parents.append(names.index(parent) if parent in names else -1)
    return JointOrder(name, tuple(names), tuple(parents))


def _chain(finger: str, *numbers: int) -> list[str]:
    return [f"{finger}{number}" for number in numbers]


def _two_hands(names: list[str]) -> list[str]:
    return [f"{side}_{name}" for side in ("right", "left") for name in names]


_MANO_FINGERS = ("index", "middle", "little", "ring", "thumb")
_mano16 = ["wrist", *(j for f in _MANO_FINGERS for j in _chain(f, 1, 2, 3))]
_interhand21 = [*(j for f in FINGERS for j in _chain(f, 4, 3, 2, 1)), "wrist"]
_hic14 = [
    *(j for f in ("little", "ring", "middle", "index") for j in _chain(f, 1, 2, 3)),
    *_chain("thumb", 2, 3),
]

OPENPOSE21 = _order("OPENPOSE21", ["wrist", *(j for f in FINGERS for j in _chain(f, 1, 2, 3, 4))])
"""The order used inside handbench (also called SNAP): wrist; thumb to little, each from base to tip."""

MANO16 = _order("MANO16", _mano16)
"""MANO's own joints: wrist, then index, middle, little, ring, thumb; no tips."""

HO3D21 = _order("HO3D21", [*_mano16, *(f"{finger}4" for finger in FINGERS)])
"""MANO16 with the five fingertips behind it, thumb to little: HO-3D's order (its joint_order.png)."""

INTERHAND21 = _order("INTERHAND21", _interhand21)
"""One hand of InterHand2.6M: each finger from tip to base, the wrist last."""

INTERHAND42 = _order("INTERHAND42", _two_hands(_interhand21))
"""InterHand2.6M's 42 joints: right 0 to 20, left 21 to 41."""

HIC14 = _order("HIC14", _hic14)
"""One hand of Tzionas et al.'s 2D labels: no wrist, no tips, no thumb base."""

HIC28 = _order("HIC28", _two_hands(_hic14))
"""Tzionas et al.'s 28 labelled rows: right 0 to 13, left 14 to 27."""

ORDERS: dict[str, JointOrder] = {
    order.name: order for order in (OPENPOSE21, MANO16, HO3D21, INTERHAND21, INTERHAND42, HIC14, HIC28)
}

TIP_SETS: dict[str, dict[Side, tuple[int, int, int, int, int]]] = {
    "smplx": dict.fromkeys(Side, (744, 320, 443, 554, 671)),
    "manopth": {Side.RIGHT: (745, 317, 444, 556, 673), Side.LEFT: (745, 317, 445, 556, 673)},
    "interhand": dict.fromkeys(Side, (745, 317, 445, 556, 673)),
    "ho3d": dict.fromkeys(Side, (744, 333, 444, 555, 672)),
}
"""Vertex ids of the fingertips, thumb to little. Fingertips are vertices, and the field uses several sets:
``smplx`` (vertex_ids.py), ``manopth`` (also manotorch), ``interhand`` (its joint regressor), ``ho3d``
(the HO-3D annotations). A mesh that is perfect still scores up to 0.9 mm when scored with the wrong set."""


def tip_vertices(name: str, side: Side) -> IndexArray:
    """Returns the (5,) vertex ids of a fingertip set, thumb to little.

    Raises:
        ValueError: for an unknown set, naming the known ones.
    """
    if name not in TIP_SETS:
        raise ValueError(f"unknown fingertip set {name!r}; known: {', '.join(TIP_SETS)}")
    return np.array(TIP_SETS[name][side], dtype=np.int64)


def bone_lengths(joints: FloatArray, order: JointOrder = OPENPOSE21) -> FloatArray:
    """Returns the (..., B) lengths of ``order.bones`` for joints (..., J, 3), in the unit of the joints."""
    pairs = np.array(order.bones, dtype=np.int64)
    return np.asarray(np.linalg.norm(joints[..., pairs[:, 1], :] - joints[..., pairs[:, 0], :], axis=-1))
