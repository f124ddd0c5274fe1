"""The motion of a planned take, whole or a piece of its middle."""

from __future__ import annotations

from dataclasses import dataclass, replace

from handbench.formats.ho3d_tree import Version
from handbench.synth.ho3d_plan import PlannedTake
from handbench.synth.performers import Skins
from handbench.synth.take import Take
from handbench.synth.takes import make_take
from handbench.synth.video_recipe import MOTION, VideoRecipe

WHOLE = 300
"""Frames of the shortest take that is made whole; a shorter one is the middle of one of this length."""


@dataclass(frozen=True)
class TakeSpec:
    """What all takes of a tree share.

    Attributes:
        version: ``v2`` or ``v3``.
        seed: the user's.
        frames: of a take.
        flow: whether true flow is written.
        recipe: all keys.
    """

    version: Version
    seed: int
    frames: int
    flow: bool
    recipe: VideoRecipe


def plan_take(plan: PlannedTake, spec: TakeSpec, skins: Skins) -> Take:
    """Makes a take's motion; a short one is cut out of the middle of a whole one."""
    split = spec.recipe.split(plan.split)
    settings = replace(spec.recipe.take, objects=split.objects, families=split.grasps)
    whole = max(spec.frames, WHOLE)
    motion = MOTION.get(plan.stratum, plan.stratum)
    take = make_take(spec.seed, plan.index, motion, whole, skins.models, settings)
    return take if whole == spec.frames else cut(take, (whole - spec.frames) // 2, spec.frames)


def cut(take: Take, first: int, count: int) -> Take:
    """Returns some frames of a take."""
    rows = slice(first, first + count)
    tracks = [
        None
        if track is None
        else replace(track, pose=track.pose[rows], transl=track.transl[rows], arm=track.arm[rows])
        for track in (take.right, take.other)
    ]
    assert tracks[0] is not None
    return replace(
        take, right=tracks[0], other=tracks[1], object_R=take.object_R[rows], object_t=take.object_t[rows],
        held=take.held[rows], phases=take.phases[rows],
    )  # fmt: skip
