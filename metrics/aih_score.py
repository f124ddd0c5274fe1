"""What is made of the errors of AIH: pose, masks and pictures, each by what hides the hands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.errors import HandbenchError
from handbench.ground_truth import COVERS, GroundTruth
from handbench.metrics.aih_hands import phantoms, target_hands
from handbench.metrics.aih_pixels import PICTURE_METRICS, PixelScores, mask_rows, pixel_scores
from handbench.metrics.align import WRIST
from handbench.metrics.distances import mean_valid
from handbench.metrics.hand_roots import SIDES, blocks
from handbench.metrics.joint_strata import JOINTS, visibility_of, visibility_strata
from handbench.metrics.score import Figure, Metric, Score, unit_codes
from handbench.metrics.strata import occlusion_strata
from handbench.metrics.tallies import Tallies, column
from handbench.metrics.two_hand_errors import HandRule, two_hand_errors
from handbench.predictions import Predictions

if TYPE_CHECKING:
    from handbench.metrics.protocols.base import Protocol

MPJPE = Metric("MPJPE", "mm", about="joints of each hand but the wrist, the wrist on the true one")
PA_MPJPE = Metric("PA-MPJPE", "mm", about="joints of each hand after a similarity fit without reflection")
PHANTOM = Metric("phantom hands", "%", about="hands that were predicted where the sample has none")
MISSING = Metric("missing hands", "%", about="hands whose pose was not predicted: it is not scored")
MISSING_MASKS = Metric(
    "missing masks", "%", about="hands whose masks were not predicted: they are not scored"
)


class AihScore:
    """Scores N samples.

    Args:
        scale: see :func:`handbench.metrics.hand_scale.bone_scale`.
        truth: N samples.
        predictions: of the same samples, in the same order.
    """

    def __init__(self, scale: str, truth: GroundTruth, predictions: Predictions) -> None:
        self.scale, self.truth, self.predictions = scale, truth, predictions
        self.recordings, self.codes = unit_codes(truth.recordings)
        self.tallies = Tallies(len(self.recordings), {"all": len(truth)})
        self.samples: dict[str, FloatArray] = {}
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.strata = dict(self._hand_strata())

    def measure(self) -> None:
        """Compares everything that the predictions have.

        Raises:
            HandbenchError: when nothing can be scored.
        """
        found = [hand for hand in self.predictions.hands.values() if hand.joints is not None]
        if found:
            self._pose()
        pixels = pixel_scores(self.truth, self.predictions)
        if pixels is not None:
            self._pixels(pixels)
        if not any(np.isfinite(values).any() for values in self.samples.values()):
            raise HandbenchError(
                f"no valid samples: nothing of {len(self.truth):,} can be scored",
                "predict joints, masks or pictures of hands that are annotated",
            )
        how, values = phantoms(self.truth, self.predictions)
        if np.isfinite(values).any():
            self.tallies.add(PHANTOM, values, self.codes, pool=True)
            self.notes.append(f"phantom hands told by {how}")

    def _hand_strata(self) -> Iterator[tuple[str, BoolArray]]:
        """Gives parts of the hands (N, 2): targets, others, targets by their occlusion."""
        targets = target_hands(self.truth)
        yield "targets", targets
        if not targets.all():
            yield "others", ~targets
        hidden = [self.truth.hands[side].occlusion for side in SIDES]
        if all(column is not None for column in hidden):
            occlusion = np.stack([np.asarray(column) for column in hidden], axis=1)
            yield from occlusion_strata(np.where(targets, occlusion, np.nan))

    def _joint_strata(self) -> Iterator[tuple[str, BoolArray]]:
        """Gives parts of the joints (N, 2, 21): visible, hidden, what hides them."""
        yield from visibility_strata(visibility_of(self.truth))
        covers = [self.truth.hands[side].covered_by for side in SIDES]
        if all(column is not None for column in covers):
            codes = np.stack([np.asarray(column) for column in covers], axis=1)
            for code, cause in enumerate(COVERS[1:], start=1):
                yield f"cause {cause}", codes == code

    def _pose(self) -> None:
        n = len(self.truth)
        errors, fitted = np.full((n, 42), np.nan), np.full((n, 42), np.nan)
        missing, valid = np.zeros((n, 2), dtype=np.bool_), np.zeros((n, 2), dtype=np.bool_)
        for rows in blocks(n):
            found = two_hand_errors(HandRule("predicted", self.scale), self.truth, self.predictions, rows)
            errors[rows], fitted[rows] = found.joints, found.fitted
            missing[rows], valid[rows] = found.missing, found.valid
        errors[:, [WRIST, 21 + WRIST]] = np.nan
        for metric, values in ((MPJPE, errors), (PA_MPJPE, fitted)):
            self.tallies.add(metric, values, self.codes, pool=True)
            self.samples[f"{metric.name} [mm]"] = np.asarray(mean_valid(values, np.isfinite(values)))
        self.tallies.add(MISSING, np.where(valid, 100.0 * missing, np.nan), self.codes, pool=True)
        for metric, values in ((MPJPE, errors), (PA_MPJPE, fitted)):
            for name, hands in self.strata.items():
                self._part(metric, values, np.repeat(hands, 21, axis=1), name)
            for name, joints in self._joint_strata():
                self._part(metric, values, joints.reshape(n, 42), name)
        if missing.any():
            of = f"{missing.sum():,} of {valid.sum():,}"
            self.warnings.append(f"{of} annotated hands were not predicted; they are not scored")

    def _pixels(self, pixels: PixelScores) -> None:
        for metric, values in mask_rows(pixels):
            if np.isfinite(values).any():
                self.tallies.add(metric, values, self.codes, pool=True)
                self.samples[f"{metric.name} [%]"] = np.asarray(mean_valid(values, np.isfinite(values)))
                for name, hands in self.strata.items():
                    self._part(metric, values, hands, name)
        if pixels.missing.any():
            there = np.isfinite(pixels.masks).any(axis=2) | pixels.missing
            values = np.where(there, 100.0 * pixels.missing, np.nan)
            self.tallies.add(MISSING_MASKS, values, self.codes, pool=True)
            self.warnings.append(
                f"{pixels.missing.sum():,} hands have no predicted mask; they are not scored"
            )
        hidden = self._target_occlusion()
        for k, metric in enumerate(PICTURE_METRICS):
            values = pixels.pictures[:, k]
            if np.isfinite(values).any():
                self.tallies.add(metric, values, self.codes)
                self.samples[f"{metric.name} [{metric.unit}]"] = values
                for name, rows in occlusion_strata(hidden):
                    self._part(metric, values, rows, name)

    def _target_occlusion(self) -> FloatArray | None:
        """Returns (N,) the occlusion of samples with one target."""
        targets = target_hands(self.truth)
        columns = [self.truth.hands[side].occlusion for side in SIDES]
        if any(column is None for column in columns):
            return None
        occlusion = np.stack([np.asarray(column) for column in columns], axis=1)
        one = targets.sum(axis=1) == 1
        return np.where(one, np.where(targets[:, 0], occlusion[:, 0], occlusion[:, 1]), np.nan)

    def _part(self, metric: Metric, values: FloatArray, part: BoolArray, stratum: str) -> None:
        some = np.where(part, values, np.nan)
        if np.isfinite(some).any():
            self.tallies.add(metric, some, self.codes, stratum=stratum, pool=some.ndim > 1)

    def figures(self) -> Iterator[Figure]:
        """Gives the numbers of all samples first, then those of strata, then those of joints."""
        found = list(self.tallies.figures())
        yield from (figure for figure in found if not figure.stratum)
        yield from (figure for figure in found if figure.stratum)
        if any(figure.metric is MPJPE for figure in found):
            table = self.tallies.table(MPJPE)
            for k, name in enumerate(JOINTS):
                if k % 21 != WRIST:
                    yield column(table, k, f"joint {name}")

    def make(self, protocol: Protocol, warnings: list[str]) -> Score:
        """Returns the score."""
        scored = np.any([np.isfinite(values) for values in self.samples.values()], axis=0)
        return Score(
            protocol.id, protocol.version, list(self.figures()), self.recordings, self.truth.keys,
            self.samples, n_total=len(self.truth), n_scored=int(scored.sum()), partial=self.truth.partial,
            notes=self.notes, warnings=[*warnings, *self.warnings],
        )  # fmt: skip
