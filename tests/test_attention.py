"""Attention: every fused form against the printed one, written out with loops or with torch's own layers."""

from __future__ import annotations

import math

import pytest
import torch
from small_networks import pictures, small_network
from torch import Tensor, nn

from handbench.baselines.attention import GateMap, ScoreMap, SigmoidMap, SoftmaxMap, product, tokens
from handbench.baselines.ifvonet_config import IFVONetConfig
from handbench.baselines.norm_maps import NamNorm, PairwiseNorm, QueryNorm, VolumeNorm
from handbench.baselines.variation import PixelVariation

B, H, N, D = 2, 4, 9, 6


def draw(seed: int, count: int = 3, shift: float = 0.0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(B, H, N, D, generator=generator, dtype=torch.float64) + shift for _ in range(count)]


def scores_by_loops(query: Tensor, key: Tensor) -> Tensor:
    """q_i . k_j / sqrt d, one number at a time."""
    out = torch.empty(B, H, N, N, dtype=torch.float64)
    for b in range(B):
        for h in range(H):
            for i in range(N):
                for j in range(N):
                    out[b, h, i, j] = sum(query[b, h, i] * key[b, h, j]) / math.sqrt(D)
    return out


def test_gate_equals_the_gated_map() -> None:
    """sigmoid(q2 . sum k2) * SDPA = (softmax * sigmoid(rows summed)) v, N x N written out."""
    q, k, v, q2, k2 = draw(0, 5)
    softmax = scores_by_loops(q, k).softmax(dim=-1)
    gate = torch.sigmoid(scores_by_loops(q2, k2).sum(dim=-1))
    naive = (softmax * gate[..., None]) @ v
    fused = product(SoftmaxMap(), GateMap(), (q, k), (q2, k2), v, renormalise=False)
    torch.testing.assert_close(fused, naive, rtol=0, atol=1e-6)


@pytest.mark.parametrize("norm", ["bias", "none", "mean"])
def test_pairwise_sigmoid(norm: str) -> None:
    q, k, v = draw(1)
    scores = scores_by_loops(q, k)
    weights = {
        "bias": 1 / (1 + N * torch.exp(-scores)),
        "none": 1 / (1 + torch.exp(-scores)),
        "mean": 1 / (1 + torch.exp(-scores)) / N,
    }[norm]
    found = SigmoidMap(norm).apply_to(q, k, v)  # type: ignore[arg-type]
    torch.testing.assert_close(found, weights @ v, rtol=1e-5, atol=1e-5)


def normed_layers(map_: PairwiseNorm | QueryNorm | NamNorm) -> None:
    """Gives a norm map weights that are not those of the start."""
    with torch.no_grad():
        for i, parameter in enumerate(map_.parameters()):
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(i)) + 0.5)


@pytest.mark.parametrize("training", [True, False])
def test_pairwise_norm_without_the_map_equals_batch_norm(training: bool) -> None:
    """The linear form, statistics included, against Conv2d and BatchNorm2d on the N x N map."""
    q, k, v = draw(2, shift=3.0)
    fused, printed = PairwiseNorm(H), PairwiseNorm(H)
    normed_layers(fused)
    printed.load_state_dict(fused.state_dict())
    for module in (fused, printed):
        module.train(training)
        if not training:
            module.bn.running_mean.fill_(0.7)  # type: ignore[union-attr]
            module.bn.running_var.fill_(2.5)  # type: ignore[union-attr]
    inputs = [t.float().requires_grad_() for t in (q, k, v)]
    others = [t.float().requires_grad_() for t in (q, k, v)]
    found = fused.apply_to(*inputs)
    naive = printed.double().matrix(*(t.double() for t in others[:2])) @ others[2].double()
    torch.testing.assert_close(found.double(), naive, rtol=1e-4, atol=1e-3)
    torch.autograd.backward([found.square().sum(), naive.square().sum()])
    for mine, reference in zip(inputs, others, strict=True):
        torch.testing.assert_close(mine.grad, reference.grad, rtol=2e-3, atol=2e-2)
    for name, buffer in fused.named_buffers():
        torch.testing.assert_close(buffer.double(), printed.get_buffer(name).double(), rtol=1e-4, atol=1e-5)


def test_pairwise_norm_keeps_its_digits_far_from_zero() -> None:
    """Scores of mean 900 and deviation 0.4: the difference of squares would be noise in fp32."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(B, H, N, D, generator=generator) * 0.01 for _ in range(3))
    norm = PairwiseNorm(H)
    scores = norm.mix.double()(scores_by_loops((q + 20).double(), (k + 20).double()))
    expected = nn.BatchNorm2d(H).double()(scores) @ v.double()
    found = norm.float().apply_to(q + 20, k + 20, v)
    torch.testing.assert_close(found.double(), expected, rtol=2e-2, atol=2e-3)


def test_other_norm_maps_as_printed() -> None:
    q, k, v = draw(3)
    per_query = QueryNorm(H).double()
    normed_layers(per_query)
    summed = scores_by_loops(q, k).sum(dim=-1, keepdim=True)
    expected = nn.functional.batch_norm(
        per_query.mix(summed), None, None, per_query.bn.weight, per_query.bn.bias, training=True
    )
    torch.testing.assert_close(per_query.matrix(q, k), expected)
    ones = torch.ones(N, N, dtype=torch.float64)
    torch.testing.assert_close(per_query.apply_to(q, k, v), per_query.matrix(q, k) * (ones @ v))

    volume = VolumeNorm(N).double()
    mean = scores_by_loops(q, k).mean(dim=1)
    assert volume.mix.bias is not None
    mixed = torch.einsum("ck,bik->bic", volume.mix.weight[..., 0], mean) + volume.mix.bias
    flat = mixed.reshape(-1, N)
    normed = (flat - flat.mean(0)) / (flat.var(0, unbiased=False) + volume.bn.eps).sqrt()
    torch.testing.assert_close(volume.matrix(q, k)[:, 0], normed.reshape(B, N, N), rtol=1e-5, atol=1e-5)

    nam = NamNorm(H).double()
    with torch.no_grad():
        nam.bn.weight.copy_(torch.tensor([1.0, -2.0, 3.0, 2.0]))
    scores = nam.bn(nam.mix(scores_by_loops(q, k)))
    share = torch.tensor([1, 2, 3, 2], dtype=torch.float64)[:, None, None] / 8
    torch.testing.assert_close(nam.matrix(q, k), torch.sigmoid(share * scores), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("second", [SoftmaxMap(), SigmoidMap(), GateMap(), PairwiseNorm(H).double()])
def test_products_are_entry_by_entry(second: ScoreMap) -> None:
    q, k, v, q2, k2 = draw(4, 5)
    first = SoftmaxMap()
    expected = (first.matrix(q, k) * second.matrix(q2, k2)) @ v
    torch.testing.assert_close(product(first, second, (q, k), (q2, k2), v, renormalise=False), expected)


def test_two_softmaxes_renormalised_are_the_softmax_of_the_sum() -> None:
    q, k, v, q2, k2 = draw(5, 5)
    both = scores_by_loops(q, k).softmax(-1) * scores_by_loops(q2, k2).softmax(-1)
    expected = both / both.sum(dim=-1, keepdim=True) @ v
    found = product(SoftmaxMap(), SoftmaxMap(), (q, k), (q2, k2), v, renormalise=True)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_tokens_are_the_places_of_the_map() -> None:
    features = torch.randn(B, H * D, 3, 3)
    found = tokens(features, H)
    for place in range(N):
        for head in range(H):
            expected = features[:, head * D : (head + 1) * D, place // 3, place % 3]
            torch.testing.assert_close(found[:, head, place], expected)


def small(**changes: object) -> IFVONetConfig:
    values: dict[str, object] = {"size": 64, "channels": 8, "heads": 2, "hourglass_depth": 2, **changes}
    return IFVONetConfig(**values)  # type: ignore[arg-type]


def test_variation_is_the_equation() -> None:
    """F_{t-1 -> t} = sigmoid(Q_{t-1} K_t^T / sqrt d) V_t and back, one f_p for both (section III-B)."""
    torch.manual_seed(0)
    config = small(sig_norm="none")
    pdv = PixelVariation(config)
    now, before = torch.randn(2, 3, 8, 8, 8)
    found = pdv([now, before])
    assert found.shape == (3, 16, 8, 8)

    def rows(layer: nn.Module, features: Tensor) -> Tensor:
        return layer(features).flatten(2).transpose(1, 2)  # type: ignore[no-any-return]

    p = pdv.projections[0]
    for i, (query_of, seen) in enumerate([(before, now), (now, before)]):
        heads = []
        for head in range(2):
            cut = slice(4 * head, 4 * head + 4)
            q, k = rows(p.query, query_of)[..., cut], rows(p.key, seen)[..., cut]  # type: ignore[arg-type]
            v = rows(p.value, seen)[..., cut]  # type: ignore[arg-type]
            heads.append(torch.sigmoid(q @ k.transpose(1, 2) / 2) @ v)
        expected = pdv.mlp(torch.cat(heads, dim=-1)).transpose(1, 2).reshape(3, 8, 8, 8)
        torch.testing.assert_close(found[:, 8 * i : 8 * i + 8], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("reading", "maps"), [("pairs", 4), ("joint", 3)])
def test_three_frames(reading: str, maps: int) -> None:
    torch.manual_seed(0)
    pdv = PixelVariation(small(frames=3, pdv=3, pdv_three=reading))
    frames = torch.randn(3, 2, 8, 8, 8)
    found = pdv(list(frames))
    assert pdv.maps == maps and found.shape == (2, 8 * maps, 8, 8)
    # The last map is that of t-2: it looks at t through its own queries.
    changed = pdv([frames[0], frames[1], frames[2] + 1])
    same = [torch.allclose(found[:, 8 * i : 8 * i + 8], changed[:, 8 * i : 8 * i + 8]) for i in range(maps)]
    assert same == ([True, True, False, False] if reading == "pairs" else [False, True, False])


def test_half_precision_keeps_small_scores() -> None:
    """Beside log N = 6.9, bfloat16 cannot tell scores of 0.01 apart; the map is made in fp32."""
    query = torch.full((1, 1, 1024, 4), 0.1, dtype=torch.bfloat16)
    key = torch.linspace(0.0, 0.1, 1024, dtype=torch.bfloat16)[:, None].expand(1, 1, 1024, 4)
    assert len(set(SigmoidMap("bias").matrix(query, key)[0, 0, 0].tolist())) > 100


@pytest.mark.parametrize(("norm", "total"), [("bias", 1.0), ("none", N / 2), ("mean", 0.5)])
def test_what_a_row_of_the_sigmoid_sums_to_at_the_start(norm: str, total: float) -> None:
    """Scores near 0: literally a row sums to N / 2, so that its output is N / 2 times a mean of values."""
    q, k, v = draw(6)
    rows = SigmoidMap(norm).matrix(q / 100, k / 100).sum(dim=-1)  # type: ignore[arg-type]
    exact = total if norm != "bias" else N / (N + 1)
    torch.testing.assert_close(rows, torch.full_like(rows, exact), rtol=1e-3, atol=0)
    out = SigmoidMap(norm).apply_to(q / 100, k / 100, v)  # type: ignore[arg-type]
    torch.testing.assert_close(out, v.mean(dim=2, keepdim=True).expand_as(out) * exact, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("norm", ["bias", "none", "mean"])
@pytest.mark.parametrize("init", ["default", "small"])
def test_every_normalisation_starts_finite(norm: str, init: str) -> None:
    network = small_network(sig_norm=norm, init=init)
    out = network(pictures(network))
    torch.autograd.backward(sum((value.abs().sum() for value in out), torch.zeros(())))
    assert all(value.isfinite().all() for value in out)
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
