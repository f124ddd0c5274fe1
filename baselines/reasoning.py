"""Global occlusion reasoning (GOR): hand features attended to by occluded ones (IFVONet section III-C).

    C_sig = sigmoid(q_sig k_sig^T / sqrt d)         q_sig = f(F_o), k_sig = f(F_h)
    S_norm = BN(f_1x1(q_norm k_norm^T / sqrt d))    q_norm = f(F_o), k_norm = f(F_h)
    C = C_sig + S_norm
    F_GOR = v_h + MLP(LN(C v_h))                    v_h = f(F_h)

The rows of table V exchange the two scores and how they are combined; nothing else changes.
"""

from __future__ import annotations

from torch import Tensor, nn

from handbench.baselines.attention import (
    GateMap,
    ScoreMap,
    SigmoidMap,
    SoftmaxMap,
    feature_map,
    product,
    tokens,
)
from handbench.baselines.blocks import PointwiseMLP, PositionMap
from handbench.baselines.fit_set import SET, Tail
from handbench.baselines.ifvonet_config import IFVONetConfig
from handbench.baselines.norm_maps import NamNorm, PairwiseNorm, QueryNorm, VolumeNorm


def occlusion_map(config: IFVONetConfig) -> ScoreMap:
    """Returns the score of F_o: C_sig, or what table V puts there."""
    if config.attn_occ == "softmax":
        return SoftmaxMap()
    return GateMap() if config.sig_map == "per_query" else SigmoidMap(config.sig_norm)


def hand_map(config: IFVONetConfig) -> ScoreMap | None:
    """Returns the score of F_h: S_norm, what table V puts there, or None."""
    if config.attn_hand == "none":
        return None
    if config.attn_hand == "softmax":
        return SoftmaxMap()
    if config.attn_hand == "sigmoid_gate":
        return GateMap()
    if config.norm_map == "volume":
        return VolumeNorm(config.resolution**2)
    kinds: dict[str, type[PairwiseNorm | QueryNorm | NamNorm]] = {
        "pairwise": PairwiseNorm, "per_query": QueryNorm, "nam": NamNorm,
    }  # fmt: skip
    return kinds[config.norm_map](config.heads)


class ReasoningLayer(nn.Module):
    """One layer of GOR."""

    def __init__(self, config: IFVONetConfig) -> None:
        super().__init__()
        channels, self.heads = config.channels, config.heads
        self.add, self.residual = config.attn_combine == "add", config.gor_residual
        self.renormalise = config.softmax_product == "renormalised"
        self.occlusion, self.hand = occlusion_map(config), hand_map(config)
        self.query_occ = nn.Conv2d(channels, channels, 1)
        self.key_occ = nn.Conv2d(channels, channels, 1)
        self.own = self.hand is not None and config.norm_proj == "own"
        if self.own:
            self.query_hand = nn.Conv2d(channels, channels, 1)
            self.key_hand = nn.Conv2d(channels, channels, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.positions = config.gor_positions
        if self.positions:
            self.query_position = PositionMap(channels, config.resolution)
            self.key_position = PositionMap(channels, config.resolution)
        self.norm = nn.LayerNorm(channels)
        self.mlp = PointwiseMLP(channels, config.mlp_ratio)

    def forward(self, query: Tensor, hand: Tensor) -> Tensor:
        """Returns F_GOR (B, C, n, n).

        Args:
            query: F_o (B, C, n, n), or what the layer before gave.
            hand: F_h (B, C, n, n).
        """
        size = (query.shape[-2], query.shape[-1])
        placed_query = self.query_position(query) if self.positions else query
        placed_hand = self.key_position(hand) if self.positions else hand
        pair = (
            tokens(self.query_occ(placed_query), self.heads),
            tokens(self.key_occ(placed_hand), self.heads),
        )
        other = pair
        if self.own:
            other = (tokens(self.query_hand(placed_query), self.heads),
                     tokens(self.key_hand(placed_hand), self.heads))  # fmt: skip
        value = tokens(self.value(hand), self.heads)
        attended = self._combined(pair, other, value).transpose(1, 2).flatten(2)
        # Both maps lie on one grid, so the value at a place adds to what its query saw.
        base = value.transpose(1, 2).flatten(2) if self.residual == "value" else attended
        out: Tensor = base + self.mlp(self.norm(attended))
        return feature_map(out, size)

    def _combined(self, pair: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor], value: Tensor) -> Tensor:
        """Returns C v_h, (B, H, N, d)."""
        if self.hand is None:
            return self.occlusion.apply_to(*pair, value)
        if self.add:
            # (C_sig + S_norm) v_h, each in its cheapest form.
            return self.occlusion.apply_to(*pair, value) + self.hand.apply_to(*other, value)
        if self.occlusion.per_query:
            return product(self.hand, self.occlusion, other, pair, value, self.renormalise)
        return product(self.occlusion, self.hand, pair, other, value, self.renormalise)


class OcclusionReasoning(nn.Module):
    """GOR with its options: depth, FIT's tail, SET."""

    def __init__(self, config: IFVONetConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ReasoningLayer(config) for _ in range(config.gor_depth))
        self.tail = Tail(config.channels) if config.gor_tail == "fit_concat" else None
        self.refine = (
            SET(config.channels, config.resolution, config.heads, config.mlp_ratio)
            if config.use_set
            else None
        )

    def forward(self, hand: Tensor, occluded: Tensor) -> Tensor:
        """Returns F_GOR (B, C, n, n) of F_h and F_o, both (B, C, n, n)."""
        out = occluded
        for layer in self.layers:
            out = layer(out, hand)
        if self.tail is not None:
            out = self.tail(hand, out)
        return out if self.refine is None else self.refine(out)
