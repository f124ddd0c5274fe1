"""Occluders drawn over a crop: rectangles and ellipses of one colour or of the picture's own texture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, ImageArray

_TILE = 512
_GRAIN = 6.0


@dataclass(frozen=True, slots=True)
class Patch:
    """One occluder.

    Attributes:
        rows: of the crop.
        columns: of the crop.
        shape: (h, w) uint8, 255 where it covers.
        pixels: (h, w, 3) uint8 RGB.
    """

    rows: slice
    columns: slice
    shape: npt.NDArray[np.uint8]
    pixels: ImageArray

    def paste(self, image: ImageArray) -> None:
        """Draws it into a crop (h, w, 3), in place."""
        cv2.copyTo(self.pixels, self.shape, image[self.rows, self.columns])

    def cover(self, covered: BoolArray) -> None:
        """Marks what it covers in (h, w) bool, in place."""
        covered[self.rows, self.columns] |= self.shape > 0


def make_patches(image: ImageArray, draws: FloatArray, count: int, area: tuple[float, float]) -> list[Patch]:
    """Makes the occluders of one crop.

    Args:
        image: (h, w, 3) uint8 RGB, the crop that they will cover.
        draws: (N, 10) numbers from 0 to 1.
        count: how many of them to make.
        area: least and greatest share of the crop that one covers.
    """
    patches = [_make_patch(image, draws[k].tolist(), area) for k in range(count)]
    return [patch for patch in patches if patch is not None]


def _make_patch(image: ImageArray, u: list[float], area: tuple[float, float]) -> Patch | None:
    height, width = image.shape[:2]
    share = area[0] + (area[1] - area[0]) * u[0]
    aspect = 4.0 ** (u[1] - 0.5)
    across, down = (share * width * height * aspect) ** 0.5, (share * width * height / aspect) ** 0.5
    centre = (u[2] * width, u[3] * height)
    box = (centre, (across, down), 180.0 * u[4])
    corners = cv2.boxPoints(box)
    left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(corners.max(axis=0)).astype(int), (width, height))
    if right <= left or bottom <= top:
        return None
    shape = np.zeros((bottom - top, right - left), np.uint8)
    if u[5] < 0.5:
        cv2.fillConvexPoly(shape, np.round(corners - (left, top)).astype(np.int32), 255)
    else:
        cv2.ellipse(shape, ((centre[0] - left, centre[1] - top), box[1], box[2]), 255, -1)
    rows, columns = slice(top, bottom), slice(left, right)
    return Patch(rows, columns, shape, _fill(image, shape.shape, u[6:]))


def _fill(image: ImageArray, size: tuple[int, ...], u: list[float]) -> ImageArray:
    """Returns the pixels of an occluder: one colour with a grain, or a piece of the picture, tinted."""
    height, width = size
    if u[0] < 0.5:
        plain = np.empty((height, width, 3), np.uint8)
        plain[:] = [int(256 * value) for value in u[1:]]
        return add_noise(plain, _GRAIN, u[1], u[2])
    top = int(u[1] * (image.shape[0] - height + 1))
    left = int(u[2] * (image.shape[1] - width + 1))
    piece = image[top : top + height, left : left + width]
    return np.asarray(cv2.convertScaleAbs(piece, alpha=0.6 + 0.8 * u[3]))


def add_noise(image: ImageArray, sigma: float, u: float, v: float) -> ImageArray:
    """Adds Gaussian noise of ``sigma`` grey levels, cut from one fixed tile at a drawn place, in place."""
    tile = _noise_tile(sigma)
    height, width = image.shape[:2]
    if height > _TILE or width > _TILE:
        tile = np.tile(tile, (-(-height // _TILE) + 1, -(-width // _TILE) + 1, 1))
    top = int(u * (tile.shape[0] - height + 1))
    left = int(v * (tile.shape[1] - width + 1))
    piece = tile[top : top + height, left : left + width]
    return np.asarray(cv2.add(image, piece, dst=image, dtype=cv2.CV_8U))


@lru_cache(8)
def _noise_tile(sigma: float) -> npt.NDArray[np.int8]:
    values = np.random.Generator(np.random.PCG64(0)).normal(0.0, sigma, (_TILE, _TILE, 3))
    return np.clip(np.round(values), -127, 127).astype(np.int8)
