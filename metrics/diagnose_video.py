"""Finds rows of a video that are there twice, shifted against the list, or shuffled."""

from __future__ import annotations

from typing import Any

import numpy as np

from handbench.arrays import BoolArray, FloatArray, IndexArray
from handbench.ground_truth import GroundTruth
from handbench.metrics.diagnose_rows import Usable
from handbench.metrics.problem import Problem
from handbench.predictions import Predictions

LEAST_ROWS = 60
"""Fewer hands say nothing about their order."""

MOVES = 0.003
"""A true hand moves when its joints do by so much from frame to frame on average [m]."""

FEW = 0.02
"""A model that holds its hand repeats more rows than this share."""

FITS, AGREE = 0.35, 0.9
"""Rows are shifted when another frame's truth leaves less than this share of the error, in so many rows."""

_SHIFTS = (-3, -2, -1, 1, 2, 3)

TELLS, VARIES, SPREAD = 0.95, 0.5, 0.02
"""Rows are shuffled when the own truth leaves no less than this share of the error that any other leaves, for
predictions that vary at least half as much as the truth, whose joints vary by this length [m]."""

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
    order = np.lexsort((truth.frames, np.unique(np.asarray(truth.videos), return_inverse=True)[1]))
    position = np.empty(len(truth), dtype=np.int64)
    position[order] = np.arange(len(truth))
    rows = rows[np.argsort(position[rows[:, 0]])]
    for side, hand in predictions.hands.items():
        true = truth.hands.get(side)
        if true is None or hand.joints is None:
            continue
        part = rows[usable[side][rows[:, 1]]]
        part = part[true.joints_valid[part[:, 0]].all(axis=1)]
        if len(part) < LEAST_ROWS:
            continue
        said, own = hand.joints[part[:, 1]], true.joints[part[:, 0]]
        known = np.isfinite(said).all(axis=(1, 2)) & np.isfinite(own).all(axis=(1, 2))
        said, own, part = said[known], _about_wrist(own[known]), part[known]
        if len(part) < LEAST_ROWS:
            continue
        found = _twice(truth, side.value, said, own, part[:, 0])
        said = _about_wrist(said)
        problems += found + (
            _shifted(truth, side.value, said, own, part[:, 0]) or _shuffled(side.value, said, own)
        )
    return problems


def _about_wrist(joints: Any) -> FloatArray:
    return np.asarray(joints - joints[:, :1], dtype=np.float64)


def _distance(a: FloatArray, b: FloatArray) -> FloatArray:
    """Returns (n,) the mean distance of joints without the wrist [m]."""
    return np.asarray(np.linalg.norm(a[:, 1:] - b[:, 1:], axis=2).mean(axis=1))


def _pairs(truth: GroundTruth, rows: IndexArray, step: int) -> BoolArray:
    """Returns (n - |step|,) which rows of the truth are |step| frames of one video apart."""
    assert truth.frames is not None
    step = abs(step)
    videos, frames = np.asarray(truth.videos)[rows], truth.frames[rows]
    return np.asarray((videos[step:] == videos[:-step]) & (frames[step:] - frames[:-step] == step))


def _twice(truth: GroundTruth, side: str, said: Any, own: FloatArray, rows: IndexArray) -> list[Problem]:
    moving = _pairs(truth, rows, 1)
    moving &= _distance(own[1:], own[:-1]) > MOVES
    same = moving & (said[1:] == said[:-1]).all(axis=(1, 2))
    if not 0 < same.sum() <= max(1, FEW * moving.sum()):
        return []
    first = truth.keys[int(rows[1:][same][0])]
    what = (
        f"{int(same.sum()):,} {side} hands equal the frame before to the last digit, while the true ones move"
    )
    return [Problem("twice", "warning", f"{what} (first {first})", "is a frame there twice?")]


def _shifted(
    truth: GroundTruth, side: str, said: FloatArray, own: FloatArray, rows: IndexArray
) -> list[Problem]:
    best: tuple[float, str] | None = None
    for step in _SHIFTS:
        near = _pairs(truth, rows, step)
        a, b = (
            (slice(step, None), slice(None, -step)) if step > 0 else (slice(None, step), slice(-step, None))
        )
        # Row i + step of the file, with the truth of row i: the file is late by ``step`` rows.
        near = near & (_distance(own[a], own[b]) > MOVES)
        if near.sum() < LEAST_ROWS:
            continue
        before = _distance(said[a][near], own[a][near])
        after = _distance(said[a][near], own[b][near])
        ratio = float(after.mean() / max(before.mean(), 1e-12))
        if ratio < FITS and np.mean(after < before) > AGREE and (best is None or ratio < best[0]):
            words = f"{abs(step)} frame{'s' * (abs(step) > 1)} {'before' if step > 0 else 'after'}"
            told = (
                f"{1000 * before.mean():.1f} mm from their own, {1000 * after.mean():.1f} mm from the other"
            )
            best = ratio, f"{side} hands fit the truth {words} them ({told})"
    if best is None:
        return []
    return [
        Problem("shifted", "warning", best[1], "are rows shifted against the list, or does the model lag?")
    ]


def _shuffled(side: str, said: FloatArray, own: FloatArray) -> list[Problem]:
    some = np.unique(np.linspace(0, len(own) - 1, _SAMPLE).astype(np.int64))
    said, own = said[some], own[some]
    spread = [float(_distance(points, points.mean(axis=0, keepdims=True)).mean()) for points in (said, own)]
    if spread[1] < SPREAD or spread[0] < VARIES * spread[1]:
        return []
    shuffled = np.random.default_rng(0)
    other = np.mean([_distance(said, own[shuffled.permutation(len(own))]).mean() for _ in range(10)])
    error = float(_distance(said, own).mean())
    if error < TELLS * other:
        return []
    what = (
        f"{side} hands fit their own frames no better than any others: "
        f"{1000 * error:.0f} mm about the wrist, {1000 * other:.0f} mm when shuffled"
    )
    return [Problem("shuffled", "warning", what, "are the rows in the order of the list?")]
