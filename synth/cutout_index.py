"""A store of cut-outs as columns, for drawing pairs without reading records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import IndexArray
from handbench.moments import SIDES
from handbench.store.columns import cached_columns
from handbench.store.dataset import Store
from handbench.types import Side

_VERSION = 1


@dataclass(frozen=True)
class CutoutIndex:
    """The good cut-outs of a store.

    Attributes:
        columns: ``side`` (0 right, 1 left, -1 rejected), ``grey``, ``light`` (3,), ``blur``, ``noise``.
        ids: (side, grey) -> ids of the good ones; grey None stands for both.
    """

    columns: Mapping[str, npt.NDArray[Any]]
    ids: Mapping[tuple[Side, bool | None], IndexArray]

    def count(self, side: Side) -> int:
        """Returns how many good ones there are of a side."""
        return len(self.ids[side, None])


def index_cutouts(store: Store) -> CutoutIndex:
    """Reads a store of cut-outs once; the columns are kept in the user's cache."""
    columns = cached_columns("cutouts", f"{_VERSION}-{store.manifest.digest}", lambda: _build(store))
    ids: dict[tuple[Side, bool | None], IndexArray] = {}
    for s, side in enumerate(SIDES):
        own = columns["side"] == s
        ids[side, None] = np.flatnonzero(own)
        for grey in (False, True):
            ids[side, grey] = np.flatnonzero(own & (columns["grey"] == grey))
    return CutoutIndex(columns, ids)


def _build(store: Store) -> dict[str, npt.NDArray[Any]]:
    n = len(store)
    columns: dict[str, npt.NDArray[Any]] = {
        "side": np.full(n, -1, np.int8),
        "grey": np.zeros(n, np.bool_),
        "light": np.zeros((n, 3), np.float32),
        "blur": np.zeros(n, np.float32),
        "noise": np.zeros(n, np.float32),
    }
    for i, record in enumerate(store):
        fields = record.fields
        if "bad" in fields:
            continue
        columns["side"][i] = SIDES.index(Side(fields["side"]))
        for name in ("grey", "light", "blur", "noise"):
            columns[name][i] = fields[name]
    return columns
