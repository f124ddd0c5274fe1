"""Predictions of samples put together into columns, and columns one after the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.errors import HandbenchError
from handbench.predictions import HandPrediction, HandPredictions, Prediction, Predictions, Space
from handbench.types import Side

Array = npt.NDArray[Any]

_HAND = ("joints", "vertices", "joints_2d", "score", "box", "pose", "betas", "transl")
_SAMPLE = ("relative_root", "root_depth", "handedness", "crop")
_SHAPES: dict[str, tuple[int | None, ...]] = {
    "joints": (21, 3), "vertices": (None, 3), "joints_2d": (21, 2), "score": (21,), "box": (4,),
    "pose": (48,), "betas": (10,), "transl": (3,), "relative_root": (3,), "root_depth": (2,),
    "handedness": (2,),
    "crop": (2, 3), "amodal_mask": (None, None), "visible_mask": (None, None), "image": (None, None, 3),
}  # fmt: skip
_WIDE = ("crop",)


def columns_of(
    keys: Sequence[str],
    found: Iterable[Prediction],
    space: Space = "camera",
    tips: str = "",
    hand_model: str = "",
) -> Predictions:
    """Puts predictions in the order of keys; items of one key (one a hand) are put together.

    Args:
        keys: (N,) of all samples; those that nobody predicted get NaN.
        found: predictions of these samples, in any order.
        space: of joints and vertices.
        tips: fingertip set of the joints.
        hand_model: that vertices and parameters are of.

    Raises:
        HandbenchError: for a key that is not among them, a hand that is predicted twice, a wrong shape, or
            masks of two sizes.
    """
    rows = {key: i for i, key in enumerate(keys)}
    table = _Table(len(keys))
    for prediction in found:
        row = rows.get(prediction.key)
        if row is None:
            raise HandbenchError(f"a prediction of {prediction.key!r}, which was not asked for")
        table.add(row, prediction)
    hands = {side: HandPredictions(**table.hands[side]) for side in Side if table.hands[side]}
    return Predictions(
        keys, hands, space, mask_size=table.size, tips=tips, hand_model=hand_model, **table.samples
    )


class _Table:
    """Columns that appear when a first row has them."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.size = (0, 0)
        self.hands: dict[Side, dict[str, Any]] = {side: {} for side in Side}
        self.samples: dict[str, Any] = {}
        self._seen: dict[Side, npt.NDArray[np.bool_]] = {side: np.zeros(n, np.bool_) for side in Side}

    def add(self, row: int, prediction: Prediction) -> None:
        for name in _SAMPLE:
            value = getattr(prediction, name)
            if value is not None:
                _put(self.samples, name, row, _checked(value, name, prediction.key), self.n)
        for hand in prediction.hands:
            if self._seen[hand.side][row]:
                raise HandbenchError(f"{prediction.key}: the {hand.side.value} hand is predicted twice")
            self._seen[hand.side][row] = True
            self._add_hand(self.hands[hand.side], row, hand, prediction.key)

    def _add_hand(self, columns: dict[str, Any], row: int, hand: HandPrediction, key: str) -> None:
        for name in _HAND:
            value = getattr(hand, name)
            if value is not None:
                _put(columns, name, row, _checked(value, name, key), self.n)
        for name in ("amodal_mask", "visible_mask"):
            mask = getattr(hand, name)
            if mask is not None:
                _checked(mask, name, key)
                self._check_size(mask.shape, key)
                _put(columns, name, row, np.packbits(np.asarray(mask, np.bool_)), self.n)
                _put(columns, "has_mask", row, np.bool_(True), self.n)
        if hand.image is not None:
            _checked(hand.image, "image", key)
            self._check_size(hand.image.shape[:2], key)
            _put(columns, "image", row, np.asarray(hand.image, np.uint8), self.n)
            _put(columns, "has_image", row, np.bool_(True), self.n)

    def _check_size(self, shape: tuple[int, ...], key: str) -> None:
        size = (shape[1], shape[0])
        if self.size not in ((0, 0), size):
            raise HandbenchError(
                f"{key}: a mask or picture of {size}, others have {self.size} (width, height)"
            )
        self.size = size


def _checked(value: Array, name: str, key: str) -> Array:
    """Returns a value whose shape is right."""
    array, wanted = np.asarray(value), _SHAPES[name]
    if len(array.shape) != len(wanted) or any(
        b not in (None, a) for a, b in zip(array.shape, wanted, strict=True)
    ):
        words = ", ".join("any" if size is None else str(size) for size in wanted)
        raise HandbenchError(f"{key}: {name} has shape {array.shape}, expected ({words})")
    return array


def _put(columns: dict[str, Any], name: str, row: int, value: Any, n: int) -> None:
    column = columns.get(name)
    if column is None:
        column = columns[name] = _blank(n, value, name)
    if column.shape[1:] != value.shape:
        raise HandbenchError(f"{name} has shape {value.shape}, {column.shape[1:]} before", "keep to one mesh")
    column[row] = value


def _blank(n: int, value: Any, name: str) -> Array:
    if name in _HAND or name in _SAMPLE:
        return np.full((n, *value.shape), np.nan, np.float64 if name in _WIDE else np.float32)
    return np.zeros((n, *value.shape), value.dtype)


def blank_rows(keys: Sequence[str], like: Predictions) -> Predictions:
    """Returns rows without any prediction, with the attributes of ``like``."""
    return dataclasses.replace(
        like, keys=keys, hands={}, relative_root=None, root_depth=None, K=None, handedness=None, crop=None
    )
