"""The joint regressor: non-negative rows that sum to 1 and follow the bones through every shape."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

Array = npt.NDArray[np.float64]

SUM_WEIGHT = 1e3
# Wrist and finger bases lie in the palm, whose vertices slide along it: they need a wider choice.
BASES = (0, 1, 4, 7, 10, 13)


def make_regressor(points: Array, joints: Array, shapes: Array, joint_shapes: Array) -> Array:
    """Return (16, V) such that R @ vertices gives the joints, in rest and along each shape direction.

    Args:
        points: Rest vertices (V, 3) [mm].
        joints: Rest joints (16, 3) [mm].
        shapes: Shape directions (K, V, 3) [mm].
        joint_shapes: What each direction does to the joints (K, 16, 3) [mm].
    """
    rows = np.zeros((16, len(points)))
    for j, joint in enumerate(joints):
        near = np.argsort(np.linalg.norm(points - joint, axis=1))[: (140 if j in BASES else 50)]
        system = [10.0 * (points[near].T - joint[:, None])]
        right = [np.zeros(3)]
        for shape, move in zip(shapes, joint_shapes, strict=True):
            system.append(3.0 * shape[near].T)
            right.append(3.0 * move[j])
        system.append(np.full((1, len(near)), SUM_WEIGHT))
        right.append(np.array([SUM_WEIGHT]))
        # A little ridge spreads the weight over the whole ring.
        system.append(0.3 * np.eye(len(near)))
        right.append(np.full(len(near), 0.3 / len(near)))
        solution, _ = nnls(np.concatenate(system), np.concatenate(right))
        rows[j, near] = solution / solution.sum()
    return rows
