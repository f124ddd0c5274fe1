"""From the encoder's vector to pose and shape, and from these to the hand, in fp32 whatever the autocast."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from handbench.baselines.constant import UPRIGHT
from handbench.baselines.hand_layer import HandLayer
from handbench.baselines.ifvonet_config import IFVONetConfig
from handbench.baselines.resnet import LEAK
from handbench.baselines.rotation_maps import (
    axis_angle_from_rotations,
    rotations_from_6d,
    rotations_from_axis_angle,
)
from handbench.geometry import axis_angle_to_matrix
from handbench.hands.model import HandModel

_BONES, _BETAS = 16, 10
# The paper's shape branch has four linear layers and states no widths (III-E): each halves.
_SHAPE_WIDTHS = (512, 256, 128)


class HandParameters(NamedTuple):
    """What the head regresses for F frames.

    Attributes:
        rotations: (B, F, 16, 3, 3) of MANO16's joints as the network says them: with ``pose_offset`` they are
            relative to the mean pose.
        betas: (B, F, 10).
    """

    rotations: Tensor
    betas: Tensor


class ManoHead(nn.Module):
    """Regresses 16 rotations as 6D vectors and ten betas a frame (HandOccNet mano_head.py; IFVONet III-E).

    Args:
        config: ``mano_head``, ``mano_hidden``, ``predicted``, ``pose_start``.
        inputs: numbers that the encoder gives.
        model: whose mean pose the regression starts from.
    """

    def __init__(self, config: IFVONetConfig, inputs: int, model: HandModel) -> None:
        super().__init__()
        self.frames = config.predicted
        first, second = config.mano_hidden
        pose_outputs, shape_outputs = self.frames * _BONES * 6, self.frames * _BETAS
        self.shape: nn.Module
        if config.mano_head == "paper":
            self.shared = nn.Sequential()
            self.pose = nn.Linear(inputs, pose_outputs)
            self.shape = _linear_layers(inputs, _SHAPE_WIDTHS, shape_outputs)
        else:
            self.shared = nn.Sequential(
                nn.Linear(inputs, first), nn.LeakyReLU(LEAK), nn.Linear(first, second), nn.LeakyReLU(LEAK)
            )
            self.pose = nn.Linear(second, pose_outputs)
            self.shape = nn.Linear(second, shape_outputs)
        self.start = _start(model, config) if config.pose_start == "mean" else None

    def set_start(self) -> None:
        """Puts the mean pose into the bias of the pose layer; called after weights are drawn."""
        if self.start is not None:
            with torch.no_grad():
                self.pose.bias.copy_(self.start.repeat(self.frames))

    def forward(self, encoded: Tensor) -> HandParameters:
        """Regresses parameters from encoded (B, inputs)."""
        with torch.autocast(encoded.device.type, enabled=False):
            features = self.shared(encoded.float())
            pose = self.pose(features).reshape(-1, self.frames, _BONES, 6)
            betas = self.shape(features).reshape(-1, self.frames, _BETAS)
            return HandParameters(rotations_from_6d(pose), betas)


def _linear_layers(inputs: int, widths: tuple[int, ...], outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Linear(inputs, width), nn.LeakyReLU(LEAK)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


def _start(model: HandModel, config: IFVONetConfig) -> Tensor:
    """Returns the 6D vectors (96,) of the mean pose; palm to the camera, fingers up, as most crops are."""
    fingers = np.zeros(45) if config.pose_offset == "hands_mean" else model.hands_mean
    turned = axis_angle_to_matrix(fingers.reshape(15, 3))
    matrices = np.concatenate([UPRIGHT[model.side][None], turned])
    columns = np.concatenate([matrices[..., 0], matrices[..., 1]], axis=-1)
    return torch.from_numpy(columns.reshape(-1).astype(np.float32))


def flat_rotations(rotations: Tensor, layer: HandLayer, offset: bool) -> Tensor:
    """Returns the rotations that pose the hand, of those that a network says.

    Args:
        rotations: (N, 16, 3, 3).
        layer: whose ``hands_mean`` is added.
        offset: whether the fingers' axis-angle is relative to the mean pose (flat_hand_mean=False).
    """
    if not offset:
        return rotations
    rotvec = axis_angle_from_rotations(rotations[:, 1:]) + layer.hands_mean.reshape(15, 3)
    return torch.cat([rotations[:, :1], rotations_from_axis_angle(rotvec)], dim=1)


def relative_rotations(pose: Tensor, layer: HandLayer, offset: bool) -> Tensor:
    """Returns what a network should say, (N, 16, 3, 3), of a pose (N, 48) with flat_hand_mean=True."""
    rotvec = pose.float().reshape(-1, 16, 3)
    if offset:
        rotvec = torch.cat([rotvec[:, :1], rotvec[:, 1:] - layer.hands_mean.reshape(15, 3)], dim=1)
    return rotations_from_axis_angle(rotvec)
