"""A row of the leaderboard: one number of one model, with all that says what it is and where it is from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any

SCHEMA = "handbench.rows/1"
MEASURED, REPORTED = "measured", "reported"
KINDS = (MEASURED, REPORTED)


@dataclass(frozen=True, slots=True)
class Row:
    """One number (design section 5, "Results"); None where something is not known.

    Attributes:
        model: name as registered, or as published.
        variant: what distinguishes it within the model: weights, filter, training; empty for the plain one.
        dataset: with version, e.g. ``ho3d_v2``.
        split: e.g. ``evaluation``.
        subset: the part that the protocol names: ``all``, ``SH``, ``IH`` ...
        stratum: a finer part, e.g. ``occlusion 0.3-0.5``; empty for the whole subset.
        protocol: full id with options, root and tips; ranking holds only within one id.
        metric: name with its alignment, e.g. ``PA-MPJPE``.
        unit: e.g. ``mm``.
        higher_is_better: the direction.
        value: the number.
        std: over seeds.
        seeds: how many trainings it is the mean of.
        ci_low: lower end of the 95 % interval.
        ci_high: upper end.
        ci_unit: what was drawn again for it: ``recording``; empty where there is none.
        n_units: recordings.
        n_total: samples of the subset.
        n_scored: samples that entered.
        train_data: what it was trained on.
        device: what it ran on.
        kind: ``measured`` here, or ``reported`` by somebody.
        source: where it is from: the command, or paper and table.
        date: ISO 8601 day.
        provenance: hash of what made it, or of the source; what it stands for lies beside a measured row.
        partial: of a part of the split: never ranked beside whole ones.
        remarks: what a reader should know, e.g. that the number looks like a slip.
    """

    model: str
    metric: str
    unit: str
    value: float
    kind: str
    dataset: str
    protocol: str
    higher_is_better: bool = False
    variant: str = ""
    split: str = ""
    subset: str = "all"
    stratum: str = ""
    std: float | None = None
    seeds: int | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    ci_unit: str = ""
    n_units: int | None = None
    n_total: int | None = None
    n_scored: int | None = None
    train_data: str = ""
    device: str = ""
    source: str = ""
    date: str = ""
    provenance: str = ""
    partial: bool = False
    remarks: str = ""

    @property
    def id(self) -> str:
        """16 hex digits of what the row is about: not of its value."""
        named = (self.model, self.variant, self.dataset, self.split, self.subset, self.stratum, self.protocol,
                 self.metric, self.kind, self.train_data, self.source)  # fmt: skip
        return hashlib.blake2b(json.dumps(named).encode(), digest_size=8).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values."""
        return dataclasses.asdict(self)


COLUMNS = (
    "model", "variant", "dataset", "split", "subset", "stratum", "protocol", "metric", "unit",
    "higher_is_better", "value", "std", "seeds", "ci_low", "ci_high", "ci_unit", "n_units", "n_total",
    "n_scored", "train_data", "device", "kind", "source", "date", "provenance", "partial", "remarks",
)  # fmt: skip
"""The columns of the CSV, in order."""
