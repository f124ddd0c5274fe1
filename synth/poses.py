"""Two hands in one metric frame, and the sources that draw them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from handbench.arrays import FloatArray, frozen_array
from handbench.hands.model import HandModel
from handbench.hands.rotations import exponential, logarithm, moved_points, product, turned
from handbench.types import HandParams, Side

Betas = Mapping[Side, FloatArray]
"""The (10,) shape of the right and of the left hand of one person."""


@dataclass(frozen=True, slots=True)
class PoseMeta:
    """Where a pair of hands comes from.

    Attributes:
        source: the name of the pose source.
        kind: the kind of interaction, or the sequence of a recording.
        frame: the frame of a recording, -1 for a sampled pose.
        mirrored: whether right and left were exchanged by a reflection.
        gap: least distance between the two surfaces [m]; infinite with one hand.
        penetration: how deep the deepest vertex of one hand lies in the other [m].
        tries: how many draws it took until one was accepted.
    """

    source: str
    kind: str
    frame: int = -1
    mirrored: bool = False
    gap: float = float("inf")
    penetration: float = 0.0
    tries: int = 1


@dataclass(frozen=True, slots=True)
class PlacedHand:
    """One posed hand with its mesh.

    Attributes:
        params: MANO parameters in the common frame.
        vertices: (778, 3) [m].
        joints: (21, 3) [m], OPENPOSE21.
        arm: (3,) unit vector from the wrist towards the elbow.
    """

    params: HandParams
    vertices: FloatArray
    joints: FloatArray
    arm: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "arm", frozen_array(self.arm, (3,), "arm"))

    @property
    def side(self) -> Side:
        """Which hand it is."""
        return self.params.side

    def moved(self, R: FloatArray, t: FloatArray, model: HandModel) -> PlacedHand:
        """Returns the hand after the rigid motion x -> R x + t; parameters and mesh move together."""
        R, t = np.ascontiguousarray(R), np.ascontiguousarray(t)
        return replace(
            self,
            params=move_params(self.params, R, t, rest_wrist(model, self.params.betas)),
            vertices=moved_points(self.vertices, R, t),
            joints=moved_points(self.joints, R, t),
            arm=turned(R, self.arm),
        )


@dataclass(frozen=True, slots=True)
class TwoHands:
    """The hands of one scene in one metric frame [m] that has no camera yet.

    Either hand may be missing.
    """

    right: PlacedHand | None
    left: PlacedHand | None
    meta: PoseMeta

    def hand(self, side: Side) -> PlacedHand | None:
        """Returns one of the two hands."""
        return self.right if side is Side.RIGHT else self.left

    @property
    def hands(self) -> tuple[PlacedHand, ...]:
        """The hands that are there, right before left."""
        return tuple(hand for hand in (self.right, self.left) if hand is not None)

    def only(self, side: Side) -> TwoHands:
        """Returns the scene without the other hand."""
        meta = replace(self.meta, gap=float("inf"), penetration=0.0)
        return TwoHands(
            self.right if side is Side.RIGHT else None, self.left if side is Side.LEFT else None, meta
        )


class PoseSource(Protocol):
    """Draws hands. Everything it does comes from the generator it is given.

    Attributes:
        name: what ``--poses`` calls it.
        fingerprint: hash of all that it reads; part of the recipe's hash.
    """

    name: str
    fingerprint: str

    def draw(self, rng: np.random.Generator, people: Betas, occlusion: float | None = None) -> TwoHands:
        """Draws two hands of one person.

        Args:
            rng: the scene's stream.
            people: the shape of each hand.
            occlusion: what the view will ask for; a source may prefer poses that can be seen so.

        Raises:
            HandbenchError: when no acceptable pair was found within the bounded number of tries.
        """
        ...


def rest_wrist(model: HandModel, betas: FloatArray) -> FloatArray:
    """Returns the (3,) rest wrist [m], the point about which MANO's root rotates."""
    return np.asarray(model.rest_joints[0] + model.joint_shapedirs[0] @ betas)


def move_params(params: HandParams, R: FloatArray, t: FloatArray, wrist: FloatArray) -> HandParams:
    """Returns the parameters whose mesh is the old one after x -> R x + t.

    Args:
        params: parameters of any pose.
        R: (3, 3) rotation.
        t: (3,) translation [m].
        wrist: (3,) rest wrist of these betas, see :func:`rest_wrist`.
    """
    R, pose = np.ascontiguousarray(R), params.pose.copy()
    pose[:3] = logarithm(product(R, exponential(pose[:3])))
    return params.replace(pose=pose, transl=turned(R, wrist + params.transl) + t - wrist)
