"""Parts of the data that errors are looked at by: occlusion, what covers, sequence, joint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.ground_truth import GroundTruth
from handbench.metrics.score import Figure

OCCLUSION_EDGES = (0.0, 0.1, 0.3, 0.5, 0.8, 1.0)
"""Shares of a hand that are hidden (design of the benchmark, section 2)."""


MOST_RECORDINGS = 500
"""With more recordings none stands alone: AIH has one a scene."""


def occlusion_strata(occlusion: FloatArray | None) -> Iterator[tuple[str, BoolArray]]:
    """Gives ``occlusion 0.1-0.3`` and its rows, for (N,) hidden shares; nothing where none is known."""
    if occlusion is None or not np.isfinite(occlusion).any():
        return
    for low, high in pairwise(OCCLUSION_EDGES):
        last = high == OCCLUSION_EDGES[-1]
        rows = (occlusion >= low) & ((occlusion <= high) if last else (occlusion < high))
        yield f"occlusion {low:g}-{high:g}", np.asarray(rows)


def recording_strata(figure: Figure, recordings: Sequence[str]) -> Iterator[Figure]:
    """Gives a figure of each recording alone, ``sequence NAME``; nothing beyond :data:`MOST_RECORDINGS`.

    It takes what the figure was added up from, so nothing is measured again.

    Args:
        figure: of the whole subset.
        recordings: (R,) names of its rows.
    """
    if len(recordings) > MOST_RECORDINGS:
        return
    for r, name in enumerate(recordings):
        alone = np.arange(len(recordings))[:, None] == r
        count = int(figure.counts[r].max(initial=0))
        if count:
            sums, counts = np.where(alone, figure.sums, 0.0), np.where(alone, figure.counts, 0.0)
            yield replace(
                figure, sums=sums, counts=counts, stratum=f"sequence {name}", n_total=count, n_scored=count
            )


def sequence_strata(truth: GroundTruth) -> Iterator[tuple[str, BoolArray]]:
    """Gives ``sequence NAME`` and its rows, of every video; of every recording where there are none."""
    names = np.array(list(truth.videos or truth.recordings))
    for name in dict.fromkeys(names.tolist()):
        yield f"sequence {name}", names == name
