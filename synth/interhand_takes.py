"""Takes of a capture: which hands move, how, and from which source the motion comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from handbench.config import content_hash
from handbench.hands.model import HandModel
from handbench.synth.archetypes import FREE_MIX
from handbench.synth.interhand_motion import Frame, draw_sway, free_hand, swayed
from handbench.synth.interhand_pairs import PairMover
from handbench.synth.interhand_real import open_real
from handbench.synth.pairs import PairSampler, SamplerConfig, make_posers
from handbench.synth.poses import Betas
from handbench.types import Side

KINDS = ("interacting", "right", "interacting", "left")
"""What the takes of a capture show, in turn: about half of the real set interacts."""

_SHORT = {"right": "rh", "left": "lh", "interacting": "dh"}
P_RANGE = 0.4
"""Share of single-hand takes over the whole range of motion; the others vary one gesture."""


@dataclass(frozen=True)
class HandTake:
    """Hands over time, in the studio's frame.

    Attributes:
        name: of the sequence, in the style of the real ones: ``0003_dh_tips``.
        hand_type: ``right``, ``left`` or ``interacting``.
        frames: one a picture.
    """

    name: str
    hand_type: str
    frames: list[Frame]


class TakeSource(Protocol):
    """Gives motion.

    Attributes:
        name: what ``--poses`` calls it.
        fingerprint: hash of all that it reads.
    """

    name: str
    fingerprint: str

    def take(
        self, rng: np.random.Generator, people: Betas, hand_type: str, steps: int
    ) -> tuple[list[Frame], str]:
        """Returns frames, one a step of 1/30 s, and a word for what they show."""
        ...


class SampledMotion:
    """Motion between sampled poses and pairs.

    Args:
        models: the right and the left hand model.
    """

    name = "sampler"

    def __init__(self, models: Mapping[Side, HandModel]) -> None:
        self.models, self._posers = models, make_posers(models)
        sampler = PairSampler(models, self._posers, SamplerConfig())
        self._mover = PairMover(sampler)
        self.fingerprint = content_hash(["interhand-motion/1", sampler.fingerprint])

    def take(
        self, rng: np.random.Generator, people: Betas, hand_type: str, steps: int
    ) -> tuple[list[Frame], str]:
        """See :class:`TakeSource`."""
        if hand_type == "interacting":
            track = self._mover.move(rng, people, steps)
            return track.frames, track.kinds[0]
        side = Side(hand_type)
        whole = rng.random() < P_RANGE
        names = list(FREE_MIX)
        gesture = names[int(rng.integers(len(names)))]
        mix = None if whole else {gesture: 2.0, names[int(rng.integers(len(names)))]: 1.0, "open": 0.5}
        hands = free_hand(rng, self._posers[side], people[side], steps, mix)
        return [{side: hand} for hand in hands], "range_of_motion" if whole else gesture


def make_take(
    source: TakeSource,
    models: Mapping[Side, HandModel],
    rng: np.random.Generator,
    people: Betas,
    number: int,
    frames: int,
    stride: int,
) -> HandTake:
    """Makes take ``number`` of a capture.

    Args:
        source: of the motion.
        models: the right and the left hand model.
        rng: the take's stream.
        people: the shape of the person's hands.
        number: of the take within its capture; it decides which hands move.
        frames: how many pictures each camera takes.
        stride: steps of 1/30 s from picture to picture.

    Raises:
        HandbenchError: when the source has no motion of that length.
    """
    hand_type = KINDS[number % len(KINDS)]
    sway = draw_sway(rng)
    steps, word = source.take(rng, people, hand_type, (frames - 1) * stride + 1)
    kept = [swayed(steps[i * stride], sway, i * stride, models) for i in range(frames)]
    return HandTake(f"{number:04d}_{_SHORT[hand_type]}_{word}", hand_type, kept)


def open_motion(spec: str, models: Mapping[Side, HandModel]) -> TakeSource:
    """Opens ``--poses``: ``sampler`` or ``tzionas:DIR[@sequences=01-07]``.

    Raises:
        HandbenchError: for another name, or a folder without motion.
    """
    if spec == "sampler":
        return SampledMotion(models)
    return open_real(spec, models)
