"""Filters after a model: its prediction file in, a filtered one out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from handbench.arrays import IndexArray
from handbench.datasets import Dataset
from handbench.errors import HandbenchError
from handbench.formats.predictions import read_predictions, write_predictions
from handbench.ground_truth import GroundTruth
from handbench.metrics.filter_predictions import filter_predictions
from handbench.metrics.score import unit_codes


def video_truth(dataset: Dataset, filters: Sequence[str]) -> GroundTruth:
    """Returns the annotation of data that are videos.

    Raises:
        HandbenchError: where they are not.
    """
    truth = dataset.ground_truth()
    if truth.frames is None or not truth.videos:
        raise HandbenchError(
            f"{dataset.name} {dataset.split} has no videos for the filter {filters[0]!r}",
            "leave the filter out",
        )
    return truth


def write_filtered(
    base: Path, out: Path, filters: Sequence[str], truth: GroundTruth, identity: Mapping[str, str]
) -> None:
    """Writes the filtered predictions of a model.

    Args:
        base: predictions of the model itself.
        out: the file.
        filters: their names, in their order.
        truth: of the data, see :func:`video_truth`.
        identity: of the filtered file.
    """
    assert truth.frames is not None, "asked for before"
    codes = unit_codes(truth.videos)[1]
    predictions = read_predictions(base)
    step = usual_step(codes, truth.frames)
    for name in filters:
        predictions = filter_predictions(predictions, codes, truth.frames, name, step)
    provenance = {**predictions.provenance, "identity": dict(identity), "filters": list(filters)}
    provenance["filter_step"] = step
    write_predictions(out, dataclasses.replace(predictions, provenance=provenance))


def usual_step(videos: IndexArray, frames: IndexArray) -> int:
    """Returns by how much the numbers of frames in a row mostly differ: 1, or 3 where 10 of 30 are kept.

    Args:
        videos: (N,) number of the video of each frame.
        frames: (N,) its number there.
    """
    order = np.lexsort((frames, videos))
    steps = np.diff(frames[order])[np.diff(videos[order]) == 0]
    steps = steps[steps > 0]
    if not len(steps):
        return 1
    values, counts = np.unique(steps, return_counts=True)
    return int(values[counts.argmax()])
