"""The settings of the pipeline HDR and its named variants. No torch here: ``handbench models`` lists them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from handbench.errors import HandbenchError
from handbench.model_names import base_name


@dataclass(frozen=True)
class HdrConfig:
    """What the pipeline is made of; the defaults are those of HDR's demo (specification section 3.1).

    Attributes:
        hasm: the mask network, ``NAME[:VARIANT]``.
        hdrnet: the completing network; without ``fill=hdrnet`` it says only which holes are filled.
        pose: a model of one hand from one frame: any that is registered.
        masks: whose masks are taken: the mask network's, or the annotation's (``gt``, an oracle).
        fill: what the holes are filled with: ``hdrnet``; the ``mean`` colour of the rest; OpenCV's
            ``telea``; ``none`` leaves the picture as it is.
        boxes: the crop about both hands is that of the data's boxes, or the hands are detected (``detect``):
            by the mask network on the whole picture, then once more about what it found.
        about: a hand's crop is about the box of its whole ``mask`` (the demo), or about the data's ``box``:
            an error of the mask then moves no crop; hands that are detected have the mask's.
        sure: logarithm of the odds above which a pixel of a whole predicted mask is painted (the other hand's
            away, the target's hidden part anew); 0: all of it, as the demo does.
        keep: a pixel whose odds to be a seen part of the target are above minus this is not painted over; 0:
            what its predicted mask says.
        absent: a hand without a mask is left out (``skip``), or looked for in the middle of the crop
            (``centre``: what the demo does, with no word that the hand is not there).
        write: what predictions hold: ``all``; ``masks``: no pictures; ``pose``: neither.
        canvas: side [px] of the crop about both hands, which all other crops are cut out of.
        scale: its side over the longer side of the box about both hands.
        hand_scale: side of a hand's crop over the longer side of its box.
    """

    hasm: str = "hasm"
    hdrnet: str = "hdrnet"
    pose: str = "shpe"
    masks: Literal["hasm", "gt"] = "hasm"
    fill: Literal["hdrnet", "mean", "telea", "none"] = "hdrnet"
    boxes: Literal["data", "detect"] = "data"
    about: Literal["mask", "box"] = "mask"
    sure: float = 0.0
    keep: float = 0.0
    absent: Literal["skip", "centre"] = "skip"
    write: Literal["all", "masks", "pose"] = "all"
    canvas: int = 512
    scale: float = 2.0
    hand_scale: float = 2.0

    def __post_init__(self) -> None:
        for name, family in (("hasm", "hasm"), ("hdrnet", "hdrnet")):
            found = base_name(getattr(self, name))
            if found not in (family, f"{family}-tiny"):
                raise HandbenchError(f"{name}={getattr(self, name)!r}", f"name {family} or {family}-tiny")
        if self.canvas < 32 or not self.scale > 0 or not self.hand_scale > 0:
            raise HandbenchError(
                f"canvas={self.canvas}, scale={self.scale}, hand_scale={self.hand_scale}",
                "a canvas has 32 px or more, a scale is above 0",
            )


FULL = HdrConfig()
TINY = HdrConfig(
    hasm="hasm-tiny", hdrnet="hdrnet-tiny", pose="shpe-tiny", canvas=256, about="box", sure=2.0, keep=2.0
)  # fmt: skip


def _rows(name: str, start: HdrConfig) -> dict[str, HdrConfig]:
    """Returns the ablation's rows and the controls of one size."""

    def painted(by: str) -> HdrConfig:
        return replace(start, hdrnet=start.hdrnet + by)

    rows = {
        "": start,
        "no-removal": painted(":no-removal"),
        "no-deocclusion": painted(":no-deocclusion"),
        "no-transformer": painted(":no-transformer"),
        "render-only": painted("@render"),
        "syn-only": painted("@syn"),
        "fill-mean": replace(start, fill="mean"),
        "fill-telea": replace(start, fill="telea"),
        # Nothing is painted, so there is nothing to be careful of: it is told the masks as they are.
        "mask-input": replace(start, fill="none", pose=f"{start.pose}:mask-input", sure=0.0, keep=0.0),
    }
    if name == "hdr":
        rows["no-discriminator"] = painted(":no-discriminator")
    return {f"{name}:{row}".removesuffix(":"): config for row, config in rows.items()}


HDRS: dict[str, HdrConfig] = {**_rows("hdr", FULL), **_rows("hdr-tiny", TINY)}
"""Name -> settings."""

_REPRODUCES = {
    "hdr": "HDR (ECCV 2022), ablation row 8",
    "hdr:no-removal": "HDR ablation, row 2",
    "hdr:no-deocclusion": "HDR ablation, row 3",
    "hdr:no-discriminator": "HDR ablation, row 4",
    "hdr:no-transformer": "HDR ablation, row 5",
    "hdr:render-only": "HDR ablation, row 6",
    "hdr:syn-only": "HDR ablation, row 7",
    "hdr:fill-mean": "control: holes of one colour",
    "hdr:fill-telea": "control: holes filled by OpenCV",
    "hdr:mask-input": "control: masks given to the pose network, nothing painted",
}

REPRODUCES = {
    **_REPRODUCES,
    **{
        name: f"{_REPRODUCES[row]}, in small"
        for name in HDRS
        if (row := name.replace("hdr-tiny", "hdr")) != name and row != "hdr"
    },
}
"""Name -> paper and table, or what it is for."""
