"""Networks small enough for tests: all parts, few channels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from handbench.baselines.hand_network import HandNetwork
from handbench.baselines.hand_trainable import IFVONET_RECIPE, HandTrainable
from handbench.baselines.ifvonet_config import IFVONetConfig
from handbench.baselines.networks import configure

SMALL: dict[str, Any] = {
    "size": 64, "backbone": "resnet18", "width": 8, "channels": 16, "heads": 2, "hourglass_depth": 2,
    "mano_hidden": [32, 16], "vof_mid": 8, "init": "default",
}  # fmt: skip


def small_config(row: str = "ifvonet", **changes: Any) -> IFVONetConfig:
    """A registered network's settings, made small."""
    return configure(row, SMALL, changes)


def small_trainable(row: str = "ifvonet", **changes: Any) -> HandTrainable:
    return HandTrainable(row, small_config(row, **changes), IFVONET_RECIPE)


def small_network(row: str = "ifvonet", seed: int = 0, **changes: Any) -> HandNetwork:
    return small_trainable(row, **changes).build(seed)


def pictures(network: HandNetwork, count: int = 2, seed: int = 0) -> Tensor:
    """Random pictures (count, T, 3, h, w)."""
    c = network.config
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, c.frames, 3, c.size, c.size, generator=generator)
