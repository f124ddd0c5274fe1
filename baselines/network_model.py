"""A hand network as a model: crops in, predictions in the original camera frame out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from handbench.baselines.hand_network import HandNetwork
from handbench.baselines.rotation_maps import axis_angle_from_rotations
from handbench.baselines.trained_model import SIDES, TrainedModel
from handbench.placing import points_to_picture, unmirror
from handbench.predictions import HandPrediction, Prediction, Space


class NetworkModel(TrainedModel[HandNetwork]):
    """Predicts the hand of each crop; keeps to :class:`handbench.models.Model`.

    Attributes:
        settings: the network's configuration and the hand model's hash.
    """

    space: Space = "root_relative"

    def __init__(
        self, network: HandNetwork, name: str, device: str = "cpu", trained: bool = True, sha256: str = ""
    ) -> None:
        super().__init__(network, name, device, trained, sha256)
        config = network.config
        self.tips = config.tips
        self.hand_model = config.hand_model.partition(":")[0]
        self.settings = {**self.settings, "hand_sha256": network.hand_sha256}

    def predict(self, batch: Any) -> list[Prediction]:
        """Predicts the current frame of each item: joints and mesh from the wrist, pose, betas, pixels."""
        images = batch.normalised(self.inputs).to(self.device)
        if self.network.config.prev_frame == "repeated":
            images = images[:, :1].expand_as(images)
        with torch.no_grad():
            out = self.network(images)
            wrist = out.joints[:, 0, :1]
            joints, vertices = out.joints[:, 0] - wrist, out.vertices[:, 0] - wrist
            pose = axis_angle_from_rotations(out.pose[:, 0]).flatten(1)
        width, height = self.inputs.size
        pixels = out.joints_2d[:, 0].double().cpu().numpy() * (width, height) - 0.5
        placed = points_to_picture(pixels, batch.affine[:, 0].cpu().numpy()).astype(np.float32)
        rows = [joints, vertices, pose, out.betas[:, 0]]
        arrays = [value.float().cpu().numpy() for value in rows]
        shown, flipped = batch.side.tolist(), batch.flipped.tolist()
        found = []
        for i, key in enumerate(batch.keys):
            hand = HandPrediction(
                SIDES[shown[i]], joints=arrays[0][i], vertices=arrays[1][i], joints_2d=placed[i],
                pose=arrays[2][i], betas=arrays[3][i],
            )  # fmt: skip
            found.append(Prediction(key, (unmirror(hand) if flipped[i] else hand,)))
        return found
