"""A whole network: features, head, hand; its loss. HandOccNet and IFVONet differ in their features alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from handbench.baselines.blocks import initialise_small
from handbench.baselines.hand_layer import HandLayer
from handbench.baselines.handoccnet import HandOccNetFeatures
from handbench.baselines.heatmap import JOINTS, Encoder, HeatmapHead
from handbench.baselines.ifvonet import IFVONetFeatures
from handbench.baselines.ifvonet_config import IFVONetConfig
from handbench.baselines.losses import handoccnet_mse, paper_l1
from handbench.baselines.mano_head import ManoHead, flat_rotations, relative_rotations
from handbench.baselines.outputs import HandOutputs, HandTargets
from handbench.hands.library import load_hand_model
from handbench.inputs import Inputs
from handbench.types import Side


class HandNetwork(nn.Module):
    """Pictures to hands; keeps to :class:`handbench.baselines.trainable.Network`.

    Args:
        config: what it is built from.
        inputs: how its pictures are normalised.

    Attributes:
        hand_sha256: of the hand model's file.

    Raises:
        HandbenchError: for a hand model that does not open.
    """

    def __init__(self, config: IFVONetConfig, inputs: Inputs) -> None:
        super().__init__()
        self.config, self.inputs = config, inputs
        c, frames = config, config.predicted
        hand = load_hand_model(c.hand_model, Side.RIGHT)
        self.features = HandOccNetFeatures(c) if c.family == "handoccnet" else IFVONetFeatures(c)
        self.heatmaps = HeatmapHead(c.channels, c.hourglass_depth, frames)
        self.encoder = Encoder(c.channels, JOINTS * frames, c.resolution)
        self.mano = ManoHead(c, self.encoder.outputs, hand)
        self.hand, self.hand_sha256 = HandLayer(hand, c.tips), hand.sha256
        if c.init == "small":
            for part in (self.heatmaps, self.encoder, self.mano):
                initialise_small(part)
        self.mano.set_start()

    def prepare(self, batch: Any) -> tuple[Tensor]:
        """Returns the pictures (B, T, 3, h, w) float32 of a batch, as the network takes them."""
        return (batch.normalised(self.inputs),)

    def forward(self, images: Tensor) -> HandOutputs:
        """Predicts the hand of each of F frames.

        Args:
            images: (B, T, 3, h, w) float, the current frame first.
        """
        heat, encoding, joints_2d = self.heatmaps(self.features(images))
        rotations, betas = self.mano(self.encoder(heat.to(encoding.dtype), encoding))
        pose = flat_rotations(rotations.flatten(0, 1), self.hand, self.config.pose_offset == "hands_mean")
        posed = self.hand(pose, betas.flatten(0, 1))
        frames = rotations.shape[1]
        return HandOutputs(
            joints_2d, rotations, _by_frame(pose, frames), betas,
            _by_frame(posed.vertices, frames), _by_frame(posed.joints, frames),
        )  # fmt: skip

    def targets(self, batch: Any) -> HandTargets:
        """Returns the annotation of a batch in the network's terms: the right hand as shown, F frames."""
        labels = [batch, *batch.earlier][: self.config.predicted]
        pose = torch.stack([frame.pose[:, 0] for frame in labels], dim=1)
        betas = torch.stack([frame.betas[:, 0] for frame in labels], dim=1).float()
        pixels = torch.stack([frame.joints_2d[:, 0] for frame in labels], dim=1).float()
        seen = torch.stack([frame.joints_2d_valid[:, 0] for frame in labels], dim=1)
        valid = torch.stack([frame.params_valid[:, 0] for frame in labels], dim=1)
        frames = len(labels)
        with torch.no_grad():
            says = relative_rotations(pose.flatten(0, 1), self.hand, self.config.pose_offset == "hands_mean")
            flat = relative_rotations(pose.flatten(0, 1), self.hand, offset=False)
            posed = self.hand(flat, betas.flatten(0, 1))
        width, height = self.inputs.size
        # Pixel centres are whole numbers, the crop's left edge lies at -0.5. No tensor of the size: making
        # one on a GPU waits for it.
        shares = torch.stack([(pixels[..., 0] + 0.5) / width, (pixels[..., 1] + 0.5) / height], dim=-1)
        return HandTargets(
            shares, seen, _by_frame(says, frames), betas,
            _by_frame(posed.vertices, frames), _by_frame(posed.joints, frames), valid,
        )  # fmt: skip

    def loss(self, outputs: HandOutputs, batch: Any) -> dict[str, Tensor]:
        """Returns the terms whose sum is minimised, see :mod:`handbench.baselines.losses`."""
        targets = self.targets(batch)
        if self.config.loss == "handoccnet_mse":
            return handoccnet_mse(outputs, targets)
        axis_angle = self.config.pose_target == "axis_angle"
        return paper_l1(outputs, targets, self.inputs.size, self.config.loss_weights, axis_angle)

    def parts(self) -> dict[str, nn.Module]:
        """Returns the network's parts by name, for tables of parameters."""
        named = dict(self.features.named_children())
        return {**named, "heatmaps": self.heatmaps, "encoder": self.encoder, "mano": self.mano}


def _by_frame(values: Tensor, frames: int) -> Tensor:
    """Turns values (B F, ...) into (B, F, ...)."""
    return values.reshape(-1, frames, *values.shape[1:])
