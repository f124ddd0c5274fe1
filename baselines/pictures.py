"""Frames beside each other in channels."""

from __future__ import annotations

import torch
from torch import Tensor


def side_by_side(frames: Tensor) -> Tensor:
    """Turns frames (B, T, C, h, w) into maps (B, T C, h, w), channels last in memory where they are large."""
    return frames.flatten(1, 2).contiguous(memory_format=torch.channels_last)
