"""Who the hands belong to: shape and skin, drawn per scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from handbench.arrays import FloatArray
from handbench.hands.skin import SkinTone, sample_skin_tone
from handbench.types import Side


@dataclass(frozen=True)
class PeopleSettings:
    """Keys of shape and skin.

    Attributes:
        p_two: share of scenes whose hands belong to two people.
        betas_std: standard deviation of each shape coefficient.
        betas_limit: coefficients are cut here, in standard deviations.
    """

    p_two: float = 0.1
    betas_std: float = 1.0
    betas_limit: float = 2.2


@dataclass(frozen=True)
class People:
    """The owner of each hand.

    Attributes:
        betas: (10,) shape of each side.
        skin: skin of each side.
        two: whether they are two people.
    """

    betas: Mapping[Side, FloatArray]
    skin: Mapping[Side, SkinTone]
    two: bool


def draw_people(rng: np.random.Generator, settings: PeopleSettings) -> People:
    """Draws the owners of both hands; the two hands of one person have equal shape and skin."""
    two = bool(rng.random() < settings.p_two)
    betas, skin = {}, {}
    for side in Side:
        if side is Side.RIGHT or two:
            cut = np.clip(rng.normal(size=10), -settings.betas_limit, settings.betas_limit)
            shape, tone = settings.betas_std * cut, sample_skin_tone(rng)
        betas[side], skin[side] = shape, tone
    return People(betas, skin, two)
