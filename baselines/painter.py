"""The generator of ``hdrnet-tiny``: a small U-Net that corrects a coarse fill and finds what no mask says."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handbench.baselines.coarse_fill import sources, spread
from handbench.baselines.hdr_masks import HDRMasks
from handbench.baselines.hdrnet_config import HDRNetConfig
from handbench.baselines.pvt_block import PVTBlock
from handbench.inputs import IMAGENET_MEAN, IMAGENET_STD

COLOURS = 3
_HINTS = 6
FOLD = 4
"""Side of the cells of pixels that are a place of level 1."""
_RARE = -2.0
"""Logit at the start of painting where no hole is."""


class Painted(NamedTuple):
    """What is painted.

    Attributes:
        picture: (B, 3, h, w) the picture with its holes, and what was found beside them, painted over.
        elsewhere: (B, 1, h, w) logits of painting outside of the holes.
    """

    picture: Tensor
    elsewhere: Tensor


class Step(nn.Module):
    """3x3 convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Runs the step."""
        return F.relu(self.norm(self.conv(x)))


class Residual(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Step(channels, channels)
        self.conv = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Runs the block."""
        return F.relu(x + self.norm(self.conv(self.first(x))))


class Painter(nn.Module):
    """Completes the target hand and paints over the other one, in one pass.

    It starts from a coarse fill, the target's hidden part from colours of the target, all else from those of
    the background, and adds a correction. It also says where, outside of the holes, the other hand has left
    something: forearms and shadows are in no mask. There it paints too, and takes no background from there.

    A place of level 1 is a cell of 4 x 4 pixels; each further level has half the size.

    Args:
        config: ``widths``, ``attend`` with its companions, ``erase`` and ``removal`` hold.
    """

    def __init__(self, config: HDRNetConfig) -> None:
        super().__init__()
        self.config = c = config
        widths = c.widths
        seen, told = FOLD**2 * (2 * COLOURS + _HINTS), FOLD**2 * (COLOURS + 1)
        self.stem = nn.Sequential(nn.Conv2d(seen, widths[0], 1), *self._more(1, widths[0], True))
        down, up, beside = [], [], []
        for level in range(2, len(widths) + 1):
            inputs, outputs = widths[level - 2 : level]
            down.append(nn.Sequential(Step(inputs, outputs, 2), *self._more(level, outputs, True)))
        for level in range(len(widths) - 1, 0, -1):
            outputs, above = widths[level - 1 : level + 1]
            beside.append(nn.Conv2d(above, outputs, 1))
            up.append(nn.Sequential(Step(2 * outputs, outputs), *self._more(level, outputs, False)))
        self.down, self.up, self.beside = nn.ModuleList(down), nn.ModuleList(up), nn.ModuleList(beside)
        self.last = nn.Conv2d(widths[0], told, 3, padding=1)
        # It starts as the coarse fill.
        nn.init.normal_(self.last.weight, std=0.01)
        with torch.no_grad():
            assert self.last.bias is not None
            self.last.bias.zero_()[FOLD**2 * COLOURS :] = _RARE
        black = -torch.tensor(IMAGENET_MEAN) / torch.tensor(IMAGENET_STD)
        self.register_buffer("black", black, persistent=False)

    def _more(self, level: int, channels: int, attends: bool) -> list[nn.Module]:
        """Returns what follows the first convolution of a level."""
        c = self.config
        found: list[nn.Module] = [Residual(channels)] if attends or level > 2 else []
        if attends and level in c.attend:
            at = c.attend.index(level)
            found.append(PVTBlock(channels, c.heads[at], c.ratios[at], c.reductions[at]))
        return found

    def forward(self, images: Tensor, masks: HDRMasks) -> Tensor:
        """Returns the painted picture (B, 3, h, w), see :meth:`paint`."""
        return self.paint(images, masks).picture

    def paint(self, images: Tensor, masks: HDRMasks) -> Painted:
        """Paints.

        Args:
            images: (B, 3, h, w) with ImageNet's mean and deviation.
            masks: of the same crops.
        """
        hole = masks.hole
        whole = masks.r_modal + masks.r_invisible
        sums, shares = sources(images, self.black, masks)  # type: ignore[arg-type]
        flesh, behind, other = _doubled(spread(sums, shares)).chunk(3)
        fill = torch.where(whole > 0.5, flesh, behind)
        shown = images * (1 - hole) if self.config.erase == "both" else images
        # A forearm has the colour of its hand.
        unlike = [(shown - hand).abs().mean(dim=1, keepdim=True) for hand in (flesh, other)]
        hints = [masks.r_invisible, masks.l_invisible, masks.r_modal, masks.l_modal]
        y = self._network(torch.cat([shown, fill, *unlike, *hints], dim=1))
        with torch.autocast(images.device.type, enabled=False):
            found = _unfolded(y.float())
            correction, elsewhere = found[:, :COLOURS], found[:, COLOURS:]
            gate = torch.sigmoid(elsewhere) * (masks.r_modal + masks.l_modal)
            if not self.config.removal:
                gate = torch.zeros_like(gate)
            gate = torch.where(hole > 0.5, torch.ones_like(gate), gate)
            free = 1 - F.avg_pool2d(gate, 2)
            behind = _doubled(spread(sums.chunk(3)[1] * free, shares.chunk(3)[1] * free))
            paint = torch.where(whole > 0.5, flesh, behind) + correction
            return Painted(gate * paint + (1 - gate) * images, elsewhere)

    def _network(self, x: Tensor) -> Tensor:
        """Turns inputs (B, C, h, w) into colours and a logit of each pixel of a cell."""
        x = self.stem(_folded(x))
        skips = [x]
        for level in self.down:
            skips.append(level(skips[-1]))
        x = skips.pop()
        for beside, level in zip(self.beside, self.up, strict=True):
            x = F.interpolate(beside(x), scale_factor=2.0, mode="nearest")
            x = level(torch.cat([x, skips.pop()], dim=1))
        out: Tensor = self.last(x)
        return out


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def _folded(x: Tensor) -> Tensor:
    """Returns (B, C, h, w) as (B, 16 C, h/4, w/4), channels last in memory."""
    count, channels, height, width = x.shape
    high, wide = height // FOLD, width // FOLD
    cells = x.reshape(count, channels, high, FOLD, wide, FOLD).permute(0, 2, 4, 1, 3, 5)
    return cells.reshape(count, high, wide, FOLD**2 * channels).permute(0, 3, 1, 2)


def _unfolded(x: Tensor) -> Tensor:
    """Undoes :func:`_folded`."""
    count, channels, high, wide = x.shape
    cells = x.permute(0, 2, 3, 1).reshape(count, high, wide, channels // FOLD**2, FOLD, FOLD)
    return cells.permute(0, 3, 1, 4, 2, 5).reshape(count, -1, FOLD * high, FOLD * wide)
