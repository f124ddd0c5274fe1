"""Which vertices the predicted fingertips are, for the id of a protocol."""

from __future__ import annotations

from typing import Literal, get_args

from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.predictions import Predictions

Tips = Literal["auto", "smplx", "manopth", "interhand", "ho3d", "mixed", "unstated"]
"""A set of ``skeleton.TIP_SETS``; ``mixed`` or ``unstated``; ``auto``: what the prediction file states."""


def resolve_tips(wanted: Tips, predictions: Predictions) -> Tips:
    """Returns the fingertip set of predictions: what the file states, else what was asked for.

    Raises:
        HandbenchError: when file and option contradict each other.
    """
    stated = predictions.tips
    if wanted == "auto":
        return next((tips for tips in get_args(Tips) if tips == stated != "auto"), "unstated")
    if stated and stated != wanted:
        where = predictions.path or "the predictions"
        raise HandbenchError(
            f"{where}: fingertips are of the set {stated!r}, not {wanted!r}", f"tips={stated}"
        )
    return wanted


def tips_warning(tips: str, truth: GroundTruth) -> list[str]:
    """Returns a line where predicted and true fingertips are other vertices."""
    if tips in ("unstated", truth.tips) or not truth.tips:
        return []
    return [
        f"predicted fingertips are of the set {tips!r}, true ones of {truth.tips!r}: a perfect mesh scores up"
        " to 0.9 mm"
    ]
