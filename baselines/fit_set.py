"""HandOccNet's two transformers: FIT injects hand features into occluded places, SET refines the result."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handbench.baselines.attention import GateMap, SoftmaxMap, feature_map, product, tokens
from handbench.baselines.blocks import PointwiseMLP, PositionMap


class Block(nn.Module):
    """One layer of FIT or SET (HandOccNet section 3.2; transformer.py:100-150).

    Args:
        channels: C.
        resolution: n of the feature maps (B, C, n, n), for the position maps.
        heads: of the attention.
        injection: FIT: a sigmoid gates the softmax, and the query is *not* added. SET: no gate, the query is
            added.
    """

    def __init__(self, channels: int, resolution: int, heads: int, mlp_ratio: int, injection: bool) -> None:
        super().__init__()
        self.heads, self.injection = heads, injection
        self.query_position = PositionMap(channels, resolution)
        self.key_position = PositionMap(channels, resolution)
        self.query = nn.Conv2d(channels, channels, 1)
        self.key = nn.Conv2d(channels, channels, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        if injection:
            self.gate_query = nn.Conv2d(channels, channels, 1)
            self.gate_key = nn.Conv2d(channels, channels, 1)
        self.softmax, self.gate = SoftmaxMap(), GateMap()
        self.norm = nn.LayerNorm(channels)
        self.mlp = PointwiseMLP(channels, mlp_ratio)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Returns features (B, C, n, n) for queries from ``query`` and keys and values from ``key``."""
        size = (query.shape[-2], query.shape[-1])
        placed_query, placed_key = self.query_position(query), self.key_position(key)
        pair = (tokens(self.query(placed_query), self.heads), tokens(self.key(placed_key), self.heads))
        # Values carry no position (transformer.py:120).
        value = tokens(self.value(key), self.heads)
        if self.injection:
            gate = (tokens(self.gate_query(placed_query), self.heads),
                    tokens(self.gate_key(placed_key), self.heads))  # fmt: skip
            attended = product(self.softmax, self.gate, pair, gate, value, renormalise=False)
        else:
            attended = self.softmax.apply_to(*pair, value) + tokens(query, self.heads)
        rows = attended.transpose(1, 2).flatten(2)
        out: Tensor = rows + self.mlp(self.norm(rows))
        return feature_map(out, size)


class Tail(nn.Module):
    """FIT's end: the key beside the result, 3x3 - ReLU - 3x3, and a 1x1 past them (transformer.py:16-35)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2 * channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.past = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, key: Tensor, out: Tensor) -> Tensor:
        """Joins two maps (B, C, n, n) to one."""
        both = torch.cat([key, out], dim=1)
        joined: Tensor = self.conv2(self.relu(self.conv1(both))) + self.past(both)
        return joined


class FIT(nn.Module):
    """Feature injecting transformer: queries from secondary, keys and values from primary features."""

    def __init__(
        self, channels: int, resolution: int, heads: int = 4, mlp_ratio: int = 4, depth: int = 2
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            Block(channels, resolution, heads, mlp_ratio, injection=True) for _ in range(depth)
        )
        self.tail = Tail(channels)

    def forward(self, secondary: Tensor, primary: Tensor) -> Tensor:
        """Returns features (B, C, n, n)."""
        out = secondary
        for layer in self.layers:
            out = layer(out, primary)
        joined: Tensor = self.tail(primary, out)
        return joined


class SET(nn.Module):
    """Self-enhancing transformer. Keys and values of *every* layer are its input (transformer.py:26-29)."""

    def __init__(
        self, channels: int, resolution: int, heads: int = 4, mlp_ratio: int = 4, depth: int = 2
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            Block(channels, resolution, heads, mlp_ratio, injection=False) for _ in range(depth)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Returns features (B, C, n, n)."""
        out = features
        for layer in self.layers:
            out = layer(out, features)
        return out
