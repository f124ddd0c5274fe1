"""How pictures and weights lie in memory; frames beside each other in channels."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def side_by_side(frames: Tensor) -> Tensor:
    """Turns frames (B, T, C, h, w) into maps (B, T C, h, w), channels last in memory where they are large."""
    return frames.flatten(1, 2).contiguous(memory_format=torch.channels_last)


def channels_last(module: M) -> M:
    """Lays the weights of convolutions channels last, which is the order that pictures come in."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return module
