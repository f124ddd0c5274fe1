"""The hand's way to a standing object and back: it opens, comes from a free side, and closes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handbench.arrays import FloatArray
from handbench.hands.rotations import exponential
from handbench.synth.fingers import CHAINS, ROWS
from handbench.synth.grasp_families import FAMILIES
from handbench.synth.grasp_fit import HandState
from handbench.synth.grasp_hand import GraspHand, hand_spheres
from handbench.synth.grasp_kernel import pose_hand
from handbench.synth.grasp_solid import Field, signed_distances
from handbench.synth.grasp_surface import surface_of
from handbench.synth.grasps import Grasp
from handbench.synth.manipulation import HandPath
from handbench.synth.pose_sampler import HandPoser
from handbench.synth.solids import Solid
from handbench.synth.take_curves import between_rotations, eased

OPENINGS = (0.7, 1.0, 1.35)
"""How far the hand opens, tried in this order until nothing is touched on the way."""

FREE_DEPTH = 0.0015
"""Nothing lies deeper than this in object or table on the way [m]."""

MESH_DEPTH = 0.0032
"""No vertex of hand or object lies deeper in the other on the way [m]."""


@dataclass(frozen=True)
class Approach:
    """A way to the object in its rest frame, from far to the grasp; reversed, it is the way back.

    Attributes:
        far: where it starts.
        open: the angles (15, 3) with which the hand arrives [rad].
        grasp: where it ends.
        rise: (3,) how far above the grasp the open hand stays: straight fingers reach lower [m].
    """

    far: HandState
    open: FloatArray
    grasp: HandState
    rise: FloatArray

    def path(self, frames: int, close: int) -> HandPath:
        """Returns the hand over ``frames`` frames of way and ``close`` frames in which fingers close."""
        time = np.arange(frames + close, dtype=np.float64)
        way = eased(time, 0.0, frames)
        opened = eased(time, 0.0, 0.7 * frames)
        closed = eased(time, 0.8 * frames, frames + close - 1.0)
        angles = self.far.angles + opened[:, None, None] * (self.open - self.far.angles)
        angles = angles + closed[:, None, None] * (self.grasp.angles - angles)
        return HandPath(
            between_rotations(self.far.rotation, self.grasp.rotation, way),
            self.far.wrist
            + way[:, None] * (self.grasp.wrist - self.far.wrist)
            + (1.0 - closed)[:, None] * self.rise,
            angles,
        )


def draw_approach(
    rng: np.random.Generator, hand: GraspHand, solid: Solid, field: Field, grasp: Grasp, length: float
) -> Approach | None:
    """Draws a way that meets neither object nor table; None where none was found.

    Args:
        rng: the take's stream.
        hand: whose.
        solid: the object.
        field: the same in closed form.
        grasp: where the way ends.
        length: of the way [m].
    """
    state = grasp.state
    forward, normal = (state.rotation @ hand.frame).T[:2]
    up = grasp.stand.up
    away = -0.75 * normal - 0.6 * forward + 0.15 * up if FAMILIES[grasp.family].power else up - 0.45 * forward
    poser = HandPoser(hand.model, hand_spheres(hand.model))
    relaxed = poser.draw(rng, hand.betas, {"relaxed": 1.0, "open": 0.5, "cup": 0.5}, vary=0.8)
    relaxed = hand.anatomy.clamp_angles(relaxed)
    best, least = None, FREE_DEPTH
    for opening in (*OPENINGS, *OPENINGS, *OPENINGS):
        aside = away / np.linalg.norm(away) + 0.25 * rng.standard_normal(3)
        aside -= min(float(aside @ up), 0.0) * up
        turn = exponential(np.deg2rad(15.0) * rng.standard_normal(3))
        far = HandState(turn @ state.rotation, state.wrist + length * aside / np.linalg.norm(aside), relaxed)
        wide = opened(hand, state.angles, opening)
        way = Approach(far, wide, state, _rise(hand, wide, grasp))
        depth = deepest(hand, field, grasp.stand.table, way.path(18, 8))
        if depth < least and clear_of_mesh(hand, solid, way.path(36, 12)):
            best, least = way, depth
        if least < 0.0005:
            break
    return best


def clear_of_mesh(hand: GraspHand, solid: Solid, path: HandPath) -> bool:
    """Tells whether neither mesh enters the other deeper than :data:`MESH_DEPTH` on the way."""
    vertices, surface = np.empty((778, 3)), surface_of(solid)
    for k in range(len(path)):
        state = path.state(k)
        pose_hand(state.rotation, state.wrist, state.angles, hand.axes, tuple(hand.skinning), vertices)
        if surface.depth(vertices, hand.model.closed_faces) > MESH_DEPTH:
            return False
    return True


def _rise(hand: GraspHand, angles: FloatArray, grasp: Grasp) -> FloatArray:
    """Returns how far an opened hand must stay above the grasp, to be off the table (3,) [m]."""
    vertices, state, table = np.empty((778, 3)), grasp.state, grasp.stand.table
    pose_hand(state.rotation, state.wrist, angles, hand.axes, tuple(hand.skinning), vertices)
    low = float(table[3] - (vertices @ table[:3]).min())
    return np.asarray(max(low + 0.001, 0.0) * grasp.stand.up)


def opened(hand: GraspHand, angles: FloatArray, amount: float) -> FloatArray:
    """Returns the angles (15, 3) of a hand that has opened from a grasp; 1 is an ample opening."""
    out = angles.copy()
    for row in ROWS:
        out[row, 0] -= np.deg2rad(22.0) * amount
        out[row + 1, 0] -= np.deg2rad(20.0) * amount
        out[row + 2, 0] -= np.deg2rad(10.0) * amount
    thumb = CHAINS[0]
    out[thumb[0], 0] -= np.deg2rad(16.0) * amount
    out[thumb[1], 0] -= np.deg2rad(14.0) * amount
    out[thumb[2], 0] -= np.deg2rad(14.0) * amount
    return hand.anatomy.clamp_angles(np.clip(out, hand.low, hand.high))


def deepest(hand: GraspHand, field: Field, table: FloatArray, path: HandPath) -> float:
    """Returns how deep a hand on its way lies in object or table [m], 0 where it is free."""
    vertices, depth = np.empty((778, 3)), 0.0
    for k in range(len(path)):
        state = path.state(k)
        pose_hand(state.rotation, state.wrist, state.angles, hand.axes, tuple(hand.skinning), vertices)
        inside = -float(signed_distances(vertices, *field).min())
        low = float(table[3] - (vertices @ table[:3]).min())
        depth = max(depth, inside if k < len(path) - 3 else 0.0, low)
    return depth
