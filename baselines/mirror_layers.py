"""Layers that commute with mirroring: what they say of a mirrored picture is the mirrored, exchanged answer.

Channels come in two halves, a and b, and b is a's dual: when the picture is mirrored, a becomes the mirrored
b and b the mirrored a. So "right hand" and "left hand" are one filter and its mirror image, learned at once
from every hand of either side (group convolution: Cohen and Welling 2016, here of the group of one mirror).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_MOMENTUM = 0.1


class MirrorConv(nn.Module):
    """A convolution of dual halves, or of a picture to dual halves.

    Args:
        inputs: channels of each half; of the picture where ``first``.
        outputs: channels of each half.
        kernel: side of the window; even ones need a stride that divides what is left.
        stride: of the window.
        padding: zeros about the map.
        bias: whether it has one.
        first: the input is a picture, which is its own dual.
        scale: of the numbers it starts with, over He et al.'s.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, padding: int | None = None,
        bias: bool = False, first: bool = False, scale: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.inputs, self.first, self.stride = inputs, first, stride
        self.padding = kernel // 2 if padding is None else padding
        self.weight = nn.Parameter(torch.empty(outputs, inputs if first else 2 * inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        nn.init.normal_(self.weight, std=scale * math.sqrt(2 / self.weight[0].numel()))

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, 2 outputs, h', w') of (B, 2 inputs, h, w), or of (B, inputs, h, w) where ``first``."""
        return F.conv2d(x, *self._both(), self.stride, self.padding)

    def _both(self) -> tuple[Tensor, Tensor | None]:
        """Returns weights and bias of both halves."""
        dual = self.weight.flip(3)
        if not self.first:
            dual = torch.cat([dual[:, self.inputs :], dual[:, : self.inputs]], dim=1)
        weight = torch.cat([self.weight, dual]).contiguous(memory_format=torch.channels_last)
        return weight, None if self.bias is None else self.bias.repeat(2)

    @torch.no_grad()
    def plain(self) -> nn.Conv2d:
        """Returns the ordinary convolution that does the same: for prediction, its halves are free."""
        weight, bias = self._both()
        outputs, inputs, kernel, _ = weight.shape
        conv = nn.Conv2d(
            inputs, outputs, kernel, self.stride, self.padding, bias=bias is not None, device="meta"
        )
        conv.weight, conv.bias = nn.Parameter(weight), None if bias is None else nn.Parameter(bias)
        return conv.train(self.training)


class MirrorNorm(nn.Module):
    """Batch norm whose two halves have the same scale and offset, and when it predicts the same statistics.

    Args:
        channels: of each half.
        zero: scales start at 0: a residual branch starts as nothing.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, zero: bool = False) -> None:
        super().__init__()
        self.channels = channels
        self.weight = nn.Parameter(torch.zeros(channels) if zero else torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(2 * channels))
        self.register_buffer("running_var", torch.ones(2 * channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalises (B, 2 channels, h, w)."""
        mean, var = (self.running_mean, self.running_var) if self.training else self._even()
        weight, bias = self.weight.repeat(2), self.bias.repeat(2)
        return F.batch_norm(x, mean, var, weight, bias, self.training, _MOMENTUM)

    def _even(self) -> tuple[Tensor, Tensor]:
        """Returns mean and variance that both halves share."""
        mean, var = self.running_mean, self.running_var
        return (mean + mean.roll(self.channels)) / 2, (var + var.roll(self.channels)) / 2

    @torch.no_grad()
    def plain(self) -> nn.BatchNorm2d:
        """Returns the ordinary batch norm that does the same when it predicts."""
        norm = nn.BatchNorm2d(2 * self.channels, momentum=_MOMENTUM, device=self.weight.device)
        norm.weight, norm.bias = nn.Parameter(self.weight.repeat(2)), nn.Parameter(self.bias.repeat(2))
        norm.running_mean, norm.running_var = self._even()
        return norm.train(self.training)


def mirror_unit(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, padding: int | None = None,
    first: bool = False,
) -> nn.Sequential:  # fmt: skip
    """Returns a convolution with norm and ReLU; see :class:`MirrorConv`."""
    conv = MirrorConv(inputs, outputs, kernel, stride, padding, first=first)
    return nn.Sequential(conv, MirrorNorm(outputs), nn.ReLU(inplace=True))


class MirrorBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut; (B, 2 inputs, h, w) to (B, 2 outputs, h, w)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = mirror_unit(inputs, outputs)
        self.second = nn.Sequential(MirrorConv(outputs, outputs), MirrorNorm(outputs, zero=True))
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs:
            self.shortcut = nn.Sequential(MirrorConv(inputs, outputs, 1), MirrorNorm(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Runs the block."""
        return F.relu(self.second(self.first(x)) + self.shortcut(x))


def join(x: Tensor, y: Tensor) -> Tensor:
    """Joins maps (B, 2 C, h, w) and (B, 2 D, h, w) half by half, so that duals stay duals."""
    (xa, xb), (ya, yb) = x.chunk(2, dim=1), y.chunk(2, dim=1)
    return torch.cat([xa, ya, xb, yb], dim=1)
