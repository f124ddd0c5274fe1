"""Filters over the frames of one video: the controls beside which temporal coherence is claimed.

A run is a stretch of frames in a row where a coordinate is finite; each run is filtered for itself, so that
nothing leaks over a gap.

The defaults are for joints in metres at 30 frames a second, chosen on the real tracked motion of Tzionas et
al. (28 tracks, 5,800 frames) with noise of 2 and 5 mm in each coordinate: mean position error, and mean
acceleration error beside it.

    noise   none                    one-euro                savgol
    5 mm    8.0 mm, 19.5 mm/f^2     4.7 mm, 6.0 mm/f^2      4.2 mm, 3.5 mm/f^2
    2 mm    3.2 mm,  7.8 mm/f^2     2.8 mm, 2.4 mm/f^2      1.8 mm, 2.0 mm/f^2

At 1 mm, which no model reaches, the delay of one-euro costs more than it gains (1.6 to 2.5 mm). Errors of a
model go together over time: such a part (4 mm, 28 frames) stays as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from handbench.arrays import BoolArray, IndexArray

Points = npt.NDArray[np.floating[Any]]

MIN_CUTOFF, BETA, D_CUTOFF = 1.5, 40.0, 1.0
"""Of the one-euro filter: cut-off at rest [Hz], its gain with speed [Hz s/m], cut-off of the speed [Hz]."""

WINDOW, ORDER = 9, 3
"""Of the Savitzky-Golay filter: frames, and degree of the polynomial."""


def one_euro(
    points: Points,
    frames: IndexArray,
    fps: float = 30.0,
    min_cutoff: float = MIN_CUTOFF,
    beta: float = BETA,
    d_cutoff: float = D_CUTOFF,
    step: int = 1,
) -> Points:
    """Filters with the one-euro filter (Casiez et al. 2012), each coordinate on its own.

    Causal: a frame depends on itself and earlier ones. An exponential smoother whose cut-off is
    ``min_cutoff + beta |speed|``, where the speed is smoothed with ``d_cutoff``; the first frame of a run is
    kept and its speed is 0.

    Args:
        points: (T, ...) [m], rows in the order of time.
        frames: (T,) ascending numbers.
        fps: frames a second of numbers that differ by 1.
        min_cutoff: [Hz].
        beta: [Hz s/m].
        d_cutoff: [Hz].
        step: frames are in a row when their numbers differ by this.

    Returns:
        (T, ...) of the same type; what is not finite stays as it is.
    """
    if not len(points):
        return points.copy()
    flat = np.ascontiguousarray(points.reshape(len(points), -1))
    joined = np.concatenate([[False], np.diff(frames) == step])
    return _one_euro(flat, joined, step / fps, min_cutoff, beta, d_cutoff).reshape(points.shape)


def savitzky_golay(
    points: Points, frames: IndexArray, window: int = WINDOW, order: int = ORDER, step: int = 1
) -> Points:
    """Filters with local polynomials (Savitzky and Golay 1964); looks half a window ahead.

    A run shorter than the window takes the longest odd window that fits; one that is too short for a
    polynomial of this degree stays as it is. At the ends of a run the last polynomial goes on.

    Args:
        points: (T, ...), rows in the order of time, in any unit.
        frames: (T,) ascending numbers.
        window: frames, odd.
        order: degree.
        step: frames are in a row when their numbers differ by this.

    Returns:
        (T, ...) of the same type; what is not finite stays as it is.
    """
    from scipy.signal import savgol_filter

    if not len(points):
        return points.copy()
    flat = points.reshape(len(points), -1)
    out = flat.copy()
    breaks = np.flatnonzero(np.diff(frames) != step) + 1
    # Coordinates that are missing in the same frames have the same runs: most often there is one such group.
    groups: dict[bytes, list[int]] = {}
    finite = np.isfinite(flat)
    for column, there in enumerate(np.ascontiguousarray(finite.T)):
        groups.setdefault(there.tobytes(), []).append(column)
    for columns in groups.values():
        for start, end in _runs(finite[:, columns[0]], breaks):
            length = min(window, end - start - 1 + (end - start) % 2)
            if length > order:
                part = np.ix_(np.arange(start, end), np.array(columns))
                out[part] = savgol_filter(flat[part], length, order, axis=0)
    return out.reshape(points.shape)


def _runs(there: BoolArray, breaks: IndexArray) -> list[tuple[int, int]]:
    """Returns start and end of each run of True that no break cuts."""
    edges = np.flatnonzero(np.diff(there.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    runs = []
    for start, end in edges.tolist():
        cuts = breaks[(breaks > start) & (breaks < end)].tolist()
        runs += list(zip([start, *cuts], [*cuts, end], strict=True))
    return runs


@njit(cache=True, nogil=True)
def _one_euro(
    points: Points, joined: BoolArray, interval: float, min_cutoff: float, beta: float, d_cutoff: float
) -> Points:
    out = points.copy()
    turn = 2 * np.pi * interval
    d_alpha = turn * d_cutoff / (turn * d_cutoff + 1)
    speed = np.zeros(points.shape[1])
    for t in range(1, len(points)):
        for c in range(points.shape[1]):
            now, before = points[t, c], points[t - 1, c]
            if not (joined[t] and np.isfinite(now) and np.isfinite(before)):
                speed[c] = 0.0
                continue
            speed[c] += d_alpha * ((now - before) / interval - speed[c])
            cutoff = min_cutoff + beta * abs(speed[c])
            alpha = turn * cutoff / (turn * cutoff + 1)
            out[t, c] = out[t - 1, c] + alpha * (now - out[t - 1, c])
    return out
