"""The keys of AIH_Syn: how two cut-outs are drawn, moved, accepted, matched and pasted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from handbench.compose.effects import EffectsSettings
from handbench.compose.paste import MaskRule, Mode
from handbench.synth.cutout_recipe import CutoutSettings


@dataclass(frozen=True, slots=True)
class MoveSettings:
    """How a cut-out is moved; the law is the original's, the ranges are InterHand2.6M's own.

    Attributes:
        shift: the square is shifted by up to this share of its side, uniform.
        scale: its side is multiplied by 1 + this times a normal number cut at 1.
        degrees: it is turned by this times a normal number cut at 2.
        p_turned: share of the cut-outs that are turned.
        other_shift: factor on the other hand's shift.
    """

    shift: float = 0.15
    scale: float = 0.25
    degrees: float = 45.0
    p_turned: float = 0.6
    other_shift: float = 0.2


@dataclass(frozen=True, slots=True)
class OverlapSettings:
    """Which overlaps are accepted.

    Attributes:
        over: the overlap is a share of the ``target``, or of the ``other`` hand as in the original.
        low: least overlap.
        high: greatest overlap, itself not taken.
        bins: the range is cut into this many parts and one is drawn for each sample, so that all overlaps are
            equally frequent as far as the hands allow; 1 takes them as they come.
        tries: moves that are tried for one pair of cut-outs.
        pairs: pairs of cut-outs that are tried; when none gives an overlap in range the run stops. No
            failed try is ever kept.
    """

    over: Literal["target", "other"] = "target"
    low: float = 0.02
    high: float = 0.8
    bins: int = 8
    tries: int = 100
    pairs: int = 100


@dataclass(frozen=True, slots=True)
class PasteSettings:
    """How the other hand is pasted.

    Attributes:
        mode: ``feathered``, or ``hard`` as in the original.
        mask: how masks are warped: ``threshold``, ``nearest``, or ``truncated`` as in the original.
        p_target_front: share of the samples whose target lies over the other hand.
        p_arm: share of the other hands that bring their forearm, of those whose forearm was found.
        gain: both hands' colours are multiplied by a factor for each channel between 1 - this and 1 + this.
        tint_grey: whether pictures of grey cameras get a factor for each channel too, as in the original.
        shadow: share of light that the hand in front takes from the one behind; drawn up to this.
    """

    mode: Mode = "feathered"
    mask: MaskRule = "threshold"
    p_target_front: float = 0.3
    p_arm: float = 0.85
    gain: float = 0.2
    tint_grey: bool = False
    shadow: float = 0.45


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """How the two photographs are made alike.

    Attributes:
        light: how far the other hand's mean colour goes to the target's, 0 to 1; a channel changes by a
            factor of 0.6 to 1.6 at most.
        blur: whether the sharper of the two is blurred.
        noise: whether the cleaner of the two gets noise.
        grey: whether both come from colour cameras, or both from grey ones.
    """

    light: float = 0.75
    blur: bool = True
    noise: bool = True
    grey: bool = True


def _effects() -> EffectsSettings:
    """Returns mild effects: a photograph brings its own light, blur and noise."""
    return EffectsSettings(
        exposure_stops=(-0.3, 0.3), white_balance=0.0, midtone=(-0.15, 0.2), contrast=(-0.1, 0.2),
        p_motion_blur=0.08, p_defocus=0.08, noise_read=(0.1, 1.2), noise_shot=(0.0, 0.02), p_low_light=0.03,
    )  # fmt: skip


@dataclass(frozen=True)
class SynRecipe:
    """Keys of AIH_Syn.

    Attributes:
        size: side of a picture [px].
        p_alone: share of the samples that show the target alone.
        cutouts: how hands are cut out.
        photographs: number of pictures of single hands that ``--images procedural`` makes for train; val and
            test get a quarter.
        move: how they are moved.
        overlap: what is accepted.
        paste: how they are pasted.
        match: how they are made alike.
        effects: exposure, blur, noise, JPEG quality of the whole.
    """

    size: int = 256
    p_alone: float = 0.06
    cutouts: CutoutSettings = field(default_factory=CutoutSettings)
    photographs: int = 400
    move: MoveSettings = field(default_factory=MoveSettings)
    overlap: OverlapSettings = field(default_factory=OverlapSettings)
    paste: PasteSettings = field(default_factory=PasteSettings)
    match: MatchSettings = field(default_factory=MatchSettings)
    effects: EffectsSettings = field(default_factory=_effects)
