"""Evaluation of the weights that a training wrote: as anybody else would do it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from handbench.evaluate import evaluate
from handbench.train.options import TrainOptions

if TYPE_CHECKING:
    from handbench.train.run import Report


def validate(report: Report, options: TrainOptions, device: str) -> dict[str, Any]:
    """Evaluates weights on the validation data; the result lies in ``OUT/results``.

    Returns:
        ``validation``, the numbers of the whole set by metric, and their ``units``.
    """
    done = evaluate(
        report.model, options.val, weights=report.weights, results=options.out / "results", device=device,
        workers=options.workers or 0, quiet=options.quiet,
    )  # fmt: skip
    whole = [figure for figure in done.scored.score.figures if not figure.stratum]
    shown = "all" if any(figure.subset == "all" for figure in whole) else whole[0].subset
    kept = [figure for figure in whole if figure.subset == shown and math.isfinite(figure.value)]
    return {
        "validation": {figure.metric.name: figure.value for figure in kept},
        "units": {figure.metric.name: figure.metric.unit for figure in kept},
    }
