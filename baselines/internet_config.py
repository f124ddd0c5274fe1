"""Settings of InterNet; no torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handbench.errors import HandbenchError

SIZE_STEP = 32


@dataclass(frozen=True)
class InterNetConfig:
    """Settings of InterNet; the defaults are the official ones (facebookresearch/InterHand2.6M, main/).

    Attributes:
        size: side of the square crop about both hands [px]; a heat map has a quarter of it.
        backbone: a name of ``resnet.LAYOUTS``.
        width: channels of its first stage.
        channels: of each of the three transposed convolutions of a head.
        bins: of depth, in a heat map.
        depth_range: [m] that the bins span, about the wrist (``bbox_3d_size``).
        root_bins: of the depth of the left wrist relative to the right one.
        root_range: [m] that they span (``bbox_3d_size_root``).
        hidden: channels within the two parts that see the whole picture.
        sigma: of the target's Gaussian [cells].
        peak: of the target's Gaussian.
        decode: ``official``, the greatest cell, searched in depth, then y, then x; ``mmpose``, the first
            greatest cell, and -1 where nothing is above 0; ``refined``, between cells by parabolas through
            the logarithms (not published).
        colours: ``unit``, 0 to 1 (official); ``imagenet``, mean and deviation (mmpose).
        crop_scale: side of the crop over the tight box of all joints: the dataset's boxes are 1.2 of that,
            and 1.25 of them are cut out.
    """

    size: int = 256
    backbone: Literal["resnet18", "resnet50", "resnet101"] = "resnet50"
    width: int = 64
    channels: int = 256
    bins: int = 64
    depth_range: float = 0.4
    root_bins: int = 64
    root_range: float = 0.4
    hidden: int = 512
    sigma: float = 2.5
    peak: float = 255.0
    decode: Literal["official", "mmpose", "refined"] = "official"
    colours: Literal["unit", "imagenet"] = "unit"
    crop_scale: float = 1.5

    def __post_init__(self) -> None:
        for name in ("width", "channels", "bins", "root_bins", "hidden"):
            if getattr(self, name) < 1:
                raise HandbenchError(f"{name}={getattr(self, name)}", "give a whole number of 1 or more")
        for name in ("depth_range", "root_range", "sigma", "peak", "crop_scale"):
            if not getattr(self, name) > 0:
                raise HandbenchError(f"{name}={getattr(self, name)}", "give a number above 0")
        if self.size < 2 * SIZE_STEP or self.size % SIZE_STEP:
            raise HandbenchError(f"size={self.size}", f"give a multiple of {SIZE_STEP}, 64 or more")

    @property
    def resolution(self) -> int:
        """Cells of a side of a heat map: the backbone's map of 1/32, doubled three times."""
        return self.size // 4


SOFT = ("depth_range", "root_range", "sigma", "peak", "decode", "colours", "crop_scale")
"""Settings that change no layer: those of a file of weights hold unless others are asked for."""
