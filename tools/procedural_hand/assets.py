"""Packs the generated arrays under MANO's keys, right and mirrored left, and writes the two files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Arrays = dict[str, Any]

PARENTS = (2**32 - 1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)
MIRROR = np.array([-1.0, 1.0, 1.0])


def pack(
    vertices: Array,
    faces: Ints,
    shapes: Array,
    correctives: Array,
    weights: Array,
    regressor: Array,
    pose_basis: tuple[Array, Array, Array],
) -> Arrays:
    """Return MANO's keys for the right hand; lengths in metres, float32.

    Args:
        vertices: (778, 3) [m].
        faces: (1538, 3).
        shapes: (778, 3, 10) [m].
        correctives: (778, 3, 135) [m].
        weights: (778, 16).
        regressor: (16, 778).
        pose_basis: mean (45,), components (45, 45), coefficients (N, 45).
    """
    mean, components, coefficients = pose_basis
    single = np.float32
    return {
        "v_template": vertices.astype(single),
        "shapedirs": shapes.astype(single),
        "posedirs": correctives.astype(single),
        "J_regressor": regressor.astype(single),
        "weights": weights.astype(single),
        "kintree_table": np.array([PARENTS, range(16)], dtype=np.uint32),
        "f": faces.astype(np.uint32),
        "hands_components": components.astype(single),
        "hands_mean": mean.astype(single),
        "hands_coeffs": coefficients.astype(single),
        "bs_type": np.array("lrotmin"),
        "bs_style": np.array("lbs"),
        "J": (regressor @ vertices).astype(single),
    }


def mirror(right: Arrays) -> Arrays:
    """Return the left hand: x negated in template, shapes and joints, rotations and faces reflected."""
    left = dict(right)
    x = MIRROR.astype(np.float32)
    left["v_template"] = right["v_template"] * x
    left["J"] = right["J"] * x
    left["shapedirs"] = right["shapedirs"] * x[:, None]
    # A reflected rotation is M R M: entry (a, b) changes sign when just one of a and b is x.
    entry = np.tile((x[:, None] * x[None, :]).ravel(), 15)
    left["posedirs"] = right["posedirs"] * x[:, None] * entry
    axis = np.tile(np.array([1.0, -1.0, -1.0], dtype=np.float32), 15)
    left["hands_mean"] = right["hands_mean"] * axis
    left["hands_components"] = right["hands_components"] * axis
    left["f"] = np.ascontiguousarray(right["f"][:, ::-1])
    return left


def write(folder: Path, right: Arrays) -> None:
    """Write MANO_RIGHT.npz and MANO_LEFT.npz into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, arrays in (("RIGHT", right), ("LEFT", mirror(right))):
        np.savez_compressed(folder / f"MANO_{name}.npz", **arrays)
