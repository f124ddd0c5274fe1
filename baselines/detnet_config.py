"""Settings of SHPE's network, MinimalHand's DetNet; no torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handbench.errors import HandbenchError

SIZE_STEP = 32


@dataclass(frozen=True)
class DetNetConfig:
    """Settings of DetNet; the defaults are those of HDR's code (MengHao666/HDR, models/HPE_Net).

    Attributes:
        size: side of the square crop [px].
        width: channels of the stem and within the first bottlenecks; later ones have 2 and 4 times as many.
        blocks: bottlenecks of the three stages at half, and twice a quarter, of the crop's size; one with
            stride 2 stands between the first two (resnet_helper.py).
        features: channels of the feature map and within the heads.
        pool: a max pool after the stem: all maps have half the size (not in the official network).
        sigma: of the heat map's Gaussian [cells].
        heat_centre: where it lies: in the middle of the joint's ``cell`` (the official code cuts the place
            down to whole numbers), or at its ``exact`` place.
        decode: pixels are those of the greatest ``cell`` (official), or ``refined`` between cells by a
            parabola through the logarithms.
        read: where a joint's location is read: at the greatest ``cell`` of its heat (official), or a mean of
            its whole map by the square of the ``heat``.
        loss: ``norm``, official (loss.py): a norm of the whole batch's error over the number of valid
            joints, which is no mean over items; ``squares``: a mean over joints and items; ``entropy``: the
            same with a binary cross-entropy for the heat.
        loss_weights: of the heat maps, deltas and locations.
        init: all convolutions from N(0, 0.001) (official), or He et al.'s numbers.
        colours: ``imagenet``, mean and deviation (HDR's pictures); ``unit``, 0 to 1.
        crop_scale: side of the crop over the longer side of the hand's box.
        sides: see :class:`handbench.inputs.Inputs`; left hands are shown mirrored.
        mask_input: the network also sees four masks, whole and visible of the hand and of the other one
            (``inputs.MASKS``), as -1 and 1: the control of HDR, which is told what HDR knows and paints
            nothing.
        mask_noise: share of training items whose masks are spoilt as a mask network spoils them.
    """

    size: int = 256
    width: int = 64
    blocks: tuple[int, int, int] = (2, 4, 6)
    features: int = 256
    pool: bool = False
    sigma: float = 2.5
    heat_centre: Literal["cell", "exact"] = "cell"
    decode: Literal["cell", "refined"] = "cell"
    read: Literal["cell", "heat"] = "cell"
    loss: Literal["norm", "squares", "entropy"] = "norm"
    loss_weights: tuple[float, float, float] = (1.0, 1.0, 5.0)
    init: Literal["small", "he"] = "small"
    colours: Literal["imagenet", "unit"] = "imagenet"
    crop_scale: float = 2.0
    sides: Literal["right", "both"] = "both"
    mask_input: bool = False
    mask_noise: float = 0.7

    def __post_init__(self) -> None:
        for name, value in (("width", self.width), ("features", self.features), ("blocks", min(self.blocks))):
            if value < 1:
                raise HandbenchError(f"{name}={getattr(self, name)}", "give whole numbers of 1 or more")
        if self.size < 2 * SIZE_STEP or self.size % SIZE_STEP:
            raise HandbenchError(f"size={self.size}", f"give a multiple of {SIZE_STEP}, 64 or more")
        if not self.sigma > 0 or not self.crop_scale > 0:
            raise HandbenchError(f"sigma={self.sigma}, crop_scale={self.crop_scale}", "each is above 0")
        if not 0 <= self.mask_noise <= 1:
            raise HandbenchError(f"mask_noise={self.mask_noise}", "a share is 0 to 1")
        if any(weight < 0 for weight in self.loss_weights):
            raise HandbenchError(f"loss_weights={self.loss_weights}", "give three numbers of 0 or more")

    @property
    def resolution(self) -> int:
        """Cells of a side of the heat, delta and location maps."""
        return self.size // (8 if self.pool else 4)


SOFT = (
    "sigma", "heat_centre", "decode", "read", "loss", "loss_weights", "init", "colours", "crop_scale",
    "sides", "mask_noise",
)  # fmt: skip
"""Settings that change no layer: those of a file of weights hold unless others are asked for."""
