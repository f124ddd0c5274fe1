"""HDRNet's losses (specification section 2.3): fp32, each a mean over items; L1s are over whole pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from handbench.baselines.hdr_masks import compose
from handbench.baselines.hdrnet_config import HDRNetConfig
from handbench.baselines.vgg import VGGFeatures

LEVEL_FLOOR = 0.1
"""Difference in normalised colours, about 6 grey levels, below which PSNR is not fought for."""


class HDROutputs(NamedTuple):
    """What a step of training gives for B items, in ImageNet-normalised colours.

    Attributes:
        picture: (B, 3, h, w) the generator's output.
        target: (B, 3, h, w) what it should be.
        known: (B,) 1 where the target's own picture exists, else 0: such an item counts nothing.
        r_invisible: (B, 1, h, w) the hole of de-occlusion.
        l_invisible: (B, 1, h, w) the hole of removal.
        real: (B, 1, p, p) logits of the target's picture, or None without a discriminator.
        fake: the same of the output, which is not trained by it.
        adversarial: the same of the output, by which the discriminator is not trained.
        perceptual: (B, 2) distances of features in the two holes, or None without VGG16.
        style: (B, 2) distances of Gram matrices, or None.
        elsewhere: (B, 1, h, w) logits of painting outside of the holes, of a painter only.
        changed: (B, 1, h, w) 1 where picture and target differ there, and not on the target hand.
    """

    picture: Tensor
    target: Tensor
    known: Tensor
    r_invisible: Tensor
    l_invisible: Tensor
    real: Tensor | None = None
    fake: Tensor | None = None
    adversarial: Tensor | None = None
    perceptual: Tensor | None = None
    style: Tensor | None = None
    elsewhere: Tensor | None = None
    changed: Tensor | None = None


def hdrnet_losses(out: HDROutputs, config: HDRNetConfig) -> dict[str, Tensor]:
    """Returns the weighted terms whose sum is minimised.

    Both holes have the same weights: the official settings name one for both (``hole``, ``prc``, ``style``),
    their code two of each (losses.py:144-215).

    Returns:
        ``valid``, ``hole_deocclusion``, ``hole_removal``, ``tv``; with ``level`` above 0
        ``level_deocclusion`` and ``level_removal``; with a painter ``elsewhere``; with VGG16
        ``prc_deocclusion``, ``prc_removal``, ``style_deocclusion``, ``style_removal``; with a discriminator
        ``adversarial`` and ``discriminator``, the mean of its two errors. Those of the first four whose
        weight is 0 are left out.
    """
    c = config
    away = (out.picture - out.target).abs()
    hole = out.r_invisible + out.l_invisible
    terms = {"valid": c.valid * _items(away * (1 - hole))} if c.valid else {}
    if c.hole:
        terms["hole_deocclusion"] = c.hole * _items(away * out.r_invisible)
        terms["hole_removal"] = c.hole * _items(away * out.l_invisible)
    if c.tv:
        # The composite has what is known outside of the holes: there nothing can be smoothed.
        terms["tv"] = c.tv * total_variation(compose(out.target, out.picture, hole))
    if c.level > 0:
        removed = out.l_invisible if out.changed is None else torch.maximum(out.l_invisible, out.changed)
        terms["level_deocclusion"] = c.level * hole_level(away, out.r_invisible)
        terms["level_removal"] = c.level * hole_level(away, removed)
    if out.elsewhere is not None and out.changed is not None:
        missed = F.binary_cross_entropy_with_logits(out.elsewhere, out.changed, reduction="none")
        terms["elsewhere"] = c.elsewhere * _items(missed * (1 - hole))
    for name, weight, pair in (("prc", c.perceptual, out.perceptual), ("style", c.style, out.style)):
        if pair is not None:
            terms[f"{name}_deocclusion"] = weight * pair[:, 0]
            terms[f"{name}_removal"] = weight * pair[:, 1]
    if out.real is not None and out.fake is not None and out.adversarial is not None:
        terms["adversarial"] = c.adversarial * judged(out.adversarial, True)
        terms["discriminator"] = (judged(out.real, True) + judged(out.fake, False)) / 2
    return {name: (term * out.known).mean() for name, term in terms.items()}


def hole_level(away: Tensor, hole: Tensor) -> Tensor:
    """Returns (B,) logarithms of the mean square error over a hole; 0 where there is none.

    PSNR is -4.34 times that. What is nearer than :data:`LEVEL_FLOOR` hardly counts.

    Args:
        away: (B, 3, h, w) absolute differences, in normalised colours.
        hole: (B, 1, h, w) of 0 and 1.
    """
    area = hole.flatten(1).sum(dim=1)
    square = (away.square() * hole).flatten(1).sum(dim=1) / (away.shape[1] * area).clamp(min=1)
    return torch.log(square + LEVEL_FLOOR**2) * (area > 0)


def _items(values: Tensor) -> Tensor:
    """Returns (B,) means over channels and pixels."""
    return values.flatten(1).mean(dim=1)


def total_variation(pictures: Tensor) -> Tensor:
    """Returns (B,) mean absolute steps between neighbours of pictures (B, C, h, w), in x and in y."""
    across = (pictures[..., 1:] - pictures[..., :-1]).abs()
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).abs()
    return _items(across) + _items(down)


def judged(logits: Tensor, real: bool) -> Tensor:
    """Returns (B,) binary cross-entropies of logits (B, 1, p, p) whose answer is the same everywhere."""
    return _items(F.softplus(-logits if real else logits))


def feature_distances(
    vgg: VGGFeatures, picture: Tensor, target: Tensor, holes: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """Compares what VGG16 sees of a picture and of its target in each hole; all else is erased first.

    Args:
        vgg: the features.
        picture: (B, 3, h, w).
        target: (B, 3, h, w).
        holes: H masks (B, 1, h, w).

    Returns:
        (B, H) L1 of features, and (B, H) L1 of Gram matrices over C h w, each summed over the three stages.
    """
    count = len(picture)
    found = vgg(torch.cat([picture * hole for hole in holes]))
    with torch.no_grad():
        wanted = vgg(torch.cat([target * hole for hole in holes]))
    perceptual = style = torch.zeros(len(holes) * count, device=picture.device)
    with torch.autocast(picture.device.type, enabled=False):
        for mine, other in zip(found, wanted, strict=True):
            mine, other = mine.float(), other.float()
            perceptual = perceptual + _items((mine - other).abs())
            style = style + _items((gram(mine) - gram(other)).abs())
    return perceptual.reshape(-1, count).T, style.reshape(-1, count).T


def gram(features: Tensor) -> Tensor:
    """Returns the Gram matrices (B, C, C) of features (B, C, h, w), over C h w."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / (features.shape[1] * flat.shape[2])
