"""Variation occlusion fusion (VOF) and the fusions that tables IV and VII set beside it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handbench.baselines.ifvonet_config import IFVONetConfig


def fusion(config: IFVONetConfig, maps: int) -> nn.Module:
    """Makes the fusion of F_GOR (B, C, n, n) with F_PDV (B, maps C, n, n)."""
    if config.fusion == "dynamic":
        return DynamicFusion(config, maps)
    return ConcatFusion(config, maps) if config.fusion == "concat" else PlainFusion(config, maps)


class DynamicFusion(nn.Module):
    """F_Hand = p F_GOR + (1 - p) f_1x1(F_PDV), p = sigmoid(f_gor(F_GOR) f_pdv(F_PDV)) (section III-D).

    ``spatial`` sums the product over channels to one map, as PIDNet's pixel-attention-guided fusion does,
    whose wording and formula these are; ``channel`` keeps a map a channel.
    """

    def __init__(self, config: IFVONetConfig, maps: int) -> None:
        super().__init__()
        channels, self.spatial = config.channels, config.vof_map == "spatial"
        middle = config.vof_mid if self.spatial else channels
        self.reason = nn.Sequential(nn.Conv2d(channels, middle, 1), nn.BatchNorm2d(middle))
        self.vary = nn.Sequential(nn.Conv2d(maps * channels, middle, 1), nn.BatchNorm2d(middle))
        self.reduce = nn.Conv2d(maps * channels, channels, 1)

    def forward(self, reasoned: Tensor, varied: Tensor) -> Tensor:
        """Returns F_Hand (B, C, n, n)."""
        both: Tensor = self.reason(reasoned) * self.vary(varied)
        share = torch.sigmoid(both.sum(dim=1, keepdim=True) if self.spatial else both)
        other: Tensor = self.reduce(varied)
        return share * reasoned + (1 - share) * other


class ConcatFusion(nn.Module):
    """A 1x1 convolution of both: table IV's GOR+PDV, whose fusion has no name (it is none of table VII's)."""

    def __init__(self, config: IFVONetConfig, maps: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d((maps + 1) * config.channels, config.channels, 1)

    def forward(self, reasoned: Tensor, varied: Tensor) -> Tensor:
        """Returns F_Hand (B, C, n, n)."""
        out: Tensor = self.reduce(torch.cat([reasoned, varied], dim=1))
        return out


class PlainFusion(nn.Module):
    """F_GOR plus, or times, f_1x1(F_PDV): table VII's addition and multiplication."""

    def __init__(self, config: IFVONetConfig, maps: int) -> None:
        super().__init__()
        self.add = config.fusion == "add"
        self.reduce = nn.Conv2d(maps * config.channels, config.channels, 1)

    def forward(self, reasoned: Tensor, varied: Tensor) -> Tensor:
        """Returns F_Hand (B, C, n, n)."""
        other: Tensor = self.reduce(varied)
        return reasoned + other if self.add else reasoned * other
