"""InterNet's volumes to joints: the greatest cell, as the official code and mmpose find it, or finer."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from handbench.baselines.detnet import peak_offset


def decode(
    volumes: Tensor, how: Literal["official", "mmpose", "refined"] = "official"
) -> tuple[Tensor, Tensor]:
    """Finds each joint in its volume.

    Args:
        volumes: (B, J, D, h, w) heat.
        how: ``decode`` of :class:`handbench.baselines.internet_config.InterNetConfig`.

    Returns:
        (B, J, 3) places x, y, depth [cells], 0 the middle of the first one; (B, J) the heat there.
    """
    volumes = volumes.float()
    height, width = volumes.shape[3:]
    if how == "mmpose":
        heat, at = volumes.flatten(2).max(dim=2)
        x, y, z = at % width, at // width % height, at // (width * height)
    else:
        # Where several cells are equal, these are other ones.
        best_z, at_z = volumes.max(dim=2)
        best_y, at_y = best_z.max(dim=2)
        heat, x = best_y.max(dim=2)
        y = at_y.gather(2, x[..., None])[..., 0]
        z = at_z.flatten(2).gather(2, (y * width + x)[..., None])[..., 0]
    places = torch.stack([x, y, z], dim=-1).float()
    if how == "mmpose":
        return torch.where((heat > 0)[..., None], places, torch.full_like(places, -1.0)), heat
    if how == "refined":
        places = places + torch.stack(
            [peak_offset(line, at) for line, at in zip(_lines(volumes, x, y, z), (x, y, z), strict=True)], -1
        )
    return places, heat


def _lines(volumes: Tensor, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the heat (B, J, cells) along x, y and depth through one cell of each volume."""
    depth, height, width = volumes.shape[2:]
    flat = volumes.flatten(2)

    def along(count: int, step: int, start: Tensor) -> Tensor:
        places = start[..., None] + step * torch.arange(count, device=volumes.device)
        return flat.gather(2, places)

    return (
        along(width, 1, (z * height + y) * width),
        along(height, width, z * height * width + x),
        along(depth, height * width, y * width + x),
    )
