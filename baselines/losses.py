"""The losses: IFVONet's five L1 terms, HandOccNet's five weighted squares. fp32; each a mean over the batch.

A term divides by all its numbers, also by those that are not annotated and count 0: so the loss of a batch is
the mean of the losses of its parts, on one process or several.
"""

from __future__ import annotations

import torch
from torch import Tensor

from handbench.baselines.outputs import HandOutputs, HandTargets
from handbench.baselines.rotation_maps import axis_angle_from_rotations

_MM = 1000.0

HANDOCCNET_WEIGHTS = {"vertices": 1e4, "joints": 1e4, "pose": 10.0, "shape": 0.1, "joints_2d": 100.0}
"""HandOccNet config.py:28-32, for metres, rotation matrices and shares of the crop."""


def paper_l1(
    outputs: HandOutputs,
    targets: HandTargets,
    size: tuple[int, int],
    weights: tuple[float, ...] = (1.0,) * 5,
    axis_angle: bool = False,
) -> dict[str, Tensor]:
    """Gives IFVONet's terms (section III-F, equations 12 to 16), whose unweighted sum is the loss.

    The paper states neither units nor reduction. Here 3D is in mm and 2D in pixels of the crop, the only
    units in which an unweighted sum is led by geometry; a term is a mean over numbers, a sum over frames.

    Args:
        outputs: of the network.
        targets: of the batch.
        size: (width, height) [px] of the crop.
        weights: of the terms, in the order below.
        axis_angle: compare axis-angle vectors instead of rotation matrices.

    Returns:
        ``vertices``, ``joints``, ``joints_2d``, ``pose``, ``shape``.
    """
    shares = (outputs.joints_2d - targets.joints_2d).abs()
    # No tensor of the size: making one on a GPU waits for it.
    pixels = torch.stack([shares[..., 0] * size[0], shares[..., 1] * size[1]], dim=-1)
    pose = (outputs.rotations, targets.rotations)
    if axis_angle:
        pose = (axis_angle_from_rotations(pose[0]), axis_angle_from_rotations(pose[1]))
    valid = targets.valid
    terms = {
        "vertices": _mean((outputs.vertices - targets.vertices).abs() * _MM, valid),
        "joints": _mean((outputs.joints - targets.joints).abs() * _MM, valid),
        "joints_2d": _mean(pixels, targets.joints_2d_valid),
        "pose": _mean((pose[0] - pose[1]).abs(), valid),
        "shape": _mean((outputs.betas - targets.betas).abs(), valid),
    }
    return {name: weight * term for (name, term), weight in zip(terms.items(), weights, strict=True)}


def handoccnet_mse(outputs: HandOutputs, targets: HandTargets) -> dict[str, Tensor]:
    """Gives HandOccNet's terms, weighted (model.py:36-44); their sum is the loss, with a sum over frames."""
    valid = targets.valid
    terms = {
        "vertices": _mean((outputs.vertices - targets.vertices).square(), valid),
        "joints": _mean((outputs.joints - targets.joints).square(), valid),
        "pose": _mean((outputs.rotations - targets.rotations).square(), valid),
        "shape": _mean((outputs.betas - targets.betas).square(), valid),
        "joints_2d": _mean((outputs.joints_2d - targets.joints_2d).square(), targets.joints_2d_valid),
    }
    return {name: HANDOCCNET_WEIGHTS[name] * term for name, term in terms.items()}


def _mean(errors: Tensor, valid: Tensor) -> Tensor:
    """Returns errors (B, F, ...) as a mean over all axes but F and a sum over F; invalid ones are 0."""
    mask = valid.reshape(*valid.shape, *(1,) * (errors.ndim - valid.ndim))
    # Not a product: an invalid target may be anything.
    kept = torch.where(mask, errors, torch.zeros((), device=errors.device, dtype=errors.dtype))
    return kept.transpose(0, 1).flatten(1).mean(dim=1).sum()
