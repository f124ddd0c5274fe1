"""A block of PVTv2 (Wang et al. 2022) on a map: attention over fewer keys, a convolution in the MLP."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

_EPS = 1e-6


class ReducedAttention(nn.Module):
    """Attention of all places on places of a map that is ``reduction`` times smaller (PVTv2 section 3.2).

    Args:
        channels: C, a multiple of ``heads``.
        heads: of the attention.
        reduction: stride of the convolution that makes keys and values; 1 for none.
    """

    def __init__(self, channels: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads, self.reduction = heads, reduction
        self.query = nn.Linear(channels, channels)
        self.key_value = nn.Linear(channels, 2 * channels)
        self.project = nn.Linear(channels, channels)
        if reduction > 1:
            self.reduce = nn.Conv2d(channels, channels, reduction, reduction)
            self.norm = nn.LayerNorm(channels, eps=_EPS)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """Turns tokens (B, h w, C) of a map (h, w) into tokens of that shape."""
        batch, count, channels = tokens.shape
        seen = tokens
        if self.reduction > 1:
            seen = self.norm(_to_tokens(self.reduce(_to_map(tokens, height, width))))
        query = self.query(tokens).reshape(batch, count, self.heads, -1).transpose(1, 2)
        pair = self.key_value(seen).reshape(batch, seen.shape[1], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(query, pair[0], pair[1])
        out: Tensor = self.project(found.transpose(1, 2).reshape(batch, count, channels))
        return out


class ConvMLP(nn.Module):
    """Linear, 3x3 depth-wise convolution, GELU, linear (PVTv2 section 3.3).

    Args:
        channels: C in and out.
        ratio: hidden channels over C.
    """

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        hidden = ratio * channels
        self.widen = nn.Linear(channels, hidden)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.narrow = nn.Linear(hidden, channels)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """Turns tokens (B, h w, C) of a map (h, w) into tokens of that shape."""
        hidden = self.depthwise(_to_map(self.widen(tokens), height, width))
        out: Tensor = self.narrow(F.gelu(_to_tokens(hidden)))
        return out


class PVTBlock(nn.Module):
    """Pre-norm attention and MLP, each added, and one more LayerNorm (HDR pconv_unet.py:227-240).

    There are no position maps: the depth-wise convolution, which is padded with zeros, tells where it is.

    Args:
        channels: C.
        heads: of the attention.
        ratio: of the MLP.
        reduction: of the attention's keys; the map's sides are multiples of it.
    """

    def __init__(self, channels: int, heads: int, ratio: int, reduction: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=_EPS)
        self.attention = ReducedAttention(channels, heads, reduction)
        self.norm2 = nn.LayerNorm(channels, eps=_EPS)
        self.mlp = ConvMLP(channels, ratio)
        self.norm = nn.LayerNorm(channels, eps=_EPS)
        self._initialise()

    def _initialise(self) -> None:
        """Draws as PVT does: narrow normal numbers for linear layers, by the fan out for convolutions."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                # PVT cuts at 100 deviations: these are the same numbers.
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] ** 2 * module.out_channels // module.groups
                nn.init.normal_(module.weight, std=math.sqrt(2.0 / fan_out))
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Turns a map (B, C, h, w) into a map of that shape."""
        height, width = x.shape[-2:]
        tokens = _to_tokens(x)
        tokens = tokens + self.attention(self.norm1(tokens), height, width)
        tokens = tokens + self.mlp(self.norm2(tokens), height, width)
        return _to_map(self.norm(tokens), height, width)


def _to_tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)


def _to_map(tokens: Tensor, height: int, width: int) -> Tensor:
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], height, width)
