"""MDev: how far a hand slides against an object that it holds still (ARCTIC, Fan et al. 2023)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, IndexArray
from handbench.metrics.temporal import Points, Timeline

CONTACT = 0.003
"""A hand vertex touches where the nearest object vertex is less than this away [m]."""

LEAST_FRAMES = 15
"""Frames in a row that a contact lasts at least: half a second."""


@dataclass(frozen=True, eq=False)
class RigidObject:
    """An object that moves as one piece.

    Attributes:
        points: (W, 3) vertices in its rest pose [m].
        R: (N, 3, 3) rest pose to camera frame.
        t: (N, 3) [m].
    """

    points: FloatArray
    R: FloatArray
    t: FloatArray


@dataclass(frozen=True, slots=True)
class Contact:
    """A hand vertex and an object vertex that stay together.

    Attributes:
        rows: (k,) the rows of its frames, in order.
        hand: vertex of the hand.
        point: vertex of the object.
    """

    rows: IndexArray
    hand: int
    point: int


def stable_contacts(hand: Points, thing: RigidObject, time: Timeline) -> list[Contact]:
    """Finds the windows in which the true hand holds the true object.

    A window is the longest run of valid frames in a row in which one hand vertex is within 3 mm of the
    object, of at least 15 frames. Where the nearest object vertices of its frames lie more than 3 mm apart on
    average (over all pairs of frames, in the rest pose), the finger slides, and the window is dropped. The
    object vertex of a window is the one that is nearest most often, the least number among equals.

    ARCTIC's script drops a window that is open when the video ends, and stops at one that is open when it
    begins; both are kept here.

    Args:
        hand: (N, V, 3) true vertices [m], camera frame.
        thing: the true object in the same N rows.
        time: of the N rows.
    """
    from scipy.spatial import cKDTree

    tree = cKDTree(thing.points)
    nearest = np.full(hand.shape[:2], -1, dtype=np.int32)
    for i in np.flatnonzero(time.valid).tolist():
        rest = (hand[i] - thing.t[i]) @ thing.R[i]
        distance, index = tree.query(rest, distance_upper_bound=CONTACT)
        nearest[i] = np.where(distance < CONTACT, index, -1)
    contacts = []
    for rows in _runs(time):
        touched = nearest[rows]
        for vertex in np.flatnonzero((touched >= 0).sum(axis=0) >= LEAST_FRAMES).tolist():
            for start, end in _spans(touched[:, vertex] >= 0):
                points = touched[start:end, vertex]
                if end - start >= LEAST_FRAMES and _spread(thing.points[points]) <= CONTACT:
                    common = int(np.bincount(points).argmax())
                    contacts.append(Contact(rows[start:end], vertex, common))
    return contacts


def motion_deviation(hand: Points, thing: RigidObject, contacts: list[Contact]) -> FloatArray:
    """Returns (W,) the motion deviation [m] of each window: the mean over windows is MDev.

    Built from the published description and what ARCTIC's script computes: within a window, the mean over its
    frames but the first of |(h[t] - h[t-1]) - (o[t] - o[t-1])|, where h is the hand vertex and o the object
    vertex. Frames where either is NaN are left out; a window of such frames alone is NaN. Tally a window
    under the recording of its first row, ``contact.rows[0]``.

    Args:
        hand: (N, V, 3) predicted vertices [m], camera frame, not relative to a root.
        thing: the predicted object in the same frame; a model of hands alone is measured against the true
            object's motion, which is not comparable with ARCTIC's numbers.
        contacts: of the truth, :func:`stable_contacts`.
    """
    out = np.full(len(contacts), np.nan)
    for k, contact in enumerate(contacts):
        rows = contact.rows
        held = thing.R[rows] @ thing.points[contact.point] + thing.t[rows]
        slip = np.linalg.norm(np.diff(hand[rows, contact.hand] - held, axis=0), axis=1)
        if np.isfinite(slip).any():
            out[k] = np.nanmean(slip)
    return out


def _runs(time: Timeline) -> list[IndexArray]:
    """Returns the rows of each run of valid frames in a row."""
    pairs = time.windows((-1, 0))
    order = np.lexsort((time.frames, time.videos))
    order = order[time.valid[order]]
    starts = np.flatnonzero(pairs[order, 0] < 0)
    return [run for run in np.split(order, starts) if len(run) >= LEAST_FRAMES]


def _spans(there: BoolArray) -> list[tuple[int, int]]:
    """Returns start and end of each run of True."""
    edges = np.flatnonzero(np.diff(there.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _spread(points: npt.NDArray[np.float64]) -> float:
    """Returns the mean distance over all pairs of points (k, 3)."""
    from scipy.spatial.distance import pdist

    return float(pdist(points).mean())
