"""The settings of HDRNet and its named variants. No torch here: ``handbench models`` lists them.

The official code has defects (specification section 8, points 9 to 11). Those that can occur are switches;
the default is the mended form, ``hdrnet:original`` has them. That attention's values in holes would be erased
cannot occur: the two holes share no pixel, so no mask has a hole after the first convolution (docs/hdr.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from handbench.baselines.variants import configured
from handbench.errors import HandbenchError

KERNELS = (7, 5, 5)
"""Windows of the first levels on the way down; all others are 3."""


@dataclass(frozen=True)
class HDRNetConfig:
    """Settings of a network.

    Attributes:
        size: side of the crop [px].
        scale: side of the crop over the longer side of the target's whole box (the demo's 2.0).
        crop: about the target's box (``hand``), or the picture as it is (``full``: AIH's pictures are such
            crops already, and its authors' files have no boxes).
        generator: ``unet``: the published one; ``painter``: a small one that corrects a coarse fill
            (:mod:`handbench.baselines.painter`).
        widths: channels of each level on the way down (2.2); each halves the map.
        attend: levels that are followed by a transformer block, on the way down and on the way up (2.2).
        heads: of the attention, a number a level of ``attend``.
        ratios: of the MLP, the same.
        reductions: of the attention's keys, the same.
        window_norm: partial convolutions multiply by the size of their window (Liu et al.; the official code
            does not).
        erase: what each of the two inputs lacks: its ``own`` hole (official: then the other input shows what
            lies in it), or ``both``.
        mask_noise: share of training items whose masks are spoilt as a mask network spoils them (official 0).
        removed: what of the other hand is removed, see :func:`handbench.baselines.hdr_masks.hdr_masks`.
        deocclusion: paint the target's hidden part.
        removal: paint over the other hand.
        dilate: side [px] of the ellipse that widens the hole before it is filled; odd, 1 for none.
        result: ``combination``: the output in the hole, the picture elsewhere; ``direct``: the output.
        discriminator_width: channels of the discriminator's first layer (2.3).
        valid: weight of L1 outside of holes (2.3, as the next ones).
        hole: weight of L1 in each of the two holes.
        level: weight of the logarithm of the mean square in each of the two holes, over the hole: PSNR.
        elsewhere: weight of the painter's cross-entropy of where, outside of the holes, the other hand has
            left something; what differs there belongs to the hole of removal for ``level``.
        tv: weight of the composite's total variation.
        perceptual: weight of distances of VGG16 features, for each hole.
        style: weight of distances of their Gram matrices, for each hole.
        adversarial: weight of the discriminator's opinion; 0 builds no discriminator.
        vgg: local file of VGG16 weights (torchvision's names), kept as its hash; empty: ``perceptual`` and
            ``style`` are off.
    """

    size: int = 256
    scale: float = 2.0
    crop: Literal["hand", "full"] = "hand"
    generator: Literal["unet", "painter"] = "unet"
    widths: tuple[int, ...] = (64, 128, 256, 512, 512, 512, 512, 512)
    attend: tuple[int, ...] = (3, 5)
    heads: tuple[int, ...] = (2, 8)
    ratios: tuple[int, ...] = (8, 4)
    reductions: tuple[int, ...] = (4, 1)
    window_norm: bool = True
    erase: Literal["own", "both"] = "own"
    mask_noise: float = 0.7
    removed: Literal["amodal", "visible"] = "amodal"
    deocclusion: bool = True
    removal: bool = True
    dilate: int = 9
    result: Literal["combination", "direct"] = "combination"
    discriminator_width: int = 64
    valid: float = 1.0
    hole: float = 6.0
    level: float = 0.0
    elsewhere: float = 0.0
    tv: float = 0.1
    perceptual: float = 0.1
    style: float = 250.0
    adversarial: float = 0.1
    vgg: str = ""

    def __post_init__(self) -> None:
        levels = len(self.widths)
        if not levels or min(self.widths) < 1 or self.discriminator_width < 1:
            raise HandbenchError(f"widths={list(self.widths)}", "give a number of channels a level")
        least = 1 << (levels if self.generator == "unet" else levels + 1)
        if self.size < least or self.size % least:
            raise HandbenchError(
                f"size={self.size} with {levels} levels", f"give a multiple of {least}, or fewer widths"
            )
        if self.elsewhere and self.generator == "unet":
            raise HandbenchError(
                "elsewhere without generator=painter", "only the painter says where it paints"
            )
        self._check_attention()
        if not self.scale > 0 or not 0 <= self.mask_noise <= 1:
            raise HandbenchError(
                f"scale={self.scale}, mask_noise={self.mask_noise}", "a scale is above 0, a share is 0 to 1"
            )
        if self.dilate < 1 or self.dilate % 2 == 0:
            raise HandbenchError(f"dilate={self.dilate}", "give an odd number of pixels, 1 for none")
        if not self.deocclusion and not self.removal:
            raise HandbenchError("neither deocclusion nor removal", "leave one of them on")
        for name in ("valid", "hole", "level", "elsewhere", "tv", "perceptual", "style", "adversarial"):
            if getattr(self, name) < 0:
                raise HandbenchError(f"{name}={getattr(self, name)}", "a weight is 0 or more")

    def _check_attention(self) -> None:
        """Refuses transformer blocks that do not fit their maps."""
        given = {len(self.attend), len(self.heads), len(self.ratios), len(self.reductions)}
        if self.attend and len(given) > 1:
            raise HandbenchError(
                f"attend={list(self.attend)} with heads={list(self.heads)}, ratios={list(self.ratios)},"
                f" reductions={list(self.reductions)}",
                "give as many of each",
            )
        for level, heads, reduction in zip(self.attend, self.heads, self.reductions, strict=False):
            if not 2 <= level <= len(self.widths):
                raise HandbenchError(f"attend: no level {level}", f"levels are 2 to {len(self.widths)}")
            for channels in (self.widths[level - 1], self.widths[level - 2]):
                if heads < 1 or channels % heads:
                    raise HandbenchError(f"{channels} channels and {heads} heads", "channels divide by heads")
            if reduction < 1 or (self.size >> level) % reduction:
                raise HandbenchError(
                    f"reductions: {reduction} of a map of {self.size >> level}", "give a divisor of it"
                )


SOFT = (
    "scale", "crop", "mask_noise", "removed", "deocclusion", "removal", "dilate", "result", "valid", "hole",
    "level", "elsewhere", "tv", "perceptual", "style", "vgg",
)  # fmt: skip
"""Settings that change no layer: those of a file of weights hold unless others are asked for."""

ORIGINAL: dict[str, Any] = {"window_norm": False, "mask_noise": 0.0}

VARIANTS: dict[str, dict[str, Any]] = {
    "original": ORIGINAL,
    "no-transformer": {"attend": (), "heads": (), "ratios": (), "reductions": ()},
    "no-discriminator": {"adversarial": 0.0},
    "no-removal": {"removal": False},
    "no-deocclusion": {"deocclusion": False},
}
"""What each row of the poster's ablation, and the official form, changes."""

TINY: dict[str, Any] = {
    "size": 128, "generator": "painter", "widths": (64, 96, 128, 160), "attend": (3,), "heads": (4,),
    "ratios": (2,), "reductions": (1,), "mask_noise": 0.3, "discriminator_width": 16, "adversarial": 0.0,
    "dilate": 3, "result": "direct", "valid": 1.0, "hole": 0.0, "level": 1.0, "elsewhere": 3.0, "tv": 0.0,
    "perceptual": 0.0, "style": 0.0,
}  # fmt: skip
"""It paints beside the holes too, so that the whole output is its result."""

HDRNETS: dict[str, HDRNetConfig] = {
    "hdrnet": HDRNetConfig(),
    **{f"hdrnet:{name}": HDRNetConfig(**changes) for name, changes in VARIANTS.items()},
    "hdrnet-tiny": HDRNetConfig(**TINY),
    **{
        f"hdrnet-tiny:{name}": HDRNetConfig(**{**TINY, **changes})
        for name, changes in VARIANTS.items()
        if name not in ("original", "no-discriminator")
    },
}
"""Name -> settings."""

REPRODUCES = {
    "hdrnet:original": "HDRNet as its code has it (ECCV 2022)",
    "hdrnet:no-transformer": "HDR ablation, row 5",
    "hdrnet:no-discriminator": "HDR ablation, row 4",
    "hdrnet:no-removal": "HDR ablation, row 2",
    "hdrnet:no-deocclusion": "HDR ablation, row 3",
}
"""Name -> paper and table."""


def configure(row: str, *settings: Mapping[str, Any]) -> HDRNetConfig:
    """Returns the settings of a row of :data:`HDRNETS` with others over them, the last first.

    Raises:
        HandbenchError: for an unknown key, a value of the wrong kind, or settings that contradict each other.
    """
    return configured(HDRNETS[row], *settings)
