"""Array types used everywhere, and read-only copies for frozen records."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
ImageArray = npt.NDArray[np.uint8]


def frozen_array(value: npt.ArrayLike, shape: tuple[int | None, ...], name: str) -> FloatArray:
    """Copies ``value`` into a read-only float64 array and checks its shape.

    Args:
        value: anything numpy can turn into an array.
        shape: the expected shape; ``None`` stands for any length.
        name: what the array is, for the error.

    Returns:
        A read-only float64 array.

    Raises:
        ValueError: when the shape differs.
    """
    array = np.array(value, dtype=np.float64)
    if len(array.shape) != len(shape) or any(
        want is not None and want != got for want, got in zip(shape, array.shape, strict=True)
    ):
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
    array.flags.writeable = False
    return array
