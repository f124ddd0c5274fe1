"""What a mask network learns beside masks: where joints are, and how each hand is turned.

Which side a hand is, is told by no part of it alone: it takes which way its fingers point, on which side its
thumb is, and whether palm or back is seen. Masks alone teach that slowly; these labels name it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from handbench.skeleton import OPENPOSE21

_SPREAD = 1.0
"""Standard deviation of a joint's place [cells]."""

_WEIGHT = 20.0
"""What a joint's middle weighs over an empty cell: few cells have one."""

_SEEN = 0.25
"""Share of a crop that hands usually are, over which the mean is: a batch's loss is that of its parts."""

WRIST, INDEX, MIDDLE, LITTLE = (
    OPENPOSE21.names.index(name) for name in ("wrist", "index1", "middle1", "little1")
)


def joint_loss(logits: Tensor, batch: Any) -> Tensor:
    """Gives the cross-entropy of where joints are, a mean over items, cells and joints.

    Args:
        logits: (B, 42, h, w), right then left.
        batch: with 2D joints; those that are not valid are nowhere.
    """
    height, width = logits.shape[-2:]
    cell = batch.images.shape[-1] / width
    u, v = ((batch.joints_2d.flatten(1, 2) + 0.5) / cell - 0.5).unbind(dim=-1)
    columns = torch.arange(width, device=logits.device) - u[..., None]
    rows = torch.arange(height, device=logits.device) - v[..., None]
    across, down = (torch.exp(-(away**2) / (2 * _SPREAD**2)) for away in (columns, rows))
    heat = down[..., :, None] * across[..., None, :]
    valid = batch.joints_2d_valid.flatten(1, 2)[..., None, None]
    heat = torch.where(valid, heat, 0.0)
    return F.binary_cross_entropy_with_logits(logits, heat, weight=1 + _WEIGHT * heat)


def hand_frames(batch: Any) -> tuple[Tensor, Tensor]:
    """Returns (B, 2, 9) how each hand is turned, and (B, 2) bool where that is known.

    Three unit vectors of the camera frame: from the wrist to the middle finger, from the little finger's to
    the index finger's knuckle, and out of the back of a right hand, of a left hand as if it were mirrored. So
    a mirrored hand has mirrored vectors, and they do not say which side it is: their handedness does. The x
    of all three first, then y, then z.
    """
    wrist, index, middle, little = (batch.joints[:, :, k] for k in (WRIST, INDEX, MIDDLE, LITTLE))
    normal = torch.cross(index - wrist, little - wrist, dim=-1)
    normal = normal * torch.tensor([1.0, -1.0], device=normal.device)[:, None]
    vectors = torch.stack([middle - wrist, index - little, normal], dim=-1)
    known = batch.joints_valid[:, :, [WRIST, INDEX, MIDDLE, LITTLE]].all(dim=-1) & batch.hand_valid
    frames = F.normalize(vectors, dim=2).flatten(2)
    return torch.where(known[..., None], frames, 0.0), known


def frame_loss(frame: Tensor, visible: Tensor, batch: Any) -> Tensor:
    """Gives the squared error of how the hand that is seen is turned, over the usual area of hands.

    Args:
        frame: (B, 9, h, w).
        visible: (B, 2, H, W) what is seen of the right and the left hand, H a multiple of h.
        batch: with 3D joints.
    """
    true, known = hand_frames(batch)
    share = F.avg_pool2d(visible.float(), visible.shape[-1] // frame.shape[-1])
    share = share * known[..., None, None]
    error = (frame[:, None] - true[..., None, None]).square().sum(dim=2)
    return (error * share).sum() / (len(frame) * share.shape[-1] * share.shape[-2] * _SEEN)
