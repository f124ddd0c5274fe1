"""Scores of two hands: figures by subset and joint, curves, per-sample columns, and what to warn of."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from handbench.arrays import BoolArray, FloatArray, IndexArray
from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.metrics.distances import mean_valid
from handbench.metrics.hand_roots import BLOCK, MESH_BLOCK, SIDES, blocks
from handbench.metrics.joint_strata import JOINTS
from handbench.metrics.pck import THRESHOLDS, auc_shares
from handbench.metrics.relative import handedness_correct
from handbench.metrics.score import Curve, Figure, Metric, Score, unit_codes
from handbench.metrics.tallies import Tallies, column
from handbench.metrics.two_hand_errors import (
    HandRule,
    TwoHandErrors,
    has_meshes,
    of_hands,
    two_hand_errors,
)
from handbench.predictions import Predictions

if TYPE_CHECKING:
    from handbench.metrics.protocols.base import Protocol

MPJPE = Metric("MPJPE", "mm", about="joints of each hand, its root on the true one")
MRRPE = Metric("MRRPE", "mm", about="vector from the right wrist to the left one, nothing aligned")
HANDEDNESS = Metric("handedness", "%", True, "samples whose hands are told right; both bounds of 0.5 strict")
PA_MPJPE = Metric("PA-MPJPE", "mm", about="joints of each hand after a similarity fit without reflection")
MPVPE = Metric("MPVPE", "mm", about="vertices of each hand, its root joint on the true one")
AUC = Metric("AUC-J", "%", True, "area under the PCK curve of joints but the root, 0 to 50 mm")
MISSING = Metric("missing hands", "%", about="annotated hands that were not predicted: they are not scored")

_STEPS = 1e3 * THRESHOLDS
_THREADS = 2


def hand_types(truth: GroundTruth) -> tuple[BoolArray, BoolArray]:
    """Returns (N,) whether the right and the left hand are in each sample, by its ``hand_type``.

    As in the official script, what is neither ``right`` nor ``left`` is interacting.
    """
    if len(truth.hand_type):
        kinds = np.asarray(truth.hand_type, dtype=np.str_)
        return np.asarray(kinds != "left"), np.asarray(kinds != "right")
    right, left = (np.asarray(truth.hands[side].joints_valid.any(axis=1)) for side in SIDES)
    return right | ~left, left | ~right


class TwoHandScore:
    """Adds up the errors of blocks of samples, and makes the score of them.

    Args:
        rule: how hands are aligned.
        average: ``macro``: mean over 42 joints of each joint's mean; ``micro``: mean over all joints of all
            hands; ``hand``: mean over hands of each hand's mean.
        truth: N samples.
        predictions: of the same samples, in the same order.
    """

    def __init__(self, rule: HandRule, average: str, truth: GroundTruth, predictions: Predictions) -> None:
        self.rule, self.average, self.truth, self.predictions = rule, average, truth, predictions
        self.recordings, self.codes = unit_codes(truth.recordings)
        right, left = hand_types(truth)
        both = right & left
        self.subsets = {"SH": ~both, "IH": both}
        totals = {name: int(mask.sum()) for name, mask in self.subsets.items()}
        self.tallies = Tallies(len(self.recordings), {"all": len(truth), **totals})
        self.histogram = np.zeros((len(self.recordings), len(_STEPS) + 1))
        self.samples = {
            f"{metric.name} [mm]": np.full(len(truth), np.nan) for metric in (MPJPE, PA_MPJPE, MRRPE)
        }
        if has_meshes(truth, predictions):
            self.samples[f"{MPVPE.name} [mm]"] = np.full(len(truth), np.nan)
        self.hands, self.missing, self.unscaled = 0, 0, 0
        self._kinds = right, left

    def measure(self) -> None:
        """Goes through all samples.

        Raises:
            HandbenchError: when a predicted hand has only some finite joints, or nothing can be scored.
        """
        meshes = has_meshes(self.truth, self.predictions)
        parts = list(blocks(len(self.truth), MESH_BLOCK if meshes else BLOCK))
        compare = partial(two_hand_errors, self.rule, self.truth, self.predictions)
        with ThreadPoolExecutor(_THREADS) as pool:
            for rows, errors in zip(parts, pool.map(compare, parts), strict=True):
                self._add(errors, rows)
        if not np.isfinite(self.samples["MPJPE [mm]"]).any():
            raise HandbenchError(
                f"no valid samples: {self.hands:,} hands of {len(self.truth):,} samples can be scored,"
                f" {self.missing:,} of them were not predicted",
                "score data with annotated joints, and predictions of them",
            )
        self._add_handedness()

    def _add(self, errors: TwoHandErrors, rows: slice) -> None:
        codes, values, aligned = self.codes[rows], errors.joints, errors.procrustes
        if self.average == "hand":
            values = of_hands(values)
        for subset, mask in (("all", None), *self.subsets.items()):
            some = slice(None) if mask is None else mask[rows]
            here = codes[some]
            self.tallies.add(MPJPE, values[some], here, subset, pool=self.average != "macro")
            self.tallies.add(PA_MPJPE, aligned[some], here, subset, pool=True)
            if errors.vertices is not None:
                self.tallies.add(MPVPE, errors.vertices[some], here, subset, pool=True)
        lacking = np.where(errors.valid, 100.0 * errors.missing, np.nan)
        self.tallies.add(MISSING, lacking, codes, pool=True)
        relative = np.where(self.subsets["IH"][rows] & errors.valid.all(axis=1), errors.relative, np.nan)
        self.tallies.add(MRRPE, relative, codes)
        if self.average == "hand":
            self.tallies.add(MPJPE, errors.joints, codes, stratum=_BY_JOINT)
        _count(errors.joints, codes, _STEPS, self.rule.joint, self.histogram)
        self._keep(errors, aligned, relative, rows)

    def _keep(self, errors: TwoHandErrors, aligned: FloatArray, relative: FloatArray, rows: slice) -> None:
        """Writes the per-sample columns, and counts hands."""
        self.samples["MPJPE [mm]"][rows] = mean_valid(errors.joints, np.isfinite(errors.joints))
        self.samples["PA-MPJPE [mm]"][rows] = mean_valid(aligned, np.isfinite(aligned))
        self.samples["MRRPE [mm]"][rows] = relative
        if errors.vertices is not None:
            self.samples["MPVPE [mm]"][rows] = mean_valid(errors.vertices, np.isfinite(errors.vertices))
        self.hands += int(errors.valid.sum())
        self.missing += int(errors.missing.sum())
        self.unscaled += int(errors.unscaled.sum())

    def _add_handedness(self) -> None:
        stated, asked = self.predictions.handedness, self.truth.hand_type_valid
        if stated is None or asked is None:
            return
        correct = handedness_correct(stated, *self._kinds)
        self.tallies.add(HANDEDNESS, np.where(asked, 100.0 * correct, np.nan), self.codes)

    def figures(self) -> Iterator[Figure]:
        """Gives the headline first: MPJPE, MRRPE, handedness; then the other numbers; then joint by joint."""
        found = [
            figure for figure in self.tallies.figures() if figure.n_total and figure.stratum != _BY_JOINT
        ]
        order = (MPJPE, MRRPE, HANDEDNESS, MPVPE, PA_MPJPE)
        for metric in order:
            yield from (figure for figure in found if figure.metric is metric)
        shares = auc_shares(np.append(THRESHOLDS, np.inf))
        sums, counts = 100 * self.histogram @ shares, self.histogram.sum(axis=1)
        scored = self.tallies.figure(MPJPE).n_scored
        yield Figure(AUC, sums[:, None], counts[:, None], n_total=len(self.truth), n_scored=scored)
        yield from (figure for figure in found if figure.metric is MISSING)
        yield from self._joint_figures()

    def _joint_figures(self) -> Iterator[Figure]:
        table = self.tallies.table(MPJPE, stratum=_BY_JOINT if self.average == "hand" else "")
        for k, name in enumerate(JOINTS):
            if k % 21 != self.rule.joint:
                yield column(table, k, f"joint {name}")

    def warnings(self) -> list[str]:
        """Returns what a reader should know of the numbers."""
        lines = []
        if self.missing:
            lines.append(
                f"{self.missing:,} of {self.hands:,} annotated hands were not predicted; they are not scored"
            )
        if self.unscaled:
            lines.append(
                f"{self.unscaled:,} hands have no bone to scale by, or no place; they are not scored"
            )
        if self.average == "macro":
            for subset in ("all", *self.subsets):
                counts = self.tallies.table(MPJPE, subset).counts.sum(axis=0)
                absent = [name for name, count in zip(JOINTS, counts, strict=True) if count == 0]
                if absent and self.tallies.totals[subset]:
                    shown = ", ".join(absent[:5]) + (", ..." if len(absent) > 5 else "")
                    lines.append(
                        f"{subset}: {len(absent)} of 42 joints never occur ({shown}); they are NaN, and MPJPE"
                        f" is the mean over the other {42 - len(absent)}"
                    )
        return lines

    def make(self, protocol: Protocol, notes: list[str], warnings: list[str]) -> Score:
        """Returns the score."""
        histogram = self.histogram.sum(axis=0)[: len(_STEPS)]
        y = 100 * np.cumsum(histogram) / max(self.histogram.sum(), 1)
        return Score(
            protocol.id, protocol.version, list(self.figures()), self.recordings, self.truth.keys,
            self.samples, (Curve("PCK joints", _STEPS, y),), len(self.truth),
            int(np.isfinite(self.samples["MPJPE [mm]"]).sum()), self.truth.partial, notes,
            [*warnings, *self.warnings()],
        )  # fmt: skip


_BY_JOINT = "by joint"


@njit(cache=True, nogil=True)
def _count(
    errors: FloatArray, codes: IndexArray, thresholds: FloatArray, root: int, histogram: FloatArray
) -> None:
    """Counts errors (n, 42) by recording and by the first threshold that they do not exceed."""
    step, last = thresholds[1], len(thresholds)
    for n in range(errors.shape[0]):
        for k in range(errors.shape[1]):
            error = errors[n, k]
            if k % 21 == root or np.isnan(error):
                continue
            at = min(int(min(error, 1e6) / step), last)
            while at > 0 and error <= thresholds[at - 1]:
                at -= 1
            while at < last and error > thresholds[at]:
                at += 1
            histogram[codes[n], at] += 1
