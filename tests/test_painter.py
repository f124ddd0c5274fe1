"""The small generator of hdrnet-tiny: its coarse fill, its gate, the losses that go with it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from small_hdrnet import generator, scene, small_network
from torch import Tensor

from handbench.baselines.coarse_fill import sources, spread
from handbench.baselines.hdr_masks import hdr_masks
from handbench.baselines.hdrnet_losses import LEVEL_FLOOR, HDROutputs, hdrnet_losses
from handbench.baselines.hdrnet_network import HDRNetwork, changed
from handbench.baselines.painter import Painter, _folded, _unfolded

SMALL: dict[str, Any] = {
    "generator": "painter", "widths": [8, 8, 16], "attend": [3], "heads": [2], "ratios": [2],
    "reductions": [1], "adversarial": 0.0, "level": 1.0, "elsewhere": 2.0, "result": "direct",
}  # fmt: skip
BLACK = torch.tensor([-9.0, -9.0, -9.0])


def _painter(**changes: Any) -> HDRNetwork:
    return small_network(**{**SMALL, **changes})


def test_colours_spread_from_where_they_are_known() -> None:
    """Known places keep their colours, the others get near ones; far colours count little."""
    colours = torch.zeros(2, 3, 32, 32)
    colours[:, :, :, :16], colours[:, :, :, 16:] = 1.0, -1.0
    weights = torch.ones(2, 1, 32, 32)
    weights[0, :, 8:24, 4:12] = 0
    weights[1] = 0
    done = spread(colours * weights, weights)
    known = (weights > 0).expand_as(colours)
    assert torch.equal(done[known], colours[known])
    assert (done[0, :, 8:24, 4:12] > 0.7).all() and not done[1].any()
    weights[1, :, 5, 30] = 1
    torch.testing.assert_close(spread(colours * weights, weights)[1], torch.full((3, 32, 32), -1.0))
    # Half the weight: half of the own colour.
    weights[1] = 1
    weights[1, :, 5, 20] = 0.5
    colours[1, :, 5, 20] = 3.0
    assert spread(colours * weights, weights)[1, 0, 5, 20] == pytest.approx(1.0, abs=0.3)


def test_sources_are_of_one_kind() -> None:
    """Of hands all that is seen counts; the background is not at the other hand or beyond the picture."""
    images, masks = scene()
    images = images.clamp(-3, 3)
    images[:, :, :, :6] = BLACK[0]
    told = hdr_masks(*masks.unbind(1))
    sums, shares = sources(images, BLACK, told)
    target, background, other = shares.chunk(3)
    for share, mask in ((target, told.r_modal), (other, told.l_invisible)):
        assert share.any()
        torch.testing.assert_close(share.mean(), mask.mean())
    torch.testing.assert_close(sums.chunk(3)[0].mean(dim=(2, 3)), (images * told.r_modal).mean(dim=(2, 3)))
    assert background.any() and not (background * (target + other)).any()
    assert not background[..., :3].any() and not sums.chunk(3)[1][..., :3].any()
    beside = torch.nn.functional.max_pool2d(other, 3, 1, 1) - (other > 0).float()
    assert beside.clamp(min=0).any() and not (background * beside.clamp(min=0)).any()


def test_cells_fold_and_unfold() -> None:
    x = torch.randn(2, 3, 16, 24, generator=generator())
    assert _folded(x).shape == (2, 48, 4, 6) and torch.equal(_unfolded(_folded(x)), x)


def test_what_is_painted_where() -> None:
    """Holes always; beside them by the gate, but not without removal, nor on a hidden target that is left."""
    images, masks = scene()
    found: dict[str, Tensor] = {}
    for name, off in (("", {}), ("removal", {"removal": False}), ("deocclusion", {"deocclusion": False})):
        network = _painter(**off).eval()
        assert isinstance(network.generator, Painter) and network.generator.last.bias is not None
        with torch.no_grad():
            network.generator.last.bias[-16:] = 9.0
            found[name] = (network.complete(images, masks) - images).abs().amax(1, keepdim=True)
    told = hdr_masks(*masks.unbind(1))
    assert (found[""] > 0).float().mean() > 0.95
    assert (found["removal"] > 0)[told.r_invisible > 0].float().mean() > 0.95
    assert not found["removal"][told.r_invisible == 0].any()
    assert not found["deocclusion"][told.r_invisible > 0].any() and found["deocclusion"].any()
    assert torch.equal(_painter(removal=False).eval().complete(images, torch.zeros_like(masks)), images)


def test_erase_both_hides_what_is_in_the_holes() -> None:
    """What hides the target cannot be copied, and its colour is still known where it hides nothing."""
    images, masks = scene()
    told = hdr_masks(*masks.unbind(1))
    other = torch.where(told.hole > 0, images + told.r_invisible, images)
    for erase, same in (("own", False), ("both", True)):
        network: Any = _painter(erase=erase).eval()
        with torch.no_grad():
            pictures = [network.generator(each, told) for each in (images, other)]
        hole = (told.r_invisible > 0).expand_as(images)
        assert torch.equal(pictures[0][hole], pictures[1][hole]) == same


def test_losses_are_the_level_and_where() -> None:
    """The level is PSNR's logarithm, an item without a hole counts nothing; the gate is told what changed."""
    images, masks = scene(3)
    masks[2] = False
    network = _painter()
    target = images.clone()
    target[:, :, 50:60, 2:20] += 1
    told = network.masks(masks)
    lit = changed(images, target, told)
    assert lit[:, :, 50:60, 2:20].all() and lit.sum() == 3 * 180
    assert not changed(images, images + 0.1, told).any()
    assert not (changed(images, images + 1, told) * (told.hole + told.r_modal)).any()
    picture = target + 0.4
    out = HDROutputs(picture, target, torch.ones(3), told.r_invisible, told.l_invisible)
    config = dataclasses.replace(network.config, valid=0.0, hole=0.0, tv=0.0)
    terms = hdrnet_losses(out, config)
    assert set(terms) == {"level_deocclusion", "level_removal"}
    level = torch.log(torch.tensor(0.4**2 + LEVEL_FLOOR**2))
    for term in terms.values():
        torch.testing.assert_close(term, 2 * level / 3)
    sure = (2 * lit - 1) * 30
    more = hdrnet_losses(out._replace(elsewhere=sure, changed=lit), config)
    torch.testing.assert_close(more["level_removal"], level)
    assert (
        more["elsewhere"]
        < 1e-6
        < hdrnet_losses(out._replace(elsewhere=-sure, changed=lit), config)["elsewhere"]
    )


def test_it_finds_a_forearm_and_takes_no_colour_from_it() -> None:
    """A few steps on one scene: what continues the other hand goes, though no mask says so."""
    torch.manual_seed(0)
    images, masks = scene(2)
    images = 0.1 * images - 1.0
    target = images.clone()
    target += 1.5 * masks[:, :1]
    images = torch.where(masks[:, 1:2], target, images)
    arm = torch.zeros_like(masks[:, :1])
    arm[:, :, 44:, 30:44] = True
    arm &= ~masks[:, :1] & ~masks[:, 2:3]
    images = torch.where(masks[:, 2:3] & ~masks[:, 1:2] | arm, 1.5 + 0.1 * images, images)
    network = _painter(mask_noise=0.0).train()
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(60):
        terms = network.loss(network(images, masks, target, torch.ones(2)), None)
        optimiser.zero_grad()
        sum(terms.values()).backward()  # type: ignore[union-attr]
        optimiser.step()
    with torch.no_grad():
        done = network(images, masks, target, torch.ones(2)).picture
    before, after = ((each - target).abs()[arm.expand_as(images)].mean() for each in (images, done))
    assert after < 0.2 * before
