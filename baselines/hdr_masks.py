"""What HDRNet is told of a crop: masks of both hands to holes and hints, and what is painted over what."""

from __future__ import annotations

import functools
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class HDRMasks(NamedTuple):
    """The tensors of a crop, all (B, 1, h, w) float of 0 and 1, by the official script's names.

    There, ``r`` is the target hand and ``l`` the other one, after mirroring (explore_AIH.py:270-282,
    demo.py:268-287).

    Attributes:
        r_invisible: the target's hidden part: to be de-occluded.
        r_visible_mask: all but that.
        r_modal: what is seen of the target.
        l_invisible: the other hand outside of the target's whole shape: to be removed.
        l_visible_mask: all but that.
        l_modal: visible background, in spite of its name.
    """

    r_invisible: Tensor
    r_visible_mask: Tensor
    r_modal: Tensor
    l_invisible: Tensor
    l_visible_mask: Tensor
    l_modal: Tensor

    @property
    def hole(self) -> Tensor:
        """(B, 1, h, w), both holes, which share no pixel: what is painted anew."""
        return 1 - self.r_visible_mask * self.l_visible_mask


def hdr_masks(
    target_amodal: Tensor,
    target_visible: Tensor,
    other_amodal: Tensor,
    other_visible: Tensor | None = None,
    *,
    removed: Literal["amodal", "visible"] = "amodal",
    deocclusion: bool = True,
    removal: bool = True,
) -> HDRMasks:
    """Turns masks of two hands into what HDRNet sees (specification section 1.5).

    Args:
        target_amodal: (B, h, w) bool or 0 and 1, the whole target hand.
        target_visible: the same shape, what is seen of it.
        other_amodal: the whole other hand; all 0 where there is none.
        other_visible: what is seen of it; needed for ``removed='visible'`` only.
        removed: what of the other hand is removed: the whole of it (AIH_Syn, demo) or what is seen of it
            (AIH_Render). They differ where a third thing hides it.
        deocclusion: False leaves the target's hidden part as the picture has it.
        removal: False leaves the other hand where it is.
    """
    if removed == "visible" and other_visible is None:
        raise ValueError("removed='visible' takes other_visible")
    whole, seen, other = (_as_map(mask) for mask in (target_amodal, target_visible, other_amodal))
    gone = _as_map(other_visible) if removed == "visible" and other_visible is not None else other
    if not removal:
        other, gone = torch.zeros_like(other), torch.zeros_like(gone)
    hidden = whole * (1 - seen) if deocclusion else torch.zeros_like(whole)
    away = (1 - whole) * gone
    return HDRMasks(hidden, 1 - hidden, seen, away, 1 - away, (1 - whole) * (1 - other))


def _as_map(mask: Tensor) -> Tensor:
    return mask.unsqueeze(1).float()


def dilate(mask: Tensor, size: int = 9) -> Tensor:
    """Widens a mask by an ellipse, as OpenCV's MORPH_ELLIPSE has it (demo.py:246-247).

    Args:
        mask: (B, 1, h, w) float of 0 and 1.
        size: side of the ellipse [px], odd; 1 changes nothing.

    Returns:
        The same shape, of 0 and 1.
    """
    if size == 1:
        return mask
    # On the CPU it is made anew: kept, it would be a tensor without numbers once operations are counted.
    make = _window if mask.device.type == "cpu" else _kept_window
    # A count of covered pixels: exact also in half precision's range of whole numbers.
    covered = F.conv2d(mask, make(size, mask.dtype, mask.device), padding=size // 2)
    return (covered > 0.5).to(mask.dtype)


def _window(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Returns the ellipse (1, 1, size, size)."""
    return torch.tensor(ellipse(size), dtype=dtype, device=device)[None, None]


_kept_window = functools.cache(_window)
"""Made once, as a GPU is waited for."""


@functools.cache
def ellipse(size: int) -> tuple[tuple[float, ...], ...]:
    """Returns the rows of an ellipse in a square of an odd side; each row is whole between its ends."""
    radius = size // 2
    rows = []
    for y in range(-radius, radius + 1):
        reach = round((radius**2 - y**2) ** 0.5)
        rows.append(tuple(float(abs(x) <= reach) for x in range(-radius, radius + 1)))
    return tuple(rows)


def compose(picture: Tensor, output: Tensor, hole: Tensor) -> Tensor:
    """Puts the output into the hole of a picture, all (B, C, h, w) (demo.py:354-360, 'combination')."""
    return torch.where(hole > 0.5, output, picture)
