"""The annotation of an official AIH tree as columns, from ``handbench.jsonl`` where it is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from handbench.datasets import Dataset
from handbench.formats.aih_plain import NOTES
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.types import Sample, Side


def truth_of(data: Dataset, folders: Sequence[Path]) -> GroundTruth:
    """Returns the columns of all samples; where no folder has notes, no sample is read.

    Args:
        data: the dataset.
        folders: that may hold ``handbench.jsonl``.
    """
    n = len(data)
    noted = any((folder / NOTES).is_file() for folder in folders)
    samples: list[Sample] = list(data) if noted else []
    hands = {side: _side(samples, side, n) for side in Side}
    keys = list(data.keys)
    ends = [key.split("/") for key in keys]
    return GroundTruth(
        data.name,
        data.split,
        keys,
        [str(sample.meta["recording"]) for sample in samples] if noted else keys,
        np.array([sample.camera.K for sample in samples]) if noted else np.full((n, 3, 3), np.nan),
        hands,
        subsets={
            "syn": np.array([end[2] == "syn" for end in ends], dtype=np.bool_),
            "render": np.array([end[2] == "render" for end in ends], dtype=np.bool_),
            "human": np.array([end[3] == "human" for end in ends], dtype=np.bool_),
            "machine": np.array([end[3] == "machine" for end in ends], dtype=np.bool_),
        },
        tips=_tips(samples),
        fingerprint=data.fingerprint,
        partial=data.coverage.partial,
        labels=data.read,
    )


def _tips(samples: Sequence[Sample]) -> str:
    """Returns the fingertip set of the joints; ``mixed`` where there are several, empty without joints."""
    found = {str(sample.meta["tips"]) for sample in samples} - {""}
    return "mixed" if len(found) > 1 else "".join(found)


def _side(samples: Sequence[Sample], side: Side, n: int) -> HandTruth:
    joints, valid = np.full((n, 21, 3), np.nan), np.zeros((n, 21), dtype=np.bool_)
    shapes = {"joints_2d": (21, 2), "box": (4,), "pose": (48,), "betas": (10,), "transl": (3,)}
    columns = {name: np.full((n, *shape), np.nan) for name, shape in shapes.items()}
    for i, sample in enumerate(samples):
        hand = sample.hand(side)
        if hand is None or hand.params is None or hand.joints_2d is None or hand.box is None:
            continue
        joints[i], valid[i] = hand.joints, hand.joints_valid
        columns["joints_2d"][i], columns["box"][i] = hand.joints_2d, hand.box
        for name in ("pose", "betas", "transl"):
            columns[name][i] = getattr(hand.params, name)
    return HandTruth(joints, valid, **(columns if valid.any() else {}))
