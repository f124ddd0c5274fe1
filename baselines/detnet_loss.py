"""DetNet's targets and losses (HDR: utils/preprocessing.py, models/HPE_Net/loss.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from handbench.baselines.detnet_config import DetNetConfig
from handbench.skeleton import OPENPOSE21

if TYPE_CHECKING:
    from handbench.baselines.detnet import DetNetOutputs

WRIST, MIDDLE_MCP = 0, 9
# The wrist is its own parent: its delta is 0.
PARENTS = [max(parent, 0) for parent in OPENPOSE21.parents]
_SHORT = 1e-6


class DetNetTargets(NamedTuple):
    """The annotation of B crops in DetNet's terms: the right hand as shown.

    Attributes:
        heat: (B, 21, n, n) Gaussians whose peak is 1.
        delta: (B, 21, 3) unit vector from the parent joint.
        location: (B, 21, 3) (joint - wrist) / |middle MCP - wrist|.
        heat_valid: (B, 21) bool: the joint's pixel is known and lies in the crop.
        delta_valid: (B, 21) bool: that, and the joint and its parent are annotated in 3D.
        location_valid: (B, 21) bool: that, and joint, wrist and middle MCP are annotated in 3D.
    """

    heat: Tensor
    delta: Tensor
    location: Tensor
    heat_valid: Tensor
    delta_valid: Tensor
    location_valid: Tensor


def detnet_targets(config: DetNetConfig, batch: Any) -> DetNetTargets:
    """Makes the targets of a batch (``handbench.loaders.Batch``); what is not valid may be anything."""
    n = config.resolution
    # Pixel centres are whole numbers, the crop's left edge lies at -0.5.
    places = (batch.joints_2d[:, 0].float() + 0.5) * (n / config.size)
    known = batch.joints_2d_valid[:, 0] & (places >= 0).all(dim=-1) & (places < n).all(dim=-1)
    places = torch.where(known[..., None], places, torch.zeros_like(places))
    centres = places.floor() if config.heat_centre == "cell" else places - 0.5
    cells = torch.arange(n, device=places.device, dtype=places.dtype)
    lines = torch.exp(-((cells - centres[..., None]) ** 2) / (2 * config.sigma**2))
    joints, said = batch.joints[:, 0].float(), batch.joints_valid[:, 0]
    joints = torch.where(said[..., None], joints, torch.zeros_like(joints))
    bones, rooted = joints - joints[:, PARENTS], joints - joints[:, :1]
    unit = rooted[:, MIDDLE_MCP].norm(dim=-1)
    sized = said[:, WRIST] & said[:, MIDDLE_MCP] & (unit > _SHORT)
    return DetNetTargets(
        heat=lines[:, :, 1, :, None] * lines[:, :, 0, None, :],
        delta=bones / bones.norm(dim=-1, keepdim=True).clamp(min=_SHORT),
        location=rooted / unit.clamp(min=_SHORT)[:, None, None],
        heat_valid=known,
        delta_valid=known & said & said[:, PARENTS],
        location_valid=known & said & sized[:, None],
    )


def detnet_loss(config: DetNetConfig, outputs: DetNetOutputs, targets: DetNetTargets) -> dict[str, Tensor]:
    """Gives ``heat``, ``delta`` and ``location``, weighted; deltas and locations count by the true heat.

    ``norm``: the Frobenius norm of the error of the whole batch over the number of valid joints. Its
    gradient has one length however large the error is, and the loss of a batch is not the mean of its
    parts': the official form, kept for what it is. ``squares``: the sum over cells of squared errors, a mean
    over joints and items, where those that are not valid count 0. ``entropy``: the same, but the heat's error
    is its binary cross-entropy (0 at the target), whose gradient does not fade where the heat is near 0.
    """
    weight = targets.heat[:, :, None]
    errors = {
        "heat": (outputs.heat - targets.heat, targets.heat_valid),
        "delta": ((outputs.delta - targets.delta[..., None, None]) * weight, targets.delta_valid),
        "location": ((outputs.location - targets.location[..., None, None]) * weight, targets.location_valid),
    }
    terms = {}
    for (name, (error, valid)), share in zip(errors.items(), config.loss_weights, strict=True):
        error = error.flatten(2) * valid[..., None]
        if config.loss == "norm":
            term = torch.linalg.vector_norm(error) / valid.sum().clamp(min=1)
        elif config.loss == "entropy" and name == "heat":
            term = (_divergence(outputs.heat, targets.heat).flatten(2) * valid[..., None]).sum(dim=2).mean()
        else:
            term = error.square().sum(dim=2).mean()
        terms[name] = share * term
    return terms


def _divergence(found: Tensor, wanted: Tensor) -> Tensor:
    """Returns the binary cross-entropy of shares less that of the target with itself."""
    own = F.binary_cross_entropy(wanted, wanted, reduction="none")
    return F.binary_cross_entropy(found, wanted, reduction="none") - own
