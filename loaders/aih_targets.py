"""AIH's pictures of target hands alone and whole, as a dataset of single hands."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from handbench.arrays import BoolArray, IndexArray
from handbench.datasets import Coverage, Dataset
from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.types import Sample, Side

if TYPE_CHECKING:
    from handbench.loaders.aih import AihDataset


class AihTargets(Dataset):
    """The target hands of an AIH split in the pictures that show them alone and whole.

    Poses, pixels, boxes and cameras are the record's. Records without such a picture (pairs) or without the
    target itself are left out. Which joints are seen is unknown: a record says it of its picture of both.

    Args:
        whole: the split.

    Raises:
        HandbenchError: when no record has a target.
    """

    name = "aih"

    def __init__(self, whole: AihDataset) -> None:
        self.whole, self.root, self.split = whole, whole.root, whole.split
        self.fingerprint = f"{whole.fingerprint}-target"
        if not len(self):
            kind = whole.options.kind
            raise HandbenchError(f"{self.root}: no target alone among kind={kind}", "leave kind out")
        self.coverage = Coverage(len(self), len(self))

    @cached_property
    def _rows(self) -> IndexArray:
        truth = self.whole.ground_truth()
        there = [truth.subsets[side.value] & truth.hands[side].joints_valid.any(axis=1) for side in Side]
        return np.flatnonzero(np.any(there, axis=0))

    @cached_property
    def _keys(self) -> list[str]:
        keys = self.whole.keys
        return [f"{keys[i]}/target" for i in self._rows.tolist()]

    @property
    def keys(self) -> Sequence[str]:
        """``aih/<split>/<id, 8 digits>/target``."""
        return self._keys

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, index: int) -> Sample:
        """Returns sample ``index``: one hand, whose visible mask is its whole one.

        ``meta`` is the record's, without what it says of the other hand.

        Raises:
            BadSampleError: when a field makes no sense.
        """
        sample = self.whole.read(int(self._rows[index]))
        (hand,) = (hand for hand in sample.hands if hand.side.value == sample.meta["target_side"])
        alone = dataclasses.replace(hand, visibility=None, visible_mask=hand.amodal_mask, occlusion=0.0)
        meta = {**sample.meta, "removed": None, "depth_order": "", "occlusion": 0.0, "covered_by": {}}
        image = sample.meta["target_image"]
        return dataclasses.replace(sample, key=self._keys[index], image=image, hands=(alone,), meta=meta)

    def ground_truth(self) -> GroundTruth:
        """Returns the columns of all samples, with the subsets ``right``, ``left``, ``render``, ``syn``."""
        truth, rows = self.whole.ground_truth(), self._rows
        subsets = {name: truth.subsets[name][rows] for name in ("right", "left", "render", "syn")}
        return dataclasses.replace(
            truth,
            keys=self.keys,
            recordings=[truth.recordings[i] for i in rows.tolist()],
            K=truth.K[rows],
            hands={side: _alone(truth.hands[side], rows, subsets[side.value]) for side in Side},
            hand_type=[("left", "right")[int(right)] for right in subsets["right"]],
            hand_type_valid=np.ones(len(rows), dtype=np.bool_),
            subsets=subsets,
            fingerprint=self.fingerprint,
            labels=self.read,
        )

    def summary(self) -> list[str]:
        """Returns what was resolved."""
        first, *rest = super().summary()
        return [f"{first} (targets alone, digest {self.whole.fingerprint})", *rest]


def _alone(hand: HandTruth, rows: IndexArray, there: BoolArray) -> HandTruth:
    """Returns some rows of a side, empty where it is not the target."""
    columns: dict[str, Any] = {}
    for field in dataclasses.fields(hand):
        column = getattr(hand, field.name)
        if column is not None and field.name not in ("visibility", "covered_by"):
            kept = there.reshape(-1, *(1,) * (column.ndim - 1))
            columns[field.name] = np.where(kept, column[rows], False if column.dtype == np.bool_ else np.nan)
    columns["occlusion"] = np.where(there, 0.0, np.nan)
    return HandTruth(**columns)
