"""A score in words and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

_COLUMNS = 6

if TYPE_CHECKING:
    from handbench.metrics.score import Figure
    from handbench.score import Scored


def score_lines(scored: Scored) -> Iterator[str]:
    """Gives what a terminal shows: what was scored, the numbers of the whole and of subsets, warnings."""
    from handbench.metrics.resample import MIN_RANKED

    score = scored.score
    yield f"{score.protocol}  (version {score.version})"
    of = "" if score.n_scored == score.n_total else f" of {score.n_total:,}"
    units = len(score.recordings)
    yield f"{scored.dataset} {scored.split}: {score.n_scored:,}{of} samples of {units} recordings"
    if score.partial:
        yield "PARTIAL: not all samples of the split; never ranked beside full results"
    yield ""
    whole = [figure for figure in score.figures if not figure.stratum]
    shown = "all" if any(figure.subset == "all" for figure in whole) else whole[0].subset if whole else ""
    yield from _table([figure for figure in whole if figure.subset == shown])
    rest = [figure for figure in whole if figure.subset != shown]
    if rest:
        yield ""
        yield from _subsets(rest)
    strata = len({figure.stratum for figure in score.figures if figure.stratum})
    yield ""
    if strata:
        yield f"{strata} strata (joints, occlusion, sequences ...) are in --json"
    if units < MIN_RANKED:
        yield f"{units} recordings: differences between models are not resolvable below {MIN_RANKED}"
    for note in score.notes:
        yield f"note: {note}"
    for warning in score.warnings:
        yield f"warning: {warning}"
    for problem in scored.problems:
        yield f"{problem.severity}: {problem.what} ({problem.remedy})"


def _table(figures: list[Figure]) -> Iterator[str]:
    from handbench.metrics.resample import interval

    width = max((len(figure.metric.name) for figure in figures), default=0)
    for figure in figures:
        found = interval(figure.sums, figure.counts)
        ends = "" if found is None else f"  [{found.low:.2f}, {found.high:.2f}]"
        value = (
            "no valid samples" if math.isnan(figure.value) else f"{figure.value:8.3f} {figure.metric.unit}"
        )
        yield f"  {figure.metric.name:<{width}}  {value}{ends}"


def _subsets(figures: list[Figure]) -> Iterator[str]:
    """Gives a line a subset, with the headline's first numbers."""
    subsets = list(dict.fromkeys(figure.subset for figure in figures))
    names = list(dict.fromkeys(figure.metric.name for figure in figures))[:_COLUMNS]
    values = {(figure.subset, figure.metric.name): figure for figure in figures}
    width = max(len(subset) for subset in subsets)
    yield f"  {'':<{width}}" + "".join(f"  {name:>12}" for name in names) + "  samples"
    for subset in subsets:
        found = [values.get((subset, name)) for name in names]
        cells = "".join(f"  {'-' if f is None else format(f.value, '.2f'):>12}" for f in found)
        count = max((f.n_scored for f in found if f is not None), default=0)
        yield f"  {subset:<{width}}{cells}  {count:7,}"


def score_dict(scored: Scored) -> dict[str, Any]:
    """Returns what ``--json`` writes; official key names stand at the top, NaN is null."""
    from handbench.metrics.resample import interval

    score = scored.score
    figures = []
    for figure in score.figures:
        found = interval(figure.sums, figure.counts)
        figures.append({
            "metric": figure.metric.name, "unit": figure.metric.unit, "subset": figure.subset,
            "stratum": figure.stratum, "value": _number(figure.value),
            "ci_low": None if found is None else _number(found.low),
            "ci_high": None if found is None else _number(found.high),
            "n_units": figure.n_units, "n_scored": figure.n_scored, "n_total": figure.n_total,
            "higher_is_better": figure.metric.higher_is_better,
        })  # fmt: skip
    return {
        **score.official,
        "schema": "handbench.score/1", "protocol": score.protocol, "version": score.version,
        "dataset": scored.dataset, "split": scored.split, "fingerprint": scored.fingerprint,
        "predictions": scored.predictions.path, "n_total": score.n_total, "n_scored": score.n_scored,
        "partial": score.partial, "figures": figures, "notes": list(score.notes),
        "warnings": list(score.warnings),
        "problems": [{"severity": p.severity, "what": p.what, "remedy": p.remedy} for p in scored.problems],
    }  # fmt: skip


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
