"""InterNet's targets and losses (common/utils/preprocessing.py, main/model.py, common/nets/loss.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from handbench.baselines.internet_config import InterNetConfig

if TYPE_CHECKING:
    from handbench.baselines.internet import InterNetOutputs

_SAME_CAMERA = 1e-3


class InterNetTargets(NamedTuple):
    """The annotation of B crops in InterNet's terms; right hand first.

    Attributes:
        lines: three of (B, 2, 21, cells), along x, y and depth: a Gaussian whose peak is 1 is their product.
        valid: (B, 2, 21) bool: annotated, within the crop and the range of depth.
        root: (B,) depth of the left wrist relative to the right one [bins].
        root_valid: (B,) bool.
        handedness: (B, 2) 1 where the hand is there.
        handedness_valid: (B,) bool: some hand is annotated.
    """

    lines: tuple[Tensor, Tensor, Tensor]
    valid: Tensor
    root: Tensor
    root_valid: Tensor
    handedness: Tensor
    handedness_valid: Tensor


def internet_targets(config: InterNetConfig, batch: Any) -> InterNetTargets:
    """Makes the targets of a batch (``handbench.loaders.Batch``); what is not valid may be anything.

    A joint's place in the map is where its cell's middle would be: the official code leaves out the half
    pixel, training and testing alike. Depth is from the hand's own wrist, which lies at half the bins.
    """
    n, bins = config.resolution, config.bins
    pixels = (batch.joints_2d.float() + 0.5) * (n / config.size) - 0.5
    joints, said = batch.joints.float(), batch.joints_valid & batch.joints_valid[:, :, :1]
    depth = joints[..., 2] - joints[:, :, :1, 2]
    places = torch.cat([pixels, to_bins(depth, config.depth_range, bins)[..., None]], dim=-1)
    x, y, z = places.unbind(-1)
    valid = said & batch.joints_2d_valid & (x >= -0.5) & (x < n - 0.5) & (y >= -0.5) & (y < n - 0.5)
    valid &= (z >= 0) & (z < bins)
    places = torch.where(valid[..., None], places, torch.zeros_like(places))
    lines = [_line(places[..., axis], (n, n, bins)[axis], config.sigma) for axis in range(3)]
    wrists = batch.joints_valid[:, :, 0].all(dim=1)
    root = to_bins(joints[:, 1, 0, 2] - joints[:, 0, 0, 2], config.root_range, config.root_bins)
    # Hands that were pasted from two pictures have no depth in common.
    apart = (batch.K_hands[:, 0] - batch.K_hands[:, 1]).abs().amax(dim=(1, 2))
    root_valid = wrists & (root >= 0) & (root < config.root_bins) & (apart < _SAME_CAMERA)
    return InterNetTargets(
        (lines[0], lines[1], lines[2]), valid, torch.where(root_valid, root, torch.zeros_like(root)),
        root_valid, batch.hand_valid.float(), batch.hand_valid.any(dim=1),
    )  # fmt: skip


def to_bins(depth: Tensor, span: float, bins: int) -> Tensor:
    """Returns the places [bins] of depths [m] within a span [m] about 0: half the bins is 0."""
    return (depth / span + 0.5) * bins


def _line(centres: Tensor, cells: int, sigma: float) -> Tensor:
    """Returns Gaussians (..., cells) about centres (...)."""
    places = torch.arange(cells, device=centres.device, dtype=centres.dtype)
    return torch.exp(-((places - centres[..., None]) ** 2) / (2 * sigma**2))


def internet_loss(outputs: InterNetOutputs, targets: InterNetTargets, peak: float) -> dict[str, Tensor]:
    """Gives ``heat``, ``root`` and ``handedness``, whose unweighted sum is the loss.

    ``heat``: squared error over all cells, joints and hands, 0 for joints that are not valid, their mean.
    ``root``: absolute error [bins]. ``handedness``: binary cross-entropy, the mean of two. All are means
    over items, where those that are not valid count 0.
    """
    sides = [
        _heat_error(heat, [line[:, s] for line in targets.lines], targets.valid[:, s], peak)
        for s, heat in enumerate((outputs.right, outputs.left))
    ]
    root = (outputs.root - targets.root).abs() * targets.root_valid
    hands = F.binary_cross_entropy_with_logits(outputs.handedness, targets.handedness, reduction="none")
    return {
        "heat": (sides[0] + sides[1]) / 2,
        "root": root.mean(),
        "handedness": (hands.mean(dim=1) * targets.handedness_valid).mean(),
    }


def _heat_error(heat: Tensor, lines: list[Tensor], valid: Tensor, peak: float) -> Tensor:
    x, y, z = lines
    target = (peak * z)[..., :, None, None] * y[..., None, :, None] * x[..., None, None, :]
    return ((heat - target).square() * valid[..., None, None, None]).mean()
