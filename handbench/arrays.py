"""Array types used everywhere, and read-only arrays for frozen records."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
ImageArray = npt.NDArray[np.uint8]


def frozen_array(value: npt.ArrayLike, shape: tuple[int | None, ...], name: str) -> FloatArray:
    """Makes a read-only float64 array of ``value`` and checks its shape.

    Args:
        value: anything numpy can turn into an array.
        shape: the expected shape; ``None`` stands for any length.
        name: what the array is, for the error.

    Returns:
        A read-only float64 array: a copy, or ``value`` itself where it is one that owns its memory.

    Raises:
        ValueError: when the shape differs.
    """
    if isinstance(value, np.ndarray) and value.dtype == np.float64 and _is_frozen(value):
        array: FloatArray = value
    else:
        array = np.array(value, dtype=np.float64)
        array.setflags(write=False)
    if array.shape != shape and not _fits(array.shape, shape):
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
    return array


def _is_frozen(array: npt.NDArray[Any]) -> bool:
    """Tells whether nothing can change the array: it is read-only and no view of another."""
    return array.base is None and not array.flags.writeable


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(w in (None, n) for n, w in zip(shape, wanted, strict=True))
