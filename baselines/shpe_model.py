"""SHPE as a model: crops of one hand in, joints without a unit out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from handbench.baselines.detnet import DetNet, DetNetOutputs, decode
from handbench.baselines.pictures import channels_last
from handbench.config import to_dict
from handbench.placing import points_to_picture, unmirror
from handbench.predictions import HandPrediction, Prediction, Space
from handbench.types import Side

SIDES = (Side.RIGHT, Side.LEFT)
_SPACE: Space = "scale_free"


class ShpeModel:
    """Predicts the hand of each crop, the wrist at 0; keeps to :class:`handbench.models.Model`.

    Lengths have no unit, about 1 from wrist to middle MCP: a protocol's ``scale`` gives them one, and says
    so in its id. Fingertips are those of the data that it was trained on.

    Args:
        network: it is put on the device and in evaluation mode.
        name: ``NAME`` or ``NAME:VARIANT``.
        device: as torch spells it.
        trained: False for random weights.
        sha256: of the file of weights.

    Attributes:
        settings: the network's configuration.
        parameters: how many numbers the network has.
        train_data: what it was trained on, in words; empty where that is not known.
    """

    needs_ground_truth = False
    tips, hand_model = "", ""

    def __init__(
        self, network: DetNet, name: str, device: str = "cpu", trained: bool = True, sha256: str = ""
    ) -> None:
        self.network = channels_last(network).to(device).eval()
        self.name, self.device = name, device
        self.inputs, self.space = network.inputs, _SPACE
        self.trained, self.weights_sha256 = trained, sha256
        self.settings: Mapping[str, Any] = to_dict(network.config)
        self.train_data = ""
        self.parameters = sum(parameter.numel() for parameter in network.parameters())

    def predict(self, batch: Any) -> list[Prediction]:
        """Predicts each item: joints, pixels, and how sure it is of each joint."""
        with torch.no_grad():
            return self.read(self.network(batch.normalised(self.inputs).to(self.device)), batch)

    def read(self, outputs: DetNetOutputs, batch: Any) -> list[Prediction]:
        """Takes what the network found in the crops of a batch to the original pictures."""
        found = decode(outputs, self.network.config.decode)
        width, height = self.inputs.size
        pixels = found.joints_2d.double().cpu().numpy() * (width, height) - 0.5
        placed = points_to_picture(pixels, batch.affine[:, 0].cpu().numpy()).astype(np.float32)
        joints, score = found.joints.cpu().numpy(), found.score.cpu().numpy()
        shown, flipped = batch.side.tolist(), batch.flipped.tolist()
        predictions = []
        for i, key in enumerate(batch.keys):
            hand = HandPrediction(SIDES[shown[i]], joints=joints[i], joints_2d=placed[i], score=score[i])
            predictions.append(Prediction(key, (unmirror(hand) if flipped[i] else hand,)))
        return predictions
