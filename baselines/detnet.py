"""DetNet (Zhou et al., CVPR 2020; HDR's "SHPE"): heat, delta and location maps of one right hand's joints."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from handbench.baselines.blocks import initialise_small
from handbench.baselines.detnet_config import DetNetConfig
from handbench.baselines.detnet_loss import detnet_loss, detnet_targets
from handbench.baselines.hdrnet_network import masks_in_order
from handbench.baselines.mask_noise import spoil
from handbench.inputs import MASKS, Inputs

JOINTS = 21


class DetNetOutputs(NamedTuple):
    """Maps of B crops; n cells of a side; OPENPOSE21, which is the official order (SNAP).

    Attributes:
        heat: (B, 21, n, n) 0 to 1: how likely the joint is there.
        delta: (B, 21, 3, n, n) unit vector from the parent joint, camera axes; the wrist's is 0.
        location: (B, 21, 3, n, n) joint minus wrist, in lengths from wrist to middle MCP, camera axes.
    """

    heat: Tensor
    delta: Tensor
    location: Tensor


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut, 4 ``inner`` channels out (resnet_helper.py).

    The 3x3 has stride or dilation. The shortcut is a max pool where there is a stride, a 1x1 convolution
    where channels change.
    """

    def __init__(self, inputs: int, inner: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, 4 * inner, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * inner)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = _shortcut(inputs, 4 * inner, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Turns features (B, inputs, h, w) into (B, 4 inner, h / stride, w / stride)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        result: Tensor = self.relu(out + self.shortcut(x))
        return result


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    if inputs != outputs:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
    return nn.MaxPool2d(2) if stride == 2 else nn.Identity()


def _convolved(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Backbone(nn.Module):
    """A residual network that dilates instead of halving after a quarter of the size; no ImageNet weights."""

    def __init__(self, config: DetNetConfig) -> None:
        super().__init__()
        w, (first, second, third) = config.width, config.blocks
        seen = 3 + len(MASKS) * config.mask_input
        stem = [
            nn.Conv2d(seen, w, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(w),
            nn.ReLU(inplace=True),
        ]
        self.stem = nn.Sequential(*stem, *([nn.MaxPool2d(3, 2, 1)] if config.pool else []))
        self.stage1 = nn.Sequential(*_stage(w, w, first), Bottleneck(4 * w, w, stride=2))
        self.stage2 = nn.Sequential(*_stage(4 * w, 2 * w, second, 2))
        self.stage3 = nn.Sequential(*_stage(8 * w, 4 * w, third, 4))
        self.squeeze = _convolved(16 * w, config.features)

    def forward(self, images: Tensor) -> Tensor:
        """Turns crops (B, 3 or 7, h, w) into features (B, C, n, n)."""
        features: Tensor = self.squeeze(self.stage3(self.stage2(self.stage1(self.stem(images)))))
        return features


def _stage(inputs: int, inner: int, count: int, dilation: int = 1) -> list[Bottleneck]:
    return [Bottleneck(4 * inner if i else inputs, inner, dilation=dilation) for i in range(count)]


class Head(nn.Module):
    """A 3x3 convolution with BN and ReLU, then a 1x1 convolution to maps."""

    def __init__(self, inputs: int, inner: int, maps: int) -> None:
        super().__init__()
        self.inner = _convolved(inputs, inner)
        self.maps = nn.Conv2d(inner, maps, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Turns features (B, inputs, n, n) into maps (B, maps, n, n)."""
        found: Tensor = self.maps(self.inner(x))
        return found


class DetNet(nn.Module):
    """Crops to maps; keeps to :class:`handbench.baselines.trainable.Network`.

    Each head sees the features, two channels of coordinates and what the heads before it found (module.py).

    Args:
        config: what it is built from.
        inputs: how its pictures are normalised.
    """

    coordinates: Tensor

    def __init__(self, config: DetNetConfig, inputs: Inputs) -> None:
        super().__init__()
        self.config, self.inputs = config, inputs
        inner = config.features
        self.backbone = Backbone(config)
        self.heat = Head(inner + 2, inner, JOINTS)
        self.delta = Head(inner + 2 + JOINTS, inner, 3 * JOINTS)
        self.location = Head(inner + 2 + 4 * JOINTS, inner, 3 * JOINTS)
        line = torch.linspace(-1, 1, config.resolution)
        self.register_buffer("coordinates", torch.stack(torch.meshgrid(line, line, indexing="xy")), False)
        self._initialise()

    def _initialise(self) -> None:
        if self.config.init == "small":
            initialise_small(self)
            return
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                # The last layers of heads have biases: from numbers near 0 heat maps stay flat for long.
                nn.init.kaiming_normal_(part.weight, mode="fan_out" if part.bias is None else "fan_in")
                if part.bias is not None:
                    nn.init.zeros_(part.bias)
        # Most cells have no joint: heat starts at 0.05.
        assert self.heat.maps.bias is not None
        nn.init.constant_(self.heat.maps.bias, -3.0)

    def prepare(self, batch: Any) -> tuple[Tensor, ...]:
        """Returns the pictures (B, 1, 3, h, w) float32 of a batch, as the network takes them.

        With ``mask_input`` also the annotation's masks (B, 4, h, w) bool, in training some of them spoilt.

        Raises:
            HandbenchError: for a batch without masks.
        """
        images = batch.normalised(self.inputs)
        if not self.config.mask_input:
            return (images,)
        masks = masks_in_order(batch)
        if self.training and self.config.mask_noise > 0:
            masks = spoil(masks, self.config.mask_noise)
        return images, masks

    def forward(self, images: Tensor, masks: Tensor | None = None) -> DetNetOutputs:
        """Finds the joints of each crop.

        Args:
            images: (B, T, 3, h, w) float; the current frame is looked at.
            masks: (B, 4, h, w) of 0 and 1 in the order of ``MASKS``, with ``mask_input`` alone.
        """
        crops = images[:, 0]
        if masks is not None:
            crops = torch.cat([crops, 2 * masks.to(crops.dtype) - 1], dim=1)
        features = self.backbone(crops)
        places = self.coordinates.to(features.dtype).expand(len(features), -1, -1, -1)
        seen = torch.cat([features, places], dim=1)
        # Logarithms of it are taken, so half precision is not enough.
        heat = self.heat(seen).float().sigmoid()
        seen = torch.cat([seen, heat.to(seen.dtype)], dim=1)
        delta = self.delta(seen)
        location = self.location(torch.cat([seen, delta], dim=1))
        n = self.config.resolution
        return DetNetOutputs(heat, delta.reshape(-1, JOINTS, 3, n, n), location.reshape(-1, JOINTS, 3, n, n))

    def loss(self, outputs: DetNetOutputs, batch: Any) -> dict[str, Tensor]:
        """Returns the terms whose sum is minimised, see :mod:`handbench.baselines.detnet_loss`."""
        return detnet_loss(self.config, outputs, detnet_targets(self.config, batch))


class DetNetHands(NamedTuple):
    """What the maps say of B hands.

    Attributes:
        joints: (B, 21, 3), the wrist at 0, in lengths from wrist to middle MCP: no unit.
        joints_2d: (B, 21, 2) as (x, y) shares of the crop: 0 its left or upper edge, 1 the other one.
        score: (B, 21) the greatest heat of each joint.
    """

    joints: Tensor
    joints_2d: Tensor
    score: Tensor


def decode(outputs: DetNetOutputs, how: str = "cell", read: str = "cell") -> DetNetHands:
    """Reads each joint's location where its heat is greatest (module.py).

    Args:
        outputs: of the network.
        how: ``decode`` of :class:`DetNetConfig`, for pixels.
        read: ``read`` of it, for locations.
    """
    heat, location = outputs.heat.float(), outputs.location.float()
    batch, joints, n = heat.shape[:3]
    score, at = heat.flatten(2).max(dim=2)
    if read == "heat":
        picked = (location * _shares(heat)[:, :, None]).sum(dim=(3, 4))
    else:
        picked = location.flatten(3).gather(3, at[:, :, None, None].expand(batch, joints, 3, 1))[..., 0]
    column, row = at % n, at // n
    places = torch.stack([column, row], dim=-1).float()
    if how == "refined":
        rows = heat.gather(2, row[:, :, None, None].expand(batch, joints, 1, n))[:, :, 0]
        columns = heat.gather(3, column[:, :, None, None].expand(batch, joints, n, 1))[..., 0]
        places = places + torch.stack([peak_offset(rows, column), peak_offset(columns, row)], dim=-1)
    return DetNetHands(picked - picked[:, :1], (places + 0.5) / n, score)


def _shares(heat: Tensor) -> Tensor:
    """Returns what each cell of a heat map (B, 21, n, n) counts: its square over the sum of them."""
    square = heat.square()
    return square / square.sum(dim=(2, 3), keepdim=True).clamp(min=1e-12)


def peak_offset(values: Tensor, peak: Tensor) -> Tensor:
    """Returns how far (...) from the greatest cell the peak of a Gaussian lies, -0.5 to 0.5; 0 at borders.

    Args:
        values: (..., n), positive around the peak.
        peak: (...) index of the greatest.
    """
    n = values.shape[-1]
    around = torch.stack([peak - 1, peak, peak + 1], dim=-1).clamp(0, n - 1)
    before, here, after = values.gather(-1, around).clamp(min=1e-6).log().unbind(-1)
    curve = before - 2 * here + after
    inner = (peak > 0) & (peak < n - 1) & (curve < -1e-6)
    offset = (before - after) / torch.where(inner, 2 * curve, torch.ones_like(curve))
    return torch.where(inner, offset.clamp(-0.5, 0.5), torch.zeros_like(offset))
