"""The fields of a prediction file: their shapes and types, and what makes one wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.errors import HandbenchError
from handbench.predictions import SPACES, HandPredictions, Predictions
from handbench.registry import nearest
from handbench.skeleton import TIP_SETS
from handbench.types import Side

SCHEMA = "handbench.predictions/1"
BOX_SOURCES = ("", "gt", "detected", "jitter")
ROOT_SOURCES = ("", "gt", "rootnet", "predicted")
TIPS = ("", *TIP_SETS, "mixed", "unstated")
"""``mixed``: samples have fingertips of different sets."""

VERTICES = 778
"""Of MANO, and of every model in its format."""

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One column.

    Attributes:
        path: of the dataset in the file; ``{side}`` stands for ``right`` or ``left``.
        shape: of a row; None stands for any length of 1 or more.
        kind: ``float``, ``bool`` or ``uint8``.
        whole: how many last axes hold one thing that is known or not: all of it is finite, or all is NaN.
        dtype: as it is written.
        packed: it is written with gzip, which pays for masks and pictures and costs more than it saves
            elsewhere (measured: float32 vertices shrink by a quarter and are written 11 times slower).
    """

    path: str
    shape: tuple[int | None, ...]
    kind: str = "float"
    whole: int = 1
    dtype: str = "f4"
    packed: bool = False


HAND_FIELDS: dict[str, Field] = {
    "joints": Field("{side}/joints", (21, 3)),
    "vertices": Field("{side}/vertices", (None, 3), whole=2),
    "joints_2d": Field("{side}/joints_2d", (21, 2)),
    "score": Field("{side}/score", (21,), whole=0),
    "box": Field("{side}/box", (4,)),
    "pose": Field("{side}/pose", (48,)),
    "betas": Field("{side}/betas", (10,)),
    "transl": Field("{side}/transl", (3,)),
    "amodal_mask": Field("masks/{side}_amodal", (None,), "uint8", dtype="u1", packed=True),
    "visible_mask": Field("masks/{side}_visible", (None,), "uint8", dtype="u1", packed=True),
    "has_mask": Field("masks/{side}_valid", (), "bool", dtype="?"),
    "image": Field("images/{side}", (None, None, 3), "uint8", dtype="u1", packed=True),
    "has_image": Field("images/{side}_valid", (), "bool", dtype="?"),
}
"""By the names of :class:`HandPredictions`."""

FIELDS: dict[str, Field] = {
    "relative_root": Field("relative_root", (3,)),
    "root_depth": Field("root_depth", (2,), whole=0),
    "K": Field("K", (3, 3), whole=2, dtype="f8"),
    "handedness": Field("handedness", (2,)),
    "crop": Field("crop", (2, 3), whole=2, dtype="f8"),
}
"""By the names of :class:`Predictions`."""

ATTRIBUTES = ("dataset", "dataset_fingerprint", "split", "tips", "hand_model", "box_source", "root_source")
"""Attributes that are texts, empty where unknown; each has a field of the same name."""


def columns(predictions: Predictions) -> Iterator[tuple[str, Field, Array]]:
    """Gives path, field and array of every column that predictions have."""
    for side, hand in predictions.hands.items():
        for name, field in HAND_FIELDS.items():
            value = getattr(hand, name)
            if value is not None:
                yield field.path.format(side=side.value), field, value
    for name, field in FIELDS.items():
        value = getattr(predictions, name)
        if value is not None:
            yield name, field, value


def check_shape(where: str, path: str, field: Field, shape: tuple[int, ...], kind: str, n: int) -> None:
    """Refuses a column of another shape or type.

    Args:
        where: the file, for the error.
        path: of the column.
        field: what it should be.
        shape: what it has.
        kind: numpy's letter for its type.
        n: samples.

    Raises:
        HandbenchError: naming file, field, expected and found.
    """
    wanted = (n, *field.shape)
    fits = len(shape) == len(wanted) and all(
        a == b if b is not None else a > 0 for a, b in zip(shape, wanted, strict=True)
    )
    if not fits:
        words = ", ".join("any" if size is None else str(size) for size in wanted)
        words += "," if len(wanted) == 1 else ""
        raise HandbenchError(
            f"{where}: {path} has shape {shape}, expected ({words})", _shape_hint(path, shape, n)
        )
    letters = {"float": "f", "bool": "b", "uint8": "u"}
    if kind != letters[field.kind]:
        found = {"f": "floating", "i": "integer", "u": "unsigned", "b": "bool"}.get(kind, "other")
        raise HandbenchError(f"{where}: {path} holds {found} values, expected {field.kind}", "convert it")


def check_mesh(where: str, path: str, shape: tuple[int, ...], hand_model: str) -> None:
    """Refuses another number of vertices than the hand model has; a mesh with a name of its own has any.

    Raises:
        HandbenchError: naming file, field, expected and found.
    """
    if path.endswith("/vertices") and shape[1] != VERTICES and _is_mano(hand_model):
        raise HandbenchError(
            f"{where}: {path} has {shape[1]} vertices, expected {VERTICES}",
            "a mesh that is not MANO's has a name: the attribute hand_model",
        )


def _is_mano(hand_model: str) -> bool:
    return hand_model.partition(":")[0].lower() in ("", "mano", "procedural")


def _shape_hint(path: str, shape: tuple[int, ...], n: int) -> str:
    """Returns the likely remedy of a shape that is wrong."""
    if shape and shape[0] != n:
        return f"there are {n} keys: write one row a key, NaN where a sample has none"
    if path.endswith(("/joints", "/joints_2d", "/score")) and len(shape) > 1 and shape[1] in (16, 20, 42):
        more = {
            16: "add the five fingertips", 20: "add the wrist", 42: "write each hand into its own group",
        }  # fmt: skip
        return f"{shape[1]} joints: {more[shape[1]]}"
    return "see docs/formats.md, Predictions"


def check_values(where: str, path: str, field: Field, values: Array) -> None:
    """Refuses values that are infinite, or NaN in a part of what is one thing.

    Raises:
        HandbenchError: naming file, field, and the first row.
    """
    if field.kind != "float" or not values.size:
        return
    flat = values.reshape(len(values), -1)
    # A sum is finite only where all of it is: one pass, and the rest for rows that are not.
    with np.errstate(invalid="ignore", over="ignore"):
        odd = np.flatnonzero(~np.isfinite(flat.sum(axis=1, dtype=np.float64)))
    if not len(odd):
        return
    part = values[odd]
    infinite = np.isinf(part).reshape(len(odd), -1).any(axis=1)
    if infinite.any():
        raise HandbenchError(
            f"{where}: {path} is infinite in row {odd[infinite][0]} ({int(infinite.sum())} rows)",
            "write NaN where nothing is predicted",
        )
    if field.whole == 0:
        return
    axes = tuple(range(-field.whole, 0))
    nan = np.isnan(part)
    torn = (nan.any(axis=axes) & ~nan.all(axis=axes)).reshape(len(odd), -1).any(axis=1)
    if torn.any():
        raise HandbenchError(
            f"{where}: {path} is NaN in a part of row {odd[torn][0]} ({int(torn.sum())} rows)",
            "write all of it, or NaN for all of it",
        )


def check_predictions(predictions: Predictions, where: str, values: bool = True) -> None:
    """Refuses predictions that make no valid file.

    Args:
        predictions: what to check.
        where: the file, for the error.
        values: also check all numbers.

    Raises:
        HandbenchError: one line naming file, field, expected and found.
    """
    n = len(predictions)
    check_texts(predictions, where)
    for path, field, value in columns(predictions):
        check_shape(where, path, field, value.shape, value.dtype.kind, n)
        check_mesh(where, path, value.shape, predictions.hand_model)
        if values:
            check_values(where, path, field, value)
    if predictions.handedness is not None and values:
        with np.errstate(invalid="ignore"):
            wrong = ((predictions.handedness < 0) | (predictions.handedness > 1)).any(axis=1)
        if wrong.any():
            raise HandbenchError(
                f"{where}: handedness of row {int(wrong.argmax())} is no probability",
                "give 0 to 1: right, left",
            )
    for side, hand in predictions.hands.items():
        _check_pixels(predictions, hand, side, where)


def check_texts(predictions: Predictions, where: str) -> None:
    """Refuses words that are no choice.

    Raises:
        HandbenchError: with the nearest choice.
    """
    for name, choices in (
        ("space", SPACES), ("tips", TIPS), ("box_source", BOX_SOURCES), ("root_source", ROOT_SOURCES),
    ):  # fmt: skip
        value = getattr(predictions, name)
        if value not in choices:
            raise HandbenchError(f"{where}: {name} is {value!r}", nearest(value, [c for c in choices if c]))


def _check_pixels(predictions: Predictions, hand: HandPredictions, side: Side, where: str) -> None:
    """Refuses masks and images that do not fit ``mask_size``, or have no frame."""
    width, height = predictions.mask_size
    drawn = [name for name in ("amodal_mask", "visible_mask", "image") if getattr(hand, name) is not None]
    if drawn and predictions.crop is None:
        path = HAND_FIELDS[drawn[0]].path.format(side=side.value)
        raise HandbenchError(
            f"{where}: {path} without crop", "give crop (N, 2, 3), from the picture to the mask"
        )
    for name in drawn:
        found = getattr(hand, name).shape[1:]
        wanted = (height, width, 3) if name == "image" else (-(-height * width // 8),)
        if found != wanted:
            path = HAND_FIELDS[name].path.format(side=side.value)
            raise HandbenchError(
                f"{where}: {path} has rows of shape {found}, expected {wanted} of {width} x {height}",
                "mask_size is (width, height); bits are packed row by row",
            )


def fill_flags(predictions: Predictions) -> Predictions:
    """Returns predictions with ``has_mask`` and ``has_image``: where they are not given, rows with a crop."""
    if predictions.crop is None:
        return predictions
    there: npt.NDArray[np.bool_] = np.asarray(np.isfinite(predictions.crop).all(axis=(1, 2)))
    hands = {}
    for side, hand in predictions.hands.items():
        drawn = hand.amodal_mask is not None or hand.visible_mask is not None
        hands[side] = dataclasses.replace(
            hand,
            has_mask=there if drawn and hand.has_mask is None else hand.has_mask,
            has_image=there if hand.image is not None and hand.has_image is None else hand.has_image,
        )
    return dataclasses.replace(predictions, hands=hands)
