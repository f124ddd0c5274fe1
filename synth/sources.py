"""The pose sources by name: ``sampler``, ``tzionas:DIR[@sequences=01-07]``, ``interhand:DIR[@split=val]``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from handbench.hands.model import HandModel
from handbench.registry import Registry
from handbench.synth.persons import Mine
from handbench.synth.poses import PoseSource
from handbench.synth.recipe import AihRecipe
from handbench.types import Side

Opener = Callable[[str, Mapping[Side, HandModel], AihRecipe, Mine | None], PoseSource]
"""Takes what follows the name's colon, the two hand models, the recipe, and who of a recording's people may
be shown; a source without people shows all it has."""

SOURCES: Registry[Opener] = Registry("pose source", "handbench.pose_sources")
SOURCES.register("sampler", "handbench.synth.pairs:open_sampler")
SOURCES.register("tzionas", "handbench.synth.pose_tzionas:open_tzionas")
SOURCES.register("interhand", "handbench.synth.pose_interhand:open_interhand")


def open_poses(
    reference: str, models: Mapping[Side, HandModel], recipe: AihRecipe, mine: Mine | None = None
) -> PoseSource:
    """Opens a pose source.

    Args:
        reference: ``NAME`` or ``NAME:PATH[@key=value,...]``.
        models: the right and the left hand.
        recipe: its keys ``sampler`` and ``motion``.
        mine: who of a recording's people may be shown; all by default.

    Raises:
        HandbenchError: for an unknown name (with the nearest known one), or what the source raises.
    """
    name, _, rest = reference.partition(":")
    return SOURCES.get(name)(rest, models, recipe, mine)
