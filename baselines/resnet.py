"""ResNet-18, 50 and 101 (He et al. 2016) with torchvision's parameter names, so that its checkpoints load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

LAYOUTS: dict[str, tuple[bool, tuple[int, int, int, int]]] = {
    "resnet18": (False, (2, 2, 2, 2)),
    "resnet50": (True, (3, 4, 6, 3)),
    "resnet101": (True, (3, 4, 23, 3)),
}
"""Whether blocks are bottlenecks, and how many there are in each of the four stages."""

LEAK = 0.01


class Pyramid(NamedTuple):
    """Feature maps of an image (N, 3, h, w); the width is 64 in a standard network.

    Attributes:
        c2: (N, width e, h/4, w/4), with e = 4 for bottlenecks, 1 otherwise.
        c3: (N, 2 width e, h/8, w/8).
        c4: (N, 4 width e, h/16, w/16).
        c5: (N, 8 width e, h/32, w/32).
    """

    c2: Tensor
    c3: Tensor
    c4: Tensor
    c5: Tensor


def activation(leaky: bool) -> nn.Module:
    """Returns a ReLU, or HandOccNet's LeakyReLU(0.01) (backbone.py)."""
    return nn.LeakyReLU(LEAK, inplace=True) if leaky else nn.ReLU(inplace=True)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut; (N, inputs, h, w) to (N, width, h/stride, w/stride)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, leaky: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = activation(leaky)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Runs the block."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        result: Tensor = self.relu(out + shortcut)
        return result


class Bottleneck(nn.Module):
    """1x1, 3x3 (with the stride, as in torchvision) and 1x1 convolutions and a shortcut; 4 width channels."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, leaky: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = activation(leaky)
        self.downsample = _shortcut(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Runs the block."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        result: Tensor = self.relu(out + shortcut)
        return result


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class ResNet(nn.Module):
    """The network up to its last feature map; the classifier is left out.

    Args:
        layout: a name of :data:`LAYOUTS`.
        width: channels of the first stage: 64 in all published networks.
        leaky: LeakyReLU(0.01) in place of every ReLU.
        inputs: channels of the picture: 3 a frame.

    Attributes:
        channels: of c2, c3, c4, c5.
    """

    def __init__(self, layout: str, width: int = 64, leaky: bool = True, inputs: int = 3) -> None:
        super().__init__()
        bottleneck, blocks = LAYOUTS[layout]
        kind = Bottleneck if bottleneck else BasicBlock
        self.conv1 = nn.Conv2d(inputs, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = activation(leaky)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        stages, before, channels = [], width, []
        for i, count in enumerate(blocks):
            inner = width << i
            stage = []
            for j in range(count):
                stage.append(kind(before, inner, 2 if i > 0 and j == 0 else 1, leaky))
                before = inner * kind.expansion
            stages.append(nn.Sequential(*stage))
            channels.append(before)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.channels: Sequence[int] = tuple(channels)
        self._initialise()

    def _initialise(self) -> None:
        """Draws He et al.'s normal numbers, by the fan out, as torchvision does."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Pyramid:
        """Returns the four feature maps of images (N, inputs, h, w)."""
        stem: Tensor = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        c2 = self.layer1(stem)
        c3 = self.layer2(c2)
        c4 = self.layer3(c3)
        return Pyramid(c2, c3, c4, self.layer4(c4))


def widen_stem(weight: Tensor, frames: int) -> Tensor:
    """Returns the stem of several frames from that of one: repeated and divided, so the mean frame passes.

    Args:
        weight: (width, 3, 7, 7).
        frames: pictures that are concatenated.

    Returns:
        (width, 3 frames, 7, 7) (spec 4.1: duplicate the ImageNet weights and halve).
    """
    return torch.cat([weight / frames] * frames, dim=1)
