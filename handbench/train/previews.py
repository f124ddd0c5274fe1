"""Sample predictions of a run: the same few items, drawn every so often."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from handbench.arrays import FloatArray, ImageArray
from handbench.baselines.trainable import Trainable
from handbench.predictions import HandPrediction, Prediction
from handbench.show.draw import draw_skeleton

ITEMS = 4
_TILE = 192
_LIGHT, _SKIN = np.array([0.3, -0.4, -1.0]), np.array([235.0, 200.0, 180.0])


class Previews:
    """Draws what a network predicts of a few items of the training data.

    A row an item: the earlier frames, the annotated skeleton, the predicted one, the predicted mesh; the
    predicted picture, where there is one.

    Args:
        folder: of the pictures.
        trainable: makes the model that predicts.
        batch: items, on the CPU; the first few are drawn.
        device: of the network.
    """

    def __init__(self, folder: Path, trainable: Trainable, batch: Any, device: torch.device) -> None:
        self._folder, self._trainable, self._device = folder, trainable, device
        self._batch = batch.part(0, min(ITEMS, len(batch)))

    def draw(self, network: nn.Module, step: int) -> ImageArray:
        """Draws the predictions of step ``step`` to ``step-NNNNNNNN.jpg`` and returns the picture.

        The network is in training mode afterwards; no random state changes.
        """
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), torch.no_grad():
            model = self._trainable.model(network, str(self._device), trained=True)
            told = model.inputs is not None and model.inputs.boxes
            seen = self._batch if model.needs_ground_truth else self._batch.without_labels(told)
            found = cast(list[Prediction], model.predict(seen.to(self._device)))
        network.train()
        rows = [self._row(i, prediction) for i, prediction in enumerate(found)]
        sheet = np.concatenate(rows)
        self._folder.mkdir(exist_ok=True)
        cv2.imwrite(str(self._folder / f"step-{step:08d}.jpg"), sheet[..., ::-1])
        return sheet

    def _row(self, i: int, prediction: Prediction) -> ImageArray:
        batch = self._batch
        frames = [frame.permute(1, 2, 0).numpy() for frame in batch.images[i]]
        now = np.ascontiguousarray(frames[0])
        side = max(int(batch.side[i]), 0)
        said = np.where(batch.joints_2d_valid[i, side, :, None], batch.joints_2d[i, side], np.nan)
        tiles = [*frames[:0:-1], draw_skeleton(now, said, np.ones(21, np.float32))]
        affine, flipped = batch.affine[i, 0].numpy().astype(float), bool(batch.flipped[i])
        hand = prediction.hands[0] if prediction.hands else None
        pixels = None if hand is None or hand.joints_2d is None else moved(hand.joints_2d, affine)
        predicted = now if pixels is None else draw_skeleton(now, pixels, np.ones(21, np.float32))
        tiles += [predicted, now if hand is None or pixels is None else draw_mesh(now, hand, pixels, flipped)]
        tiles += [hand.image] if hand is not None and hand.image is not None else []
        return np.concatenate([_fit(tile) for tile in tiles], axis=1)


def moved(points: npt.NDArray[Any], affine: FloatArray) -> FloatArray:
    """Moves points (N, 2) of the original picture to pixels of the crop."""
    return np.asarray(points, float) @ affine[:, :2].T + affine[:, 2]


def draw_mesh(image: ImageArray, hand: HandPrediction, pixels: FloatArray, flipped: bool) -> ImageArray:
    """Draws a predicted mesh over a crop, where its joints' pixels say that it is.

    Depth is not needed: scale and place are those that bring the 3D joints nearest to the pixels.

    Args:
        image: (h, w, 3) uint8 RGB.
        hand: with joints and vertices in the original camera frame.
        pixels: (21, 2) predicted joints in the crop.
        flipped: whether the crop is mirrored.
    """
    if hand.vertices is None or hand.joints is None:
        return image
    mirror = np.array([-1.0 if flipped else 1.0, 1.0, 1.0])
    joints, vertices = hand.joints * mirror, hand.vertices * mirror
    centre, middle = joints[:, :2].mean(axis=0), pixels.mean(axis=0)
    spread = np.square(joints[:, :2] - centre).sum()
    scale = float(((joints[:, :2] - centre) * (pixels - middle)).sum() / max(spread, 1e-12))
    points = (vertices[:, :2] - centre) * scale + middle
    corners = vertices[_faces(len(vertices))]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    shade = 0.35 + 0.65 * np.abs(normals @ (_LIGHT / np.linalg.norm(_LIGHT)))
    flat = np.round(np.nan_to_num(points[_faces(len(vertices))]) * 8).astype(np.int32)
    out = np.ascontiguousarray(image).copy()
    for face in np.argsort(-corners[:, :, 2].mean(axis=1)):
        color = tuple((shade[face] * _SKIN).tolist())
        cv2.fillConvexPoly(out, np.clip(flat[face], -(1 << 14), 1 << 14), color, cv2.LINE_8, 3)
    return out


def _faces(count: int) -> npt.NDArray[Any]:
    from handbench.hands.library import load_hand_model

    faces = load_hand_model().faces
    return faces if count == 778 else faces[:0]


def _fit(tile: npt.NDArray[Any]) -> ImageArray:
    return np.asarray(cv2.resize(tile, (_TILE, _TILE), interpolation=cv2.INTER_AREA), np.uint8)
