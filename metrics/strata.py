"""Parts of the data that errors are looked at by: occlusion, what covers, sequence, joint."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.ground_truth import GroundTruth

OCCLUSION_EDGES = (0.0, 0.1, 0.3, 0.5, 0.8, 1.0)
"""Shares of a hand that are hidden (design of the benchmark, section 2)."""


def occlusion_strata(occlusion: FloatArray | None) -> Iterator[tuple[str, BoolArray]]:
    """Gives ``occlusion 0.1-0.3`` and its rows, for (N,) hidden shares; nothing where none is known."""
    if occlusion is None or not np.isfinite(occlusion).any():
        return
    for low, high in pairwise(OCCLUSION_EDGES):
        last = high == OCCLUSION_EDGES[-1]
        rows = (occlusion >= low) & ((occlusion <= high) if last else (occlusion < high))
        yield f"occlusion {low:g}-{high:g}", np.asarray(rows)


def sequence_strata(truth: GroundTruth) -> Iterator[tuple[str, BoolArray]]:
    """Gives ``sequence NAME`` and its rows, of every video; of every recording where there are none."""
    names = np.array(list(truth.videos or truth.recordings))
    for name in dict.fromkeys(names.tolist()):
        yield f"sequence {name}", names == name
