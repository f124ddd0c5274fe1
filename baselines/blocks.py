"""What attention blocks are made of: the pointwise MLP, learned position maps, how weights start."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PointwiseMLP(nn.Sequential):
    """Two linear layers with a GELU between them, on the channels of each token: (..., C) to (..., C)."""

    def __init__(self, channels: int, ratio: int = 4) -> None:
        super().__init__(
            nn.Linear(channels, ratio * channels), nn.GELU(), nn.Linear(ratio * channels, channels)
        )


class PositionMap(nn.Module):
    """A learned map that is added to features (B, C, n, n), from N(0, 1) (HandOccNet transformer.py:111)."""

    def __init__(self, channels: int, resolution: int) -> None:
        super().__init__()
        self.map = nn.Parameter(torch.randn(1, channels, resolution, resolution))

    def forward(self, features: Tensor) -> Tensor:
        """Returns features plus map."""
        return features + self.map


def initialise_small(module: nn.Module) -> None:
    """Starts a part as HandOccNet does (model.py:107): convolutions N(0, 0.001), linear N(0, 0.01), biases 0.

    Position maps keep their N(0, 1), so at the start queries and keys are mostly position.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv1d | nn.Conv2d):
            nn.init.normal_(part.weight, std=0.001)
        elif isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=0.01)
        else:
            continue
        if part.bias is not None:
            nn.init.zeros_(part.bias)
