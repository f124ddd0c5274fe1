"""Finds rows of a video that are there twice, shifted against the list, or shuffled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, IndexArray
from handbench.ground_truth import GroundTruth
from handbench.metrics.diagnose_rows import Usable
from handbench.metrics.problem import Problem
from handbench.metrics.score import unit_codes
from handbench.predictions import Predictions

LEAST_ROWS = 60
"""Fewer hands say nothing about their order."""

MOVES = 0.003
"""A true hand moves when its joints do by so much from frame to frame on average [m]."""

FEW = 0.02
"""A model that holds its hand repeats more rows than this share."""

FITS, AGREE = 0.35, 0.9
"""Rows are shifted when another frame's truth leaves less than this share of the error, in so many rows."""

_STEPS = (1, 2, 3)

TELLS, VARIES, SPREAD = 0.95, 0.5, 0.02
"""Rows are shuffled when the own truth leaves no less than this share of the error that any other leaves, for
predictions that vary at least half as much as the truth, whose joints vary by this length [m]."""

MOST_ROWS, _BLOCK = 24_000, 800
"""More hands than HO-3D has are looked at in blocks of neighbours."""

_SAMPLE = 2000


def check_video(
    truth: GroundTruth, predictions: Predictions, rows: IndexArray, usable: Usable
) -> list[Problem]:
    """Compares each prediction with the true hands of other frames, about the wrist.

    Only where the order of a video is known, and for hands that move. A constant hand repeats every row; one
    that follows late by whole frames looks shifted, too, and is told so.

    Args:
        truth: N samples, with ``videos`` and ``frames``.
        predictions: of M samples, in metres.
        rows: (n, 2) which rows of the two are the same sample.
        usable: side -> (M,) hands that are finite and not all zero.
    """
    if not len(truth.videos) or truth.frames is None or predictions.space == "scale_free":
        return []
    problems = []
    codes = unit_codes(truth.videos)[1]
    order = np.lexsort((truth.frames[rows[:, 0]], codes[rows[:, 0]]))
    rows = rows[order[_blocks(len(order))]]
    for side, hand in predictions.hands.items():
        true = truth.hands.get(side)
        if true is None or hand.joints is None:
            continue
        part = rows[usable[side][rows[:, 1]]]
        part = part[true.joints_valid[part[:, 0]].all(axis=1)]
        said, own = hand.joints[part[:, 1]], true.joints[part[:, 0]]
        known = np.isfinite(said).all(axis=(1, 2)) & np.isfinite(own).all(axis=(1, 2))
        if known.sum() < LEAST_ROWS:
            continue
        part = part[known]
        video = _Video(
            side.value,
            [truth.keys[i] for i in part[:, 0].tolist()],
            codes[part[:, 0]],
            truth.frames[part[:, 0]],
            said[known],
            _about_wrist(own[known]),
        )
        problems += _twice(video) + (_shifted(video) or _shuffled(video))
    return problems


@dataclass(frozen=True, eq=False)
class _Video:
    """Hands of one side, sorted by video and frame.

    Attributes:
        side: ``right`` or ``left``.
        keys: (n,).
        codes: (n,) number of the video.
        frames: (n,) number of the frame in it.
        said: (n, 21, 3) as predicted.
        own: (n, 21, 3) true, about the wrist [m].
    """

    side: str
    keys: list[str]
    codes: IndexArray
    frames: IndexArray
    said: npt.NDArray[Any]
    own: FloatArray

    def apart(self, step: int) -> BoolArray:
        """Returns (n - step,) which rows are so many frames of one video before the row ``step`` further."""
        same = self.codes[step:] == self.codes[:-step]
        return np.asarray(same & (self.frames[step:] - self.frames[:-step] == step))


def _blocks(n: int) -> IndexArray:
    """Returns all of n rows, or blocks of neighbours that are spread over them."""
    if n <= MOST_ROWS:
        return np.arange(n)
    starts = np.linspace(0, n - _BLOCK, MOST_ROWS // _BLOCK).astype(np.int64)
    return np.unique((starts[:, None] + np.arange(_BLOCK)).ravel())


def _about_wrist(joints: Any) -> FloatArray:
    return np.asarray(joints - joints[:, :1], dtype=np.float64)


def _distance(a: FloatArray, b: FloatArray) -> FloatArray:
    """Returns (n,) the mean distance of joints without the wrist [m]."""
    return np.asarray(np.linalg.norm(a[:, 1:] - b[:, 1:], axis=2).mean(axis=1))


def _twice(video: _Video) -> list[Problem]:
    moving = video.apart(1) & (_distance(video.own[1:], video.own[:-1]) > MOVES)
    same = moving & (video.said[1:] == video.said[:-1]).all(axis=(1, 2))
    if not 0 < same.sum() <= max(1, FEW * moving.sum()):
        return []
    what = (
        f"{int(same.sum()):,} {video.side} hands equal the frame before to the last digit, while the true"
        f" ones move (first {video.keys[1 + int(np.argmax(same))]})"
    )
    return [Problem("twice", "warning", what, "is a frame there twice?")]


def _shifted(video: _Video) -> list[Problem]:
    said, own = _about_wrist(video.said), video.own
    best: tuple[float, str] | None = None
    for step in _STEPS:
        near = video.apart(step) & (_distance(own[step:], own[:-step]) > MOVES)
        if near.sum() < LEAST_ROWS:
            continue
        early, late = slice(None, -step), slice(step, None)
        for mine, other, when in ((late, early, "before"), (early, late, "after")):
            before = _distance(said[mine][near], own[mine][near])
            after = _distance(said[mine][near], own[other][near])
            ratio = float(after.mean() / max(before.mean(), 1e-12))
            if ratio < FITS and np.mean(after < before) > AGREE and (best is None or ratio < best[0]):
                frames = f"{step} frame{'s' * (step > 1)} {when}"
                told = f"{1000 * after.mean():.1f} mm, {1000 * before.mean():.1f} mm from their own"
                best = ratio, f"{video.side} hands fit the true ones {frames} them: {told}"
    if best is None:
        return []
    return [
        Problem("shifted", "warning", best[1], "are rows shifted against the list, or does the model lag?")
    ]


def _shuffled(video: _Video) -> list[Problem]:
    some = np.unique(np.linspace(0, len(video.own) - 1, _SAMPLE).astype(np.int64))
    said, own = _about_wrist(video.said[some]), video.own[some]
    spread = [float(_distance(points, points.mean(axis=0, keepdims=True)).mean()) for points in (said, own)]
    if spread[1] < SPREAD or spread[0] < VARIES * spread[1]:
        return []
    rng = np.random.default_rng(0)
    other = np.mean([_distance(said, own[rng.permutation(len(own))]).mean() for _ in range(10)])
    error = float(_distance(said, own).mean())
    if error < TELLS * other:
        return []
    what = (
        f"{video.side} hands fit their own frames no better than any others: "
        f"{1000 * error:.0f} mm about the wrist, {1000 * other:.0f} mm when shuffled"
    )
    return [Problem("shuffled", "warning", what, "are the rows in the order of the list?")]
