"""Smooth curves in time: eased steps, splines through poses, slow tremor and uneven pace."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from handbench.arrays import FloatArray
from handbench.hands.rotations import exponential, logarithm, product


def eased(time: FloatArray, start: float, stop: float) -> FloatArray:
    """Returns 0 before ``start``, 1 after ``stop`` the minimum-jerk step (Flash and Hogan 1985) between."""
    t = np.clip((np.asarray(time, np.float64) - start) / max(stop - start, 1e-9), 0.0, 1.0)
    return np.asarray(t**3 * (10.0 - 15.0 * t + 6.0 * t * t))


def tremor(rng: np.random.Generator, count: int, width: int, low: float, high: float) -> FloatArray:
    """Returns smooth noise (count, width) of standard deviation 1, between two frequencies [1/frame]."""
    waves = 8
    frequency = np.exp(rng.uniform(np.log(low), np.log(high), (waves, width)))
    phase = rng.uniform(0, 2 * np.pi, (waves, width))
    # Slow waves are larger, as in a hand that is held still.
    size = (low / frequency) ** 0.5
    size /= np.sqrt(0.5 * np.sum(size**2, axis=0))
    angle = 2 * np.pi * frequency * np.arange(count)[:, None, None] + phase
    return np.asarray(np.sum(size * np.sin(angle), axis=1))


def uneven(rng: np.random.Generator, count: int, spread: float) -> FloatArray:
    """Returns a growing course (count,) from 0 to 1 whose pace is log-normal with this spread."""
    pace = np.exp(spread * tremor(rng, count, 1, 1 / 90, 1 / 22)[:, 0])
    course = np.concatenate([[0.0], np.cumsum(0.5 * (pace[1:] + pace[:-1]))])
    return np.asarray(course / course[-1])


def through_points(knots: FloatArray, points: FloatArray, times: FloatArray) -> FloatArray:
    """Returns a curve (T, 3) through points (K, 3) with two smooth derivatives, at rest at both ends."""
    return np.asarray(CubicSpline(knots, points, bc_type="clamped")(times))


def through_rotations(knots: FloatArray, rotations: FloatArray, times: FloatArray) -> FloatArray:
    """Returns rotations (T, 3, 3) through (K, 3, 3), smooth as :func:`through_points`.

    The rotations are written as turns from the one in their middle, so none may be half a turn away from it.
    """
    cosines = np.einsum("aij,bij->ab", rotations, rotations)
    middle = np.ascontiguousarray(rotations[int(np.argmax(cosines.min(axis=1)))])
    back = np.ascontiguousarray(middle.T)
    turns = np.array([logarithm(product(back, np.ascontiguousarray(R))) for R in rotations])
    curve = through_points(knots, turns, times)
    return np.array([product(middle, exponential(turn)) for turn in curve])


def between_rotations(a: FloatArray, b: FloatArray, shares: FloatArray) -> FloatArray:
    """Returns the rotations (N, 3, 3) that lie these shares of the way from ``a`` to ``b``."""
    turn = logarithm(product(np.ascontiguousarray(a.T), np.ascontiguousarray(b)))
    return np.array([product(a, exponential(share * turn)) for share in shares])
