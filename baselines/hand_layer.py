"""The differentiable hand from rotation matrices: few large products, so that it costs nothing beside a net.

``handbench.hands.torch_layer`` poses with ``smplx`` from axis-angle; a network gives matrices, and turning
these into axis-angle first has no useful gradient at half turns. Both agree within 1e-6 m (tested).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from handbench.hands.model import OPENPOSE21_FROM_MANO, HandModel
from handbench.skeleton import MANO16, tip_vertices


class PosedHand(NamedTuple):
    """Posed hands in MANO's frame: the root turns about the rest wrist J0(betas), without translation.

    Attributes:
        vertices: (N, 778, 3) [m].
        joints: (N, 21, 3) [m], OPENPOSE21.
    """

    vertices: Tensor
    joints: Tensor


def _levels() -> list[slice]:
    """Returns MANO16's joints by their distance from the root: all fingers of a level move at once.

    As slices: a list of numbers would travel to a GPU, which then waits, whenever it is used.
    """
    depth = [0] * len(MANO16)
    for joint, parent in enumerate(MANO16.parents):
        depth[joint] = depth[parent] + 1 if parent >= 0 else 0
    found = [[j for j, d in enumerate(depth) if d == level] for level in range(1, max(depth) + 1)]
    slices = [slice(level[0], level[-1] + 1, level[1] - level[0]) for level in found]
    assert [list(range(len(MANO16)))[level] for level in slices] == found
    return slices


class HandLayer(nn.Module):
    """Linear blend skinning of a hand model (Romero et al. 2017, equations 2 to 5), fp32 under any autocast.

    Args:
        model: procedural or MANO.
        tips: fingertip set of :data:`handbench.skeleton.TIP_SETS`.
    """

    template: Tensor
    directions: Tensor
    joint_template: Tensor
    joint_directions: Tensor
    weights: Tensor
    tips: Tensor
    order: Tensor
    hands_mean: Tensor

    def __init__(self, model: HandModel, tips: str) -> None:
        super().__init__()
        shapedirs = model.shapedirs.reshape(-1, 10)
        # One product for shape and pose: (145, 2334).
        directions = np.concatenate([shapedirs, model.posedirs.reshape(-1, 135)], axis=1).T
        self._keep("template", model.v_template)
        self._keep("directions", directions)
        self._keep("joint_template", model.rest_joints)
        self._keep("joint_directions", model.joint_shapedirs.reshape(-1, 10).T)
        self._keep("weights", model.weights)
        self._keep("hands_mean", model.hands_mean)
        self.register_buffer("tips", torch.as_tensor(tip_vertices(tips, model.side)), persistent=False)
        self.register_buffer("order", torch.as_tensor(OPENPOSE21_FROM_MANO), persistent=False)
        self.levels = _levels()

    def _keep(self, name: str, value: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
        # Not in the state: weights say nothing of whose hand it is, the settings do.
        tensor = torch.from_numpy(np.ascontiguousarray(value, dtype=np.float32))
        self.register_buffer(name, tensor, persistent=False)

    def forward(self, rotations: Tensor, betas: Tensor) -> PosedHand:
        """Poses N hands.

        Args:
            rotations: (N, 16, 3, 3) of MANO16's joints, root first, ``flat_hand_mean=True``.
            betas: (N, 10).
        """
        with torch.autocast(rotations.device.type, enabled=False):
            return self._posed(rotations.float(), betas.float())

    def _posed(self, rotations: Tensor, betas: Tensor) -> PosedHand:
        count = len(rotations)
        eye = torch.eye(3, device=rotations.device)
        # Equation 5: the pose moves vertices by R - I of the 15 fingers' joints.
        bends = (rotations[:, 1:] - eye).reshape(count, 135)
        moved = torch.cat([betas, bends], dim=1) @ self.directions
        rest = self.template + moved.reshape(count, -1, 3)
        joints = self.joint_template + (betas @ self.joint_directions).reshape(count, 16, 3)
        turns, places = self._chain(rotations, joints)
        # Equations 2 and 3: each vertex follows its joints.
        shifts = places - (turns @ joints[..., None]).squeeze(-1)
        blend = torch.cat([turns, shifts[..., None]], dim=-1).reshape(count, 16, 12)
        blended = torch.matmul(self.weights, blend).reshape(count, -1, 3, 4)
        vertices = (blended[..., :3] * rest[..., None, :]).sum(dim=-1) + blended[..., 3]
        with_tips = torch.cat([places, vertices[:, self.tips]], dim=1)
        return PosedHand(vertices, with_tips[:, self.order])

    def _chain(self, rotations: Tensor, joints: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the rotations (N, 16, 3, 3) and places (N, 16, 3) of all joints along the chains."""
        turn, place, above = rotations[:, :1], joints[:, :1], joints[:, :1]
        root = (turn, place)
        # Not list[Tensor](): torch.compile cannot trace that.
        turns: list[Tensor] = []
        places: list[Tensor] = []
        for level in self.levels:
            offset = joints[:, level] - above
            place = place + (turn @ offset[..., None]).squeeze(-1)
            turn = turn @ rotations[:, level]
            above = joints[:, level]
            turns.append(turn)
            places.append(place)
        # Joints of a finger follow each other: (N, 5, 3, ...) to (N, 15, ...).
        fingers = (torch.stack(parts, dim=2).flatten(1, 2) for parts in (turns, places))
        all_turns, all_places = (torch.cat(pair, dim=1) for pair in zip(root, fingers, strict=True))
        return all_turns, all_places
