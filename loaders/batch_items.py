"""What a batch is made of: one item a hand, or one a sample, as the model's inputs say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray
from handbench.datasets import Dataset
from handbench.errors import HandbenchError
from handbench.inputs import Inputs
from handbench.loaders.batch_labels import SIDES

NO_SIDE = -1


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a dataset, in its order.

    Attributes:
        index: (N,) sample in the dataset.
        side: (N,) 0 for a right hand, 1 for a left one, -1 where the item is about no one hand.
    """

    index: npt.NDArray[np.int64]
    side: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.index)


def hands_present(dataset: Dataset) -> BoolArray:
    """Returns (N, 2) whether the right and the left hand have a box, or joints, that a crop can be about."""
    quick = getattr(dataset, "present", None)
    if callable(quick):
        return np.asarray(quick(), np.bool_)
    truth = dataset.ground_truth()
    out = np.zeros((len(dataset), 2), np.bool_)
    for s, side in enumerate(SIDES):
        hand = truth.hands.get(side)
        if hand is not None:
            out[:, s] = hand.joints_valid.sum(axis=1) > 1
            if hand.box is not None:
                boxed = np.isfinite(hand.box).all(axis=1)
                out[:, s] = np.where(boxed, (hand.box[:, 2:] > 0).all(axis=1), out[:, s])
    return out


def named_targets(dataset: Dataset) -> BoolArray:
    """Returns (N, 2) whether the right and the left hand is what a picture is about, by the data's subsets.

    Raises:
        HandbenchError: when the data do not say.
    """
    subsets = dataset.ground_truth().subsets
    if not all(side.value in subsets for side in SIDES):
        raise HandbenchError(
            f"{dataset.name} {dataset.split} does not name the hand that a picture is about",
            "take AIH (aih:DIR)",
        )
    return np.stack([np.asarray(subsets[side.value], np.bool_) for side in SIDES], axis=1)


def list_items(dataset: Dataset, inputs: Inputs) -> Items:
    """Lists the items of a dataset for a model.

    Raises:
        HandbenchError: when there is none.
    """
    if inputs.crop == "full":
        found = Items(np.arange(len(dataset)), np.full(len(dataset), NO_SIDE, np.int8))
    else:
        present = hands_present(dataset)
        wanted = present & [inputs.sides != "left", inputs.sides != "right"]
        if inputs.sides == "target":
            wanted &= named_targets(dataset)
        if inputs.crop == "pair":
            index = np.flatnonzero(wanted.any(axis=1))
            found = Items(index, np.full(len(index), NO_SIDE, np.int8))
        else:
            index, side = np.nonzero(wanted)
            found = Items(index, side.astype(np.int8))
    if not len(found):
        what = "samples" if inputs.crop == "full" else f"{inputs.sides} hands"
        raise HandbenchError(
            f"{dataset.name} {dataset.split}: no {what} to make batches of",
            "are there annotations? choose other sides",
        )
    return found
