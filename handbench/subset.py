"""Some samples of a dataset as a dataset: ``every``, ``limit``, chosen keys."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from handbench.arrays import IndexArray
from handbench.datasets import Dataset, Finding
from handbench.ground_truth import GroundTruth
from handbench.moments import Moments
from handbench.types import Sample


class Subset(Dataset):
    """Some samples of a dataset; always partial.

    Args:
        whole: the dataset.
        indices: which of its samples, in order.
    """

    def __init__(self, whole: Dataset, indices: Sequence[int]) -> None:
        self.whole, self.indices = whole, indices
        self.name, self.split, self.root = whole.name, whole.split, whole.root
        self.fingerprint = whole.fingerprint
        self.coverage = dataclasses.replace(whole.coverage, present=len(indices))
        self._places = {at: i for i, at in enumerate(indices)}

    @cached_property
    def keys(self) -> Sequence[str]:
        """The samples' keys, in order."""
        keys = self.whole.keys
        return [keys[i] for i in self.indices]

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, index: int) -> Sample:
        """Returns sample ``index`` of the chosen ones."""
        return self.whole.read(self.indices[index])

    def previous(self, sample: Sample | int, gap: int = 1) -> Sample | None:
        """Returns the sample ``gap`` frames before, also where it was not chosen itself."""
        return self.whole.previous(self.indices[sample] if isinstance(sample, int) else sample, gap)

    def previous_index(self, index: int, gap: int = 1) -> int | None:
        """Returns the chosen sample ``gap`` frames before, or None where it was not chosen."""
        before = self.whole.previous_index(self.indices[index], gap)
        return None if before is None else self._places.get(before)

    def audit(self) -> Iterator[Finding]:
        """Gives what the whole dataset finds."""
        return self.whole.audit()

    def moments(self) -> Moments | None:
        """Returns the moments of the whole dataset, and which the chosen samples show."""
        whole, rows = self.whole.moments(), np.asarray(self.indices, dtype=np.int64)
        return (
            None if whole is None else dataclasses.replace(whole, of=whole.of[rows], shown=whole.shown[rows])
        )

    def ground_truth(self) -> GroundTruth:
        """Returns the columns of the chosen samples."""
        return select_truth(self.whole.ground_truth(), self.indices)


def is_synthetic(dataset: Dataset) -> bool:
    """Tells whether data were made here: AIH, or a tree with a ``handbench.json``."""
    whole: Any = dataset
    while isinstance(whole, Subset):
        whole = whole.whole
    return whole.name == "aih" or bool((whole.root / "handbench.json").is_file())


def select_truth(truth: GroundTruth, indices: Sequence[int]) -> GroundTruth:
    """Returns some rows of a ground truth, marked partial."""
    rows = np.asarray(indices, dtype=np.int64)

    def cut(value: Any) -> Any:
        return value[rows] if isinstance(value, np.ndarray) else value

    hands = {
        side: dataclasses.replace(
            hand, **{field.name: cut(getattr(hand, field.name)) for field in dataclasses.fields(hand)}
        )
        for side, hand in truth.hands.items()
    }

    def names(column: Sequence[str]) -> Sequence[str]:
        return [column[i] for i in indices] if len(column) else ()

    return dataclasses.replace(
        truth,
        keys=names(truth.keys),
        recordings=names(truth.recordings),
        hand_type=names(truth.hand_type),
        videos=names(truth.videos),
        objects=names(truth.objects),
        K=truth.K[rows],
        hands=hands,
        hand_type_valid=cut(truth.hand_type_valid),
        subsets={name: mask[rows] for name, mask in truth.subsets.items()},
        frames=cut(truth.frames),
        labels=None if truth.labels is None else _Shifted(truth.labels, rows),
        partial=True,
    )


class _Shifted:
    """Labels of chosen rows."""

    def __init__(self, labels: Callable[[int], Sample], rows: IndexArray) -> None:
        self._labels, self._rows = labels, rows

    def __call__(self, index: int) -> Sample:
        return self._labels(int(self._rows[index]))
