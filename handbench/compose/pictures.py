"""What all composed pictures share: where two of them may differ, and JPEG."""

from __future__ import annotations

from typing import Any

import cv2
import numba as nb
import numpy as np

from handbench.arrays import BoolArray, ImageArray
from handbench.errors import HandbenchError


def differ(first: ImageArray, second: ImageArray, reach: int) -> BoolArray:
    """Returns where two pictures may differ once blur has spread by ``reach`` pixels, (h, w) bool."""
    found = _differ(np.ascontiguousarray(first), np.ascontiguousarray(second))
    if reach > 0:
        side = 2 * reach + 1
        found = cv2.dilate(found, np.ones((side, side), np.uint8))
    return np.asarray(found).view(np.bool_)


@nb.njit(cache=True, nogil=True)
def _differ(first: Any, second: Any) -> Any:
    height, width = first.shape[:2]
    out = np.zeros((height, width), dtype=np.uint8)
    for y in range(height):
        for x in range(width):
            if (
                first[y, x, 0] != second[y, x, 0]
                or first[y, x, 1] != second[y, x, 1]
                or first[y, x, 2] != second[y, x, 2]
            ):
                out[y, x] = 1
    return out


def encode_jpeg(image: ImageArray, quality: int) -> bytes:
    """Encodes RGB as JPEG, 4:2:0; without OPTIMIZE, which triples the time for a twentieth of the bytes."""
    ok, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not ok:
        raise HandbenchError("a picture could not be encoded as JPEG")
    return bytes(data.tobytes())
