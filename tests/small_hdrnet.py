"""HDRNet small enough for tests, two hands that overlap, and the official partial convolution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from handbench.baselines.hdrnet_config import HDRNetConfig, configure
from handbench.baselines.hdrnet_network import HDRNetwork
from handbench.baselines.hdrnet_trainable import RECIPE, HDRNetTrainable
from handbench.baselines.partial_conv import PartialConv2d

SMALL: dict[str, Any] = {
    "size": 64, "widths": [8, 8, 16, 16, 16], "attend": [3, 5], "heads": [2, 2], "ratios": [2, 2],
    "reductions": [2, 1], "discriminator_width": 4,
}  # fmt: skip


def small_config(**changes: Any) -> HDRNetConfig:
    return configure("hdrnet", SMALL, changes)


def small_network(seed: int = 0, **changes: Any) -> HDRNetwork:
    return HDRNetTrainable("hdrnet", small_config(**changes), RECIPE, speaks=False).build(seed)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scene(count: int = 2, size: int = 64) -> tuple[Tensor, Tensor]:
    """Random pictures (count, 3, size, size), and masks (count, 4, ...) of two hands that overlap."""
    images = torch.randn(count, 3, size, size, generator=generator())
    masks = torch.zeros(count, 4, size, size, dtype=torch.bool)
    third = size // 3
    masks[:, 0, third : 2 * third + 6, 8 : 2 * third] = True
    masks[:, 2, 4 : 2 * third, third : size - 8] = True
    masks[:, 3] = masks[:, 2]
    masks[:, 1] = masks[:, 0] & ~masks[:, 3]
    return images, masks


def dense(conv: PartialConv2d, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The official form, literally: the mask of every channel convolved with weights of one."""
    pad, ones = conv.kernel // 2, torch.ones_like(conv.weight)
    total = F.conv2d(mask, ones, stride=conv.stride, padding=pad)
    out = F.conv2d(values * mask, conv.weight, stride=conv.stride, padding=pad)
    out = out / total.masked_fill(total == 0, 1) * (ones[0].numel() if conv.normalised else 1)
    if conv.bias is not None:
        out = out + conv.bias[:, None, None]
    return out.masked_fill(total == 0, 0), (total > 0).float()
