"""What a cut-out says of its photograph: light, blur and noise of the hand."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray

_SIGMA = 1.0
_LAPLACE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def hand_light(image: ImageArray, mask: npt.NDArray[np.uint8]) -> FloatArray:
    """Returns the mean colour (3,) [grey levels] of the pixels (h, w, 3) under a mask (h, w)."""
    return np.array(cv2.mean(image, mask)[:3])


def hand_noise(image: ImageArray, mask: npt.NDArray[np.uint8]) -> float:
    """Estimates the noise's standard deviation [grey levels] inside a mask (Immerkaer 1996).

    The median in place of the mean, so that edges and hairs do not count.
    """
    grey: Any = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    response: Any = np.abs(cv2.filter2D(np.asarray(grey, np.float32), -1, _LAPLACE))
    inner = cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0
    if not inner.any():
        return 0.0
    return float(np.median(response[inner]) / (0.6745 * 6.0))


def hand_blur(image: ImageArray, mask: npt.NDArray[np.uint8]) -> float:
    """Estimates the blur of the sharpest edges of a hand as the deviation of a Gaussian [px].

    A step blurred by s loses gradient by sqrt((s^2 + s0^2) / s^2) when it is blurred by s0 once more
    (Zhuo and Sim 2011, equation 5).
    """
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)
    again = np.asarray(cv2.GaussianBlur(grey, (7, 7), _SIGMA), np.float32)
    first, second = _gradient(grey), _gradient(again)
    near = cv2.dilate(mask, np.ones((5, 5), np.uint8)) > 0
    strong = near & (first >= np.percentile(first[near], 95)) & (second > 1e-3) if near.any() else near
    if strong.sum() < 20:
        return 2.0
    ratio = float(np.median(first[strong] / second[strong]))
    return float(np.clip(_SIGMA / np.sqrt(max(ratio**2 - 1.0, 1e-3)), 0.2, 3.0))


def _gradient(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    dx: Any = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3)
    dy: Any = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3)
    return np.asarray(np.hypot(dx, dy), np.float32)


def continued_colours(image: ImageArray, mask: npt.NDArray[np.uint8]) -> ImageArray:
    """Returns a picture (h, w, 3) whose hand's colours go on beyond its outline.

    Pixels within 1 px of the outline are mixed with the background: they, and all outside, take the colour of
    the nearest pixel inside. Pasted with a soft edge no old background shows.
    """
    inner = cv2.erode(mask, np.ones((3, 3), np.uint8))
    if not inner.any():
        inner = mask
    _, labels = cv2.distanceTransformWithLabels(1 - inner, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    places = np.zeros(int(labels.max()) + 1, np.int64)
    flat = inner.reshape(-1) > 0
    places[np.asarray(labels).reshape(-1)[flat]] = np.flatnonzero(flat)
    return np.asarray(image.reshape(-1, 3)[places[np.asarray(labels)]])
