"""Takes of a capture: which hands move, how, and from which source the motion comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
_RANGE = "range_of_motion"

P_RANGE = 0.4
"""Share of single-hand takes over the whole range of motion; the others vary one gesture."""


@dataclass(frozen=True)
class HandTake:
    """Hands over time, in the studio's frame.

    Attributes:
        name: of the sequence, in the style of the real ones: ``0003_lh_fist``.
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

    def name_take(self, rng: np.random.Generator, hand_type: str, steps: int) -> str:
        """Returns a word for what a take is to show, without making it."""
        ...

    def take(
        self, rng: np.random.Generator, people: Betas, hand_type: str, word: str, steps: int
    ) -> list[Frame]:
        """Returns the frames, one a step of 1/30 s, of a take that was named."""
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

    def name_take(self, rng: np.random.Generator, hand_type: str, steps: int) -> str:
        """Returns a gesture, ``range_of_motion`` or ``touching``."""
        if hand_type == "interacting":
            return "touching"
        whole = rng.random() < P_RANGE
        return _RANGE if whole else list(FREE_MIX)[int(rng.integers(len(FREE_MIX)))]

    def take(
        self, rng: np.random.Generator, people: Betas, hand_type: str, word: str, steps: int
    ) -> list[Frame]:
        """See :class:`TakeSource`."""
        if hand_type == "interacting":
            return self._mover.move(rng, people, steps).frames
        side = Side(hand_type)
        other = list(FREE_MIX)[int(rng.integers(len(FREE_MIX)))]
        mix = None if word == _RANGE else {word: 2.0, other: 1.0, "open": 0.5}
        return [{side: hand} for hand in free_hand(rng, self._posers[side], people[side], steps, mix)]


def take_name(source: TakeSource, rng: np.random.Generator, number: int, steps: int) -> tuple[str, str]:
    """Returns the name of a capture's take, and the word in it that tells what it shows."""
    hand_type = KINDS[number % len(KINDS)]
    word = source.name_take(rng, hand_type, steps)
    return f"{number:04d}_{_SHORT[hand_type]}_{word}", word


def make_take(
    source: TakeSource,
    models: Mapping[Side, HandModel],
    stream: Callable[[str], np.random.Generator],
    people: Betas,
    number: int,
    frames: int,
    stride: int,
) -> HandTake:
    """Makes take ``number`` of a capture.

    Args:
        source: of the motion.
        models: the right and the left hand model.
        stream: opens the take's random stream of that name.
        people: the shape of the person's hands.
        number: of the take within its capture; it decides which hands move.
        frames: how many pictures each camera takes.
        stride: steps of 1/30 s from picture to picture.

    Raises:
        HandbenchError: when the source has no motion of that length.
    """
    hand_type, length = KINDS[number % len(KINDS)], steps_of(frames, stride)
    name, word = take_name(source, stream("name"), number, length)
    sway = draw_sway(stream("sway"))
    steps = source.take(stream("motion"), people, hand_type, word, length)
    kept = [swayed(steps[i * stride], sway, i * stride, models) for i in range(frames)]
    return HandTake(name, hand_type, kept)


def steps_of(frames: int, stride: int) -> int:
    """Returns how many steps of 1/30 s a take of ``frames`` pictures lasts."""
    return (frames - 1) * stride + 1


def open_motion(spec: str, models: Mapping[Side, HandModel]) -> TakeSource:
    """Opens ``--poses``: ``sampler`` or ``tzionas:DIR[@sequences=01-07]``.

    Raises:
        HandbenchError: for another name, or a folder without motion.
    """
    if spec == "sampler":
        return SampledMotion(models)
    return open_real(spec, models)
