"""Pixel dynamic variation (PDV): what changed between two frames (IFVONet section III-B)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from handbench.baselines.attention import SigmoidMap, feature_map, tokens
from handbench.baselines.blocks import PointwiseMLP, PositionMap
from handbench.baselines.ifvonet_config import IFVONetConfig


class Projections(nn.Module):
    """Q, K and V of a frame: 1x1 convolutions of F_T (section III-B), with position maps where asked for."""

    def __init__(self, config: IFVONetConfig) -> None:
        super().__init__()
        channels, self.heads = config.channels, config.heads
        self.query = nn.Conv2d(channels, channels, 1)
        self.key = nn.Conv2d(channels, channels, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.positions = config.pdv_positions
        if self.positions:
            self.query_position = PositionMap(channels, config.resolution)
            self.key_position = PositionMap(channels, config.resolution)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns Q, K, V, each (B, H, N, d), of features (B, C, n, n)."""
        query_input = self.query_position(features) if self.positions else features
        key_input = self.key_position(features) if self.positions else features
        return (
            tokens(self.query(query_input), self.heads),
            tokens(self.key(key_input), self.heads),
            tokens(self.value(features), self.heads),
        )


class PixelVariation(nn.Module):
    """Two same sub-modules, each way between frames, then one pointwise MLP f_p for all (section III-B).

    Attributes:
        maps: how many maps of C channels come out: two a pair.
    """

    def __init__(self, config: IFVONetConfig) -> None:
        super().__init__()
        self.frames, self.joint = config.frames, config.pdv_three == "joint"
        self.residual = config.pdv_residual
        shared = 1 if config.pdv_share else config.frames
        self.projections = nn.ModuleList(Projections(config) for _ in range(shared))
        self.attention = SigmoidMap(config.sig_norm)
        self.mlp = PointwiseMLP(config.channels, config.mlp_ratio)
        self.maps = config.frames if self.joint else 2 * (config.frames - 1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Perceives the variation.

        Args:
            features: F_t, F_{t-1} (and F_{t-2}), each (B, C, n, n).

        Returns:
            (B, maps C, n, n): F'_t and F'_{t-1}, and of a second pair F'_t and F'_{t-2}; ``joint``: one F'_t
            of all, then one map an earlier frame.
        """
        size = (features[0].shape[-2], features[0].shape[-1])
        parts = [self.projections[i % len(self.projections)](f) for i, f in enumerate(features)]
        heads = parts[0][0].shape[1]
        attended, own = [], []
        if self.joint:
            past = tuple(torch.cat([part[i] for part in parts[1:]], dim=2) for i in range(3))
            attended.append(self._attend(parts[0][0], past[1], past[2]))
            own.append(features[0])
            for i, part in enumerate(parts[1:], start=1):
                attended.append(self._attend(part[0], parts[0][1], parts[0][2]))
                own.append(features[i])
        else:
            for i, part in enumerate(parts[1:], start=1):
                # F_{t-1 -> t} = sigmoid(Q_{t-1} K_t^T / sqrt d) V_t, from which F'_t is made.
                attended.append(self._attend(part[0], parts[0][1], parts[0][2]))
                # F_{t -> t-1} = sigmoid(Q_t K_{t-1}^T / sqrt d) V_{t-1}, from which F'_{t-1} is made.
                attended.append(self._attend(parts[0][0], part[1], part[2]))
                own += [features[0], features[i]]
        rows = torch.stack(attended, dim=1)
        if self.residual:
            rows = rows + torch.stack([tokens(f, heads) for f in own], dim=1)
        # F'_T = f_p(F): (B, maps, N, C) through the MLP, then maps beside each other in channels.
        out: Tensor = self.mlp(rows.transpose(2, 3).flatten(3))
        return feature_map(out.transpose(1, 2).flatten(2), size)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        out: Tensor = self.attention.apply_to(query, key, value)
        return out
