"""The true labels of a synthetic HO-3D tree, row by row beside its samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.formats.ho3d_extra import read_about, read_labels, strata_of


@dataclass(frozen=True, eq=False)
class Extra:
    """Labels of N samples that official data do not have.

    Attributes:
        visibility: (N, 21) seen share of each joint, OPENPOSE21; NaN where unknown.
        occlusion: (N,) hidden share of the hand inside the picture; NaN where unknown.
        held: (N,) bool, the hand carries the object.
        hidden: (N,) bool, something that passes hides the hand.
        strata: (N,) what is special about the take, an empty text where unknown.
    """

    visibility: FloatArray
    occlusion: FloatArray
    held: BoolArray
    hidden: BoolArray
    strata: tuple[str, ...]

    def meta(self, index: int) -> dict[str, Any]:
        """Returns what a sample's ``meta`` says of it."""
        held, hidden = bool(self.held[index]), bool(self.hidden[index])
        return {"stratum": self.strata[index], "held": held, "hidden": hidden}

    def subsets(self) -> dict[str, BoolArray]:
        """Returns the rows of each stratum, and of ``held`` and ``hidden``."""
        strata = np.array(self.strata)
        names = sorted(set(self.strata) - {""})
        return {**{name: strata == name for name in names}, "held": self.held, "hidden": self.hidden}


def make_extra(
    root: Path, names: Sequence[tuple[str, str]], takes: dict[str, tuple[str, str]]
) -> Extra | None:
    """Reads the labels of a synthetic tree; None for any other.

    Args:
        root: the tree's folder.
        names: (sequence, frame) of each sample.
        takes: (take, camera) of each sequence.

    Raises:
        HandbenchError: when a file of them is damaged.
    """
    about = read_about(root)
    if about is None:
        return None
    n = len(names)
    strata = strata_of(about)
    extra = Extra(
        np.full((n, 21), np.nan), np.full(n, np.nan), np.zeros(n, np.bool_), np.zeros(n, np.bool_),
        tuple(strata.get(takes[sequence][0], "") for sequence, _ in names),
    )  # fmt: skip
    rows: dict[str, dict[int, int]] = {}
    for i, (sequence, frame) in enumerate(names):
        rows.setdefault(sequence, {})[int(frame)] = i
    for sequence, places in rows.items():
        labels = read_labels(root, sequence)
        if labels is None:
            continue
        there = [k for k, frame in enumerate(labels.ids.tolist()) if frame in places]
        goal = [places[int(labels.ids[k])] for k in there]
        extra.visibility[goal] = labels.visibility[there]
        extra.occlusion[goal] = 1.0 - labels.seen[there]
        extra.held[goal], extra.hidden[goal] = labels.held[there], labels.hidden[there]
    for column in (extra.visibility, extra.occlusion, extra.held, extra.hidden):
        column.flags.writeable = False
    return extra
