"""HDRNet's generator: a U-Net of partial convolutions with four transformer blocks (Meng et al. 2022)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handbench.baselines.hdr_masks import HDRMasks
from handbench.baselines.hdrnet_config import KERNELS, HDRNetConfig
from handbench.baselines.partial_conv import Masked, PartialConv2d
from handbench.baselines.pvt_block import PVTBlock

GROUP = 4
"""Channels of each of the two inputs: a picture with its hole, and what the hole is of."""
COLOURS = 3
_LEAK = 0.2


class Level(nn.Module):
    """Partial convolution, batch norm, activation, and a transformer block where there is one.

    Args:
        conv: the convolution.
        norm: whether batch norm follows.
        leak: slope of the activation below 0; None for no activation.
        block: transformer block, or None.
    """

    def __init__(
        self, conv: PartialConv2d, norm: bool, leak: float | None, block: PVTBlock | None = None
    ) -> None:
        super().__init__()
        self.conv, self.leak, self.block = conv, leak, block
        self.norm = nn.BatchNorm2d(conv.outputs) if norm else None

    def forward(self, x: Masked) -> Masked:
        """Runs the level on what is covered; what it gives is data everywhere."""
        values, mask = self.conv(x)
        # No official mask has a hole after the first convolution, see inputs_of.
        assert mask is None
        if self.norm is not None:
            values = self.norm(values)
        if self.leak is not None:
            values = F.leaky_relu(values, self.leak) if self.leak else F.relu(values)
        if self.block is not None:
            values = self.block(values)
        return Masked(values, (self.conv.outputs,), (None,), covered=True)


class HDRNet(nn.Module):
    """Completes the target hand and paints over the other one, in one pass (specification section 2.2).

    Level k of the way down halves the map; level k of the way up doubles it and joins what level k - 1 of the
    way down gave, the first one the input itself. The skips are what the transformer blocks give.

    Args:
        config: what it is built from.
    """

    def __init__(self, config: HDRNetConfig) -> None:
        super().__init__()
        self.config = c = config
        before = (2 * GROUP, *c.widths[:-1])
        down, up = [], []
        for i, (inputs, outputs) in enumerate(zip(before, c.widths, strict=True)):
            kernel = KERNELS[i] if i < len(KERNELS) else 3
            conv = PartialConv2d(inputs, outputs, kernel, stride=2, normalised=c.window_norm)
            down.append(Level(conv, i > 0, 0.0, self._block(i + 1, outputs)))
        above = c.widths[-1]
        for i in reversed(range(1, len(c.widths))):
            conv = PartialConv2d(above + before[i], before[i], 3, normalised=c.window_norm)
            up.append(Level(conv, True, _LEAK, self._block(i + 1, before[i])))
            above = before[i]
        last = PartialConv2d(above + before[0], COLOURS, 3, bias=True, normalised=c.window_norm)
        self.down = nn.ModuleList(down)
        self.up = nn.ModuleList([*up, Level(last, False, None)])

    def _block(self, level: int, channels: int) -> PVTBlock | None:
        """Returns the block that follows a level."""
        c = self.config
        if level not in c.attend:
            return None
        at = c.attend.index(level)
        return PVTBlock(channels, c.heads[at], c.ratios[at], c.reductions[at])

    def forward(self, images: Tensor, masks: HDRMasks) -> Tensor:
        """Paints a whole picture.

        Args:
            images: (B, 3, h, w) with ImageNet's mean and deviation.
            masks: of the same crops.

        Returns:
            (B, 3, h, w) in the same colours, not limited: the output also where nothing is missing.
        """
        x = inputs_of(images, masks, self.config.erase == "both")
        skips = [x]
        for level in self.down:
            skips.append(level(skips[-1]))
        x = skips.pop()
        for level in self.up:
            x = level(x.upsampled().joined(skips.pop()))
        return x.values


def inputs_of(images: Tensor, masks: HDRMasks, both: bool = False) -> Masked:
    """Returns the eight input channels with their two masks (partial_completion_content_cgan.py:143-145).

    Holes are erased after normalisation: they are 0, the mean colour. The two holes share no pixel, so every
    place is data in one of the two groups, and whatever is convolved is data everywhere.

    Args:
        images: (B, 3, h, w), normalised.
        masks: of the same crops.
        both: erase both holes in both inputs; the masks stay as they are.
    """
    if both:
        images = images * (1 - masks.hole)
    kept = [images * masks.r_visible_mask, masks.r_modal, images * masks.l_visible_mask, masks.l_modal]
    values = torch.cat([part.to(images.dtype) for part in kept], dim=1)
    known = (masks.r_visible_mask, masks.l_visible_mask)
    values = values.contiguous(memory_format=torch.channels_last)
    return Masked(values, (GROUP, GROUP), known, covered=True)
