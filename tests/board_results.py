"""Result folders for the tests of the leaderboard: scores of drawn errors, written as evaluate does it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from handbench.arrays import FloatArray, IndexArray
from handbench.leaderboard.results import ResultAbout, write_result
from handbench.leaderboard.schema import Row
from handbench.metrics.score import Curve, Figure, Metric, Score, Tally, unit_codes

PROTOCOL = "ho3d_v3/root=gt/tips=ho3d"
PA = Metric("PA-MPJPE", "mm")
F5 = Metric("PA-F@5", "%", True)
EACH = 5
"""Samples of a recording."""


def errors_of(recordings: int, mean: float, seed: int = 0) -> FloatArray:
    """Returns errors (recordings * EACH,) [mm] whose recordings differ more than their frames."""
    rng = np.random.default_rng(seed)
    takes = rng.normal(mean, 2.0, recordings).repeat(EACH)
    return np.abs(takes + rng.normal(0, 0.2, len(takes)))


def score_of(errors: FloatArray, first: int = 0, partial: bool = False) -> Score:
    """Returns a score with a number for all, one by occlusion and one without any value.

    Args:
        errors: (N,) [mm], EACH a recording.
        first: number of the first recording.
        partial: of a part of the split.
    """
    names = [f"take{first + i // EACH}" for i in range(len(errors))]
    recordings, codes = unit_codes(names)

    def figure(metric: Metric, values: FloatArray, rows: IndexArray, stratum: str = "") -> Figure:
        tally = Tally(len(recordings))
        tally.add(values[rows], codes[rows])
        return tally.figure(metric, "all", stratum, len(rows))

    everything = np.arange(len(errors), dtype=np.int64)
    figures = [
        figure(PA, errors, everything),
        figure(F5, 100 - errors, everything),
        figure(PA, errors, everything[::2], "occlusion 0-0.1"),
        figure(PA, errors, everything[1::2], "occlusion 0.1-0.3"),
        figure(Metric("MPVPE", "mm"), np.full(len(errors), np.nan), everything),
    ]
    return Score(
        PROTOCOL, 1, figures, recordings, [f"ho3d_v3/evaluation/{n}/{i}" for i, n in enumerate(names)],
        {"PA-MPJPE [mm]": errors}, [Curve("PA-PCK joints", np.arange(3.0), np.array([0, 50.0, np.nan]))],
        len(errors), len(errors), partial, ["what was resolved"], ["a warning"], {"xyz_mean3d": 1.5},
    )  # fmt: skip


ABOUT = ResultAbout(
    "ifvonet", dataset="ho3d_v3", split="evaluation", fingerprint="f00d", train_data="synth-ho3d",
    device="2 cores", date="2026-11-05", source="handbench evaluate --model ifvonet",
    provenance={"weights": "sha256:1", "config": {"size": 256}},
)  # fmt: skip


def put(
    folder: Path, errors: FloatArray, first: int = 0, partial: bool = False, **about: object
) -> list[Row]:
    """Writes a result folder of some errors and returns its rows."""
    changed = dataclasses.replace(ABOUT, **about)  # type: ignore[arg-type]
    score = score_of(errors, first, partial)
    return write_result(folder, score, changed, [key.split("/")[2] for key in score.keys])
