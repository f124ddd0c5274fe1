"""The boxes that a mask network is told, as two more channels: filled rectangles, right and left hand."""

from __future__ import annotations

import torch
from torch import Tensor

MOVED = 0.1
"""Edges of boxes move by up to this share of the side in training: where a hand ends is not read off them."""

WITHHELD = 0.1
"""Share of pictures whose boxes are not told in training: the first look of a detector has none."""

INVENTED = 0.3
"""Share of absent hands that get a box in training: a box alone is no hand."""


def rectangles(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns (B, 2, h, w) float: 1 inside of a box, 0 outside and where there is none.

    Args:
        boxes: (B, 2, 4) x, y, w, h [px], right then left; none where a side is not above 0, or NaN.
        size: (height, width) of the picture [px].
    """
    height, width = size
    x, y, w, h = boxes.float().unbind(dim=-1)
    # NaN is never above 0.
    there = ((w > 0) & (h > 0))[..., None]
    across, down = (torch.arange(n, device=boxes.device, dtype=torch.float32) for n in (width, height))
    columns = (across >= x[..., None]) & (across <= (x + w)[..., None]) & there
    rows = (down >= y[..., None]) & (down <= (y + h)[..., None])
    return (rows[..., :, None] & columns[..., None, :]).float()


def spoilt(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns boxes (B, 2, 4) as training shows them: edges moved, some withheld, some invented.

    Args:
        boxes: x, y, w, h [px], right then left; none where a side is not above 0.
        size: (height, width) of the picture [px].
    """
    device = boxes.device
    low, side = boxes[..., :2].float(), boxes[..., 2:].float()
    there = (side > 0).all(dim=-1, keepdim=True)
    moved = (torch.rand(2, *side.shape, device=device) * 2 - 1) * MOVED * side
    low, high = low + moved[0], low + side + moved[1]
    ends = torch.rand(2, *side.shape, device=device)
    # No tensor of the size: a GPU would be waited for.
    ends[..., 0] *= size[1]
    ends[..., 1] *= size[0]
    invent = ~there & (torch.rand(there.shape, device=device) < INVENTED)
    low = torch.where(invent, ends.amin(dim=0), low)
    high = torch.where(invent, ends.amax(dim=0), high)
    told = (there | invent) & (torch.rand(len(boxes), 1, 1, device=device) >= WITHHELD)
    return torch.where(told, torch.cat([low, high - low], dim=-1), 0.0)
