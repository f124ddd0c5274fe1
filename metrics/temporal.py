"""How smoothly predictions move over a video: velocity, acceleration, jitter; one value a centre frame.

All are means over points of norms of differences in time, in metres a frame to some power: times 1000 they
are mm/frame, mm/frame^2 and mm/frame^3; :func:`in_seconds` gives m/s^2 and the like. A low number alone
says little: a constant has the lowest. Report it beside PA-MPJPE and the controls (``mean-hand``, filters).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from handbench.arrays import BoolArray, FloatArray, IndexArray

Points = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Stencil:
    """A difference in time: the sum of ``weights[k] * x[t + offsets[k]]``.

    Attributes:
        offsets: in frames from the centre.
        weights: of each.
    """

    offsets: tuple[int, ...]
    weights: tuple[float, ...]


VELOCITY = Stencil((-1, 0), (-1, 1))
ACCELERATION = Stencil((-1, 0, 1), (1, -2, 1))
JERK = Stencil((-1, 0, 1, 2), (-1, 3, -3, 1))


@dataclass(frozen=True, eq=False)
class Timeline:
    """Which frame of which video each of N rows is; rows may be in any order.

    Attributes:
        videos: (N,) number of the video (one camera of one take).
        frames: (N,) number of the frame in it.
        valid: (N,) whether the row may be used.
        step: frames are in a row when their numbers differ by this: data that keep every 6th frame have 6.
    """

    videos: IndexArray
    frames: IndexArray
    valid: BoolArray
    step: int = 1

    def windows(self, offsets: tuple[int, ...]) -> IndexArray:
        """Returns (N, k) the rows at some offsets [steps] of each row.

        A row is -1 throughout where one of its frames is missing, not valid, or there twice.
        """
        n = len(self.frames)
        out = np.full((n, len(offsets)), -1, dtype=np.int64)
        if n == 0:
            return out
        reach = self.step * max(abs(offset) for offset in offsets)
        first = int(self.frames.min()) - reach
        span = int(self.frames.max()) + reach - first + 1
        places = self.videos.astype(np.int64) * span + (self.frames - first)
        usable = np.flatnonzero(self.valid)
        known, rows, times = np.unique(places[usable], return_index=True, return_counts=True)
        if len(known) == 0:
            return out
        for k, offset in enumerate(offsets):
            wanted = places + offset * self.step
            at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
            found = (known[at] == wanted) & (times[at] == 1)
            out[found, k] = usable[rows[at[found]]]
        out[(out < 0).any(axis=1) | ~self.valid] = -1
        return out


def velocity_error(
    predicted: Points, true: Points, time: Timeline, roots: tuple[Points, Points] | None = None
) -> FloatArray:
    """Returns (N,) the mean norm [m/frame] of predicted minus true velocity (MPJVE, Pavllo et al. 2019).

    Velocity is x[t] - x[t-1]. Arguments and NaN as in :func:`acceleration_error`.
    """
    return _measure(VELOCITY, predicted, true, time, roots)


def acceleration_error(
    predicted: Points, true: Points, time: Timeline, roots: tuple[Points, Points] | None = None
) -> FloatArray:
    """Returns (N,) the mean norm [m/frame^2] of predicted minus true acceleration, NaN where not defined.

    Acceleration is x[t-1] - 2 x[t] + x[t+1] and needs three valid frames in a row. ARCTIC (Fan et al. 2023,
    ``eval_acc_pose``) takes vertices relative to the root and m/s^2: give ``roots``, and pass the result to
    :func:`in_seconds` with power 2. VIBE and its followers take joints and mm/frame^2: times 1000.

    Args:
        predicted: (N, P, 3) [m], joints or vertices. A point that is NaN in one of the frames is left out.
        true: (N, P, 3) [m], in the same frame.
        time: of the N rows.
        roots: predicted and true wrists (N, 3) [m], which the points are taken relative to; a NaN root makes
            the value NaN.
    """
    return _measure(ACCELERATION, predicted, true, time, roots)


def acceleration(points: Points, time: Timeline, root: Points | None = None) -> FloatArray:
    """Returns (N,) the mean norm [m/frame^2] of the acceleration of points (N, P, 3) [m] alone."""
    return _measure(ACCELERATION, points, None, time, None if root is None else (root, root))


def jitter(points: Points, time: Timeline, root: Points | None = None) -> FloatArray:
    """Returns (N,) the mean norm [m/frame^3] of the jerk of points (N, P, 3) [m] alone.

    Jerk is x[t+2] - 3 x[t+1] + 3 x[t] - x[t-1] (Yi et al. 2021, TransPose) and needs four valid frames in a
    row. Times fps^3 (:func:`in_seconds`, power 3) it is m/s^3.
    """
    return _measure(JERK, points, None, time, None if root is None else (root, root))


def in_seconds(values: Points, fps: float, power: int) -> Points:
    """Returns values in m/frame^power as m/s^power."""
    turned: Points = values * fps**power
    return turned


def _measure(
    stencil: Stencil,
    points: Points,
    minus: Points | None,
    time: Timeline,
    roots: tuple[Points, Points] | None,
) -> FloatArray:
    windows = time.windows(stencil.offsets)
    weights = np.array(stencil.weights, dtype=np.float64)
    other = points[:0] if minus is None else minus
    none = np.empty((0, 3))
    root, other_root = (none, none) if roots is None else (np.asarray(r, dtype=np.float64) for r in roots)
    return np.asarray(_mean_norms(points, other, root, other_root, windows, weights))


@njit(cache=True, nogil=True)
def _mean_norms(
    points: Points,
    other: Points,
    root: FloatArray,
    other_root: FloatArray,
    windows: IndexArray,
    weights: FloatArray,
) -> FloatArray:
    """Averages |difference in time of (points - root) - (other - other_root)|; empty arrays stand for 0."""
    out = np.full(len(windows), np.nan)
    shift = np.zeros(3)
    for i in range(len(windows)):
        if windows[i, 0] < 0:
            continue
        # A root moves all points alike, so its own difference is taken once.
        shift[:] = 0.0
        if len(root) > 0:
            for k in range(len(weights)):
                for c in range(3):
                    shift[c] += weights[k] * root[windows[i, k], c]
                    if len(other) > 0:
                        shift[c] -= weights[k] * other_root[windows[i, k], c]
        total, count = 0.0, 0
        for p in range(points.shape[1]):
            squares = 0.0
            for c in range(3):
                value = -shift[c]
                for k in range(len(weights)):
                    value += weights[k] * points[windows[i, k], p, c]
                    if len(other) > 0:
                        value -= weights[k] * other[windows[i, k], p, c]
                squares += value * value
            if not np.isnan(squares):
                total += np.sqrt(squares)
                count += 1
        if count > 0:
            out[i] = total / count
    return out
