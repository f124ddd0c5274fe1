"""SHPE as a model: crops of one hand in, joints without a unit out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from handbench.baselines.detnet import DetNet, DetNetOutputs, decode
from handbench.baselines.trained_model import SIDES, TrainedModel
from handbench.errors import HandbenchError
from handbench.placing import points_to_picture, unmirror
from handbench.predictions import HandPrediction, Prediction, Space


class ShpeModel(TrainedModel[DetNet]):
    """Predicts the hand of each crop, the wrist at 0; keeps to :class:`handbench.models.Model`.

    Lengths have no unit, about 1 from wrist to middle MCP: a protocol's ``scale`` gives them one, and says
    so in its id. Fingertips are those of the data that it was trained on.

    Attributes:
        needs_ground_truth: with ``mask_input``: the annotation's masks. A pipeline calls
            :meth:`predict_with` with predicted ones.
    """

    space: Space = "scale_free"

    def __init__(
        self, network: DetNet, name: str, device: str = "cpu", trained: bool = True, sha256: str = ""
    ) -> None:
        super().__init__(network, name, device, trained, sha256)
        # Nobody predicts masks for it here: a row of its own has the annotation's.
        self.needs_ground_truth = network.config.mask_input
        if self.needs_ground_truth:
            self.settings = {**self.settings, "masks": "gt"}

    def predict(self, batch: Any) -> list[Prediction]:
        """Predicts each item: joints, pixels, and how sure it is of each joint.

        Args:
            batch: a :class:`handbench.models.PictureBatch`; with ``mask_input`` it carries masks.

        Raises:
            HandbenchError: for a batch that lacks masks.
        """
        with torch.no_grad():
            seen = [part.to(self.device) for part in self.network.prepare(batch)]
            return self.read(self.network(*seen), batch)

    def predict_with(self, batch: Any, masks: Tensor) -> list[Prediction]:
        """Predicts each item from its picture and masks of it, whatever masks the batch has.

        Args:
            batch: as in :meth:`predict`.
            masks: (B, 4, h, w) bool on the crop as shown, in the order of ``handbench.inputs.MASKS``.

        Raises:
            HandbenchError: for a network that sees no masks.
        """
        if not self.network.config.mask_input:
            raise HandbenchError(f"{self.name} sees no masks", "take shpe:mask-input or call predict")
        images = batch.normalised(self.inputs).to(self.device)
        with torch.no_grad():
            return self.read(self.network(images, masks.to(self.device)), batch)

    def read(self, outputs: DetNetOutputs, batch: Any) -> list[Prediction]:
        """Takes what the network found in the crops of a batch to the original pictures."""
        c = self.network.config
        found = decode(outputs, c.decode, c.read)
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
