"""A take: one right hand that handles one object on a table, as motion in the world, before any camera.

The world frame is metric [m]: x right, y down (gravity is +y), z away from the front camera, the origin in
the middle of the workspace. The table is the plane y = ``table_y``. The person sits behind the table, at +z,
and faces the front camera: the elbow lies towards +z, and the right hand's elbow towards -x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.errors import HandbenchError
from handbench.registry import nearest
from handbench.synth.solids import Solid
from handbench.types import HandParams, Side

FPS = 30

STRATA: tuple[str, ...] = ("plain", "fast", "second-hand")
"""``plain`` moves like tracked hands, ``fast`` 3 to 5 times as much; ``second-hand`` has a left hand too."""

PHASES: tuple[str, ...] = ("reach", "grasp", "lift", "manipulate", "place", "release", "retreat")
"""The phases of a take, in their order."""

TABLE_Y = 0.12
"""Height of the table [m]; y points down."""


@dataclass(frozen=True)
class HandTrack:
    """One hand over a take.

    Attributes:
        side: which hand.
        betas: (10,) shape.
        pose: (T, 48) axis-angle [rad], root first, ``flat_hand_mean=True``.
        transl: (T, 3) [m], world.
        arm: (T, 3) unit vectors from the wrist towards the elbow, world.
    """

    side: Side
    betas: FloatArray
    pose: FloatArray
    transl: FloatArray
    arm: FloatArray

    def __len__(self) -> int:
        return len(self.pose)

    def params(self, frame: int) -> HandParams:
        """Returns the parameters of one frame, in the world frame."""
        return HandParams(self.side, self.pose[frame], self.betas, self.transl[frame])


@dataclass(frozen=True)
class Take:
    """A hand that reaches for an object, grasps, lifts and turns it, puts it down and leaves.

    Attributes:
        name: unique among the takes of one seed, such as ``plain_00012``.
        seed: the user's seed.
        index: number of the take.
        stratum: one of :data:`STRATA`.
        hand_model: name of the hand model.
        right: the hand that holds the object.
        other: the left hand, or None.
        solid: the object's mesh at rest [m].
        object_name: its kind and the take's number, unique for each object.
        object_R: (T, 3, 3) rest frame to world.
        object_t: (T, 3) [m].
        held: (T,) bool, whether the hand carries the object.
        phases: (T,) names out of :data:`PHASES`.
        family: the generator of its grasps.
        table_y: height of the table on which the object rests [m].
        fps: frames a second.
    """

    name: str
    seed: int
    index: int
    stratum: str
    hand_model: str
    right: HandTrack
    other: HandTrack | None
    solid: Solid
    object_name: str
    object_R: FloatArray
    object_t: FloatArray
    held: BoolArray
    phases: tuple[str, ...]
    family: str
    table_y: float = TABLE_Y
    fps: int = FPS

    def __len__(self) -> int:
        return len(self.right)

    @property
    def betas(self) -> FloatArray:
        """The (10,) shape of the right hand."""
        return self.right.betas

    @property
    def pose(self) -> FloatArray:
        """The (T, 48) pose of the right hand [rad]."""
        return self.right.pose

    @property
    def transl(self) -> FloatArray:
        """The (T, 3) translation of the right hand [m], world."""
        return self.right.transl

    @property
    def arm(self) -> FloatArray:
        """The (T, 3) unit vectors from the right wrist towards the elbow, world."""
        return self.right.arm

    @property
    def hands(self) -> tuple[HandTrack, ...]:
        """The hands that are there, right before left."""
        return (self.right,) if self.other is None else (self.right, self.other)

    def object_vertices(self, frame: int) -> FloatArray:
        """Returns the object's vertices (V, 3) in one frame [m], world."""
        return np.asarray(self.solid.vertices @ self.object_R[frame].T + self.object_t[frame])


@dataclass(frozen=True)
class TakeSettings:
    """What takes are drawn from.

    Attributes:
        objects: kinds of :data:`handbench.synth.solids.SOLIDS`.
        families: grasp families of :data:`handbench.synth.grasp_families.FAMILIES`; those that suit no
            object are never drawn.
        betas_std: standard deviation of each shape coefficient.
        betas_limit: coefficients are cut here, in standard deviations.
    """

    objects: tuple[str, ...] = ("ball", "bottle", "box", "can", "phone")
    families: tuple[str, ...] = ("wrap", "pinch", "span", "cradle")
    betas_std: float = 1.0
    betas_limit: float = 2.2


def check_stratum(stratum: str) -> str:
    """Returns the stratum.

    Raises:
        HandbenchError: when there is none of this name.
    """
    if stratum not in STRATA:
        raise HandbenchError(f"unknown stratum {stratum!r}", nearest(stratum, list(STRATA)))
    return stratum
