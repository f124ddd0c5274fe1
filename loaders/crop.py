"""Where a crop looks: boxes, and one affine an item that moves pixels while K and 3D labels follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.inputs import Inputs
from handbench.loaders.augment import Draws

_EXACT = 1e-3


@dataclass(frozen=True, slots=True)
class Warp:
    """How B pictures are shown.

    Attributes:
        affine: (B, 2, 3) source pixel to crop pixel.
        turn: (B, 3, 3) orthogonal: what happens to 3D points, in the camera frame: a mirroring in x where the
            picture is flipped, then a rotation about the optical axis. K takes the rest, see
            :func:`follow_intrinsics`.
        flip: (B,) bool.
    """

    affine: FloatArray
    turn: FloatArray
    flip: BoolArray


def union_box(boxes: FloatArray) -> FloatArray:
    """Returns the box (..., 4) x, y, w, h [px] about boxes (..., S, 4); rows of NaN do not count."""
    low, high = boxes[..., :2], boxes[..., :2] + boxes[..., 2:]
    low = np.where(np.isnan(low), np.inf, low).min(axis=-2)
    high = np.where(np.isnan(high), -np.inf, high).max(axis=-2)
    box = np.concatenate([low, high - low], axis=-1)
    return np.where(np.isfinite(box), box, np.nan)


def points_box(points: FloatArray, valid: BoolArray) -> FloatArray:
    """Returns the tight box (..., 4) x, y, w, h [px] of points (..., J, 2); NaN where none is valid."""
    flat = np.concatenate([points, np.zeros_like(points)], axis=-1)
    return union_box(np.where(valid[..., None], flat, np.nan))


def move_box(box: FloatArray, affine: FloatArray) -> FloatArray:
    """Returns the upright boxes (..., 4) about the warped corners of boxes (..., 4), by (..., 2, 3)."""
    half = box[..., 2:] / 2
    centre = (affine[..., :2] @ (box[..., :2] + half)[..., None])[..., 0] + affine[..., 2]
    reach = (np.abs(affine[..., :2]) @ half[..., None])[..., 0]
    return np.concatenate([centre - reach, 2 * reach], axis=-1)


def square_side(inputs: Inputs, boxes: FloatArray, sizes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns the centre (B, 2) [px] and width (B,) [px] of each crop before augmentation.

    Args:
        inputs: of the model.
        boxes: (B, 4) x, y, w, h [px] of what the crop is about.
        sizes: (B, 2) width and height [px] of the pictures.
    """
    aspect = inputs.size[0] / inputs.size[1]
    if inputs.crop == "full":
        # The whole picture, never cut: what is left over is black.
        return (sizes - 1) / 2, np.maximum(sizes[:, 0], sizes[:, 1] * aspect)
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    centre, extent, factor = (low + high) / 2, high - low, inputs.scale
    if inputs.clip:
        reach = extent * factor / 2
        low, high = np.maximum(centre - reach, 0), np.minimum(centre + reach, sizes - 1)
        centre, extent, factor = (low + high) / 2, np.maximum(high - low, 1.0), 1.0
    return centre, np.maximum(np.maximum(extent[:, 0], extent[:, 1] * aspect) * factor, 1e-3)


def make_warp(
    centre: FloatArray, width: FloatArray, size: tuple[int, int], draws: Draws, mirror: BoolArray
) -> Warp:
    """Makes the affines of B items: crop, flip about the crop's middle, turn about it.

    Args:
        centre: (B, 2) [px] of the crop.
        width: (B,) [px] of the crop.
        size: (width, height) of what is shown.
        draws: of the augmentation.
        mirror: (B,) bool, items that the model sees mirrored.
    """
    flip = draws.flip ^ mirror
    factor = size[0] / (width * draws.scale)
    c, s = np.cos(draws.rotation), np.sin(draws.rotation)
    sign = np.where(flip, -1.0, 1.0)
    turn = np.zeros((len(width), 3, 3))
    turn[:, 0, 0], turn[:, 0, 1] = c * sign, -s
    turn[:, 1, 0], turn[:, 1, 1] = s * sign, c
    turn[:, 2, 2] = 1.0
    affine = np.empty((len(width), 2, 3))
    affine[:, :, :2] = factor[:, None, None] * turn[:, :2, :2]
    middle = (np.array(size) - 1) / 2
    moved = centre + draws.shift * (width * draws.scale)[:, None]
    affine[:, :, 2] = middle - (affine[:, :, :2] @ moved[:, :, None])[:, :, 0]
    return Warp(snapped(affine), turn, flip)


def snapped(affine: FloatArray) -> FloatArray:
    """Returns the affines with those within 0.001 px of a whole-pixel shift made exactly that.

    Then pixels are copied, not interpolated: what was packed for this crop comes back as it was stored.
    """
    near = np.abs(affine[:, :, :2] - np.eye(2)).max(axis=(1, 2)) < _EXACT / 512
    whole = np.round(affine[:, :, 2])
    near &= np.abs(affine[:, :, 2] - whole).max(axis=1) < _EXACT
    out = affine.copy()
    out[near, :, :2] = np.eye(2)
    out[near, :, 2] = whole[near]
    return out


def chained(second: FloatArray, first: FloatArray) -> FloatArray:
    """Returns the (..., 2, 3) affines that do ``first``, then ``second``."""
    linear = second[..., :, :2] @ first[..., :, :2]
    shift = (second[..., :, :2] @ first[..., :, 2:])[..., 0] + second[..., :, 2]
    return np.concatenate([linear, shift[..., None]], axis=-1)


def inverse(affine: FloatArray) -> FloatArray:
    """Returns the inverses of affines (..., 2, 3)."""
    linear = np.linalg.inv(affine[..., :, :2])
    return np.concatenate([linear, -(linear @ affine[..., :, 2:])], axis=-1)


def follow_intrinsics(K: FloatArray, affine: FloatArray, turn: FloatArray) -> FloatArray:
    """Returns K' (..., 3, 3) with K' turn X on the pixel where the affine takes K X.

    Where fx = fy, K' is upright: positive focal lengths, no shear. Where they differ and the picture is
    turned, K' has a small symmetric off-diagonal part, which keeps the projection exact.

    Args:
        K: (..., 3, 3) intrinsics [px].
        affine: (..., 2, 3) source pixel to crop pixel.
        turn: (..., 3, 3) of :class:`Warp`.
    """
    moved = K.copy()
    moved[..., :2, :] = affine[..., :, :2] @ K[..., :2, :] + affine[..., :, 2:] * K[..., 2:, :]
    return np.asarray(moved @ np.swapaxes(turn, -1, -2))
