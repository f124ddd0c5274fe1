"""The camera of one's own pictures: what the user says of it, or an assumption."""

from __future__ import annotations

import math
import re

import numpy as np

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError

NOMINAL_FOCAL = 1.2
"""Focal length in longer picture sides where none is given: about 45 degrees of view."""


def intrinsics(focal: float, K_text: str, sizes: list[tuple[int, int]]) -> FloatArray:
    """Returns (N, 3, 3) [px] of all pictures.

    Args:
        focal: length [px]; 0 takes :data:`NOMINAL_FOCAL`.
        K_text: ``fx,fy,cx,cy`` [px] in place of it, or an empty text.
        sizes: (width, height) [px] of the pictures.

    Raises:
        HandbenchError: for both, for what are no four numbers, or K of pictures of several sizes.
    """
    if K_text:
        if focal:
            raise HandbenchError("--K and --focal are both given", "give one of them")
        words = re.split(r"[,:\s]+", K_text.strip())
        try:
            fx, fy, cx, cy = (float(word) for word in words)
        except ValueError:
            raise HandbenchError(f"--K {K_text!r}", "write fx,fy,cx,cy in pixels") from None
        if not (0 < fx < math.inf and 0 < fy < math.inf and math.isfinite(cx + cy)):
            raise HandbenchError(f"--K {K_text!r}", "focal lengths are above 0 pixels")
        if len(set(sizes)) > 1:
            raise HandbenchError(
                f"--K is of pictures of one size, these have {len(set(sizes))}",
                "give --focal, or one size a call",
            )
        one = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
        return np.tile(one, (len(sizes), 1, 1))
    if not 0 <= focal < math.inf:
        raise HandbenchError(f"--focal {focal:g}", "give a focal length above 0 pixels")
    out = np.tile(np.eye(3), (len(sizes), 1, 1))
    for K, size in zip(out, sizes, strict=True):
        K[0, 0] = K[1, 1] = focal or NOMINAL_FOCAL * max(size)
        K[:2, 2] = (size[0] - 1) / 2, (size[1] - 1) / 2
    return out
