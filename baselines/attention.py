"""Attention over the tokens of feature maps: softmax, HandOccNet's gate, pairwise sigmoid, and their product.

Tokens are (B, H, N, d): H heads, N = h w places, d channels a head. A *map* scores queries against keys. It
can show its scores (``matrix``, what the papers print) and apply them to values (``apply_to``, the same in a
form that need not hold N x N numbers).
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SigmoidNorm = Literal["bias", "none", "mean"]


def tokens(features: Tensor, heads: int) -> Tensor:
    """Cuts a feature map (B, C, h, w) into tokens (B, H, h w, C / H): a view where channels lie last."""
    batch, channels = features.shape[:2]
    return features.reshape(batch, heads, channels // heads, -1).transpose(-1, -2)


def feature_map(rows: Tensor, size: tuple[int, int]) -> Tensor:
    """Puts rows (B, h w, C) back into a feature map (B, C, h, w), channels last in memory."""
    return rows.transpose(1, 2).reshape(rows.shape[0], rows.shape[2], *size)


class ScoreMap(nn.Module):
    """What scores queries against keys.

    Attributes:
        per_query: the scores are (B, H, N, 1), the same for all keys.
    """

    per_query = False

    def matrix(self, query: Tensor, key: Tensor) -> Tensor:
        """Returns the scores (B, H, N, N) of queries (rows) for keys; (B, H, N, 1) where ``per_query``."""
        raise NotImplementedError

    def apply_to(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Returns scores times values, (B, H, N, d)."""
        scores = self.matrix(query, key)
        if self.per_query:
            return scores * value.sum(dim=-2, keepdim=True)
        return scores.to(value.dtype) @ value


class SoftmaxMap(ScoreMap):
    """softmax(q k^T / sqrt d) over the keys (Vaswani et al. 2017, equation 1)."""

    def matrix(self, query: Tensor, key: Tensor) -> Tensor:
        """Returns (B, H, N, N); rows sum to 1."""
        return logits(query, key).softmax(dim=-1)

    def apply_to(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """The same through torch's fused kernels."""
        return F.scaled_dot_product_attention(query, key, value)


class SigmoidMap(ScoreMap):
    """sigmoid(q k^T / sqrt d): each pair for itself (IFVONet sections III-B and III-C).

    The equations do not normalise, so a row sums to about N / 2 at the start.

    Args:
        norm: ``bias`` subtracts log N inside (Ramapuram et al. 2024): a row then starts near 1, as with
            softmax; ``mean`` divides by N; ``none`` is literal.
    """

    def __init__(self, norm: SigmoidNorm = "bias") -> None:
        super().__init__()
        self.norm = norm

    def matrix(self, query: Tensor, key: Tensor) -> Tensor:
        """Returns (B, H, N, N) in fp32: beside log N, half precision would lose small scores."""
        scores = logits(query, key).float()
        keys = key.shape[-2]
        if self.norm == "bias":
            return torch.sigmoid(scores - math.log(keys))
        return torch.sigmoid(scores) / keys if self.norm == "mean" else torch.sigmoid(scores)


class GateMap(ScoreMap):
    """sigmoid(sum over keys of q k^T / sqrt d): one number a query, not a map (HandOccNet transformer.py:79).

    The sum over the keys goes inside, ``q . sum k``, so N x N is never built.
    """

    per_query = True

    def matrix(self, query: Tensor, key: Tensor) -> Tensor:
        """Returns (B, H, N, 1)."""
        return torch.sigmoid(query_scores(query, key)).to(query.dtype)


def logits(query: Tensor, key: Tensor) -> Tensor:
    """Returns q k^T / sqrt d, (B, H, N, N), from queries (B, H, N, d) and keys (B, H, M, d)."""
    # Scaling q costs N d products instead of N N.
    scale: float = query.shape[-1] ** -0.5
    return (query * scale) @ key.transpose(-1, -2)


def query_scores(query: Tensor, key: Tensor) -> Tensor:
    """Returns the sum over the keys of q k^T / sqrt d, (B, H, N, 1), in fp32 or better."""
    wide = torch.promote_types(query.dtype, torch.float32)
    total = key.to(wide).sum(dim=-2, keepdim=True)
    scale: float = query.shape[-1] ** -0.5
    return (query.to(wide) * total).sum(dim=-1, keepdim=True) * scale


def product(
    first: ScoreMap,
    second: ScoreMap,
    pair: tuple[Tensor, Tensor],
    other: tuple[Tensor, Tensor],
    value: Tensor,
    renormalise: bool,
) -> Tensor:
    """Applies the product of two maps to values: C = first x second, entry by entry.

    Args:
        first: a map that has a score a pair.
        second: any map.
        pair: query and key (B, H, N, d) of the first.
        other: query and key of the second.
        value: (B, H, N, d).
        renormalise: of two softmaxes, divide each row of the product by its sum: that is the softmax of the
            summed scores. Else rows sum to about 1 / N.

    Returns:
        (B, H, N, d).
    """
    if second.per_query:
        gate = second.matrix(*other)
        return gate * first.apply_to(*pair, value)
    if renormalise and isinstance(first, SoftmaxMap) and isinstance(second, SoftmaxMap):
        query = torch.cat([pair[0], other[0]], dim=-1)
        key = torch.cat([pair[1], other[1]], dim=-1)
        return F.scaled_dot_product_attention(query, key, value, scale=pair[0].shape[-1] ** -0.5)
    return (first.matrix(*pair) * second.matrix(*other)).to(value.dtype) @ value
