"""Batch-normalised score maps: S_norm of IFVONet's occlusion reasoning, in the readings it allows.

The paper prints S_norm = BN(f_1x1(q k^T / sqrt d)) (section III-C) and leaves open over what.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handbench.baselines.attention import ScoreMap, logits, query_scores


class PairwiseNorm(ScoreMap):
    """Heads are channels: a 1x1 convolution mixes them, BN normalises over batch, queries and keys.

    The scores are linear in q and in k, so their mean and variance follow from the moments of q and k, and
    their product with the values from k^T v: no N x N numbers, and equal to the printed form (tested).
    """

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(heads, heads, 1)
        self.bn = nn.BatchNorm2d(heads)

    def matrix(self, query: Tensor, key: Tensor) -> Tensor:
        """Returns (B, H, N, N), as printed."""
        out: Tensor = self.bn(self.mix(logits(query, key)))
        return out

    def apply_to(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Returns (B, H, N, d) without the map."""
        with torch.autocast(query.device.type, enabled=False):
            out = self._applied(query.float(), key.float(), value.float())
        return out.to(value.dtype)

    def _applied(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        heads, scale = query.shape[1], query.shape[-1] ** -0.5
        weight = self.mix.weight.reshape(heads, heads)
        mean, variance = self._statistics(query, key, weight)
        gain = self.bn.weight * torch.rsqrt(variance + self.bn.eps)
        # sum_j k_j v_j^T between all heads: (B, g, h, d, e), g the head of the value, h that of the key.
        between = torch.einsum("bhnd,bgne->bghde", key, value)
        mixed = (gain[:, None] * weight * scale)[:, :, None, None] * between
        linear = torch.einsum("bhnd,bghde->bgne", query, mixed)
        assert self.mix.bias is not None
        offset = gain * (self.mix.bias - mean) + self.bn.bias
        return linear + offset[:, None, None] * value.sum(dim=-2, keepdim=True)

    def _statistics(self, query: Tensor, key: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and variance (H,) of mixed scores: of the batch in training, else the running ones."""
        running_mean, running_var = self.bn.running_mean, self.bn.running_var
        assert running_mean is not None and running_var is not None and self.mix.bias is not None
        if not self.training:
            return running_mean, running_var
        mean, block = _score_moments(query, key)
        means = mean @ weight.T + self.mix.bias
        variances = torch.einsum("gh,bhk,gk->bg", weight, block, weight)
        batch_mean = means.mean(dim=0)
        batch_var = variances.mean(dim=0) + (means - batch_mean).square().mean(dim=0)
        self._track(batch_mean.detach(), batch_var.detach(), query.shape[0] * query.shape[2] * key.shape[2])
        return batch_mean, batch_var

    def _track(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Moves the running statistics as ``BatchNorm2d`` does."""
        bn = self.bn
        assert bn.running_mean is not None and bn.running_var is not None and bn.momentum is not None
        assert bn.num_batches_tracked is not None
        bn.num_batches_tracked.add_(1)
        bn.running_mean.lerp_(mean, bn.momentum)
        bn.running_var.lerp_(variance * (count / max(count - 1, 1)), bn.momentum)


def _score_moments(query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
    """Returns, over all pairs, the mean (B, H) of each head's scores and their covariance (B, H, H).

    With q = m + q' and k = n + k' (means and the rest): Cov(q_h . k_h, q_g . k_g) is
    <Cov q, Cov k> + n_h^T Cov q n_g + m_h^T Cov k m_g, on the (h, g) blocks. No difference of large numbers.
    """
    scale, count, keys = query.shape[-1] ** -0.5, query.shape[2], key.shape[2]
    m, n = query.mean(dim=2), key.mean(dim=2)
    q, k = query - m[:, :, None], key - n[:, :, None]
    cov_q = torch.einsum("bhnd,bgne->bhgde", q, q) / count
    cov_k = torch.einsum("bhnd,bgne->bhgde", k, k) / keys
    block = (cov_q * cov_k).sum(dim=(-1, -2))
    block = block + torch.einsum("bhd,bhgde,bge->bhg", n, cov_q, n)
    block = block + torch.einsum("bhd,bhgde,bge->bhg", m, cov_k, m)
    return (m * n).sum(dim=-1) * scale, block * scale**2


class QueryNorm(ScoreMap):
    """The sum over the keys first, as in HandOccNet's gate: then 1x1 convolution and BN; a score a query."""

    per_query = True

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(heads, heads, 1)
        self.bn = nn.BatchNorm2d(heads)

    def matrix(self, query: Tensor, key: Tensor) -> Tensor:
        """Returns (B, H, N, 1)."""
        out: Tensor = self.bn(self.mix(query_scores(query, key)))
        return out


class VolumeNorm(ScoreMap):
    """The keys are channels: a 1x1 convolution from N to N of the heads' mean map, BN on each key.

    Args:
        places: N; the parameters grow with its square.
    """

    def __init__(self, places: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(places, places, 1)
        self.bn = nn.BatchNorm1d(places)

    def matrix(self, query: Tensor, key: Tensor) -> Tensor:
        """Returns (B, 1, N, N), the same for all heads."""
        by_key = logits(query, key).mean(dim=1).transpose(-1, -2)
        out: Tensor = self.bn(self.mix(by_key))
        return out.transpose(-1, -2)[:, None]


class NamNorm(ScoreMap):
    """Normalisation-based attention as the paper cites it (Liu et al. 2021, equations 2 and 3).

    The BN's output is weighted by |gamma| / sum |gamma| of its channel, then squashed by a sigmoid. IFVONet's
    own equation has neither.
    """

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(heads, heads, 1)
        self.bn = nn.BatchNorm2d(heads)

    def matrix(self, query: Tensor, key: Tensor) -> Tensor:
        """Returns (B, H, N, N) in 0 to 1."""
        scores: Tensor = self.bn(self.mix(logits(query, key)))
        gamma = self.bn.weight.abs()
        share = (gamma / gamma.sum().clamp_min(1e-12))[:, None, None]
        return torch.sigmoid(share * scores)
