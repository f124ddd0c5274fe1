"""What is made of the errors of HIC: figures, strata, per-sample columns, warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.metrics.align import MIDDLE_MCP
from handbench.metrics.distances import mean_valid
from handbench.metrics.hand_roots import SIDES, predicted_relative_root
from handbench.metrics.hic_errors import HicHand, both_sides, hic_errors
from handbench.metrics.joint_strata import JOINTS, visibility_of, visibility_strata
from handbench.metrics.relative import relative_root, relative_root_error
from handbench.metrics.score import Metric, Score, unit_codes
from handbench.metrics.tallies import Tallies, column
from handbench.predictions import Predictions

if TYPE_CHECKING:
    from handbench.metrics.protocols.base import Protocol

EPE = Metric("EPE-2D", "px", about="labelled joints, in the original picture")
MPJPE = Metric("MPJPE", "mm", about="tracked joints, the middle MCP on the true one")
PA_MPJPE = Metric("PA-MPJPE", "mm", about="tracked joints of each hand after a similarity fit, no reflection")
MPVPE = Metric("MPVPE", "mm", about="vertices of each hand, their mean on the true mean")
MRRPE = Metric("MRRPE", "mm", about="vector from the right middle MCP to the left one, nothing aligned")
MISSING = Metric("missing hands", "%", about="labelled or tracked hands that were not predicted")


def hic_score(
    protocol: Protocol, truth: GroundTruth, predictions: Predictions, chosen: BoolArray,
    how: tuple[str, str, str], warnings: list[str],
) -> Score:  # fmt: skip
    """Scores the chosen samples.

    Args:
        protocol: resolved.
        truth: N samples.
        predictions: of the same samples.
        chosen: (N,) which samples count.
        how: root, scale and pixels, see :func:`handbench.metrics.hic_errors.hic_errors`.
        warnings: known before.

    Raises:
        HandbenchError: when nothing can be scored.
    """
    right, left = (hic_errors(truth, predictions, side, *how) for side in SIDES)
    table = _columns(truth, predictions, right, left)
    table = {metric: np.where(_as(chosen, values), values, np.nan) for metric, values in table.items()}
    names, codes = unit_codes(truth.recordings)
    tallies = Tallies(len(names), {"all": int(chosen.sum())})
    for metric, values in table.items():
        tallies.add(metric, values.reshape(len(truth), -1), codes, pool=True)
    for stratum, joints in visibility_strata(visibility_of(truth)):
        for metric in (EPE, MPJPE):
            values = np.where(joints, table[metric], np.nan)
            tallies.add(metric, values.reshape(len(truth), 42), codes, stratum=stratum, pool=True)
    figures = [figure for figure in tallies.figures() if figure.n_scored]
    per_joint = tallies.table(EPE)
    seen = [k for k in range(42) if per_joint.counts[:, k].any()]
    figures += [column(per_joint, k, f"joint {JOINTS[k]}") for k in seen]
    samples = {
        f"{metric.name} [{metric.unit}]": _by_sample(table[metric]) for metric in table if metric != MISSING
    }
    scored = np.any([np.isfinite(values) for values in samples.values()], axis=0)
    if not scored.any():
        raise HandbenchError(
            f"no valid samples: none of {int(chosen.sum()):,} has a labelled or tracked hand that was"
            " predicted",
            "score data with labels or tracked joints, and predictions of them",
        )
    return Score(
        protocol.id, protocol.version, figures, names, truth.keys, samples,
        n_total=int(chosen.sum()), n_scored=int(scored.sum()),
        notes=[f"{int(np.isfinite(table[EPE]).sum()):,} labelled joints"],
        warnings=[*warnings, *_warnings(right, left, chosen)],
    )  # fmt: skip


def _columns(
    truth: GroundTruth, predictions: Predictions, right: HicHand, left: HicHand
) -> dict[Metric, FloatArray]:
    """Returns metric -> values (N, ...), the headline first."""
    table = {EPE: both_sides(right, left, "pixels"), MPJPE: both_sides(right, left, "joints"),
             PA_MPJPE: both_sides(right, left, "procrustes")}  # fmt: skip
    unknown = np.full(len(truth), np.nan)
    meshes = [hand.vertices for hand in (right, left)]
    if any(mesh is not None for mesh in meshes):
        table[MPVPE] = np.stack([unknown if mesh is None else mesh for mesh in meshes], axis=1)
    rows = slice(0, len(truth))
    if predictions.space != "scale_free":
        stated = predicted_relative_root(predictions, right.found, left.found, rows, MIDDLE_MCP)
        wanted = relative_root(*(truth.hands[side].joints[:, MIDDLE_MCP] for side in SIDES))
        table[MRRPE] = np.asarray(1e3 * relative_root_error(stated, wanted))
    wanted_hands = both_sides(right, left, "wanted")
    table[MISSING] = np.where(wanted_hands, 100.0 * both_sides(right, left, "missing"), np.nan)
    return table


def _as(rows: BoolArray, values: FloatArray) -> BoolArray:
    return rows.reshape(-1, *[1] * (values.ndim - 1))


def _by_sample(values: FloatArray) -> FloatArray:
    flat = values.reshape(len(values), -1)
    return np.asarray(mean_valid(flat, np.isfinite(flat)))


def _warnings(right: HicHand, left: HicHand, chosen: BoolArray) -> list[str]:
    missing = int(sum(hand.missing[chosen].sum() for hand in (right, left)))
    lost = int(sum(hand.lost[chosen].sum() for hand in (right, left)))
    lines = []
    if missing:
        lines.append(f"{missing:,} labelled or tracked hands were not predicted; they are not scored")
    if lost:
        lines.append(
            f"{lost:,} labelled or tracked joints of predicted hands are NaN, without a place, or behind the"
            " camera; they are not scored"
        )
    return lines
