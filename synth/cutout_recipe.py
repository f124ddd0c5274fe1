"""The keys of cut-outs: how a photographed hand is cut, and which cut-outs are good enough."""

from __future__ import annotations

from dataclasses import dataclass, field

from handbench.synth.cutout_arm import ArmSettings
from handbench.synth.cutout_crop import Border
from handbench.synth.outline import OutlineSettings


@dataclass(frozen=True, slots=True)
class CutoutRule:
    """What a cut-out must have; each limit has its reason in the manifest.

    Attributes:
        fit_error: a fit whose joints are further off in the mean [m] did not converge: ``fit``.
        side: the hand's longer side in the photograph is at least this [px]: ``tiny``.
        inside: at least this share of the fitted hand lies inside the photograph: ``border``.
        light: mean brightness of the hand, 0 to 255: ``dark``.
        agreement: intersection over union of the refined with the rendered mask: ``outline``.
        contrast: how well colours tell hand from background along the outline, 0 to 1: ``contrast``.
    """

    fit_error: float = 0.008
    side: float = 40.0
    inside: float = 0.95
    light: float = 12.0
    agreement: float = 0.72
    contrast: float = 0.3


@dataclass(frozen=True, slots=True)
class CutoutSettings:
    """Keys of the cut-outs.

    Attributes:
        scale: side of the nominal square over the longer side of the hand's box.
        margin: rim that is stored round the nominal square of 256 px [px].
        border: what lies beyond the photograph: its ``mirror`` image, or ``black`` as in the original.
        quality: of the stored JPEGs.
        outline: how masks are refined.
        arm: how forearms are found.
        rule: what is kept.
        max_bad: share of faulty pictures beyond which the run fails.
    """

    scale: float = 2.0
    margin: int = 32
    border: Border = "mirror"
    quality: int = 92
    outline: OutlineSettings = field(default_factory=OutlineSettings)
    arm: ArmSettings = field(default_factory=ArmSettings)
    rule: CutoutRule = field(default_factory=CutoutRule)
    max_bad: float = 0.2


FAULTS = {
    "missing": "the picture is not there",
    "truncated": "the picture does not decode",
    "size": "the picture's size is not that of the annotation",
    "black": "the picture is black",
    "second_hand": "a picture of one hand shows the other too",
    "no_joints": "too few joints are annotated",
    "fit": "the hand model does not fit the joints",
    "empty": "the hand is not in the picture",
    "tiny": "the hand is tiny",
    "annotation": "its camera is not annotated, or makes no sense",
}
"""What is wrong with the data: the share of these is limited by ``max_bad``."""

REJECTED = {
    "shared_person": "its person is in another split too",
    "border": "the hand is cut by the border",
    "dark": "the hand is too dark",
    "outline": "the outline in the photograph is not that of the fit",
    "contrast": "hand and background look alike",
}
"""What is not used although nothing is wrong with it."""
