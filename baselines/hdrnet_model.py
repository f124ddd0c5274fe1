"""HDRNet as a model: it completes the pictures of target hands from the annotation's masks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from handbench.baselines.hdrnet_network import HDRNetwork, masks_in_order, to_bytes
from handbench.baselines.trained_model import SIDES, TrainedModel
from handbench.predictions import HandPrediction, Prediction, Space


class HDRNetModel(TrainedModel[HDRNetwork]):
    """Keeps to :class:`handbench.models.Model`; predicts the target alone and whole, and nothing else.

    Its masks are the annotation's, so a row of it says what de-occlusion and removal can do at best. Where
    masks are predicted, a pipeline calls :meth:`complete`.

    Attributes:
        parameters: of the generator.
    """

    needs_ground_truth = True
    space: Space = "root_relative"

    def __init__(
        self, network: HDRNetwork, name: str, device: str = "cpu", trained: bool = True, sha256: str = ""
    ) -> None:
        super().__init__(network, name, device, trained, sha256)
        c = network.config
        off = "" if c.vgg or not (c.perceptual or c.style) else "perceptual and style terms (no VGG16)"
        self.settings = {**self.settings, "masks": "gt", "off": off}
        self.parameters = sum(parameter.numel() for parameter in network.generator.parameters())

    def complete(self, images: Tensor, masks: Tensor) -> Tensor:
        """Completes pictures of hands shown as right ones.

        Args:
            images: (B, 3, h, w) with ``inputs``' mean and deviation, on the device.
            masks: (B, 4, h, w) bool, target amodal and visible, other amodal and visible.

        Returns:
            (B, 3, h, w), normalised as the input is; ``hdrnet_network.to_bytes`` makes a picture of it.
        """
        with torch.no_grad():
            return self.network.complete(images, masks)

    def predict(self, batch: Any) -> list[Prediction]:
        """Predicts each item's picture, in the frame of its crop.

        An item that is about no one hand (a picture that names no target) gets none.
        """
        images = batch.normalised(self.inputs)[:, 0].to(self.device)
        done = self.complete(images, masks_in_order(batch).to(self.device))
        pictures = to_bytes(done, self.inputs).permute(0, 2, 3, 1).cpu().numpy()
        affine, shown, flipped = batch.affine[:, 0].cpu().numpy(), batch.side.tolist(), batch.flipped.tolist()
        found = []
        for i, key in enumerate(batch.keys):
            if shown[i] < 0:
                found.append(Prediction(key))
                continue
            # The picture stays in the crop, whose affine holds the mirroring.
            side = SIDES[shown[i]].other if flipped[i] else SIDES[shown[i]]
            found.append(Prediction(key, (HandPrediction(side, image=pictures[i]),), crop=affine[i]))
        return found
