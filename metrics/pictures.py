"""How well a de-occluded picture is filled in: PSNR, SSIM and L1 over its holes alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.errors import HandbenchError

MAX_PSNR = 100.0
"""PSNR [dB] of a hole that is filled perfectly: the infinity of its formula would be the mean of any score.
One grey level in one of three channels of one pixel of a whole 256 x 256 picture is 101 dB."""

_WINDOW = 11


class PictureErrors(NamedTuple):
    """How far a picture is from the true one, inside a hole.

    Attributes:
        psnr: peak signal-to-noise ratio [dB], at most :data:`MAX_PSNR`.
        ssim: structural similarity, -1 to 1.
        l1: mean absolute difference [grey levels, 0 to 255].
    """

    psnr: float
    ssim: float
    l1: float


def hole_errors(image: ImageArray, truth: ImageArray, hole: BoolArray) -> PictureErrors:
    """Compares a picture with the true one over a hole; NaN where the hole is empty.

    PSNR and L1 are over the hole's pixels and the three channels. SSIM is scikit-image's map with the window
    of Wang et al. 2004 (Gaussian, sigma 1.5, 11 x 11; population covariance), each channel on its own,
    averaged over the hole: a window at the hole's edge sees what is around it, which both pictures share.

    Args:
        image: (h, w, 3) uint8.
        truth: (h, w, 3) uint8.
        hole: (h, w) bool.

    Raises:
        HandbenchError: when shapes differ, or a side is shorter than the window.
    """
    if image.shape != truth.shape or hole.shape != image.shape[:2]:
        raise HandbenchError(
            f"picture {image.shape}, true picture {truth.shape} and hole {hole.shape} differ in size",
            "compare pictures of one crop",
        )
    if min(hole.shape) < _WINDOW:
        raise HandbenchError(f"a picture of {hole.shape} is smaller than SSIM's window of {_WINDOW} px")
    if not hole.any():
        return PictureErrors(np.nan, np.nan, np.nan)
    from skimage.metrics import structural_similarity

    part = _around(hole)
    image, truth, hole = image[part], truth[part], hole[part]
    difference = image[hole].astype(np.float64) - truth[hole]
    mean_square = float(np.mean(difference**2))
    psnr = MAX_PSNR if mean_square == 0 else min(MAX_PSNR, 10 * np.log10(255.0**2 / mean_square))
    _, similarity = structural_similarity(  # type: ignore[no-untyped-call]
        image, truth, data_range=255, channel_axis=-1, full=True, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False,
    )  # fmt: skip
    return PictureErrors(float(psnr), float(similarity[hole].mean()), float(np.abs(difference).mean()))


def all_hole_errors(images: ImageArray, truths: ImageArray, holes: BoolArray) -> FloatArray:
    """Returns :func:`hole_errors` of N pictures as columns (N, 3): PSNR [dB], SSIM, L1 [grey levels].

    Args:
        images: (N, h, w, 3) uint8.
        truths: (N, h, w, 3) uint8.
        holes: (N, h, w) bool.

    Raises:
        HandbenchError: as :func:`hole_errors` does.
    """
    rows = [hole_errors(*row) for row in zip(images, truths, holes, strict=True)]
    return np.array(rows, dtype=np.float64).reshape(-1, len(PictureErrors._fields))


def _around(hole: BoolArray) -> tuple[slice, slice]:
    """Returns the part of a picture that holds the hole and the whole window of each of its pixels."""
    parts = []
    for axis in (1, 0):
        there = np.flatnonzero(hole.any(axis=axis))
        parts.append(slice(max(0, int(there[0]) - _WINDOW), int(there[-1]) + _WINDOW + 1))
    return parts[0], parts[1]
