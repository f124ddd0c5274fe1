"""Masks as a network gives them: borders that waver, a shift, a missing piece. On tensors, for training."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_WINDOW = 0.035
"""Side of the window that borders move in, as a share of the crop: 9 px at 256."""
_HAND, _MASK, _WAVES = 0.25, 0.1, 0.12
"""How far the level at which a border is drawn moves: of a hand, of a mask, along the border."""
_SHIFT = 1 / 64
_DROP, _PIECE = 0.25, (0.03, 0.12)
"""Share of hands that lose a piece; half of its side as a share of the crop."""
_FIELD = 8


def spoil(masks: Tensor, share: float) -> Tensor:
    """Spoils the masks of some items; what is drawn comes from torch's random stream of the device.

    Borders are drawn anew where the smoothed mask passes a level that moves: grown, shrunk and wavy, thin
    parts lost. What is visible stays inside of the whole hand, and a mask of nothing stays so.

    Args:
        masks: (B, 4, h, w) bool: target amodal and visible, other amodal and visible.
        share: of the items.

    Returns:
        The same shape, bool.
    """
    count, _, height, width = masks.shape
    hands = masks.reshape(count, 2, 2, height, width)
    noisy = _moved(_redrawn(hands) & ~_pieces(hands))
    noisy[:, :, 1] &= noisy[:, :, 0]
    chosen = torch.rand(count, 1, 1, 1, device=masks.device) < share
    return torch.where(chosen, noisy.reshape(masks.shape), masks)


def _even(like: Tensor, *shape: int) -> Tensor:
    """Returns numbers from -1 to 1."""
    return 2 * torch.rand(*shape, device=like.device) - 1


def _redrawn(hands: Tensor) -> Tensor:
    """Returns hands (B, 2, 2, h, w) with their borders moved."""
    count, _, _, height, width = hands.shape
    window = max(round(_WINDOW * width) // 2 * 2 + 1, 3)
    smooth = F.avg_pool2d(hands.flatten(0, 2)[:, None].float(), window, 1, window // 2)
    waves = F.interpolate(
        torch.randn(4 * count, 1, _FIELD, _FIELD, device=hands.device), (height, width), mode="bilinear"
    )
    level = 0.5 + _HAND * _even(hands, count, 2, 1) + _MASK * _even(hands, count, 2, 2)
    limit = (level.reshape(-1, 1, 1, 1) + _WAVES * waves).clamp(0.05, 0.95)
    return (smooth > limit).reshape(hands.shape)


def _pieces(hands: Tensor) -> Tensor:
    """Returns (B, 2, 1, h, w), a rectangle that some hands lose."""
    count, _, _, height, width = hands.shape
    low, high = _PIECE
    draws = torch.rand(count, 2, 1, 5, 1, device=hands.device)
    out = draws[..., 4, :] < _DROP
    inside = []
    for axis, size in enumerate((height, width)):
        places = (torch.arange(size, device=hands.device) + 0.5) / size
        half = low + (high - low) * draws[..., 2 + axis, :]
        # Hands lie about the middle of their crop.
        inside.append((places - (0.2 + 0.6 * draws[..., axis, :])).abs() < half)
    return (out & inside[0])[..., :, None] & inside[1][..., None, :]


def _moved(hands: Tensor) -> Tensor:
    """Returns hands (B, 2, 2, h, w), each moved by a few whole pixels; what comes in is empty."""
    for axis in (3, 4):
        size = hands.shape[axis]
        far = round(_SHIFT * size)
        steps = torch.randint(-far, far + 1, (*hands.shape[:2], 1, 1, 1), device=hands.device)
        view = [1, 1, 1, 1, 1]
        view[axis] = size
        source = torch.arange(size, device=hands.device).reshape(view) - steps
        there = (source >= 0) & (source < size)
        shape = list(hands.shape)
        hands = hands.gather(axis, source.clamp(0, size - 1).expand(shape)) & there
    return hands
