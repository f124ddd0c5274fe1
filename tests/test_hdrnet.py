"""HDRNet as a whole: sizes, switches, one step for both players, completed pictures, weights, settings."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import pytest
import torch
from small_hdrnet import dense, generator, scene, small_config, small_network
from torch import Tensor, nn

from handbench.baselines.counting import count_forward, count_parameters
from handbench.baselines.hdr_entries import HDRNET_COUNTS
from handbench.baselines.hdr_masks import dilate, hdr_masks
from handbench.baselines.hdrnet import HDRNet, inputs_of
from handbench.baselines.hdrnet_config import HDRNETS, VARIANTS, HDRNetConfig, configure
from handbench.baselines.hdrnet_network import HDRNetwork, normalised, to_bytes
from handbench.baselines.hdrnet_trainable import inputs_of as model_inputs
from handbench.baselines.hdrnet_trainable import make_trainable, open_hdrnet
from handbench.baselines.partial_conv import PartialConv2d
from handbench.baselines.patch_discriminator import PatchDiscriminator
from handbench.baselines.pvt_block import PVTBlock
from handbench.baselines.trainable import Network
from handbench.baselines.weights import save_weights
from handbench.errors import HandbenchError
from handbench.models import MODELS, ModelOptions


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
            assert count_forward(functools.partial(_Whole, config), *shapes) == HDRNET_COUNTS[name]
    whole, convolved = (HDRNET_COUNTS[name][1] / 2e9 for name in ("hdrnet", "hdrnet:no-transformer"))
    assert round(convolved, 1) == 9.8 and round(whole - convolved, 1) == 4.0
    assert 2 * HDRNET_COUNTS["hdrnet-tiny"][0] < 8e6


def test_levels_are_the_tables() -> None:
    """Kernel, stride, channels and where blocks are, from the table of section 2.2."""
    with torch.device("meta"):
        net: Any = HDRNet(HDRNetConfig())
    down = [(level.conv.kernel, level.conv.stride, level.conv.outputs) for level in net.down]
    assert down == [(7, 2, 64), (5, 2, 128), (5, 2, 256), *[(3, 2, 512)] * 5]
    up = [(level.conv.kernel, level.conv.inputs, level.conv.outputs) for level in net.up]
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
    assert norms == [False, *[True] * 14, False] and net.up[-1].conv.bias is not None
    judge = PatchDiscriminator(4)
    assert judge(torch.zeros(1, 5, 256, 256), judge.weights()).shape == (1, 1, 30, 30)


SWITCHES: dict[str, dict[str, Any]] = {
    "hdrnet": {}, **VARIANTS, 
    "visible": {"removed": "visible"},
    "erase": {"erase": "both"},
    "painter": {
        "generator": "painter", "level": 1.0, "elsewhere": 1.0, "widths": [8, 8, 16], "attend": [3],
        "heads": [2], "ratios": [2], "reductions": [1],
    },
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
    conv: Any = small_network().generator.down[0].conv
    wide = torch.cat(
        [told.r_visible_mask.expand(-1, 4, -1, -1), told.l_visible_mask.expand(-1, 4, -1, -1)], 1
    )
    images = torch.randn(8, 3, 32, 32, generator=generator(1))
    want, mask = dense(conv, inputs_of(images, told).values, wide)
    assert mask.all()
    found, nothing = conv(inputs_of(images, told))
    assert nothing is None
    torch.testing.assert_close(found, want, rtol=1e-5, atol=1e-6)


def test_what_the_generator_sees() -> None:
    """Twice the picture with one of its holes erased, and what that hole belongs to."""
    images, masks = scene()
    told = small_network().masks(masks)
    seen = inputs_of(images, told)
    whole, visible, other = masks[:, 0], masks[:, 1], masks[:, 2]
    hidden, away = whole & ~visible, other & ~whole
    assert hidden.any() and away.any() and seen.values.shape == (2, 8, 64, 64)
    for first, hole, hint in ((0, hidden, visible), (4, away, ~whole & ~other)):
        assert torch.equal(seen.values[:, first : first + 3], images * ~hole[:, None])
        assert torch.equal(seen.values[:, first + 3].bool(), hint)
        blind = inputs_of(images, told, both=True).values[:, first : first + 3]
        assert torch.equal(blind, images * ~(hidden | away)[:, None])


def test_completion() -> None:
    """The output in the widened hole, the picture itself elsewhere; no hole, no change."""
    images, masks = scene()
    network = small_network().eval()
    told = network.masks(masks)
    with torch.no_grad():
        completed = network.complete(images, masks)
        kept = (dilate(told.hole, 9) < 0.5).expand_as(images)
        assert torch.equal(completed[kept], images[kept]) and 0 < kept.float().mean() < 1
        assert torch.equal(completed[~kept], network.generator(images, told)[~kept])
        assert torch.equal(network.complete(images, torch.zeros_like(masks)), images)
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
    # Weights ship for the whole network, which serve where no layer differs.
    assert open_hdrnet("hdrnet-tiny", ModelOptions("no-removal")).trained
    assert not open_hdrnet("hdrnet-tiny", ModelOptions("no-transformer")).trained
    again: Any = trainable.build(1, path)
    assert torch.equal(again.generator.last.weight, off.network.generator.last.weight)
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
        ({"elsewhere": 1.0}, "only the painter"),
        ({"generator": "painter", "size": 256 + 128}, "multiple of 512"),
    ],
)
def test_wrong_blocks(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(HandbenchError, match=message):
        configure("hdrnet", changes)


def test_compiles_as_one_graph() -> None:
    network = small_network()
    images, masks = scene()
    known = torch.ones(2)
    torch.manual_seed(0)
    plain = network(images, masks, images, known)
    compiled = torch.compile(small_network(), backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(images, masks, images, known).fake, plain.fake, rtol=0, atol=1e-5)
