"""The feature pyramid as HandOccNet builds it, and its spatial gate."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handbench.baselines.resnet import ResNet


class FPN(nn.Module):
    """Backbone, laterals, top-down path, smoothing and pooling (HandOccNet backbone.py; Lin et al. 2017).

    Args:
        layout: of the backbone, a name of ``resnet.LAYOUTS``.
        width: of the backbone.
        channels: of the result.
        inputs: channels of the picture.
        unused_smooth: also hold HandOccNet's convolution on p3, whose result nobody reads (backbone.py:58):
            published checkpoints have it and published counts include it. It never gets a gradient, so it is
            frozen, and ``DistributedDataParallel`` need not look for it.
    """

    def __init__(
        self, layout: str, width: int = 64, channels: int = 256, inputs: int = 3, unused_smooth: bool = False
    ) -> None:
        super().__init__()
        self.resnet = ResNet(layout, width, leaky=True, inputs=inputs)
        c2, c3, c4, c5 = self.resnet.channels
        self.lateral2 = nn.Conv2d(c2, channels, 1)
        self.lateral3 = nn.Conv2d(c3, channels, 1)
        self.lateral4 = nn.Conv2d(c4, channels, 1)
        self.lateral5 = nn.Conv2d(c5, channels, 1)
        self.smooth2 = nn.Conv2d(channels, channels, 3, padding=1)
        if unused_smooth:
            self.smooth3 = nn.Conv2d(channels, channels, 3, padding=1).requires_grad_(False)
        self.pool = nn.AvgPool2d(2)

    def forward(self, images: Tensor) -> Tensor:
        """Turns images (N, inputs, h, w) into features (N, channels, h/8, w/8)."""
        pyramid = self.resnet(images)
        p5 = self.lateral5(pyramid.c5)
        p4 = _up(p5, self.lateral4(pyramid.c4))
        p3 = _up(p4, self.lateral3(pyramid.c3))
        p2 = _up(p3, self.lateral2(pyramid.c2))
        out: Tensor = self.pool(self.smooth2(p2))
        return out


def _up(coarse: Tensor, fine: Tensor) -> Tensor:
    """Adds a coarse map (N, C, h, w), enlarged bilinearly, to a fine one (N, C, H, W)."""
    return F.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False) + fine


class NecessityGate(nn.Module):
    """Splits features into what the hand needs and the rest (HandOccNet equation 1; CBAM's spatial gate)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        self.bn = nn.BatchNorm2d(1, momentum=0.01)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Splits features (N, C, h, w) into primary and secondary ones, both (N, C, h, w)."""
        pooled = torch.cat([features.amax(dim=1, keepdim=True), features.mean(dim=1, keepdim=True)], dim=1)
        need = torch.sigmoid(self.bn(self.conv(pooled)))
        primary = need * features
        return primary, features - primary
