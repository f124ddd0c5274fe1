"""InterNet (Moon et al., ECCV 2020): 3D heat maps of both hands, relative depth of the wrists, handedness."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from handbench.baselines.internet_config import InterNetConfig
from handbench.baselines.internet_loss import internet_loss, internet_targets
from handbench.baselines.resnet import ResNet
from handbench.inputs import Inputs

JOINTS = 21


class InterNetOutputs(NamedTuple):
    """What is found in B crops of both hands; D bins of depth, n x n cells; OPENPOSE21 of each hand.

    Attributes:
        right: (B, 21, D, n, n) heat of the right hand's joints, 0 to the target's peak.
        left: (B, 21, D, n, n) the same of the left hand.
        root: (B,) depth of the left wrist relative to the right one [bins].
        handedness: (B, 2) logits: right, left.
    """

    right: Tensor
    left: Tensor
    root: Tensor
    handedness: Tensor


class VolumeHead(nn.Module):
    """Three transposed convolutions, each doubling the map, and a 1x1 convolution (module.py).

    Args:
        inputs: channels of the features.
        channels: of the transposed convolutions.
        bins: D.
    """

    def __init__(self, inputs: int, channels: int, bins: int) -> None:
        super().__init__()
        self.bins, layers = bins, list[nn.Module]()
        for before in (inputs, channels, channels):
            layers += [
                nn.ConvTranspose2d(before, channels, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(channels), nn.ReLU(inplace=True),
            ]  # fmt: skip
        self.up = nn.Sequential(*layers)
        self.heat = nn.Conv2d(channels, JOINTS * bins, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Turns features (B, inputs, h, w) into volumes (B, 21, D, 8 h, 8 w)."""
        maps: Tensor = self.heat(self.up(features))
        return maps.reshape(-1, JOINTS, self.bins, *maps.shape[2:])


class GlobalHead(nn.Sequential):
    """Two linear layers on the mean of a feature map."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__(nn.Linear(inputs, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, outputs))


class InterNet(nn.Module):
    """Crops of both hands to volumes; keeps to :class:`handbench.baselines.trainable.Network`.

    Args:
        config: what it is built from.
        inputs: how its pictures are normalised.
    """

    bins: Tensor

    def __init__(self, config: InterNetConfig, inputs: Inputs) -> None:
        super().__init__()
        self.config, self.inputs = config, inputs
        self.backbone = ResNet(config.backbone, config.width, leaky=False)
        channels = self.backbone.channels[-1]
        self.right = VolumeHead(channels, config.channels, config.bins)
        self.left = VolumeHead(channels, config.channels, config.bins)
        self.root = GlobalHead(channels, config.hidden, config.root_bins)
        self.handedness = GlobalHead(channels, config.hidden, 2)
        self.register_buffer("bins", torch.arange(config.root_bins, dtype=torch.float32), False)
        for head in (self.right, self.left, self.root, self.handedness):
            _initialise(head)

    def prepare(self, batch: Any) -> tuple[Tensor]:
        """Returns the pictures (B, 1, 3, h, w) float32 of a batch, as the network takes them."""
        return (batch.normalised(self.inputs),)

    def forward(self, images: Tensor) -> InterNetOutputs:
        """Finds both hands.

        Args:
            images: (B, T, 3, h, w) float; the current frame is looked at.
        """
        features = self.backbone(images[:, 0]).c5
        whole = features.mean(dim=(2, 3))
        # A place that is a mean over bins needs more than half precision.
        root = (self.root(whole).float().softmax(dim=1) * self.bins).sum(dim=1)
        return InterNetOutputs(self.right(features), self.left(features), root, self.handedness(whole))

    def loss(self, outputs: InterNetOutputs, batch: Any) -> dict[str, Tensor]:
        """Returns the terms whose sum is minimised, see :mod:`handbench.baselines.internet_loss`."""
        return internet_loss(outputs, internet_targets(self.config, batch), self.config.peak)


def _initialise(head: nn.Module) -> None:
    """Starts a head as the official code does (model.py): convolutions N(0, 0.001), linear N(0, 0.01)."""
    for part in head.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(part.weight, std=0.01 if isinstance(part, nn.Linear) else 0.001)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
