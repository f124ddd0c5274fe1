"""The small mask network: a U-Net of mirror layers, with maps of joints and of how hands are turned."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handbench.baselines.hasm_config import Mirror
from handbench.baselines.mirror_layers import MirrorBlock, MirrorConv, even, join, mirror_unit, odd
from handbench.skeleton import OPENPOSE21

_RARE = -4.0
"""Logit of a joint at the start."""

_SMALL = 0.1
"""Heads start at this share of He et al.'s numbers."""

FRAME = 3
"""Vectors that say how a hand is turned."""


class MirrorOutputs(NamedTuple):
    """What the network says of B pictures (B, 3, h, w).

    Attributes:
        margin: (B, 4, h / 4, w / 4) by how much the hand's logit is ahead: l_amodal, l_visible, r_amodal,
            r_visible.
        joints: (B, 42, h / 8, w / 8) logits of each joint's place: right, then left.
        frame: (B, 9, h / 8, w / 8) three vectors of the hand that is seen there: their x, their y, their z.
    """

    margin: Tensor
    joints: Tensor
    frame: Tensor


class MirrorNetwork(nn.Module):
    """Pictures to masks; a mirrored picture gives the mirrored masks of the other hands, exactly.

    The stem makes a quarter of the picture; stages halve it by mean pooling; what the whole picture says is
    added to the smallest map; the way up joins the maps of the stages.

    Args:
        size: channels and blocks.
        start: margin of masks at the start.
    """

    def __init__(self, size: Mirror, start: float) -> None:
        super().__init__()
        widths, up = [width // 2 for width in size.widths], [width // 2 for width in size.up]
        self.stem = mirror_unit(3, widths[0], kernel=8, stride=4, padding=2, first=True)
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
        self.masks = _head(before, 2, start)
        self.joints = _head(up[-2], len(OPENPOSE21.names), _RARE)
        self.frame = _head(up[-2], 3 * FRAME, 0.0)

    def forward(self, images: Tensor) -> MirrorOutputs:
        """Predicts the maps of pictures (B, 3, h, w), sides multiples of 32."""
        x, maps = self.stem(images), []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        x, before = x + self.context(x.mean((2, 3), keepdim=True)), x
        for way, skip in zip(self.up, maps[-2::-1], strict=True):
            before, x = x, way(join(F.interpolate(x, scale_factor=2.0, mode="nearest"), skip))
        right_first = self.masks(x)
        frame = self.frame(before)
        frame = torch.cat([odd(frame)[:, :FRAME], even(frame)[:, FRAME:]], dim=1)
        return MirrorOutputs(right_first.roll(2, dims=1), self.joints(before), frame)


def _head(inputs: int, outputs: int, start: float) -> MirrorConv:
    head = MirrorConv(inputs, outputs, 1, bias=True, scale=_SMALL)
    assert head.bias is not None
    nn.init.constant_(head.bias, start)
    return head
