"""From the crop that a model saw back to the original picture: pixels, boxes, and mirrored hands."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.predictions import Floats, HandPrediction

_MIRROR = np.array([-1.0, 1.0, 1.0])
_MIRROR_POSE = np.tile([1.0, -1.0, -1.0], 16)


def inverse_affine(affine: npt.NDArray[Any]) -> FloatArray:
    """Returns the inverses (..., 2, 3) of affines (..., 2, 3)."""
    linear = np.linalg.inv(np.asarray(affine[..., :2], np.float64))
    return np.concatenate([linear, -(linear @ affine[..., 2:])], axis=-1)


def points_to_picture(points: Floats, affine: npt.NDArray[Any]) -> FloatArray:
    """Takes pixels of crops to pixels of the original pictures.

    Args:
        points: (..., J, 2) [px] of the crop.
        affine: (..., 2, 3) of the batch: picture to crop (``batch.affine[:, 0]``).
    """
    back = inverse_affine(affine)
    return np.asarray(points @ np.swapaxes(back[..., :2], -1, -2) + back[..., None, :, 2])


def boxes_to_picture(box: Floats, affine: npt.NDArray[Any]) -> FloatArray:
    """Takes boxes of crops to the upright boxes about them in the original pictures.

    Args:
        box: (..., 4) x, y, w, h [px] of the crop.
        affine: (..., 2, 3) of the batch: picture to crop.
    """
    low, high = box[..., :2], box[..., :2] + box[..., 2:]
    corners = np.stack([low, np.stack([high[..., 0], low[..., 1]], -1), high,
                        np.stack([low[..., 0], high[..., 1]], -1)], axis=-2)  # fmt: skip
    moved = points_to_picture(corners, affine)
    low, high = moved.min(axis=-2), moved.max(axis=-2)
    return np.concatenate([low, high - low], axis=-1)


def unmirror(hand: HandPrediction) -> HandPrediction:
    """Returns a hand that was predicted in a mirrored picture as the other hand that it is.

    3D is mirrored in x of the camera frame, which is what mirroring a picture and its K does; so are MANO's
    rotations and translation, whose two hands mirror each other. Pixels, masks and pictures stay in the frame
    of the crop: the batch's affine holds the mirroring.
    """

    def mirrored(value: Floats | None, by: FloatArray) -> Floats | None:
        return None if value is None else np.asarray(value * by)

    return dataclasses.replace(
        hand,
        side=hand.side.other,
        joints=mirrored(hand.joints, _MIRROR),
        vertices=mirrored(hand.vertices, _MIRROR),
        transl=mirrored(hand.transl, _MIRROR),
        pose=mirrored(hand.pose, _MIRROR_POSE),
    )


def place(hand: HandPrediction, affine: npt.NDArray[Any], flipped: bool = False) -> HandPrediction:
    """Returns a hand as it is in the original picture.

    Args:
        hand: as predicted in the crop: 3D in the crop's camera frame, ``joints_2d`` and ``box`` in its
            pixels, ``side`` as shown.
        affine: (2, 3) picture to crop: ``batch.affine[i, 0]``. An affine that was turned by augmentation is
            not undone in 3D: prediction does not augment.
        flipped: ``batch.flipped[i]``.
    """
    pixels, box = hand.joints_2d, hand.box
    placed = dataclasses.replace(
        hand,
        joints_2d=None if pixels is None else points_to_picture(pixels, affine),
        box=None if box is None else boxes_to_picture(box, affine),
    )
    return unmirror(placed) if flipped else placed
