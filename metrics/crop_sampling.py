"""True masks and pictures in the frame of a model's crop."""

from __future__ import annotations

import numpy as np
from numba import njit

from handbench.arrays import BoolArray, FloatArray, ImageArray


def inverse_affine(affine: FloatArray) -> FloatArray:
    """Returns the (2, 3) affine back.

    Raises:
        np.linalg.LinAlgError: when it has none.
    """
    back = np.linalg.inv(affine[:, :2])
    return np.concatenate([back, -back @ affine[:, 2:]], axis=1)


def sample_mask(mask: BoolArray, affine: FloatArray, size: tuple[int, int]) -> BoolArray:
    """Returns a mask (h, w) in a crop, by the nearest pixel; False outside the picture.

    Args:
        mask: (h, w) in the picture.
        affine: (2, 3) pixel of the picture to pixel of the crop; pixel centres are whole numbers.
        size: width and height of the crop [px].
    """
    out = np.zeros((size[1], size[0]), dtype=np.bool_)
    _nearest(np.ascontiguousarray(mask), inverse_affine(affine), out)
    return out


def sample_picture(picture: ImageArray, affine: FloatArray, size: tuple[int, int]) -> ImageArray:
    """Returns a picture (h, w, 3) uint8 in a crop, bilinear; black outside.

    Args:
        picture: (h, w, 3) uint8.
        affine: (2, 3), as for :func:`sample_mask`.
        size: of the crop, the same.
    """
    out = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    _bilinear(np.ascontiguousarray(picture), inverse_affine(affine), out)
    return out


@njit(cache=True, nogil=True)
def _nearest(mask: BoolArray, back: FloatArray, out: BoolArray) -> None:
    height, width = mask.shape
    for v in range(out.shape[0]):
        for u in range(out.shape[1]):
            x = int(np.floor(back[0, 0] * u + back[0, 1] * v + back[0, 2] + 0.5))
            y = int(np.floor(back[1, 0] * u + back[1, 1] * v + back[1, 2] + 0.5))
            out[v, u] = 0 <= x < width and 0 <= y < height and mask[y, x]


@njit(cache=True, nogil=True)
def _bilinear(picture: ImageArray, back: FloatArray, out: ImageArray) -> None:
    height, width = picture.shape[:2]
    for v in range(out.shape[0]):
        for u in range(out.shape[1]):
            x = back[0, 0] * u + back[0, 1] * v + back[0, 2]
            y = back[1, 0] * u + back[1, 1] * v + back[1, 2]
            # A picture reaches half a pixel beyond its outermost centres.
            if x < -0.5 or y < -0.5 or x >= width - 0.5 or y >= height - 0.5:
                continue
            x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
            x0, y0 = min(int(x), max(width - 2, 0)), min(int(y), max(height - 2, 0))
            x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
            a, b = x - x0, y - y0
            for c in range(3):
                top = (1 - a) * picture[y0, x0, c] + a * picture[y0, x1, c]
                low = (1 - a) * picture[y1, x0, c] + a * picture[y1, x1, c]
                out[v, u, c] = int((1 - b) * top + b * low + 0.5)
