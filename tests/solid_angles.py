"""Inside or outside by solid angles: slow, and independent of the rays that the package counts."""

from __future__ import annotations

import numpy as np

from handbench.arrays import FloatArray


def winding_number(points: FloatArray, triangles: FloatArray) -> FloatArray:
    """How often a closed mesh turns around each point: 1 inside, 0 outside.

    The solid angles of all triangles sum to 4 pi a turn (van Oosterom and Strackee 1983).

    Args:
        points: (P, 3).
        triangles: (F, 3, 3) corners.
    """
    a, b, c = np.moveaxis(triangles[None] - points[:, None, None], 2, 0)
    la, lb, lc = (np.linalg.norm(v, axis=-1) for v in (a, b, c))
    volume = np.sum(a * np.cross(b, c), axis=-1)
    ab, bc, ca = (np.sum(u * v, axis=-1) for u, v in ((a, b), (b, c), (c, a)))
    angles = np.arctan2(volume, la * lb * lc + ab * lc + bc * la + ca * lb)
    return np.asarray(angles.sum(axis=1) / (2 * np.pi))
