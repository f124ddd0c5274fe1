"""Two hands in motion: from one sampled contact to the next without passing through each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.hands.contact import penetration_depth
from handbench.synth.archetypes import ARCHETYPES
from handbench.synth.interhand_motion import (
    CENTRE,
    Frame,
    Stance,
    arm_way,
    ease,
    fingers_between,
    place_hand,
    stance_of,
    turn_between,
    way_between,
)
from handbench.synth.pairs import PairSampler
from handbench.synth.pose_sampler import angle_table
from handbench.synth.poses import Betas, PlacedHand, TwoHands
from handbench.types import Side

DEEPEST = 0.0035
"""How deep one hand may lie in the other on the way between two contacts [m]; skin gives way so far."""

ARM_MISS = np.deg2rad(50.0)
"""A pair is used where both forearms come from the body to within this angle."""

RETREATS = ((0.02, 0.3), (0.05, 0.6), (0.09, 0.8), (0.14, 0.9))
"""How far the hands part on the way [m], and how far the fingers open, in the order in which it is tried."""

_TRIES, _DRAWS = 8, 12  # of ways from a contact to another, and of contacts
_HOLD = (4, 14)  # steps of a contact


@dataclass(frozen=True)
class PairKey:
    """A contact: both stances in the studio.

    Attributes:
        stances: of each side.
        kind: of interaction.
    """

    stances: Mapping[Side, Stance]
    kind: str


@dataclass(frozen=True)
class PairTrack:
    """Two hands over time.

    Attributes:
        frames: one a step.
        kinds: of interaction, in order.
    """

    frames: list[Frame]
    kinds: tuple[str, ...]


class PairMover:
    """Moves two hands from contact to contact.

    Args:
        sampler: draws the contacts.
    """

    def __init__(self, sampler: PairSampler) -> None:
        self.sampler, self.models = sampler, sampler.models
        table = angle_table(ARCHETYPES["open"])
        self._open = {side: sampler.posers[side].pose(table)[3:] for side in Side}

    def move(self, rng: np.random.Generator, people: Betas, steps: int) -> PairTrack:
        """Moves for a number of steps.

        Raises:
            HandbenchError: when the sampler finds no contact.
        """
        key = self._draw(rng, people)
        frames: list[Frame] = self._hold(key, people, int(rng.integers(4, _HOLD[1])))
        kinds = [key.kind]
        # A take may begin anywhere on the way to its first contact.
        skipped = int(rng.integers(0, 50))
        while len(frames) < steps + skipped:
            way = None
            for _ in range(_TRIES):
                target = self._draw(rng, people)
                way = self._way(key, target, people)
                if way is not None:
                    break
            if way is not None:
                key = target
                frames += way
                kinds.append(key.kind)
            frames += self._hold(key, people, int(rng.integers(*_HOLD)))
        return PairTrack(frames[skipped : skipped + steps], tuple(kinds))

    def _draw(self, rng: np.random.Generator, people: Betas) -> PairKey:
        """Draws a contact that the arms of one person before the camera can reach."""
        best: tuple[float, PairKey] | None = None
        for _ in range(_DRAWS):
            try:
                pair = self.sampler.draw(rng, people)
            except HandbenchError:
                # A kind of contact that these hands cannot take; the next draw takes another.
                continue
            R, miss = facing(pair)
            moved = {hand.side: hand.moved(R, np.zeros(3), self.models[hand.side]) for hand in pair.hands}
            middle = np.mean([hand.joints.mean(axis=0) for hand in moved.values()], axis=0)
            shift = CENTRE + rng.normal(0.0, 0.012, 3) - middle
            key = PairKey(
                {side: _shifted(stance_of(hand), shift) for side, hand in moved.items()}, pair.meta.kind
            )
            if best is None or miss < best[0]:
                best = miss, key
            if miss < ARM_MISS:
                break
        if best is None:
            raise HandbenchError(f"none of {_DRAWS} pairs of hands was acceptable", "use another --seed")
        return best[1]

    def _place(self, stances: Mapping[Side, Stance], people: Betas) -> Frame:
        return {side: place_hand(self.models[side], people[side], stance) for side, stance in stances.items()}

    def _hold(self, key: PairKey, people: Betas, steps: int) -> list[Frame]:
        return [self._place(key.stances, people)] * steps

    def _way(self, a: PairKey, b: PairKey, people: Betas) -> list[Frame] | None:
        """Returns the frames between two contacts, or None where every way is blocked."""
        for retreat, opening in RETREATS:
            steps = 74 + round(820 * retreat)
            # A coarse look first: most blocked ways show within a few frames.
            for stride in (5, 1):
                frames = [self._between(a, b, (i + 1) / (steps + 1), retreat, opening, people)
                          for i in range(0, steps, stride)]  # fmt: skip
                if max(self.depth(frame) for frame in frames) > DEEPEST:
                    break
            else:
                return frames
        return None

    def depth(self, frame: Frame) -> float:
        """Returns how deep one hand lies in the other [m]."""
        right, left = frame[Side.RIGHT], frame[Side.LEFT]
        faces = {side: self.models[side].closed_faces for side in Side}
        return penetration_depth(right.vertices, faces[Side.RIGHT], left.vertices, faces[Side.LEFT])

    def _between(
        self, a: PairKey, b: PairKey, time: float, retreat: float, opening: float, people: Betas
    ) -> Frame:
        """Parts the hands, changes how they stand to each other, and brings them together again."""
        apart = ease(time / 0.4) * ease((1.0 - time) / 0.4)
        share = ease((time - 0.12) / 0.76)
        right_a, right_b = a.stances[Side.RIGHT], b.stances[Side.RIGHT]
        G = turn_between(right_a.G, right_b.G, share)
        wrist = right_a.wrist + share * (right_b.wrist - right_a.wrist)
        relative = [_relative(key) for key in (a, b)]
        outward = way_between(relative[0][2], relative[1][2], share)
        turn = turn_between(relative[0][0], relative[1][0], share)
        place = (1.0 - share) * relative[0][1] + share * relative[1][1] + retreat * apart * outward
        # Both hands give way alike.
        wrist = wrist - 0.5 * retreat * apart * (G @ outward)
        places = {Side.RIGHT: (G, wrist), Side.LEFT: (G @ turn, wrist + G @ place)}
        stances = {}
        for side, (turned, at) in places.items():
            one, two = a.stances[side], b.stances[side]
            fingers = fingers_between(one.fingers, two.fingers, share)
            fingers = fingers_between(fingers, self._open[side], opening * apart)
            stances[side] = Stance(turned, at, fingers, way_between(one.arm, two.arm, share))
        return self._place(stances, people)


def _shifted(stance: Stance, shift: FloatArray) -> Stance:
    return Stance(stance.G, stance.wrist + shift, stance.fingers, stance.arm)


def _relative(key: PairKey) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Returns the left hand's turn and place in the right one's frame, and the way in which it leaves."""
    right, left = key.stances[Side.RIGHT], key.stances[Side.LEFT]
    place = right.G.T @ (left.wrist - right.wrist)
    # Palms lie some way along the root's own x axis from the wrist: right hands at -x, left hands at +x.
    palm = place + right.G.T @ left.G @ np.array([0.07, 0.0, 0.0]) - np.array([-0.07, 0.0, 0.0])
    size = float(np.linalg.norm(palm))
    return right.G.T @ left.G, place, palm / size if size > 0.01 else np.array([0.0, -1.0, 0.0])


def facing(pair: TwoHands) -> tuple[FloatArray, float]:
    """Returns the rotation (3, 3) that brings both forearms nearest to where they come from a body.

    Returns:
        The rotation, and the larger angle [rad] that remains.
    """
    hands: list[PlacedHand] = [hand for hand in pair.hands]
    have = [np.array(hand.arm) for hand in hands]
    want = [arm_way(hand.side) / np.linalg.norm(arm_way(hand.side)) for hand in hands]
    if len(hands) == 2:
        # The plane of the arms counts too, or two parallel arms would leave the turn about them open.
        for group in (have, want):
            group.append(0.5 * np.cross(group[0], group[1]))
    U, _, Vt = np.linalg.svd(np.stack(want).T @ np.stack(have))
    R = U @ np.diag([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))]) @ Vt
    cosines = [float(np.clip(w @ (R @ h), -1, 1)) for h, w in zip(have[: len(hands)], want, strict=False)]
    return np.ascontiguousarray(R), float(np.arccos(min(cosines)))
