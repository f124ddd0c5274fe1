"""InterNet as a model: crops of both hands in; joints, relative root and handedness out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from handbench.arrays import FloatArray
from handbench.baselines.internet import InterNet, InterNetOutputs
from handbench.baselines.internet_decode import decode
from handbench.baselines.internet_place import hand_depths, on_rays, pair_depths
from handbench.baselines.trained_model import SIDES, TrainedModel
from handbench.placing import points_to_picture
from handbench.predictions import HandPrediction, Prediction, Space


class InterNetModel(TrainedModel[InterNet]):
    """Predicts both hands of each crop; keeps to :class:`handbench.models.Model`.

    The network finds pixels, depths from each wrist, and the left wrist's depth from the right one's, but no
    absolute depth: the official evaluation takes RootNet's or the true one. Here hands stand where their
    bones have the mean hand's lengths, ``root_depth`` says where that is, and the protocol's ``root=gt`` or
    ``root=rootnet`` moves them along their rays to another, which is the official evaluation. Both hands are
    always written; ``handedness`` says which are there.
    """

    space: Space = "camera"
    root_source = "predicted"

    def predict(self, batch: Any) -> list[Prediction]:
        """Predicts each item: both hands in the camera frame, pixels, relative root, handedness."""
        with torch.no_grad():
            return self.read(self.network(batch.normalised(self.inputs).to(self.device)), batch)

    def read(self, outputs: InterNetOutputs, batch: Any) -> list[Prediction]:
        """Takes what the network found in the crops of a batch to the original pictures and the camera."""
        pixels, depth, score, apart, there = self._decoded(outputs)
        K = batch.K.double().cpu().numpy()
        right, left = (hand_depths(K, pixels[:, s], depth[:, s]) for s in range(2))
        roots = pair_depths(right, left, apart, there)
        joints = on_rays(K[:, None], pixels, depth + roots[:, :, None])
        placed = points_to_picture(pixels, batch.affine[:, :1].cpu().numpy())
        found = []
        for i, key in enumerate(batch.keys):
            hands = tuple(
                HandPrediction(
                    side, joints=joints[i, s].astype(np.float32), score=score[i, s],
                    joints_2d=placed[i, s].astype(np.float32),
                )
                for s, side in enumerate(SIDES)
            )  # fmt: skip
            found.append(
                Prediction(
                    key, hands, relative_root=joints[i, 1, 0] - joints[i, 0, 0], root_depth=roots[i],
                    handedness=there[i],
                )
            )  # fmt: skip
        return found

    def _decoded(
        self, out: InterNetOutputs
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """Reads outputs as numbers.

        Returns:
            Pixels of the crop (B, 2, 21, 2), depths from the wrist (B, 2, 21) [m], scores (B, 2, 21), depth
            of the left wrist from the right one (B,) [m], probabilities of the hands (B, 2).
        """
        c = self.network.config
        decoded = [decode(volumes, c.decode) for volumes in (out.right, out.left)]
        places = torch.stack([places for places, _ in decoded], dim=1).double().cpu().numpy()
        score = torch.stack([heat for _, heat in decoded], dim=1).cpu().numpy() / c.peak
        pixels = (places[..., :2] + 0.5) * (c.size / c.resolution) - 0.5
        depth = (places[..., 2] / c.bins - 0.5) * c.depth_range
        apart = (out.root.double().cpu().numpy() / c.root_bins - 0.5) * c.root_range
        there = out.handedness.float().sigmoid().double().cpu().numpy()
        return pixels, depth, score, apart, there
