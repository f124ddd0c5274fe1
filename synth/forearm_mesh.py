"""The shape of a forearm: a tube swept from the hand's open wrist along a spine that bends once."""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.synth.forearm_rim import AROUND, WristRim

BEND_LENGTH = 0.05  # the wrist bends over this length [m]; shorter, and rings would cross on its inside

# Girth of a forearm relative to its wrist, by distance from the wrist crease [m]: it grows rounder.
_ALONG = np.array([0.0, 0.02, 0.06, 0.10, 0.15, 0.20, 0.30])
_WIDTH = np.array([1.0, 0.99, 1.05, 1.17, 1.34, 1.46, 1.50])
_DEPTH = np.array([1.0, 1.02, 1.16, 1.36, 1.62, 1.82, 1.88])


@numba.njit(cache=True, nogil=True)
def _turned(vector: FloatArray, axis: FloatArray, angle: float) -> FloatArray:
    c, s = np.cos(angle), np.sin(angle)
    dot = axis[0] * vector[0] + axis[1] * vector[1] + axis[2] * vector[2]
    out = np.empty(3)
    out[0] = c * vector[0] + s * (axis[1] * vector[2] - axis[2] * vector[1]) + (1 - c) * dot * axis[0]
    out[1] = c * vector[1] + s * (axis[2] * vector[0] - axis[0] * vector[2]) + (1 - c) * dot * axis[1]
    out[2] = c * vector[2] + s * (axis[0] * vector[1] - axis[1] * vector[0]) + (1 - c) * dot * axis[2]
    return out


@numba.njit(cache=True, nogil=True)
def spine(
    center: FloatArray, frame: FloatArray, direction: FloatArray, stations: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Follows the middle of the arm.

    Args:
        center: (3,) middle of the rim [m].
        frame: (3, 3) rows of the rim's frame.
        direction: (3,) unit vector towards the elbow.
        stations: (n,) distances from the rim [m], ascending; those below 0 lie inside the hand.

    Returns:
        (n, 3) points [m] and (n, 3, 3) frames, rows as in `WristRim`.
    """
    out = frame[2]
    axis = np.empty(3)
    axis[0] = out[1] * direction[2] - out[2] * direction[1]
    axis[1] = out[2] * direction[0] - out[0] * direction[2]
    axis[2] = out[0] * direction[1] - out[1] * direction[0]
    sine = np.sqrt(axis[0] ** 2 + axis[1] ** 2 + axis[2] ** 2)
    cosine = out[0] * direction[0] + out[1] * direction[1] + out[2] * direction[2]
    bend = np.arctan2(sine, cosine)
    if sine < 1e-9:
        axis[:] = frame[0]
    else:
        axis /= sine
    n = stations.shape[0]
    points, frames = np.empty((n, 3)), np.empty((n, 3, 3))
    at, here = center.copy(), 0.0
    for k in range(n):
        goal = stations[k]
        steps = max(1, int(np.ceil(abs(goal - here) / 0.004)))
        size = (goal - here) / steps
        for i in range(steps):
            t = min(max((here + (i + 0.5) * size) / BEND_LENGTH, 0.0), 1.0)
            at = at + size * _turned(out, axis, bend * t * t * (3 - 2 * t))
        here = goal
        t = min(max(here / BEND_LENGTH, 0.0), 1.0)
        points[k] = at
        for r in range(3):
            frames[k, r] = _turned(frame[r], axis, bend * t * t * (3 - 2 * t))
    return points, frames


@numba.njit(cache=True, nogil=True)
def sweep(
    rim: FloatArray,
    slopes: FloatArray,
    frame: FloatArray,
    points: FloatArray,
    frames: FloatArray,
    stations: FloatArray,
    girth: float,
    offsets: FloatArray,
    skin: bool,
) -> FloatArray:
    """Lays rings of 16 vertices around the spine; the ring at station 0 is the rim itself.

    Args:
        rim: (16, 3) [m].
        slopes: (16, 3) how the skin leaves the rim.
        frame: (3, 3) the rim's frame.
        points: (n, 3) the spine, from `spine`.
        frames: (n, 3, 3) along the spine.
        stations: (n,) distances from the rim [m].
        girth: of the arm relative to a usual one; it takes effect away from the wrist.
        offsets: (n, 16) how far the surface stands off the skin [m].
        skin: whether the rings continue the hand's own surface at the rim.

    Returns:
        (n, 16, 3) [m].
    """
    n = stations.shape[0]
    count = rim.shape[0]
    center = np.zeros(3)
    for i in range(count):
        center += rim[i] / count
    local = np.empty((count, 3))
    for i in range(count):
        for r in range(3):
            local[i, r] = np.sum((rim[i] - center) * frame[r])
    half_width = (local[:, 0].max() - local[:, 0].min()) / 2
    half_depth = (local[:, 1].max() - local[:, 1].min()) / 2
    out = np.empty((n, count, 3))
    for k in range(n):
        s = stations[k]
        full = min(max(s / 0.045, 0.0), 1.0)
        full = full * full * (3 - 2 * full)
        near = np.exp(-max(s, 0.0) / 0.010)
        thick = 1 + (girth - 1) * min(max(s / 0.12, 0.0), 1.0)
        wide = np.interp(s, _ALONG, _WIDTH) * thick
        deep = np.interp(s, _ALONG, _DEPTH) * thick
        for i in range(count):
            angle = np.arctan2(local[i, 1] / half_depth, local[i, 0] / half_width)
            a = (1 - full) * local[i, 0] * wide + full * half_width * wide * np.cos(angle)
            b = (1 - full) * local[i, 1] * deep + full * half_depth * deep * np.sin(angle)
            reach = np.sqrt(a * a + b * b)
            stretch = (reach + offsets[k, i]) / reach
            for c in range(3):
                swept = points[k, c] + stretch * (a * frames[k, 0, c] + b * frames[k, 1, c])
                swept += near * local[i, 2] * frames[k, 2, c]
                if skin and s <= 0.0:
                    # Inside the hand the arm hides just under the skin; its normals then meet the hand's.
                    inward = 0.2 * s / reach
                    swept = rim[i, c] + s * slopes[i, c]
                    swept += inward * (a * frame[0, c] + b * frame[1, c])
                elif skin:
                    follow = 0.75 * np.exp(-s / 0.008)
                    swept = (1 - follow) * swept + follow * (rim[i, c] + s * slopes[i, c])
                out[k, i, c] = swept
    return out


@numba.njit(cache=True, nogil=True)
def clear_length(points: FloatArray, stations: FloatArray, radius: float, others: FloatArray) -> float:
    """Returns how far an arm of a radius [m] runs until it meets one of (N, 3) points; or inf."""
    for k in range(points.shape[0]):
        reach = radius * (1 + 1.6 * min(max(stations[k], 0.0), 0.2))
        if stations[k] <= 0:
            continue
        for j in range(others.shape[0]):
            d2 = 0.0
            for c in range(3):
                d2 += (points[k, c] - others[j, c]) ** 2
            if d2 < reach * reach:
                return float(stations[k - 1]) if k else 0.0
    return np.inf


@lru_cache(maxsize=64)
def tube_faces(rings: int, cap: bool) -> npt.NDArray[np.int32]:
    """Returns the outward triangles of a tube of rings of 16 vertices, two a cell, then the far end's fan.

    Rings follow the winding of the hand's open wrist, whose faces run the other way around.
    """
    k, i = np.meshgrid(np.arange(rings - 1), np.arange(AROUND), indexing="ij")
    j = (i + 1) % AROUND
    a, b, c, d = k * AROUND + i, k * AROUND + j, (k + 1) * AROUND + i, (k + 1) * AROUND + j
    faces = np.stack([np.stack([c, b, a], -1), np.stack([c, d, b], -1)], 2).reshape(-1, 3)
    if cap:
        last = (rings - 1) * AROUND
        fan = [[last + i + 1, last + i, last] for i in range(1, AROUND - 1)]
        faces = np.concatenate([faces, np.array(fan)])
    out = np.ascontiguousarray(faces, dtype=np.int32)
    out.flags.writeable = False
    return out


@lru_cache(maxsize=64)
def _tube_corners(rings: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Returns for each face corner of a capped tube its share of the way around and its ring, (F, 3) each."""
    k, i = np.meshgrid(np.arange(rings - 1), np.arange(AROUND), indexing="ij")
    here, after = i / AROUND, (i + 1) / AROUND
    a, b, c, d = (np.stack([u, v], -1) for u, v in ((here, k), (after, k), (here, k + 1), (after, k + 1)))
    corners = np.stack([c, b, a, c, d, b], 2).reshape(-1, 3, 2)
    cap = np.broadcast_to(np.array([0.5, rings - 1]), (AROUND - 2, 3, 2))
    both = np.concatenate([corners, cap])
    return both[:, :, 0].astype(np.float32), both[:, :, 1].astype(np.int64)


@lru_cache(maxsize=64)
def joined_faces(rings: tuple[int, ...]) -> npt.NDArray[np.int32]:
    """Returns the triangles of capped tubes whose vertices follow each other; each has so many rings."""
    starts = np.cumsum([0, *rings]) * AROUND
    faces = [tube_faces(count, True) + np.int32(start) for count, start in zip(rings, starts, strict=False)]
    out = np.concatenate(faces)
    out.flags.writeable = False
    return out


def tube_uv(rows: FloatArray, columns: int) -> npt.NDArray[np.float32]:
    """Returns the texture pixels of a capped tube's face corners, (F, 3, 2).

    Args:
        rows: (n,) the texture row of each ring.
        columns: how many columns go around.
    """
    around, ring = _tube_corners(len(rows))
    out = np.empty((*around.shape, 2), np.float32)
    out[:, :, 0] = around * np.float32(columns - 1)
    out[:, :, 1] = rows.astype(np.float32)[ring]
    return out


def tube(
    rim: WristRim, aim: FloatArray, stations: FloatArray, girth: float, offsets: FloatArray, skin: bool
) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """Sweeps a capped tube around the spine: (n * 16, 3) vertices [m], and the faces."""
    rings = _rings(rim.points, rim.slopes, rim.center, rim.frame, aim, stations, girth, offsets, skin)
    return rings.reshape(-1, 3), tube_faces(len(stations), True)


@numba.njit(cache=True, nogil=True)
def _rings(
    rim: FloatArray,
    slopes: FloatArray,
    center: FloatArray,
    frame: FloatArray,
    aim: FloatArray,
    stations: FloatArray,
    girth: float,
    offsets: FloatArray,
    skin: bool,
) -> FloatArray:
    """Sweeps rings at stations in any order, (n, 16, 3)."""
    order = np.argsort(stations, kind="mergesort")
    sorted_points, sorted_frames = spine(center, frame, aim, stations[order])
    points, frames = np.empty_like(sorted_points), np.empty_like(sorted_frames)
    points[order], frames[order] = sorted_points, sorted_frames
    return sweep(rim, slopes, frame, points, frames, stations, girth, offsets, skin)
