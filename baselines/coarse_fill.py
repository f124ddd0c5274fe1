"""A coarse fill of holes from chosen pixels: colours go up a pyramid and back, fast and differentiable."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from handbench.baselines.hdr_masks import HDRMasks

_WHOLE = 0.99
"""Share of a cell that must be background for its colour to be used."""
_RIM = 3
"""Window [cells] in which nothing of the other hand may lie: its edges are soft."""
_LEAST = 1e-4


def spread(sums: Tensor, weights: Tensor) -> Tensor:
    """Fills a map with the colours of the places that have weight, the nearest ones first.

    Each level of a pyramid has the weighted mean colours of the one below it; on the way back a place keeps
    its own colour by its weight and takes the rest from the level above (pull-push; Gortler et al. 1996).

    Args:
        sums: (B, C, h, w) colours times weights, sides a power of two times the same number.
        weights: (B, 1, h, w), 0 to 1.

    Returns:
        (B, C, h, w); 0 where no place has weight.
    """
    levels = [torch.cat([sums, weights], dim=1)]
    while min(levels[-1].shape[-2:]) > 1 and levels[-1].shape[-1] % 2 == levels[-1].shape[-2] % 2 == 0:
        levels.append(F.avg_pool2d(levels[-1], 2))
    top = levels.pop()
    found = top[:, :-1] / top[:, -1:].clamp(min=_LEAST)
    for level in reversed(levels):
        above = F.interpolate(found, scale_factor=2.0, mode="bilinear", align_corners=False)
        found = level[:, :-1] + (1 - level[:, -1:]) * above
    return found


def sources(images: Tensor, black: Tensor, masks: HDRMasks) -> tuple[Tensor, Tensor]:
    """Says, in cells of 2 x 2 pixels, where colours of the hands and of the background may be taken from.

    Of the hands every pixel that is seen counts, as near to the hole as it may be; of the background only
    cells that lie apart from the other hand.

    Args:
        images: (B, 3, h, w), normalised.
        black: (3,) black in the same colours: what lies beyond a picture's border is no background.
        masks: of the same crops.

    Returns:
        Of the target, then of the background, then of the other hand: colours times shares
        (3 B, 3, h/2, w/2), and the share of a cell that is theirs (3 B, 1, h/2, w/2).
    """
    inside = (images - black[:, None, None] > 0.05).any(dim=1, keepdim=True)
    kinds = torch.cat([masks.r_modal, masks.l_modal * inside, masks.l_invisible])
    cells = F.avg_pool2d(torch.cat([images.repeat(3, 1, 1, 1) * kinds, kinds], dim=1), 2)
    sums, shares = cells[:, :-1], cells[:, -1:]
    target, free, other = shares.chunk(3)
    away = F.max_pool2d(other, _RIM, 1, _RIM // 2) == 0
    background = ((free > _WHOLE) & away).to(shares.dtype)
    kept = torch.cat([torch.ones_like(target), background, torch.ones_like(other)])
    return sums * kept, shares * kept
