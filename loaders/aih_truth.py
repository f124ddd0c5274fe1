"""The annotation of an AIH split as columns, built once from its records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray
from handbench.errors import BadSampleError
from handbench.ground_truth import COVERS, HandTruth
from handbench.loaders.aih_fields import (
    KINDS,
    PARTS,
    SIDES,
    picture_intrinsics,
    record_arrays,
    record_origin,
)
from handbench.store.columns import Columns
from handbench.store.dataset import Store
from handbench.types import Side

VERSION = 3
"""Raised whenever the same records give other columns."""

_STRATA = ((0.0, 0.1), (0.1, 0.3), (0.3, 0.5), (0.5, 0.8), (0.8, 1.01))
_ARRAYS = ("pose", "betas", "transl", "joints", "joints_2d", "joints_valid", "visibility", "box", "present",
           "occlusion")  # fmt: skip
_TEXTS = ("capture_names", "tips_names")
"""Columns of their own length, which others count in."""


def build_columns(store: Store, key: Callable[[int], str]) -> Columns:
    """Reads the fields of all records; nothing is composed and no picture is decoded.

    Args:
        store: the records.
        key: gives the key of a record, for errors.

    Raises:
        BadSampleError: when a field makes no sense.
    """
    n = len(store)
    c: dict[str, npt.NDArray[Any]] = {}
    captures: dict[str, int] = {}
    tips: dict[str, int] = {}
    for i, record in enumerate(store):
        fields, where = record.fields, key(i)
        arrays, origin = record_arrays(fields, where), record_origin(fields, where)
        row: dict[str, Any] = {name: getattr(arrays, name) for name in _ARRAYS}
        occlusion = fields["occlusion"]
        row |= {
            "K": picture_intrinsics(arrays),
            "kind": np.int8(KINDS.index(arrays.kind)),
            "part": np.int8(PARTS.index(origin.part)),
            "scene_id": np.int64(fields["scene_id"]),
            "capture": np.int32(-1 if origin.part == "render" else _code(captures, origin.recording)),
            "tips": np.int32(_code(tips, origin.tips)),
            "target_occlusion": np.float64(np.nan if occlusion is None else occlusion),
            "covered_by": _covers(fields["hands"], where),
        }
        for name, value in row.items():
            kind = np.float32 if value.dtype == np.float64 and name != "K" else value.dtype
            c.setdefault(name, np.empty((n, *value.shape), kind))[i] = value
    # An empty text column would have no width.
    c["capture_names"] = np.array([*captures] or [""], dtype=np.str_)
    c["tips_names"] = np.array([*tips] or [""], dtype=np.str_)
    return c


def take_rows(columns: Columns, rows: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    """Returns some rows of all columns; names are whole."""
    return {name: column if name in _TEXTS else column[rows] for name, column in columns.items()}


def hands_of(columns: Columns) -> dict[Side, HandTruth]:
    """Returns both sides of the rows."""
    return {side: _hand(columns, s) for s, side in enumerate(SIDES)}


def recordings_of(columns: Columns) -> list[str]:
    """Returns what each sample is not independent of: its scene, or the capture that its target is from."""
    captures: Sequence[str] = columns["capture_names"].tolist()
    pairs = zip(columns["scene_id"].tolist(), columns["capture"].tolist(), strict=True)
    return [f"scene {scene}" if capture < 0 else captures[capture] for scene, capture in pairs]


def tips_of(columns: Columns) -> str:
    """Returns the fingertip set of the rows; ``mixed`` where there are several."""
    found = np.unique(columns["tips"])
    names: Sequence[str] = columns["tips_names"].tolist()
    return "mixed" if len(found) > 1 else "".join(names[i] for i in found.tolist())


def subsets_of(columns: Columns) -> Mapping[str, BoolArray]:
    """Returns the subsets of the rows: by kind, part, number of hands and the target's occlusion."""
    subsets: dict[str, BoolArray] = {name: columns["kind"] == k for k, name in enumerate(KINDS)}
    subsets |= {name: columns["part"] == k for k, name in enumerate(PARTS)}
    subsets["two_hands"] = np.asarray(columns["present"].all(axis=1))
    hidden = columns["target_occlusion"]
    for low, high in _STRATA:
        subsets[f"occlusion {low:g}-{min(high, 1):g}"] = (hidden >= low) & (hidden < high)
    return subsets


def _code(names: dict[str, int], name: str) -> int:
    return names.setdefault(name, len(names))


def _covers(hands: Mapping[str, Any], where: str) -> npt.NDArray[np.int8]:
    """Returns (2, 21) indices into ``COVERS``, right first; -1 where there is no hand.

    Raises:
        BadSampleError: for a word that is none of them.
    """
    out = np.full((2, 21), -1, dtype=np.int8)
    for row, side in enumerate(SIDES):
        hand = hands[side.value]
        if hand is not None:
            try:
                out[row] = [COVERS.index(word or COVERS[0]) for word in hand["covered_by"]]
            except (KeyError, ValueError, TypeError) as error:
                raise BadSampleError(
                    f"{where}: {side.value} covered_by is missing or damaged: {error}", "make the shard again"
                ) from None
    return out


def _hand(columns: Columns, s: int) -> HandTruth:
    def wide(name: str) -> FloatArray:
        return np.asarray(columns[name][:, s].astype(np.float64))

    return HandTruth(
        wide("joints"),
        np.array(columns["joints_valid"][:, s]),
        joints_2d=wide("joints_2d"),
        visibility=wide("visibility"),
        pose=wide("pose"),
        betas=wide("betas"),
        transl=wide("transl"),
        box=wide("box"),
        occlusion=wide("occlusion"),
        covered_by=np.array(columns["covered_by"][:, s]),
    )
