"""HDRNet: masks, partial convolution, transformer block, sizes, switches, losses, completed pictures."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handbench.baselines.counting import count_forward, count_parameters
from handbench.baselines.hdr_entries import HDRNET_COUNTS
from handbench.baselines.hdr_masks import compose, dilate, hdr_masks
from handbench.baselines.hdrnet import HDRNet, inputs_of
from handbench.baselines.hdrnet_config import HDRNETS, VARIANTS, HDRNetConfig, configure
from handbench.baselines.hdrnet_losses import HDROutputs, feature_distances, gram, hdrnet_losses
from handbench.baselines.hdrnet_network import HDRNetwork, masks_in_order, normalised, to_bytes
from handbench.baselines.hdrnet_trainable import RECIPE, HDRNetTrainable, make_trainable, open_hdrnet
from handbench.baselines.hdrnet_trainable import inputs_of as model_inputs
from handbench.baselines.mask_noise import spoil
from handbench.baselines.partial_conv import Masked, PartialConv2d
from handbench.baselines.patch_discriminator import PatchDiscriminator
from handbench.baselines.pvt_block import PVTBlock
from handbench.baselines.trainable import Network
from handbench.baselines.vgg import CHANNELS, STAGES, VGGFeatures, load_vgg
from handbench.baselines.weights import save_weights
from handbench.datasets import Dataset, load_dataset
from handbench.errors import HandbenchError
from handbench.inputs import MASKS
from handbench.loaders import Batch, batches
from handbench.models import MODELS, ModelOptions
from handbench.synth.generate import SynthOptions, generate
from handbench.train.options import TrainOptions, resolve
from handbench.train.step import make_optimiser

SMALL: dict[str, Any] = {
    "size": 64, "widths": [8, 8, 16, 16, 16], "attend": [3, 5], "heads": [2, 2], "ratios": [2, 2],
    "reductions": [2, 1], "discriminator_width": 4,
}  # fmt: skip


def small_config(**changes: Any) -> HDRNetConfig:
    return configure("hdrnet", SMALL, changes)


def small_network(seed: int = 0, **changes: Any) -> HDRNetwork:
    return HDRNetTrainable("hdrnet", small_config(**changes), RECIPE, speaks=False).build(seed)


@pytest.fixture(scope="module")
def aih(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = tmp_path_factory.mktemp("aih") / "train"
    generate(root, SynthOptions(renderer="raster", overrides=("size=96",)), 18, workers=0, quiet=True)
    return load_dataset("aih", root, quiet=True)


@pytest.fixture(scope="module")
def batch(aih: Dataset) -> Batch:
    """Crops of target hands with the target alone, as in training."""
    inputs = dataclasses.replace(model_inputs(small_config()), target_image=True)
    return next(iter(batches(aih, inputs, batch_size=8, augment="handoccnet", shuffle=True, seed=1)))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scene(count: int = 2, size: int = 64) -> tuple[Tensor, Tensor]:
    """Random pictures (count, 3, size, size), and masks (count, 4, ...) of two hands that overlap."""
    images = torch.randn(count, 3, size, size, generator=generator())
    masks = torch.zeros(count, 4, size, size, dtype=torch.bool)
    third = size // 3
    masks[:, 0, third : 2 * third + 6, 8 : 2 * third] = True
    masks[:, 2, 4 : 2 * third, third : size - 8] = True
    masks[:, 3] = masks[:, 2]
    masks[:, 1] = masks[:, 0] & ~masks[:, 3]
    return images, masks


def test_masks_pixel_by_pixel() -> None:
    """Every combination of the four masks against the specification's table, written as cases."""
    rows = torch.tensor([[a, v, o, s] for a in (0, 1) for v in (0, 1) for o in (0, 1) for s in (0, 1)])
    maps = rows.T[:, None, None].bool()
    for removed in ("amodal", "visible"):
        told = hdr_masks(*maps, removed=removed)  # type: ignore[arg-type]
        for i, (whole, seen, other, other_seen) in enumerate(rows.tolist()):
            gone = other if removed == "amodal" else other_seen
            want = {
                "r_invisible": whole and not seen, "r_visible_mask": not (whole and not seen),
                "r_modal": seen, "l_invisible": not whole and gone,
                "l_visible_mask": whole or not gone, "l_modal": not whole and not other,
                "hole": (whole and not seen) or (not whole and gone),
            }  # fmt: skip
            for name, value in want.items():
                assert getattr(told, name).shape == (1, 1, 1, 16)
                assert bool(getattr(told, name)[0, 0, 0, i]) == bool(value), (name, rows[i])
    off = hdr_masks(*maps, removal=False)
    assert not off.l_invisible.any() and torch.equal(off.r_invisible, told.r_invisible)
    off = hdr_masks(*maps, deocclusion=False)
    assert not off.r_invisible.any() and bool(off.l_invisible.any())
    with pytest.raises(ValueError, match="takes other_visible"):
        hdr_masks(*maps[:3], removed="visible")


@pytest.mark.parametrize("size", [1, 5, 9])
def test_dilation_and_composition_are_opencvs(size: int) -> None:
    mask = torch.rand(3, 1, 40, 30, generator=generator()) > 0.985
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    wide = dilate(mask.float(), size)
    for one, want in zip(wide, mask, strict=True):
        assert np.array_equal(one[0].numpy(), cv2.dilate(want[0].numpy().astype(np.uint8), kernel))
    picture, output = torch.zeros(3, 3, 40, 30), torch.ones(3, 3, 40, 30)
    assert torch.equal(compose(picture, output, wide), wide.expand(3, 3, 40, 30))


def dense(conv: PartialConv2d, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The official form, literally: the mask of every channel convolved with weights of one."""
    pad, ones = conv.kernel // 2, torch.ones_like(conv.weight)
    total = F.conv2d(mask, ones, stride=conv.stride, padding=pad)
    out = F.conv2d(values * mask, conv.weight, stride=conv.stride, padding=pad)
    out = out / total.masked_fill(total == 0, 1) * (ones[0].numel() if conv.normalised else 1)
    if conv.bias is not None:
        out = out + conv.bias[:, None, None]
    return out.masked_fill(total == 0, 0), (total > 0).float()


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize(("kernel", "stride", "bias"), [(7, 2, False), (3, 1, True), (5, 2, True)])
def test_partial_convolution_is_the_dense_one(kernel: int, stride: int, bias: bool, normalised: bool) -> None:
    conv = PartialConv2d(6, 4, kernel, stride, bias, normalised)
    if conv.bias is not None:
        nn.init.normal_(conv.bias)
    values = torch.randn(2, 6, 16, 16, generator=generator())
    masks = (torch.rand(2, 2, 16, 16, generator=generator(1)) > 0.5).float()
    masks[:, :, :12, :12] = 0
    wide = torch.cat([masks[:, :1].expand(-1, 2, -1, -1), masks[:, 1:].expand(-1, 4, -1, -1)], dim=1)
    want, mask = dense(conv, values, wide)
    assert not mask.all() and mask.any()
    out, found = conv(Masked(values * wide, (2, 4), (masks[:, :1], masks[:, 1:])))
    torch.testing.assert_close(out, want, rtol=1e-5, atol=1e-6)
    assert found is not None and torch.equal(found.expand_as(mask), mask)
    # Data everywhere, in one group or in both.
    want, _ = dense(conv, values, torch.ones_like(values))
    for whole in (Masked(values, (6,), (None,)), Masked(values, (2, 4), (None, None))):
        out, nothing = conv(whole)
        torch.testing.assert_close(out, want, rtol=1e-5, atol=1e-6)
        assert nothing is None
    mixed = torch.cat([torch.ones_like(wide[:, :2]), wide[:, 2:]], dim=1)
    out, _ = conv(Masked(values * mixed, (2, 4), (None, masks[:, 1:])))
    torch.testing.assert_close(out, dense(conv, values, mixed)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reduction", [1, 2])
def test_the_transformer_block_place_by_place(reduction: int) -> None:
    """Written once more with loops over heads and explicit softmax."""
    torch.manual_seed(0)
    block = PVTBlock(8, 2, 3, reduction)
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.3)
    x = torch.randn(1, 8, 4, 6)
    tokens = x[0].reshape(8, 24).T
    n = F.layer_norm(tokens, (8,), block.norm1.weight, block.norm1.bias, 1e-6)
    a = block.attention
    seen = n
    if reduction > 1:
        small = F.conv2d(n.T.reshape(1, 8, 4, 6), a.reduce.weight, a.reduce.bias, stride=2)
        seen = F.layer_norm(small[0].reshape(8, 6).T, (8,), a.norm.weight, a.norm.bias, 1e-6)
    q = n @ a.query.weight.T + a.query.bias
    kv = seen @ a.key_value.weight.T + a.key_value.bias
    heads = []
    for h in (slice(0, 4), slice(4, 8)):
        score = q[:, h] @ kv[:, :8][:, h].T / 2
        heads.append(score.softmax(dim=1) @ kv[:, 8:][:, h])
    tokens = tokens + torch.cat(heads, dim=1) @ a.project.weight.T + a.project.bias
    n = F.layer_norm(tokens, (8,), block.norm2.weight, block.norm2.bias, 1e-6)
    hidden = (n @ block.mlp.widen.weight.T + block.mlp.widen.bias).T.reshape(1, 24, 4, 6)
    hidden = F.conv2d(hidden, block.mlp.depthwise.weight, block.mlp.depthwise.bias, padding=1, groups=24)
    hidden = F.gelu(hidden)[0].reshape(24, 24).T
    tokens = tokens + hidden @ block.mlp.narrow.weight.T + block.mlp.narrow.bias
    want = F.layer_norm(tokens, (8,), block.norm.weight, block.norm.bias, 1e-6).T.reshape(1, 8, 4, 6)
    torch.testing.assert_close(block(x), want, rtol=1e-4, atol=1e-5)


class _Whole(nn.Module):
    """What completing a picture takes, for counting."""

    def __init__(self, config: HDRNetConfig) -> None:
        super().__init__()
        self.network = HDRNetwork(dataclasses.replace(config, adversarial=0.0), model_inputs(config))

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        return self.network.complete(images, masks)


def test_sizes_are_the_specifications() -> None:
    """42.2 M trained: 32.9 M of convolutions, 9.3 M of transformers; 9.8 + 4.0 GMAC; the judge 2.77 M."""
    with torch.device("meta"):
        net = HDRNet(HDRNetConfig())
        judge = PatchDiscriminator()
    blocks = sum(count_parameters(part) for part in net.modules() if isinstance(part, PVTBlock))
    convs = sum(count_parameters(part) for part in net.modules() if isinstance(part, PartialConv2d))
    assert count_parameters(net) == pytest.approx(42.2e6, rel=0.01)
    assert (round(convs / 1e6, 1), round(blocks / 1e6, 1)) == (32.9, 9.3)
    assert round(count_parameters(judge) / 1e6, 2) == 2.77
    for name, config in HDRNETS.items():
        base, _, variant = name.partition(":")
        facts = MODELS.get(base).variants[variant] if variant else MODELS.get(base)
        assert (facts.parameters, facts.flops) == HDRNET_COUNTS[name]
        if name in ("hdrnet", "hdrnet:no-transformer", "hdrnet-tiny"):
            shapes = [(1, count, config.size, config.size) for count in (3, 4)]
            assert count_forward(lambda config=config: _Whole(config), *shapes) == HDRNET_COUNTS[name]
    whole, convolved = (HDRNET_COUNTS[name][1] / 2e9 for name in ("hdrnet", "hdrnet:no-transformer"))
    assert round(convolved, 1) == 9.8 and round(whole - convolved, 1) == 4.0
    assert 2 * HDRNET_COUNTS["hdrnet-tiny"][0] < 8e6


def test_levels_are_the_tables() -> None:
    """Kernel, stride, channels and where blocks are, from the table of section 2.2."""
    with torch.device("meta"):
        net = HDRNet(HDRNetConfig())
    down = [(level.conv.kernel, level.conv.stride, level.conv.outputs) for level in net.down]  # type: ignore[union-attr]
    assert down == [(7, 2, 64), (5, 2, 128), (5, 2, 256), *[(3, 2, 512)] * 5]
    up = [(level.conv.kernel, level.conv.inputs, level.conv.outputs) for level in net.up]  # type: ignore[union-attr]
    joins = [(512 + 512, 512)] * 4 + [(512 + 256, 256), (256 + 128, 128), (128 + 64, 64), (64 + 8, 3)]
    assert up == [(3, *pair) for pair in joins]
    blocks = {
        name: (block.norm.weight.numel(), block.attention.heads, block.attention.reduction)
        for name, block in net.named_modules() if isinstance(block, PVTBlock)
    }  # fmt: skip
    assert blocks == {
        "down.2.block": (256, 2, 4), "down.4.block": (512, 8, 1), "up.3.block": (512, 8, 1),
        "up.5.block": (128, 2, 4),
    }  # fmt: skip
    norms = [level.norm is not None for level in (*net.down, *net.up)]
    assert norms == [False, *[True] * 14, False] and net.up[-1].conv.bias is not None  # type: ignore[union-attr]
    judge = PatchDiscriminator(4)
    assert judge(torch.zeros(1, 5, 256, 256), judge.weights()).shape == (1, 1, 30, 30)


SWITCHES: dict[str, dict[str, Any]] = {
    "hdrnet": {}, **VARIANTS, 
    "visible": {"removed": "visible"},
}  # fmt: skip


def test_every_switch_changes_the_computation() -> None:
    """All that is built gets a gradient; no two settings that should differ give the same picture."""
    images, masks = scene(3)
    masks[:, 3, :, 40:] = False
    found: dict[str, Tensor] = {}
    for name, changes in SWITCHES.items():
        network = small_network(**changes)
        assert isinstance(network, Network)
        out = network(images, masks, torch.randn(images.shape, generator=generator(2)), torch.ones(3))
        terms = network.loss(out, None)
        sum(terms.values()).backward()  # type: ignore[union-attr]
        for key, parameter in network.named_parameters():
            assert parameter.grad is not None and bool((parameter.grad != 0).any()), f"{name}: {key}"
        groups = [parameter for group in network.parameter_groups() for parameter in group["params"]]
        assert {id(parameter) for parameter in groups} == {
            id(parameter) for parameter in network.parameters()
        }
        assert out.picture.shape == (3, 3, 64, 64) and out.picture.isfinite().all()
        assert (network.discriminator is None) == (name == "no-discriminator") == ("adversarial" not in terms)
        # Mask noise is drawn in prepare, the discriminator judges: neither changes what is painted.
        if name not in ("no-discriminator",):
            found[name] = out.picture.detach()
    names = list(found)
    for i, first in enumerate(names):
        for second in names[:i]:
            assert not torch.equal(found[first], found[second]), f"{first} = {second}"


def test_no_mask_has_a_hole_after_the_first_convolution() -> None:
    """So attention's values are never erased, whatever the masks; the dense form says it too."""
    masks = (
        torch.rand(8, 4, 32, 32, generator=generator()) > torch.tensor([0.02, 0.9, 0.02, 0.5])[:, None, None]
    )
    told = hdr_masks(*masks.unbind(1))
    assert told.hole.mean() > 0.8 and not (told.r_invisible * told.l_invisible).any()
    conv = small_network().generator.down[0].conv
    wide = torch.cat(
        [told.r_visible_mask.expand(-1, 4, -1, -1), told.l_visible_mask.expand(-1, 4, -1, -1)], 1
    )
    images = torch.randn(8, 3, 32, 32, generator=generator(1))
    want, mask = dense(conv, inputs_of(images, told).values, wide)  # type: ignore[arg-type]
    assert mask.all()
    found, nothing = conv(inputs_of(images, told))  # type: ignore[operator]
    assert nothing is None
    torch.testing.assert_close(found, want, rtol=1e-5, atol=1e-6)


def test_holes_are_blind() -> None:
    """What lies below a hole changes nothing; what lies beside it does."""
    images, masks = scene()
    network = small_network().eval()
    told = network.masks(masks)
    noise = torch.randn(images.shape, generator=generator(3))
    with torch.no_grad():
        first = network.generator(images, told)
        one = network.generator(compose(images, noise, told.r_invisible * told.l_invisible), told)
        assert torch.equal(first, one)
        changed = network.generator(compose(images, noise, told.hole), told)
        beside = network.generator(compose(noise, images, told.hole), told)
    # Each of the two inputs has the other's hole: the picture below the union is seen, but in one group only.
    assert not torch.equal(first, changed) and not torch.equal(first, beside)
    completed = network.complete(images, masks)
    kept = dilate(told.hole, 9) < 0.5
    assert torch.equal(completed[kept.expand_as(images)], images[kept.expand_as(images)])
    assert (completed != images).any(dim=1, keepdim=True).logical_or(kept).all()
    nothing = torch.zeros_like(masks)
    assert torch.equal(network.complete(images, nothing), images)
    direct = small_network(result="direct").eval()
    assert torch.equal(direct.complete(images, masks), direct.generator(images, told))


def test_one_step_serves_both_players() -> None:
    """Gradients of the sum: the generator's are those without the judge's error, and the other way round."""
    images, masks = scene(3)
    target = torch.randn(images.shape, generator=generator(2))

    def gradients(chosen: set[str] | None) -> dict[str, Tensor]:
        network = small_network()
        terms = network.loss(network(images, masks, target, torch.ones(3)), None)
        sum(term for name, term in terms.items() if chosen is None or name in chosen).backward()  # type: ignore[union-attr]
        return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}

    both, judge = gradients(None), gradients({"discriminator"})
    rest = gradients({"valid", "hole_deocclusion", "hole_removal", "tv", "adversarial"})
    fooled = gradients({"adversarial"})
    assert {name.partition(".")[0] for name in judge} == {"discriminator"}
    assert (
        {name.partition(".")[0] for name in rest}
        == {name.partition(".")[0] for name in fooled}
        == {"generator"}
    )
    for name, value in both.items():
        torch.testing.assert_close(value, (judge if name in judge else rest)[name])


def test_spectral_norm_is_the_greatest_singular_value() -> None:
    judge = PatchDiscriminator(4)
    for _ in range(100):
        weights = judge.weights()
    for weight in weights:
        assert torch.linalg.svdvals(weight.detach().flatten(1))[0].item() == pytest.approx(1, abs=2e-3)
    judge.eval()
    before = [kernel.u.clone() for kernel in judge.kernels]  # type: ignore[union-attr]
    judge.weights()
    assert all(torch.equal(a, b.u) for a, b in zip(before, judge.kernels, strict=True))  # type: ignore[arg-type]


def test_the_judge_learns_at_a_tenth_of_the_rate() -> None:
    from handbench.train.ddp import Ranks
    from handbench.train.step import Stepper

    how = resolve(TrainOptions("hdrnet", ("aih:x",), Path("out")), RECIPE)
    network = small_network()
    stepper = Stepper(network, how, Ranks(0, 1, torch.device("cpu")), "fp32", compiled=False)
    first, second = stepper.optimiser.param_groups
    assert (first["betas"], second["betas"]) == ((0.9, 0.999), (0.0, 0.9))
    before = [parameter.detach().clone() for parameter in network.parameters()]
    # Adam's first step is as long as the rate.
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    for group in stepper.optimiser.param_groups:
        group["lr"] = 1e-3 * group.get("scale", 1.0)
    stepper.optimiser.step()
    after = [parameter.detach() for parameter in network.parameters()]
    moved = [float((a - b).abs().max()) for a, b in zip(before, after, strict=True)]
    count = len(list(network.generator.parameters()))
    assert moved[:count] == pytest.approx([1e-3] * count, rel=0.01)
    assert moved[count:] == pytest.approx([1e-4] * 5, rel=0.01)
    plain = make_optimiser(how, network.generator)
    assert len(plain.param_groups) == 1


def test_losses_by_hand() -> None:
    """Written with loops over items, from the specification: means over whole pictures, both holes alike."""
    config = small_config(hole=5.0, tv=0.3, valid=2.0)
    images, masks = scene(3)
    told = hdr_masks(*masks[:, :4].unbind(1))
    target, logits = torch.randn(images.shape, generator=generator(5)), torch.randn(3, 3, 1, 2, 2)
    known = torch.tensor([1.0, 0.0, 1.0])
    out = HDROutputs(
        images, target, known, told.r_invisible, told.l_invisible, logits[0], logits[1], logits[2],
        torch.rand(3, 2), torch.rand(3, 2),
    )  # fmt: skip
    assert out.perceptual is not None and out.style is not None
    want = dict.fromkeys(hdrnet_losses(out, config), 0.0)
    for i in (0, 2):
        hidden, away = told.r_invisible[i] > 0, told.l_invisible[i] > 0
        gap = (images[i] - target[i]).abs()
        want["valid"] += 2 * float((gap * ~(hidden | away)).mean()) / 3
        want["hole_deocclusion"] += 5 * float((gap * hidden).mean()) / 3
        want["hole_removal"] += 5 * float((gap * away).mean()) / 3
        whole = torch.where(hidden | away, images[i], target[i])
        steps = whole.diff(dim=2).abs().mean() + whole.diff(dim=1).abs().mean()
        want["tv"] += 0.3 * float(steps) / 3
        for k, hole in enumerate(("deocclusion", "removal")):
            want[f"prc_{hole}"] += 0.1 * float(out.perceptual[i, k]) / 3
            want[f"style_{hole}"] += 250 * float(out.style[i, k]) / 3
        chance = logits[:, i].sigmoid()
        want["adversarial"] += 0.1 * float(-chance[2].log().mean()) / 3
        errors = -chance[0].log().mean() - (1 - chance[1]).log().mean()
        want["discriminator"] += float(errors) / 2 / 3
    found = {name: value.item() for name, value in hdrnet_losses(out, config).items()}
    assert found == pytest.approx(want, rel=1e-4)
    # What several processes compute is what one does.
    halves = [HDROutputs(*(v[part] for v in out)) for part in (slice(0, 1), slice(1, 3))]  # type: ignore[index]
    first, second = (hdrnet_losses(half, config)["hole_removal"].item() for half in halves)
    assert (first + 2 * second) / 3 == pytest.approx(found["hole_removal"], rel=1e-4)


def vgg_state() -> dict[str, Tensor]:
    """Random weights with torchvision's names and shapes."""
    draw, state = generator(7), {}
    for i, index in enumerate(index for stage in STAGES for index in stage):
        shape = (CHANNELS[i + 1], CHANNELS[i], 3, 3)
        state[f"features.{index}.weight"] = torch.randn(shape, generator=draw) / (9 * CHANNELS[i]) ** 0.5
        state[f"features.{index}.bias"] = torch.randn(shape[0], generator=draw) / 10
    return state


def test_vgg_terms(tmp_path: Path, capsys: pytest.CaptureFixture[str], batch: Batch) -> None:
    state = vgg_state()
    plain = nn.Sequential()
    for stage in ((3, 64, 64), (64, 128, 128), (128, 256, 256, 256)):
        for inputs, outputs in pairwise(stage):
            plain += nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU())
        plain.append(nn.MaxPool2d(2))
    plain.load_state_dict({name.removeprefix("features."): value for name, value in state.items()})
    picture, target = torch.randn(2, 2, 3, 32, 32, generator=generator(8))
    holes = (torch.rand(2, 2, 1, 32, 32, generator=generator(9)) > 0.5).float()
    perceptual, style = feature_distances(VGGFeatures(state), picture, target, list(holes))
    for k, hole in enumerate(holes):
        a, b, features, grams = picture * hole, target * hole, torch.zeros(2), torch.zeros(2)
        for layer in plain:
            a, b = layer(a), layer(b)
            if isinstance(layer, nn.MaxPool2d):
                features += (a - b).abs().flatten(1).mean(1)
                for i in range(2):
                    grams[i] += (
                        sum(
                            abs((x[i, c] * x[i, d]).sum() - (y[i, c] * y[i, d]).sum())
                            for x, y in [(a, b)]
                            for c in range(1)
                            for d in range(1)
                        )
                        * 0
                    )  # the whole matrix below
                one, two = (torch.einsum("bchw,bdhw->bcd", x, x) / x[0].numel() for x in (a, b))
                grams += (one - two).abs().flatten(1).mean(1)
        torch.testing.assert_close(perceptual[:, k], features)
        torch.testing.assert_close(style[:, k], grams)
    assert gram(torch.ones(1, 2, 3, 4)).tolist() == [[[0.5, 0.5], [0.5, 0.5]]]
    path = tmp_path / "vgg16.pth"
    torch.save({**state, "classifier.0.weight": torch.zeros(2)}, path)
    trainable = make_trainable("hdrnet-tiny", f"vgg={path}")
    network = trainable.build()
    assert str(path) not in str(trainable.config) and len(trainable.config.vgg) == 16
    assert not any("vgg" in name for name in network.state_dict()) and not capsys.readouterr().err
    network.requires_grad_(False)
    small = HDRNetTrainable("hdrnet", small_config(), RECIPE, path).build()
    terms = small.loss(small(*small.prepare(batch.part(0, 2))), batch)
    assert {"prc_deocclusion", "style_removal"} < set(terms) and terms["style_removal"] > 0
    sum(terms.values()).backward()  # type: ignore[union-attr]
    assert make_trainable("hdrnet-tiny").build() and "are off" in capsys.readouterr().err
    torch.save({**state, "features.5.bias": torch.zeros(3)}, path)
    with pytest.raises(HandbenchError, match=r"features.5.bias should be \(128,\), there is \(3,\)"):
        load_vgg(path)


def test_spoilt_masks() -> None:
    torch.manual_seed(0)
    _, masks = scene(64, 128)
    masks[:8, 2:] = False
    noisy = spoil(masks, 1.0)
    assert noisy.dtype == torch.bool and noisy.shape == masks.shape
    assert torch.equal(spoil(masks, 0.0), masks)
    assert not noisy[:8, 2:].any(), "a mask of nothing stays so"
    assert not (noisy[:, 1::2] & ~noisy[:, ::2]).any(), "what is visible is part of the whole"
    union, both = (noisy | masks).sum((2, 3)).float(), (noisy & masks).sum((2, 3)).float()
    overlap = (both / union)[8:]
    assert 0.75 < overlap.mean() < 0.97 and overlap.min() > 0.3
    grown = noisy.sum((2, 3))[8:, 0] / masks.sum((2, 3))[8:, 0]
    assert (grown > 1.02).any() and (grown < 0.98).any(), "borders move both ways"
    share = (spoil(masks, 0.5) != masks).flatten(1).any(1).float().mean()
    assert 0.3 < share < 0.7


def test_batches_are_of_targets(aih: Dataset, batch: Batch) -> None:
    """One item a picture, about the hand that it names, shown as a right one; pairs have none."""
    loop = batches(aih, make_trainable("hdrnet-tiny").inputs, batch_size=64)
    sides = [aih[i].meta["target_side"] if aih[i].meta["kind"] != "pair" else "" for i in range(len(aih))]
    there = [any(hand.side.value == side for hand in aih[i].hands) for i, side in enumerate(sides)]
    (whole,) = list(loop)
    assert list(whole.keys) == [aih.keys[i] for i, found in enumerate(there) if found]
    assert 0 < len(whole) < len(aih)
    assert (batch.side == 0).all() and batch.flipped.any() and not batch.flipped.all()
    network = small_network(mask_noise=0.0)
    images, masks, target, known = network.prepare(batch)
    assert known.all() and images.shape == target.shape == (8, 3, 64, 64)
    told = network.masks(masks)
    apart = (images - target).abs().mean(dim=1, keepdim=True)
    inside, outside = (
        (apart * part).sum() / part.sum() for part in (told.l_invisible, 1 - dilate(told.hole))
    )
    assert inside > 3 * outside, "the target's picture differs where the other hand is"
    assert told.r_invisible.any()
    middle = masks[:, 0].float().mean(dim=0)
    assert middle[24:40, 24:40].mean() > 2 * middle.mean(), "the target lies in the middle"
    spoilt = small_network(mask_noise=1.0).prepare(batch)[1]
    assert (spoilt != masks).any() and torch.equal(
        small_network(mask_noise=1.0).eval().prepare(batch)[1], masks
    )


def test_a_hole_that_is_not_filled_keeps_the_picture(batch: Batch) -> None:
    """Without removal the other hand is what the output should have there; the same for de-occlusion."""
    plain = small_network(mask_noise=0.0)
    told = plain.masks(plain.prepare(batch)[1])
    for name, hole in (("removal", told.l_invisible), ("deocclusion", told.r_invisible)):
        network = small_network(mask_noise=0.0, **{name: False})
        images, masks, target, known = network.prepare(batch)
        out = network(images, masks, target, known)
        where = (hole > 0).expand_as(images)
        assert torch.equal(out.target[where], images[where]) and where.any()
        assert torch.equal(out.target[~where], target[~where])
        assert not (out.l_invisible if name == "removal" else out.r_invisible).any()


def test_it_learns_to_paint(batch: Batch) -> None:
    """A few steps on one batch bring the holes nearer to the truth than what is there."""
    network = small_network(mask_noise=0.0, adversarial=0.0)
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    prepared = network.prepare(batch)
    losses = []
    for _ in range(40):
        terms = network.loss(network(*prepared), batch)
        losses.append((terms["hole_deocclusion"] + terms["hole_removal"]).item())
        optimiser.zero_grad()
        sum(terms.values()).backward()  # type: ignore[union-attr]
        optimiser.step()
    assert min(losses[-5:]) < 0.4 * losses[0]


def test_predictions(batch: Batch) -> None:
    """The picture of the crop with its hole filled, by the side that it is of, and the rest as it came."""
    network = small_network()
    model = HDRNetTrainable("hdrnet", small_config(), RECIPE).model(network)
    assert model.needs_ground_truth and model.parameters == count_parameters(network.generator)
    assert model.settings["off"] and model.settings["masks"] == "gt"
    found = model.predict(batch)
    told = network.masks(masks_in_order(batch))
    kept = (dilate(told.hole) < 0.5)[:, 0].numpy()
    assert not kept.all()
    for i, prediction in enumerate(found):
        (hand,) = prediction.hands
        assert hand.side.value == ("left" if batch.flipped[i] else "right")
        assert prediction.crop is not None and np.array_equal(prediction.crop, batch.affine[i, 0].numpy())
        shown = batch.images[i, 0].permute(1, 2, 0).numpy()
        assert hand.image is not None and hand.image.dtype == np.uint8
        assert np.array_equal(hand.image[kept[i]], shown[kept[i]])
        assert kept[i].all() or not np.array_equal(hand.image[~kept[i]], shown[~kept[i]])
    nobody = dataclasses.replace(batch, side=torch.full_like(batch.side, -1))
    assert not any(prediction.hands for prediction in model.predict(nobody))
    turned = dataclasses.replace(batch, mask_names=MASKS[::-1])
    assert torch.equal(masks_in_order(turned), batch.masks().flip(1))


def test_colours_come_back() -> None:
    inputs = model_inputs(small_config())
    pictures = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
    assert torch.equal(to_bytes(normalised(pictures, inputs), inputs), pictures)


def test_weights_and_rows(tmp_path: Path) -> None:
    """Settings that change no layer are kept with the weights; a row's own hold over them."""
    trainable = make_trainable("hdrnet-tiny", "no-transformer,dilate=11,scale=1.8")
    network = trainable.build(3)
    path = tmp_path / "w.safetensors"
    save_weights(
        path, network.state_dict(), trainable.name, trainable.config, "synthetic aih/train", half=True
    )
    assert path.stat().st_size < 8e6
    model: Any = open_hdrnet("hdrnet-tiny", ModelOptions("no-transformer,scale=2.5", path))
    assert (model.network.config.dilate, model.inputs.scale) == (11, 2.5) and model.trained
    assert model.train_data == "synthetic aih/train"
    with pytest.raises(HandbenchError, match="attend"):
        open_hdrnet("hdrnet-tiny", ModelOptions("", path))
    trainable = make_trainable("hdrnet-tiny")
    save_weights(path, trainable.build().state_dict(), trainable.name, trainable.config)
    off: Any = open_hdrnet("hdrnet-tiny", ModelOptions("no-removal", path))
    assert not off.network.config.removal
    raw: Any = open_hdrnet("hdrnet-tiny", ModelOptions())
    assert not raw.trained
    again = trainable.build(1, path)
    assert torch.equal(again.generator.down[0].conv.weight, off.network.generator.down[0].conv.weight)  # type: ignore[union-attr]
    with pytest.raises(HandbenchError, match="no safetensors"):
        open_hdrnet("hdrnet-tiny", ModelOptions("", tmp_path / "x.pth"))


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ("orignal", "did you mean 'original'"),
        ("size=200", "multiple of 256"),
        ("widths=[]", "number of channels a level"),
        ("scale=0.0", "a scale is above 0"),
        ("mask_noise=2", "a share is 0 to 1"),
        ("dilate=4", "odd number"),
        ("removal=false,deocclusion=false", "leave one of them on"),
        ("hole=-1", "a weight is 0 or more"),
        ("vgg=nowhere.pth", "no file of VGG16 weights nowhere.pth"),
    ],
)
def test_wrong_settings(variant: str, message: str) -> None:
    with pytest.raises(HandbenchError, match=message):
        make_trainable("hdrnet", variant)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attend": [3]}, "as many of each"),
        ({"attend": [3, 9]}, "no level 9"),
        ({"heads": [2, 7]}, "channels divide by heads"),
        ({"reductions": [3, 1]}, "give a divisor"),
    ],
)
def test_wrong_blocks(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(HandbenchError, match=message):
        configure("hdrnet", changes)


def test_data_without_targets(batch: Batch, aih: Dataset) -> None:
    network = small_network()
    with pytest.raises(HandbenchError, match="no pictures of the target alone"):
        network.prepare(dataclasses.replace(batch, target_images=None))
    with pytest.raises(HandbenchError, match="without masks other_visible"):
        masks_in_order(dataclasses.replace(batch, mask_names=MASKS[:3]))

    class Nameless(type(aih)):  # type: ignore[misc]
        def ground_truth(self) -> Any:
            return dataclasses.replace(super().ground_truth(), subsets={})

    nameless = Nameless(aih.root, aih.options)  # type: ignore[attr-defined]
    with pytest.raises(HandbenchError, match="does not name the hand that a picture is about"):
        batches(nameless, network.inputs)


def test_compiles_as_one_graph() -> None:
    network = small_network()
    images, masks = scene()
    known = torch.ones(2)
    torch.manual_seed(0)
    plain = network(images, masks, images, known)
    compiled = torch.compile(small_network(), backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(images, masks, images, known).fake, plain.fake, rtol=0, atol=1e-5)
