"""HASM as a model: crops in; masks of both hands, their boxes, and whether they are there, out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from handbench.arrays import BoolArray, FloatArray
from handbench.baselines.hasm import HandMasks, HasmNetwork, decode_masks
from handbench.baselines.trained_model import SIDES, TrainedModel
from handbench.placing import place
from handbench.predictions import HandPrediction, Prediction, Space


class HasmModel(TrainedModel[HasmNetwork]):
    """Predicts the masks of both hands of each crop; keeps to :class:`handbench.models.Model`."""

    space: Space = "camera"

    def masks(self, batch: Any) -> HandMasks:
        """Returns the masks of a batch as shown, right then left, on the model's device."""
        return self.segment(*(tensor.to(self.device) for tensor in self.network.prepare(batch)))

    def segment(self, images: Tensor, boxes: Tensor | None = None) -> HandMasks:
        """Returns the masks of pictures (B, 3, h, w) with ``inputs``' mean and deviation, right then left.

        Args:
            images: on the model's device.
            boxes: (B, 2, 4) x, y, w, h [px] that a network with ``inputs.boxes`` is told, right then left;
                none where a side is not above 0, or NaN.
        """
        width, height = self.inputs.size
        with torch.no_grad():
            return decode_masks(
                self.network(images, boxes).logits, (height, width), self.network.config.least
            )

    def predict(self, batch: Any) -> list[Prediction]:
        """Predicts both hands of each item: masks in the frame of the crop, boxes in that of the picture.

        An absent hand has empty masks, no box, and a ``handedness`` below a half.
        """
        masks = self.masks(batch)
        amodal, visible = masks.amodal.cpu().numpy(), masks.visible.cpu().numpy()
        presence = masks.presence.double().cpu().numpy()
        affines = batch.affine[:, 0].double().cpu().numpy()
        found = []
        for i, (key, flipped) in enumerate(zip(batch.keys, batch.flipped.tolist(), strict=True)):
            shown = (
                HandPrediction(
                    side, box=mask_box(amodal[i, s]), amodal_mask=amodal[i, s], visible_mask=visible[i, s]
                )
                for s, side in enumerate(SIDES)
            )
            hands = tuple(place(hand, affines[i], flipped) for hand in shown)
            likely = presence[i, ::-1] if flipped else presence[i]
            found.append(Prediction(key, hands, handedness=likely, crop=affines[i]))
        return found


def mask_box(mask: BoolArray) -> FloatArray | None:
    """Returns the box (4,) x, y, w, h [px] about the pixels of a mask (h, w); None where there are none."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return None
    low = np.array([columns[0], rows[0]]) - 0.5
    return np.concatenate([low, np.array([columns[-1], rows[-1]]) + 0.5 - low])
