"""Filters after any model: predictions in, predictions out."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from handbench.arrays import IndexArray
from handbench.errors import HandbenchError
from handbench.predictions import HandPredictions, Predictions
from handbench.registry import Registry

Points = npt.NDArray[np.floating[Any]]

PIXELS_A_METRE = 1000.0
"""2D points are divided by this before a filter tuned in metres: a hand at 0.6 m, a lens of 600 px."""


class Filter(Protocol):
    """Filters the points of one video."""

    def __call__(self, points: Points, frames: IndexArray, *, step: int = 1) -> Points:
        """Returns filtered points.

        Args:
            points: (T, ...) [m] in the order of time; NaN where there is none.
            frames: (T,) ascending numbers.
            step: frames are in a row when their numbers differ by this.
        """


FILTERS: Registry[Filter] = Registry("filter", "handbench.filters")
FILTERS.register("one-euro", "handbench.metrics.filters:one_euro")
FILTERS.register("savgol", "handbench.metrics.filters:savitzky_golay")


def filter_predictions(
    predictions: Predictions, videos: IndexArray, frames: IndexArray | None, name: str, step: int = 1
) -> Predictions:
    """Filters joints, vertices and 2D joints of each side, and the relative root, video by video.

    Root-relative predictions are filtered as they are. Pose, shape and translation would no longer say what
    the joints say, so they are left out. All else stays; the provenance gets the filter's name.

    Args:
        predictions: N samples, in any order.
        videos: (N,) number of the video of each (``metrics.score.unit_codes(truth.videos)[1]``).
        frames: (N,) its number there.
        name: of :data:`FILTERS`.
        step: frames are in a row when their numbers differ by this.

    Raises:
        HandbenchError: for an unknown filter, or where the data are no videos.
    """
    wanted = FILTERS.get(name)
    if frames is None or len(videos) != len(predictions) or len(frames) != len(predictions):
        raise HandbenchError(
            f"the filter {name!r} needs videos", "these data are single pictures: leave it out"
        )
    order = np.lexsort((frames, videos))
    borders = np.flatnonzero(np.diff(videos[order])) + 1
    tracks = [rows for rows in np.split(order, borders) if len(rows)]

    def smooth(points: Points | None, unit: float = 1.0) -> Points | None:
        if points is None:
            return None
        out = points.copy()
        for rows in tracks:
            out[rows] = wanted(points[rows] / points.dtype.type(unit), frames[rows], step=step) * unit
        return out

    def smooth_hand(hand: HandPredictions) -> HandPredictions:
        return dataclasses.replace(
            hand,
            joints=smooth(hand.joints),
            vertices=smooth(hand.vertices),
            joints_2d=smooth(hand.joints_2d, PIXELS_A_METRE),
            pose=None,
            betas=None,
            transl=None,
        )

    return dataclasses.replace(
        predictions,
        hands={side: smooth_hand(hand) for side, hand in predictions.hands.items()},
        relative_root=smooth(predictions.relative_root),
        provenance={**predictions.provenance, "filter": name},
    )
