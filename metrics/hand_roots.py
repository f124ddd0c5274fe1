"""Predicted hands of some rows, with their roots where a protocol wants them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.metrics.align import WRIST
from handbench.metrics.distances import Points
from handbench.predictions import Predictions
from handbench.types import Side

SIDES = (Side.RIGHT, Side.LEFT)

BLOCK = 1 << 13
"""Rows that are scored at once: all that is made for them stays below 100 MB."""

MESH_BLOCK = 1 << 10
"""The same where there are meshes."""


def blocks(n: int, size: int = BLOCK) -> Iterator[slice]:
    """Gives the slices that N rows are scored in."""
    for start in range(0, n, size):
        yield slice(start, min(n, start + size))


def predicted_joints(
    predictions: Predictions, side: Side, rows: slice, whole: bool = True
) -> tuple[FloatArray, BoolArray]:
    """Returns (n, 21, 3) joints of some rows, NaN where a hand was not predicted, and (n,) whether it was.

    Args:
        predictions: N samples.
        side: which hand.
        rows: which samples.
        whole: a hand has all its joints or none; else it may have some.

    Raises:
        HandbenchError: when some joints of a hand are finite and others are not: a mean over them would be of
            fewer joints than it says.
    """
    count = rows.stop - rows.start
    hand = predictions.hands.get(side)
    if hand is None or hand.joints is None:
        return np.full((count, 21, 3), np.nan), np.zeros(count, dtype=np.bool_)
    joints = np.asarray(hand.joints[rows], dtype=np.float64)
    flat = joints.reshape(count, -1)
    if not whole:
        return joints, np.asarray(np.isfinite(flat).any(axis=1))
    # A sum is finite only where all of it is; the few other rows are looked at.
    there = np.isfinite(flat.sum(axis=1))
    if not there.all():
        odd = np.flatnonzero(~there)
        broken = odd[~np.isnan(flat[odd]).all(axis=1)]
        if len(broken):
            key = predictions.keys[rows.start + int(broken[0])]
            where = predictions.path or "the predictions"
            raise HandbenchError(
                f"{where}: {len(broken):,} {side.value} hands have joints that are not finite beside others"
                f" that are, the first in {key}",
                "write all 21 joints of a hand, or NaN for the whole hand",
            )
    return joints, np.asarray(there)


def along_the_rays(points: Points, old: FloatArray, new: FloatArray) -> FloatArray:
    """Moves hands in depth as 2.5D methods do: each point keeps its pixel and its depth beside the root.

    Args:
        points: (n, P, 3) [m], camera frame.
        old: (n,) depth [m] of the root that they were placed with.
        new: (n,) depth [m] that they get.
    """
    depth = points[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(points * ((depth + (new - old)[:, None]) / depth)[..., None])


def root_depths(
    predictions: Predictions, truth: GroundTruth, side: Side, rows: slice, root: str
) -> tuple[FloatArray, FloatArray] | None:
    """Returns the (n,) depths [m] that hands were placed with and that they get; None where they stay.

    Args:
        predictions: N samples.
        truth: of the same samples.
        side: which hand.
        rows: which samples.
        root: ``predicted``: as they are. ``gt``, ``rootnet``: camera-space predictions that were placed by
            another depth get the true wrist's, or RootNet's. What they were placed with is the file's
            ``root_depth``, else the depth of their wrists.
    """
    if root == "predicted" or predictions.space != "camera" or predictions.root_source == root:
        return None
    true, hand = truth.hands[side], predictions.hands.get(side)
    if hand is None or hand.joints is None:
        return None
    new = true.joints[rows, WRIST, 2] if root == "gt" or true.root_depth is None else true.root_depth[rows]
    old = np.asarray(hand.joints[rows, WRIST, 2], dtype=np.float64)
    if predictions.root_depth is not None:
        used = np.asarray(predictions.root_depth[rows, SIDES.index(side)], dtype=np.float64)
        old = np.where(np.isfinite(used), used, old)
    return old, np.asarray(new)


def predicted_relative_root(
    predictions: Predictions,
    right: FloatArray,
    left: FloatArray,
    rows: slice,
    joint: int = WRIST,
    moved: tuple[FloatArray, FloatArray] | None = None,
) -> FloatArray:
    """Returns (n, 3) [m] from a joint of the right hand to that of the left one; NaN where it is not known.

    What the file states (``relative_root``, of the wrists) comes first; else camera-space predictions have
    the difference of their joints. Where the right hand was moved in depth, what is stated follows: the left
    joint keeps its pixel, and its depth beside the right one (InterHand2.6M's ``dataset.py``, where both
    depths are of the right hand's).

    Args:
        predictions: N samples, in metres.
        right: (n, 21, 3) [m] their right hands.
        left: (n, 21, 3) [m].
        rows: which samples.
        joint: which joint.
        moved: (n,) depths [m] that the right hands were placed with and that they have got; None where they
            stayed.
    """
    found: Points = np.full((len(right), 3), np.nan)
    if predictions.space == "camera":
        found = left[:, joint] - right[:, joint]
    if predictions.relative_root is not None:
        stated = np.asarray(predictions.relative_root[rows], dtype=np.float64)
        if joint != WRIST:
            stated = stated + (left[:, joint] - left[:, WRIST]) - (right[:, joint] - right[:, WRIST])
        if moved is not None:
            here, (old, new) = right[:, joint, None], moved
            there = along_the_rays(here, new, old) + stated[:, None]
            stated = (along_the_rays(there, old, new) - here)[:, 0]
        found = np.where(np.isfinite(stated).all(axis=1, keepdims=True), stated, found)
    return np.asarray(found)


def resolve_root(wanted: str, predictions: Predictions) -> str:
    """Returns where absolute depth is from: what was asked for, else what the file states.

    Raises:
        HandbenchError: when predictions that were given a root are called ``predicted``.
    """
    stated = predictions.root_source
    if wanted == "auto":
        return stated or ("predicted" if predictions.space == "camera" else "gt")
    if wanted == "predicted" and stated not in ("", "predicted"):
        where = predictions.path or "the predictions"
        raise HandbenchError(
            f"{where}: the depth of the roots is {stated!r}, not predicted", f"root={stated}"
        )
    return wanted


def require_joints(predictions: Predictions) -> None:
    """Checks that some hand has joints.

    Raises:
        HandbenchError: when none has.
    """
    if all(hand.joints is None for hand in predictions.hands.values()):
        where = predictions.path or "the predictions"
        raise HandbenchError(
            f"{where}: no joints of any hand", "write joints (N, 21, 3) of right or left hands"
        )
