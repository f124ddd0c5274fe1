"""The temporal numbers of a video protocol, of one hand's joints and vertices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray
from handbench.ground_truth import GroundTruth
from handbench.metrics.align import WRIST
from handbench.metrics.score import Metric
from handbench.metrics.temporal import Timeline, acceleration_error, in_seconds, jitter, velocity_error

Points = npt.NDArray[np.floating[Any]]

TEMPORAL = {
    metric.name: metric
    for metric in (
        Metric("ACCEL", "mm/frame^2", about="error of the acceleration of joints relative to the wrist"),
        Metric(
            "ACCEL-V", "m/s^2", about="error of the acceleration of vertices relative to the wrist (ARCTIC's)"
        ),
        Metric("VEL", "mm/frame", about="error of the velocity of joints relative to the wrist"),
        Metric("JITTER", "mm/frame^3", about="jerk of the predicted joints in the camera frame"),
        Metric("JITTER-true", "mm/frame^3", about="jerk of the true joints, for comparison"),
    )
}
"""Read them beside PA-MPJPE and the controls: a constant hand has the least jitter."""


def temporal_values(
    truth: GroundTruth,
    valid: BoolArray,
    true: Points,
    joints: Points,
    true_vertices: Points | None = None,
    vertices: Points | None = None,
    fps: float = 30.0,
) -> Mapping[str, FloatArray]:
    """Returns name -> (N,) values a centre frame in the metric's unit, NaN where frames are missing.

    Frames are in a row when they differ by the step of the data, the commonest gap within a video.

    Args:
        truth: N samples with ``videos`` and ``frames``; without them nothing is returned.
        valid: (N,) frames that may be used.
        true: (N, 21, 3) [m], camera frame, OPENPOSE21.
        joints: (N, 21, 3) [m] predicted, placed.
        true_vertices: (N, V, 3) [m], or None.
        vertices: (N, V, 3) [m] predicted, placed, or None.
        fps: frames a second.
    """
    if not len(truth.videos) or truth.frames is None:
        return {}
    codes: dict[str, int] = {}
    videos = np.fromiter((codes.setdefault(v, len(codes)) for v in truth.videos), np.int64, len(truth))
    time = Timeline(videos, truth.frames, valid, _step(videos, truth.frames))
    roots = (joints[:, WRIST], true[:, WRIST])
    found: dict[str, FloatArray] = {
        "ACCEL": 1e3 * acceleration_error(joints, true, time, roots),
        "VEL": 1e3 * velocity_error(joints, true, time, roots),
        "JITTER": 1e3 * jitter(joints, time),
        "JITTER-true": 1e3 * jitter(true, time),
    }
    if true_vertices is not None and vertices is not None and vertices.shape == true_vertices.shape:
        rate = fps / time.step
        error = acceleration_error(vertices, true_vertices, time, roots)
        found["ACCEL-V"] = np.asarray(in_seconds(error, rate, 2), dtype=np.float64)
    return {name: values for name, values in found.items() if np.isfinite(values).any()}


def _step(videos: npt.NDArray[np.int64], frames: npt.NDArray[np.int64]) -> int:
    """Returns the commonest gap between neighbouring frames of a video."""
    order = np.lexsort((frames, videos))
    gaps = np.diff(frames[order])[np.diff(videos[order]) == 0]
    gaps = gaps[gaps > 0]
    return int(np.bincount(gaps).argmax()) if len(gaps) else 1
