"""The heat-map head of HandOccNet: an hourglass, 21 soft-argmaxes, and the encoder of what they saw."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handbench.baselines.resnet import LEAK

JOINTS = 21


class PreActivation(nn.Module):
    """BN - LeakyReLU - convolution, three times (1x1, 3x3, 1x1), and the input added (He et al. 2016b).

    Args:
        channels: C in and out; C / 2 inside (hand_head.py: expansion 2).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 2
        self.bn1, self.conv1 = nn.BatchNorm2d(channels), nn.Conv2d(channels, inner, 1)
        self.bn2, self.conv2 = nn.BatchNorm2d(inner), nn.Conv2d(inner, inner, 3, padding=1)
        self.bn3, self.conv3 = nn.BatchNorm2d(inner), nn.Conv2d(inner, channels, 1)
        self.leaky = nn.LeakyReLU(LEAK, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Turns features (B, C, h, w) into features of that shape."""
        out = self.conv1(self.leaky(self.bn1(x)))
        out = self.conv2(self.leaky(self.bn2(out)))
        out = self.conv3(self.leaky(self.bn3(out)))
        result: Tensor = out + x
        return result


class Hourglass(nn.Module):
    """Halves the map ``depth`` times and adds each level on the way back (Newell et al. 2016).

    Level 0 is the finest. On the way down: max pool, ``down``; at the bottom: ``bottom``; on the way up:
    ``up``, nearest x2, and the level's ``skip`` added.
    """

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.skip = nn.ModuleList(PreActivation(channels) for _ in range(depth))
        self.down = nn.ModuleList(PreActivation(channels) for _ in range(depth))
        self.up = nn.ModuleList(PreActivation(channels) for _ in range(depth))
        self.bottom = PreActivation(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Turns features (B, C, n, n) into features of that shape; n is a multiple of 2^depth."""
        skips = []
        for skip, down in zip(self.skip, self.down, strict=True):
            skips.append(skip(x))
            x = down(F.max_pool2d(x, 2))
        x = self.bottom(x)
        for up, skipped in zip(reversed(self.up), reversed(skips), strict=True):
            x = skipped + F.interpolate(up(x), scale_factor=2.0, mode="nearest")
        return x


class HeatmapHead(nn.Module):
    """Hourglass, then a heat map a joint and frame; softmax with a learned temperature (hand_head.py:22-73).

    Args:
        channels: C.
        depth: of the hourglass.
        frames: F, frames that joints are found in.
    """

    def __init__(self, channels: int, depth: int, frames: int = 1) -> None:
        super().__init__()
        self.frames = frames
        self.hourglass = Hourglass(channels, depth)
        self.after = PreActivation(channels)
        self.encode = nn.Sequential(
            nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels), nn.LeakyReLU(LEAK, inplace=True)
        )
        self.score = nn.Conv2d(channels, JOINTS * frames, 1)
        self.temperature = nn.Parameter(torch.ones(JOINTS * frames, 1))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Finds joints.

        Args:
            features: (B, C, n, n).

        Returns:
            Heat maps (B, 21 F, n, n), each summing to 1; the encoding (B, C, n, n); joints (B, F, 21, 2) as
            (x, y) shares of the crop: 0 is its left or upper edge, 1 the other one.
        """
        encoding = self.encode(self.after(self.hourglass(features)))
        scores = self.score(encoding)
        with torch.autocast(features.device.type, enabled=False):
            heat = (scores.float().flatten(2) * self.temperature).softmax(dim=-1).reshape(scores.shape)
            joints = torch.stack([_centre(heat.sum(dim=-2)), _centre(heat.sum(dim=-1))], dim=-1)
        return heat, encoding, joints.reshape(-1, self.frames, JOINTS, 2)


def _centre(weights: Tensor) -> Tensor:
    """Returns the mean place of weights (..., n) on pixel centres (i + 0.5) / n (hand_head.py:26)."""
    count = weights.shape[-1]
    places = (torch.arange(count, device=weights.device, dtype=weights.dtype) + 0.5) / count
    return (weights * places).sum(dim=-1)


class Encoder(nn.Module):
    """Heat maps and encoding down to 2 x 2: a level is two residual units and a max pool (hand_head.py:237).

    IFVONet's "four residual blocks" (section III-E) are its four levels at 32 x 32.

    Args:
        channels: C.
        maps: of heat maps.
        resolution: n of the maps.
    """

    def __init__(self, channels: int, maps: int, resolution: int) -> None:
        super().__init__()
        self.heat = nn.Conv2d(maps, channels, 1)
        self.encoding = nn.Conv2d(channels, channels, 1)
        halvings = (resolution // 2).bit_length() - 1
        self.units = nn.ModuleList(PreActivation(channels) for _ in range(2 * halvings))
        self.outputs = channels * (resolution >> halvings) ** 2

    def forward(self, heat: Tensor, encoding: Tensor) -> Tensor:
        """Returns (B, outputs), C x 2 x 2, of heat maps (B, 21 F, n, n) and encoding (B, C, n, n)."""
        x: Tensor = self.heat(heat) + self.encoding(encoding)
        for i, unit in enumerate(self.units):
            x = unit(x)
            if i % 2:
                x = F.max_pool2d(x, 2)
        return x.flatten(1)
