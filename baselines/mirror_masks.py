"""The small mask network: a U-Net of mirror layers that is also told where the hands' boxes are."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handbench.baselines.hasm_config import Mirror
from handbench.baselines.mirror_layers import MirrorBlock, MirrorConv, MirrorNorm, join, mirror_unit

_SMALL = 0.1
"""The last layer starts at this share of He et al.'s numbers."""


class MirrorNetwork(nn.Module):
    """Pictures and boxes to masks; mirrored ones give the mirrored masks of the other hands, exactly.

    The stem makes a quarter of the picture; stages halve it by mean pooling; what the whole picture says is
    added to the smallest map; the way up joins the maps of the stages.

    Args:
        size: channels and blocks.
        start: margin of masks at the start.
    """

    def __init__(self, size: Mirror, start: float) -> None:
        super().__init__()
        widths, up = [width // 2 for width in size.widths], [width // 2 for width in size.up]
        self.look = MirrorConv(3, widths[0], kernel=8, stride=4, padding=2, first=True)
        self.told = MirrorConv(1, widths[0], kernel=8, stride=4, padding=2)
        self.stem = nn.Sequential(MirrorNorm(widths[0]), nn.ReLU(inplace=True))
        stages, before = [], widths[0]
        for i, (width, depth) in enumerate(zip(widths, size.depths, strict=True)):
            stage: list[nn.Module] = [nn.AvgPool2d(2)] if i else []
            for _ in range(depth):
                stage.append(MirrorBlock(before, width))
                before = width
            stages.append(nn.Sequential(*stage))
        self.stages = nn.ModuleList(stages)
        self.context = nn.Sequential(
            MirrorConv(before, before, 1, bias=True), nn.ReLU(), MirrorConv(before, before, 1, bias=True)
        )
        ways = []
        for width, skip in zip(up, widths[-2::-1], strict=True):
            ways.append(mirror_unit(before + skip, width))
            before = width
        self.up = nn.ModuleList(ways)
        self.masks = MirrorConv(before, 2, 1, bias=True, scale=_SMALL)
        assert self.masks.bias is not None
        nn.init.constant_(self.masks.bias, start)

    def forward(self, images: Tensor, told: Tensor) -> Tensor:
        """Returns by how much the hand's logit is ahead.

        Args:
            images: (B, 3, h, w), sides multiples of 32.
            told: (B, 2, h, w) where the boxes of the right and the left hand are.

        Returns:
            (B, 4, h / 4, w / 4) of l_amodal, l_visible, r_amodal, r_visible.
        """
        x, maps = self.stem(self.look(images) + self.told(told)), []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        x = x + self.context(x.mean((2, 3), keepdim=True))
        for way, skip in zip(self.up, maps[-2::-1], strict=True):
            x = way(join(F.interpolate(x, scale_factor=2.0, mode="nearest"), skip))
        margin: Tensor = self.masks(x)
        return torch.roll(margin, 2, dims=1)
