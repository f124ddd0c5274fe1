"""Makes the cut-outs of one split, in worker processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from handbench.errors import BadSampleError
from handbench.hands.library import load_hand_model
from handbench.moments import SIDES
from handbench.store.job import Produce
from handbench.store.record import encode_record
from handbench.store.statistics import Statistics, bin_label
from handbench.synth.cutout_recipe import FAULTS, CutoutSettings
from handbench.synth.cutout_record import CutoutCutter, Photograph, Unusable
from handbench.synth.moment_fit import hands_of_moments
from handbench.synth.photographs import PhotoSet, open_source
from handbench.types import HandParams, Sample, Side


@dataclass(frozen=True)
class CutoutJob:
    """Opens the photographs in a worker.

    Attributes:
        photos: of one split.
        settings: keys.
        hand_model: ``procedural`` or ``mano:DIR``.
    """

    photos: PhotoSet
    settings: CutoutSettings
    hand_model: str

    def __call__(self) -> Produce:
        """Returns the function that makes records; the fits of all moments come first."""
        return _Cutter(self)


class _Cutter:
    def __init__(self, job: CutoutJob) -> None:
        self._photos = job.photos
        self._dataset, self._moments = open_source(job.photos.ref)
        models = {side: load_hand_model(job.hand_model, side) for side in Side}
        moments, rows = self._moments, job.photos.rows
        wanted = np.zeros((len(moments), 2), dtype=np.bool_)
        at, shown = moments.of[rows], moments.shown[rows]
        wanted[at[at >= 0], shown[at >= 0]] = True
        self._fits = hands_of_moments(moments, models, wanted)
        self._cutter = CutoutCutter(models, job.settings)

    def __call__(self, sample_id: int) -> tuple[bytes, Statistics]:
        """Returns the record of a cut-out; what cannot be used leaves a hole that says why."""
        index = int(self._photos.rows[sample_id])
        try:
            if self._photos.shared[sample_id]:
                raise Unusable("shared_person", "its person is in another split too")
            blobs, fields = self._cutter.cut(self._photograph(index))
        except (Unusable, BadSampleError) as error:
            return hole(sample_id, self._dataset.keys[index], error)
        return encode_record(sample_id, blobs, fields), counts_of(fields)

    def _photograph(self, index: int) -> Photograph:
        sample, moments = self._dataset.read(index), self._moments
        at, s = int(moments.of[index]), int(moments.shown[index])
        if at < 0:
            raise Unusable("no_joints", "the moment has no joints")
        if self._shows_both(sample, at, 1 - s):
            raise Unusable("second_hand", f"joints of the {SIDES[1 - s].value} hand are annotated too")
        # What the picture's own annotation leaves out does not count either.
        own = sample.hand(SIDES[s])
        valid = moments.valid[at, s] & (own.joints_valid if own is not None else False)
        params = None
        if self._fits.has[at, s]:
            fits = self._fits
            params = HandParams(SIDES[s], fits.pose[at, s], fits.betas[at, s], fits.transl[at, s])
        return Photograph(
            sample, SIDES[s], params, float(self._fits.error[at, s]), moments.joints[at, s],
            valid, moments.tips, self._source(sample, at),
        )  # fmt: skip

    def _shows_both(self, sample: Sample, at: int, other: int) -> bool:
        found = sample.hand(SIDES[other])
        return bool(self._moments.valid[at, other].any() or (found is not None and found.joints_valid.any()))

    def _source(self, sample: Sample, at: int) -> dict[str, Any]:
        moments = self._moments
        return {
            "person": moments.person[at], "capture": moments.capture[at],
            "recording": moments.recording[at], "camera": str(sample.meta.get("camera", "")),
            "frame": int(moments.frame[at]), "grey": bool(sample.meta.get("grey", False)),
        }  # fmt: skip


def hole(sample_id: int, key: str, error: Unusable | BadSampleError) -> tuple[bytes, Statistics]:
    """Returns the record of a picture that gives no cut-out, and what it adds to the histograms."""
    reason = error.reason if isinstance(error, Unusable) else "annotation"
    fields = {"key": key, "bad": reason, "what": str(error)}
    fault = "yes" if reason in FAULTS else "no"
    return encode_record(sample_id, {}, fields), {"cutouts": {reason: 1}, "fault": {fault: 1}}


def counts_of(fields: Mapping[str, Any]) -> Statistics:
    """Counts one good cut-out."""
    quality = fields["quality"]
    return {
        "cutouts": {"good": 1},
        "fault": {"no": 1},
        "side": {fields["side"]: 1},
        "person": {fields["person"]: 1},
        "fit_mm": {bin_label(1000 * quality["fit_error"], 0.5): 1},
        "agreement": {bin_label(quality["agreement"], 0.05): 1},
        "score": {bin_label(fields["score"], 0.05): 1},
    }
