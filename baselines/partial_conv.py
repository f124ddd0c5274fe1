"""Partial convolution (Liu et al. 2018) without its dense convolution of masks: a box sum a channel group."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Masked(NamedTuple):
    """Features that are 0 wherever they are no data.

    All channels of a group share one mask.

    Attributes:
        values: (B, C, h, w).
        channels: G numbers of channels, whose sum is C.
        masks: G times (B, 1, h, w) float, 1 where there are data and 0 elsewhere; None: data everywhere.
        covered: whether every place is known to be data in some group: then all that is convolved of it is
            data everywhere.
    """

    values: Tensor
    channels: tuple[int, ...]
    masks: tuple[Tensor | None, ...]
    covered: bool = False

    def upsampled(self) -> Masked:
        """Returns the same at twice the size, by the nearest place."""
        masks = tuple(None if mask is None else _doubled(mask) for mask in self.masks)
        return Masked(_doubled(self.values), self.channels, masks, self.covered)

    def joined(self, other: Masked) -> Masked:
        """Returns the channels of both, these first."""
        values = torch.cat([self.values, other.values.to(self.values.dtype)], dim=1)
        channels, masks = (*self.channels, *other.channels), (*self.masks, *other.masks)
        return Masked(values, channels, masks, self.covered or other.covered)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class PartialConv2d(nn.Module):
    """Sees only what is data, and says where its output is: wherever its window held any.

    Official form (pconv_unet.py:74-98): y = W * (x m) / s + b, with s the sum of the mask over window and
    input channels; 0 where s is 0. Liu et al. multiply by the size of the window, so that the output of a
    window full of data is that of a plain convolution; the official code does not.

    Args:
        inputs: channels.
        outputs: channels.
        kernel: side of the window, odd.
        stride: 1 or 2.
        bias: whether there is b.
        normalised: multiply by the size of the window.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, bias: bool = False,
        normalised: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.inputs, self.outputs, self.kernel, self.stride = inputs, outputs, kernel, stride
        self.normalised = normalised
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        nn.init.kaiming_normal_(self.weight)

    def forward(self, x: Masked) -> tuple[Tensor, Tensor | None]:
        """Convolves.

        Args:
            x: (B, inputs, h, w).

        Returns:
            (B, outputs, h / stride, w / stride) and its mask (B, 1, h / stride, w / stride), None where there
            are data everywhere.
        """
        total = self._sums(x)
        size = self.kernel**2 * self.inputs if self.normalised else 1
        out = F.conv2d(x.values, self.weight, None, self.stride, self.kernel // 2)
        if x.covered or None in x.masks:
            factor = (size / total).to(out.dtype)
            if self.bias is None:
                return out * factor, None
            return torch.addcmul(self.bias[:, None, None].to(out.dtype), out, factor), None
        there = total > 0
        out = out * torch.where(there, size / total.clamp(min=1.0), 0.0).to(out.dtype)
        if self.bias is not None:
            # 0 without data, also here.
            out = out + self.bias[:, None, None].to(out.dtype) * there.to(out.dtype)
        return out, there.float()

    def _sums(self, x: Masked) -> Tensor:
        """Returns (B or 1, 1, h', w'), the sum of the masks over each window and all channels."""
        weighted = torch.zeros(1, 1, *x.values.shape[-2:], device=x.values.device)
        for channels, mask in zip(x.channels, x.masks, strict=True):
            # Equal channels have equal sums.
            weighted = weighted + (channels if mask is None else channels * mask.float())
        return F.avg_pool2d(weighted, self.kernel, self.stride, self.kernel // 2, divisor_override=1)
