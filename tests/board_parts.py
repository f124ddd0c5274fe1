"""A small board for tests: measured results of twelve recordings, published rows, and names that attack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from handbench.leaderboard.results import Result, ResultAbout, read_result, write_result
from handbench.leaderboard.schema import REPORTED, Row
from handbench.metrics.score import Curve, Figure, Metric, Score

HOSTILE = (
    "<img src=x onerror=document.title='owned'>", "</script><script>document.title='owned'</script>",
    "<!--<script>", "=cmd|' /C calc'!A0", "__proto__", '"><svg onload=document.title=1>',
)  # fmt: skip
ERROR, AUC = Metric("PA-MPJPE", "mm"), Metric("PA-AUC-J", "%", True)
PROTOCOL = "ho3d_v3/root=gt/tips=ho3d"
BINS = ("0-0.1", "0.1-0.3", "0.3-0.5")
VALUES = {"mean-hand": 15.9, "hand-a": 9.14, "hand-b": 8.02, "oracle": 0.0}
"""PA-MPJPE [mm] of the measured models of :data:`PROTOCOL`."""


def measured(
    folder: Path, model: str, value: float, recordings: int = 12, partial: bool = False, tips: str = "ho3d"
) -> Result:
    """Writes and reads a result whose figures are means over recordings around a value."""
    spread = value * np.linspace(0.9, 1.1, recordings)[:, None]
    ones = np.ones_like(spread)

    def figure(metric: Metric, sums: np.ndarray, stratum: str = "") -> Figure:
        return Figure(metric, sums, ones, stratum=stratum, n_total=20_137, n_scored=20_137)

    x = np.linspace(0, 50, 26)
    score = Score(
        protocol=f"ho3d_v{3 if recordings >= 10 else 2}/root=gt/tips={tips}", version=1,
        figures=[
            figure(ERROR, spread), figure(AUC, 100 - 2 * spread),
            *(figure(ERROR, spread * (1 + i / 5), f"occlusion {name}") for i, name in enumerate(BINS)),
        ],
        recordings=[f"take{i}" for i in range(recordings)], keys=[f"k{i}" for i in range(recordings)],
        curves=[Curve("PA-PCK joints", x, 100 * (1 - np.exp(-x / (value + 1))))], partial=partial,
        n_total=20_137, n_scored=20_137, notes=["aligned by Procrustes"], warnings=[f"a warning of {model}"],
    )  # fmt: skip
    about = ResultAbout(
        model, dataset="ho3d_v3" if recordings >= 10 else "ho3d_v2", split="evaluation", fingerprint="f1",
        train_data="AIH", device="cpu", date="2026-02-11", source=f"handbench evaluate --model {model}",
        provenance={"weights": "w-hash", "config": {"size": 256}},
    )  # fmt: skip
    write_result(folder, score, about)
    return read_result(folder)


def reported(model: str, metric: Metric, value: float, source: str, **more: Any) -> Row:
    """Returns a published number, of HO-3D v2 where ``more`` does not say else."""
    where: dict[str, Any] = {
        "dataset": "ho3d_v2",
        "split": "evaluation",
        "protocol": "ho3d_v2/root=unstated/tips=unstated",
    }
    return Row(
        model=model, metric=metric.name, unit=metric.unit, higher_is_better=metric.higher_is_better,
        value=value, kind=REPORTED, source=source, **{**where, **more},
    )  # fmt: skip


def small_board(folder: Path) -> tuple[list[Row], list[Result]]:
    """Returns rows and results of a board that has every kind of row."""
    results = [measured(folder / model, model, value) for model, value in VALUES.items()]
    results.append(measured(folder / "part", "hand-a", 5.0, partial=True))
    results.append(measured(folder / "few", "hand-a", 9.5, recordings=4))
    results.append(measured(folder / "vague", "hand-a", 9.5, tips="unstated"))
    rows = [row for result in results for row in result.rows]
    rows += [
        reported("Net One", ERROR, 9.0, "Paper, Table I", remarks="looks like a slip"),
        reported("Net One", AUC, 81.9, "Paper, Table I"),
        reported("Net One", Metric("MPJPE", "mm"), 24.8, "Paper, Table II"),
        reported("Net Two", ERROR, 8.5, "Paper, Table I"),
        reported("Net Two", ERROR, 8.6, "Paper, Table IV"),
    ]
    pair = {"dataset": "interhand", "split": "test", "protocol": "interhand/average=macro"}
    for subset, value in (("SH", 8.51), ("IH", 13.12), ("all", 10.97)):
        rows.append(reported("HDR", Metric("MPJPE", "mm"), value, "HDR, poster", subset=subset, **pair))
    rows += [reported(name, ERROR, 20.0 + i, name, remarks=name) for i, name in enumerate(HOSTILE)]
    return rows, results
