"""The columns that scoring reads against the samples that a model is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from handbench.datasets import Dataset, Finding
from handbench.errors import BadSampleError, HandbenchError
from handbench.types import Side

SAME = 1e-5
"""Joints of a sample and of the columns may differ by this [m]."""


def check_truth(dataset: Dataset, indices: Sequence[int]) -> Iterator[Finding]:
    """Gives samples whose joints, validity or camera differ from their row of ``ground_truth()``.

    Args:
        dataset: any dataset.
        indices: which samples to compare.
    """
    try:
        truth = dataset.ground_truth()
    except HandbenchError as error:
        yield Finding("fault", "ground_truth", error.message, error.hint)
        return
    if list(truth.keys) != list(dataset.keys):
        yield Finding("fault", "ground_truth", f"has {len(truth)} keys, not the dataset's {len(dataset)}")
        return
    for index in indices:
        try:
            sample = dataset.read(index)
        except BadSampleError:
            continue
        if not np.allclose(truth.K[index], sample.camera.K, atol=1e-6):
            yield Finding("fault", sample.key, "K of ground_truth() is not the sample's")
        for side in Side:
            hand, columns = sample.hand(side), truth.hands.get(side)
            valid = np.zeros(21, bool) if hand is None else hand.joints_valid
            known = np.zeros(21, bool) if columns is None else columns.joints_valid[index]
            if not np.array_equal(valid, known):
                words = f"{side.value}: {known.sum()} joints valid in ground_truth(), {valid.sum()} here"
                yield Finding("fault", sample.key, words)
            elif hand is not None and columns is not None and valid.any():
                away = np.abs(columns.joints[index][valid] - hand.joints[valid]).max()
                if not away <= SAME:
                    words = f"{side.value} joints differ by {1000 * away:.3g} mm from ground_truth()"
                    yield Finding("fault", sample.key, words)
