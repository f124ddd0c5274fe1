"""Ranks: within one dataset, split, subset, stratum, protocol id and metric, where a rank means something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas

from handbench.leaderboard.cells import absent
from handbench.leaderboard.names import ORACLES, SEES_TRUTH, UNTRAINED
from handbench.leaderboard.schema import MEASURED
from handbench.metrics.resample import MIN_RANKED

GROUP = ("dataset", "split", "subset", "stratum", "protocol", "metric")
"""Rows that are equal in these stand in one list; measured and reported together."""

UNSTATED = "unstated"


def rank(frame: pandas.DataFrame) -> pandas.DataFrame:
    """Returns the table with ``rank`` (1 is best; equal values share one) and ``rank_note``.

    Not ranked, and the note says why: rows of a part of the data, measured rows of fewer than 10 recordings
    ("not resolvable": with fewer, the order of two models is chance), models that see the ground truth,
    models with untrained weights, and times. They take no place from others. A row whose protocol id says
    ``unstated`` is ranked among its like, with a note: their papers may have scored differently.

    Args:
        frame: with the columns of ``schema.COLUMNS``.
    """
    out = frame.copy()
    notes = [why_unranked(record) for record in _records(frame)]
    free = pandas.Series([not note for note in notes], index=frame.index, dtype=bool)
    out["rank"] = pandas.Series(pandas.NA, index=frame.index, dtype="Int64")
    signed = frame["value"].where(~frame["higher_is_better"], -frame["value"])
    keys = [frame.loc[free, name] for name in GROUP]
    places = signed[free].groupby(keys, sort=False).rank(method="min")
    out.loc[free, "rank"] = places.astype("Int64")
    unstated = frame["protocol"].str.contains(f"={UNSTATED}", regex=False)
    words = [note or ("options not stated: papers may differ" if vague else "") for note, vague in
             zip(notes, unstated, strict=True)]  # fmt: skip
    out["rank_note"] = pandas.Series(words, index=frame.index, dtype="str")
    return out


def why_unranked(row: Mapping[str, Any]) -> str:
    """Returns why a row has no rank, or an empty text."""
    if row["partial"]:
        return "a part of the data"
    if UNTRAINED in row["remarks"]:
        return UNTRAINED
    if row["model"].partition(":")[0] in ORACLES or SEES_TRUTH in row["remarks"]:
        return SEES_TRUTH
    if row["metric"] == "latency":
        return "times of different stages and machines"
    if row["kind"] == MEASURED:
        units = 0 if absent(row["n_units"]) else int(row["n_units"])
        if units < MIN_RANKED:
            return f"not resolvable: {units} recordings, {MIN_RANKED} are needed"
    return ""


def _records(frame: pandas.DataFrame) -> list[dict[str, Any]]:
    names = ["partial", "remarks", "model", "kind", "n_units", "metric"]
    return [{str(key): value for key, value in record.items()} for record in frame[names].to_dict("records")]
