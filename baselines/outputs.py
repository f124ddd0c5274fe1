"""What a hand network gives for a batch, and the annotation in the same terms."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class HandOutputs(NamedTuple):
    """Predictions for F frames of B items, the current frame first.

    Attributes:
        joints_2d: (B, F, 21, 2) as (x, y) shares of the crop, 0 its left or upper edge, 1 the other one.
        rotations: (B, F, 16, 3, 3) of MANO16's joints as the network says them (see ``pose_offset``).
        pose: (B, F, 16, 3, 3) of the posed hand, flat_hand_mean=True.
        betas: (B, F, 10).
        vertices: (B, F, 778, 3) [m], MANO's frame: turned about the rest wrist, not translated.
        joints: (B, F, 21, 3) [m], the same frame, OPENPOSE21.
    """

    joints_2d: Tensor
    rotations: Tensor
    pose: Tensor
    betas: Tensor
    vertices: Tensor
    joints: Tensor


class HandTargets(NamedTuple):
    """The annotation of F frames of B items; what is not valid counts nothing.

    Attributes:
        joints_2d: (B, F, 21, 2) shares of the crop.
        joints_2d_valid: (B, F, 21) bool.
        rotations: (B, F, 16, 3, 3), as the network should say them.
        betas: (B, F, 10).
        vertices: (B, F, 778, 3) [m], by the same hand layer from annotated parameters (as in HandOccNet).
        joints: (B, F, 21, 3) [m], the same.
        valid: (B, F) bool, whether parameters are annotated.
    """

    joints_2d: Tensor
    joints_2d_valid: Tensor
    rotations: Tensor
    betas: Tensor
    vertices: Tensor
    joints: Tensor
    valid: Tensor
