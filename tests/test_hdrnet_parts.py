"""What HDRNet is made of: masks, partial convolution, transformer block, judge, losses, mask noise."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pytest
import torch
from small_hdrnet import dense, generator, scene, small_config
from torch import Tensor, nn
from torch.nn import functional as F

from handbench.baselines.hdr_masks import compose, dilate, hdr_masks
from handbench.baselines.hdrnet_losses import HDROutputs, feature_distances, gram, hdrnet_losses
from handbench.baselines.hdrnet_trainable import RECIPE, HDRNetTrainable, make_trainable
from handbench.baselines.mask_noise import spoil
from handbench.baselines.partial_conv import Masked, PartialConv2d
from handbench.baselines.patch_discriminator import PatchDiscriminator
from handbench.baselines.pvt_block import PVTBlock
from handbench.baselines.vgg import CHANNELS, STAGES, VGGFeatures, load_vgg
from handbench.errors import HandbenchError


def test_masks_pixel_by_pixel() -> None:
    """Every combination of the four masks against the specification's table, written as cases."""
    rows = torch.tensor([[a, v, o, s] for a in (0, 1) for v in (0, 1) for o in (0, 1) for s in (0, 1)])
    maps = rows.T[:, None, None].bool()
    kinds: tuple[Literal["amodal", "visible"], ...] = ("amodal", "visible")
    for removed in kinds:
        told = hdr_masks(*maps, removed=removed)
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


def test_spectral_norm_is_the_greatest_singular_value() -> None:
    judge: Any = PatchDiscriminator(4)
    for _ in range(100):
        weights = judge.weights()
    for weight in weights:
        assert torch.linalg.svdvals(weight.detach().flatten(1))[0].item() == pytest.approx(1, abs=2e-3)
    judge.eval()
    before = [kernel.u.clone() for kernel in judge.kernels]
    judge.weights()
    assert all(torch.equal(a, b.u) for a, b in zip(before, judge.kernels, strict=True))


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
    halves = [
        HDROutputs(*(v if v is None else v[part] for v in out))  # type: ignore[arg-type]
        for part in (slice(0, 1), slice(1, 3))
    ]
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


def test_vgg_terms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Written once more with torch's own layers; the file is checked, and none of it is kept or trained."""
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
                one, two = (torch.einsum("bchw,bdhw->bcd", x, x) / x[0].numel() for x in (a, b))
                grams += (one - two).abs().flatten(1).mean(1)
        torch.testing.assert_close(perceptual[:, k], features)
        torch.testing.assert_close(style[:, k], grams)
    assert gram(torch.ones(1, 2, 3, 4)).tolist() == [[[0.5, 0.5], [0.5, 0.5]]]
    path = tmp_path / "vgg16.pth"
    torch.save({**state, "classifier.0.weight": torch.zeros(2)}, path)
    trainable = make_trainable("hdrnet-tiny", f"vgg={path}")
    assert str(path) not in str(trainable.config) and len(trainable.config.vgg) == 16
    assert not any("vgg" in name for name in trainable.build().state_dict())
    small = HDRNetTrainable("hdrnet", small_config(), RECIPE, path).build()
    assert not capsys.readouterr().err
    images, masks = scene()
    terms = small.loss(small(images, masks, torch.zeros_like(images), torch.ones(2)), None)
    assert {"prc_deocclusion", "style_removal"} < set(terms) and terms["style_removal"] > 0
    sum(terms.values()).backward()  # type: ignore[union-attr]
    assert make_trainable("hdrnet-tiny").build() and not capsys.readouterr().err
    assert make_trainable("hdrnet-tiny", "style=1.0").build() and "are off" in capsys.readouterr().err
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
