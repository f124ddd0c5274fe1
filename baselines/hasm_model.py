"""HASM as a model: crops in; masks of both hands, their boxes, and whether they are there, out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from handbench.arrays import BoolArray, FloatArray
from handbench.baselines.hasm import HandMasks, HasmNetwork, decode_masks
from handbench.baselines.pictures import channels_last
from handbench.config import to_dict
from handbench.placing import place
from handbench.predictions import HandPrediction, Prediction, Space
from handbench.types import Side

SIDES = (Side.RIGHT, Side.LEFT)


class HasmModel:
    """Predicts the masks of both hands of each crop; keeps to :class:`handbench.models.Model`.

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
    space: Space = "camera"
    tips, hand_model = "", ""

    def __init__(
        self, network: HasmNetwork, name: str, device: str = "cpu", trained: bool = True, sha256: str = ""
    ) -> None:
        self.network = channels_last(network).to(device).eval()
        self.name, self.device = name, device
        self.inputs = network.inputs
        self.trained, self.weights_sha256 = trained, sha256
        self.settings: Mapping[str, Any] = to_dict(network.config)
        self.train_data = ""
        self.parameters = sum(parameter.numel() for parameter in network.parameters())

    def masks(self, batch: Any) -> HandMasks:
        """Returns the masks of a batch as shown, right then left, on the model's device."""
        return self.segment(*(tensor.to(self.device) for tensor in self.network.prepare(batch)))

    def segment(self, images: Tensor) -> HandMasks:
        """Returns the masks of pictures (B, 3, h, w) with ``inputs``' mean and deviation, right then left."""
        width, height = self.inputs.size
        with torch.no_grad():
            return decode_masks(self.network(images).logits, (height, width), self.network.config.least)

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
