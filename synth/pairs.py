"""Two hands in interaction: one is placed by the anatomy of the other, then moved until they touch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from handbench.arrays import FloatArray
from handbench.config import content_hash, to_dict
from handbench.errors import HandbenchError
from handbench.hands.model import HandModel
from handbench.hands.rotations import dot, exponential, moved_points, product, turned
from handbench.registry import nearest
from handbench.synth.approach import COARSE, FINE, free_way
from handbench.synth.arms import choose_arms
from handbench.synth.closing import close_fingers, finger_segments
from handbench.synth.fingers import CHAINS
from handbench.synth.frames import anchor_point, flexion_axes, hand_frame, partner_frame, resting_frame
from handbench.synth.pair_draft import HandDraft, start_draft
from handbench.synth.pair_kinds import KINDS, PairKind
from handbench.synth.persons import Mine
from handbench.synth.pose_sampler import HandPoser
from handbench.synth.poses import Betas, PoseMeta, TwoHands
from handbench.synth.quality import PairLimits, measure_contact
from handbench.synth.spheres import make_spheres
from handbench.types import Side

if TYPE_CHECKING:
    from handbench.synth.recipe import AihRecipe

CLOSING_ROOM = np.deg2rad(np.array([60.0, 75.0, 45.0]))
"""How far base, middle and end joints of the fingers close around the other hand at most."""

THUMB_ROOM = np.deg2rad(np.array([30.0, 45.0, 45.0]))
"""The same for the thumb."""

_ROOM = np.stack([THUMB_ROOM, *[CLOSING_ROOM] * 4])

LAY_FLAT_ENOUGH = np.deg2rad(5.0)
"""A palm that leans less than this is left as it is."""

LAY_FLAT_LIMIT = np.deg2rad(30.0)
"""A palm is turned by at most this angle to lie flat on what it touches."""

UNLIKELY = 0.2
"""A kind keeps this share of its weight where the wanted occlusion lies outside its usual range."""

INTERLEAVED = 0.02
"""Interleaved fingers go this much deeper than fingers that meet tip to tip [m]."""

CLOSING_TOLERANCE = 0.0
"""How deep the spheres of closing fingers may meet those of the other hand [m]."""


@dataclass(frozen=True, slots=True)
class SamplerConfig:
    """Recipe keys of the sampled pairs.

    Attributes:
        kinds: weights of the kinds of interaction; empty for their own weights.
        touching: share of the pairs that come to touch.
        touch_gap: a touching pair keeps a gap in this range [m]; below 0 skin gives way.
        limits: what is accepted.
        tries: how many pairs are drawn at most until one is accepted.
    """

    kinds: dict[str, float] = field(default_factory=dict)
    touching: float = 0.78
    touch_gap: tuple[float, float] = (-0.0012, 0.0008)
    limits: PairLimits = field(default_factory=PairLimits)
    tries: int = 20


class PairSampler:
    """Draws pairs of interacting hands.

    Args:
        models: the right and the left hand model.
        posers: draws the single hands; by default made from the models.
        config: recipe keys.

    Raises:
        HandbenchError: for an unknown kind of interaction, or a probability outside 0 to 1.
    """

    name = "sampler"

    def __init__(
        self, models: Mapping[Side, HandModel], posers: Mapping[Side, HandPoser], config: SamplerConfig
    ) -> None:
        self.models, self.posers, self.config = models, posers, config
        self.spheres = {side: posers[side].spheres for side in Side}
        self._segments = {
            side: finger_segments(spheres.bones, spheres.fingers) for side, spheres in self.spheres.items()
        }
        weights = config.kinds or {name: kind.weight for name, kind in KINDS.items()}
        for name in weights:
            if name not in KINDS:
                raise HandbenchError(f"unknown kind of interaction {name!r}", nearest(name, list(KINDS)))
        self._kinds = [name for name in weights if weights[name] > 0]
        self._weights = np.array([weights[name] for name in self._kinds])
        self._ranges = np.array([KINDS[name].occlusion for name in self._kinds])
        self._resting = {name: resting_frame(KINDS[name]) for name in self._kinds}
        self.fingerprint = content_hash(
            ["sampler/1", to_dict(config), [models[side].sha256 for side in Side]]
        )

    def draw(self, rng: np.random.Generator, people: Betas, occlusion: float | None = None) -> TwoHands:
        """Draws two hands of one person; see :class:`handbench.synth.poses.PoseSource`."""
        weights = self._weights
        if occlusion is not None:
            reachable = (self._ranges[:, 0] <= occlusion) & (occlusion <= self._ranges[:, 1])
            weights = np.where(reachable, weights, UNLIKELY * weights)
        cumulative = np.cumsum(weights)
        u = rng.random() * cumulative[-1]
        name = self._kinds[min(int(np.searchsorted(cumulative, u)), len(self._kinds) - 1)]
        for attempt in range(1, self.config.tries + 1):
            pair = self._try(rng, people, name, attempt)
            if pair is not None:
                return pair
        raise HandbenchError(
            f"no {name!r} pair of {self.config.tries} draws was acceptable",
            "raise tries or limits.penetration",
        )

    def _try(self, rng: np.random.Generator, people: Betas, name: str, attempt: int) -> TwoHands | None:
        kind = KINDS[name]
        side = Side.RIGHT if rng.random() < 0.5 else Side.LEFT
        a = self._start(side, people, self.posers[side].draw(rng, people[side], kind.pose_a, kind.vary))
        if kind.pose_b is None:
            angles = a.angles + np.deg2rad(2.5) * rng.standard_normal((15, 3)) * (a.angles != 0)
            poser = self.posers[side.other]
            angles = np.clip(angles, poser.low, poser.high)
        else:
            angles = self.posers[side.other].draw(rng, people[side.other], kind.pose_b, kind.vary)
        b = self._start(side.other, people, angles)
        if not self._bring_together(rng, name, a, b):
            return None
        joints, right_a = (a.mesh.joints21, b.mesh.joints21), a.model.side is Side.RIGHT
        frames = hand_frame(joints[0], right_a), hand_frame(joints[1], not right_a)
        draws = rng.standard_normal((8, 2, 2))
        arms, clearance = choose_arms(joints[0], frames[0], joints[1], frames[1], draws)
        limits = self.config.limits
        if clearance < -limits.arms:
            return None
        if kind.close_a or kind.close_b:
            self._close(kind, a, b)
        contact = measure_contact(a.mesh.vertices, b.mesh.vertices, a.model, b.model, limits)
        if contact.reason:
            return None
        placed = {draft.model.side: draft.placed(arm) for draft, arm in zip((a, b), arms, strict=True)}
        meta = PoseMeta(self.name, name, gap=contact.gap, penetration=contact.penetration, tries=attempt)
        return TwoHands(placed[Side.RIGHT], placed[Side.LEFT], meta)

    def _start(self, side: Side, people: Betas, angles: FloatArray) -> HandDraft:
        return start_draft(self.models[side], angles, self.posers[side].pose(angles), people[side])

    def _bring_together(self, rng: np.random.Generator, name: str, a: HandDraft, b: HandDraft) -> bool:
        """Places B in the frame of A and moves it until the hands are as close as drawn."""
        kind, right_a = KINDS[name], a.model.side is Side.RIGHT
        frame_a = hand_frame(a.mesh.joints21, right_a)
        local_b = hand_frame(b.mesh.joints21, not right_a)
        relative, way = partner_frame(kind, self._resting[name], rng)
        R = product(product(frame_a, relative), local_b.T)
        shift = turned(frame_a, np.array(kind.shift) * rng.standard_normal(3))
        t = anchor_point(a.mesh.joints21, kind.anchor_a)
        t = t - turned(R, anchor_point(b.mesh.joints21, kind.anchor_b))
        direction = turned(frame_a, way)
        touching, u = rng.random() < self.config.touching, rng.random()
        low, high = self.config.touch_gap
        gap = low + (high - low) * u if touching else kind.reach * u
        rest = b.mesh
        offsets = self._offsets(rng, kind, a, frame_a)
        if kind.interleave:
            ways = [_way(a, b, R, t + shift + offset, direction, FINE)[0] for offset in offsets]
            best = int(np.argmax([way if np.isfinite(way) else -np.inf for way in ways]))
            if max(ways) - min(ways) < INTERLEAVED:
                return False
            offsets = offsets[best : best + 1]
        for share in (1.0, 0.4, 0.0):
            turn, place = R, t + share * shift + offsets[0]
            if kind.lay_flat:
                turn, place = _lay_flat(a, b, turn, place, direction)
            travel, _, _ = _way(a, b, turn, place, direction, FINE)
            if np.isfinite(travel):
                b.place(rest, turn, place + (travel - gap) * direction)
                return True
        return False

    @staticmethod
    def _offsets(
        rng: np.random.Generator, kind: PairKind, a: HandDraft, frame: FloatArray
    ) -> list[FloatArray]:
        """Returns the places [m] that B's anchor may take relative to A's."""
        sign = 1.0 if rng.random() < 0.5 else -1.0
        if not kind.interleave:
            return [turned(frame, np.array(kind.offset) * (1.0, 1.0, sign))]
        pitch = dot(a.mesh.joints21[8] - a.mesh.joints21[20], frame[:, 2]) / 3
        return [
            sign * side * share * pitch * frame[:, 2] for side in (1, -1) for share in (0.5, 0.57, 0.64, 0.71)
        ]

    def _close(self, kind: PairKind, a: HandDraft, b: HandDraft) -> None:
        """Closes the fingers of one hand around the other, then of the other around the first."""
        for hand, other, wanted in ((a, b, kind.close_a), (b, a, kind.close_b)):
            if not wanted:
                continue
            side = hand.model.side
            poser, spheres = self.posers[side], self.spheres[side]
            room = np.clip(poser.high[CHAINS, 0] - hand.angles[CHAINS, 0], 0.0, _ROOM)
            rows16 = CHAINS + 1
            bends = close_fingers(
                spheres.place(hand.mesh.vertices),
                spheres.fingers,
                self._segments[side],
                hand.mesh.joints16[rows16],
                flexion_axes(poser.axes, hand.angles, hand.R)[CHAINS],
                room,
                self.spheres[side.other].place(other.mesh.vertices),
                CLOSING_TOLERANCE,
            )
            hand.angles[CHAINS, 0] += bends
            hand.change_pose(poser.pose(hand.angles))


def _way(
    a: HandDraft, b: HandDraft, R: FloatArray, t: FloatArray, direction: FloatArray, cell: float
) -> tuple[float, FloatArray, FloatArray]:
    """Returns how far B, standing at R x + t, can go; see :func:`handbench.synth.approach.free_way`."""
    faces_a, faces_b = a.model.closed_faces, b.model.closed_faces
    vertices = moved_points(b.mesh.vertices, R, t)
    way, turn, pivot = free_way(a.mesh.vertices, vertices, faces_a, faces_b, direction, cell)
    return way, turn, pivot


def _lay_flat(
    a: HandDraft, b: HandDraft, R: FloatArray, t: FloatArray, direction: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Turns B, twice at most, until its surface lies flat on A's; returns its new R and t."""
    for _ in range(2):
        travel, turn, pivot = _way(a, b, R, t, direction, COARSE)
        angle = float(np.sqrt(dot(turn, turn)))
        if not np.isfinite(travel) or angle < LAY_FLAT_ENOUGH:
            break
        Q = exponential(turn * min(1.0, LAY_FLAT_LIMIT / angle))
        R, t = product(Q, R), turned(Q, t - pivot) + pivot
    return R, t


def make_posers(models: Mapping[Side, HandModel]) -> dict[Side, HandPoser]:
    """Builds the two single-hand samplers of a pair of hand models."""
    return {side: HandPoser(models[side], make_spheres(models[side])) for side in Side}


def open_sampler(
    rest: str, models: Mapping[Side, HandModel], recipe: AihRecipe, mine: Mine | None = None
) -> PairSampler:
    """Opens ``--poses sampler`` with the recipe's ``sampler`` keys.

    Raises:
        HandbenchError: when something follows the name, or for an unknown kind of interaction.
    """
    if rest:
        raise HandbenchError(f"the pose source 'sampler' takes no {rest!r}", "set sampler.* in the recipe")
    return PairSampler(models, make_posers(models), recipe.sampler)
