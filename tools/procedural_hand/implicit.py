"""Implicit shapes: functions of points (N, 3), about the distance to a surface [mm], negative inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

Array = npt.NDArray[np.float64]
Field = Callable[[Array], Array]


def smooth_min(a: Array, b: Array, k: float) -> Array:
    """Return the polynomial smooth minimum of two fields; k [mm] is the width of the blend."""
    h = np.maximum(k - np.abs(a - b), 0.0) / k
    return np.asarray(np.minimum(a, b) - h * h * h * k / 6.0)


def smooth_max(a: Array, b: Array, k: float) -> Array:
    """Return the polynomial smooth maximum of two fields."""
    return -smooth_min(-a, -b, k)


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid: centre, radii [mm], and a rotation whose rows are its axes."""

    centre: Array
    radii: Array
    axes: Array

    def __call__(self, points: Array) -> Array:
        """Return the field at points (N, 3)."""
        local = (points - self.centre) @ self.axes.T / self.radii
        k0 = np.linalg.norm(local, axis=1)
        k1 = np.linalg.norm(local / self.radii, axis=1)
        return np.asarray(k0 * (k0 - 1.0) / np.maximum(k1, 1e-9))


def dense_profile(where: Array, values: Array) -> tuple[Array, Array]:
    """Return monotone cubic curves through values (S, 3) at places (S,), read every half millimetre."""
    count = int(np.ceil((where[-1] - where[0]) / 0.5)) + 1
    places = np.linspace(where[0], where[-1], count)
    return places, np.asarray(PchipInterpolator(where, values)(places))


@dataclass(frozen=True)
class Tube:
    """A bent-free tube along a bone with a profile: half width, back height and pad depth along it.

    `frame` rows: lateral, dorsal, axis. The profile (S, 3) is known at `stations` (S,) and read at
    `offset + s` where s [mm] runs from 0 at `origin` to `length`; `caps` are the lengths of the round ends.
    """

    origin: Array
    frame: Array
    length: float
    stations: Array
    profile: Array
    offset: float
    caps: tuple[float, float]
    power: float = 2.0

    def __call__(self, points: Array) -> Array:
        """Return the field at points (N, 3)."""
        local = (points - self.origin) @ self.frame.T
        lateral, dorsal, along = local.T
        inside = np.clip(along, 0.0, self.length)
        width, back, pad = (
            np.interp(inside + self.offset, self.stations, column) for column in self.profile.T
        )
        height = np.where(dorsal > 0.0, back, pad)
        over = np.maximum(along - self.length, 0.0) / max(self.caps[1], 1e-6)
        under = np.maximum(-along, 0.0) / max(self.caps[0], 1e-6)
        p = self.power
        ring = np.hypot(lateral / width, dorsal / height)
        if p != 2.0:
            ring = (np.abs(lateral / width) ** p + np.abs(dorsal / height) ** p) ** (1.0 / p)
        reach = np.sqrt(ring**2 + over**2 + under**2)
        # The local size turns the ratio into a length: the radius of the section in this direction.
        size = np.hypot(lateral, dorsal) / np.maximum(ring, 1e-6)
        size = np.where(ring < 1e-3, np.minimum(width, height), size)
        end = np.where(over > 0, self.caps[1], self.caps[0])
        mix = np.clip((over**2 + under**2) / np.maximum(reach**2, 1e-9), 0.0, 1.0)
        return np.asarray((reach - 1.0) * (size * (1 - mix) + end * mix))


@dataclass(frozen=True)
class Slab:
    """A rounded triangle: all points nearer than `radius` [mm] to the triangle of three corners."""

    corners: Array
    radius: float

    def __call__(self, points: Array) -> Array:
        """Return the field at points (N, 3)."""
        a, b, c = self.corners
        normal = np.cross(b - a, c - a)
        best = np.full(len(points), np.inf)
        for p, q in ((a, b), (b, c), (c, a)):
            t = np.clip((points - p) @ (q - p) / ((q - p) @ (q - p)), 0.0, 1.0)
            best = np.minimum(best, np.linalg.norm(points - p - t[:, None] * (q - p), axis=1))
        sides = [np.cross(normal, q - p) @ (points - p).T for p, q in ((a, b), (b, c), (c, a))]
        inside = (sides[0] > 0) & (sides[1] > 0) & (sides[2] > 0)
        height = np.abs((points - a) @ normal) / np.linalg.norm(normal)
        return np.where(inside, height, best) - self.radius


def gradient(field: Field, points: Array, step: float = 0.05) -> Array:
    """Return the field's gradient (N, 3) at points by central differences."""
    out = np.empty_like(points)
    for axis in range(3):
        shift = np.zeros(3)
        shift[axis] = step
        out[:, axis] = (field(points + shift) - field(points - shift)) / (2 * step)
    return out


def project(field: Field, points: Array, rounds: int = 4, limit: float = 6.0) -> Array:
    """Move points (N, 3) onto the zero surface along the gradient, at most `limit` [mm] a round."""
    points = points.copy()
    for _ in range(rounds):
        value = field(points)
        slope = gradient(field, points)
        square = np.maximum((slope**2).sum(1), 0.05)
        step = -(value / square)[:, None] * slope
        size = np.linalg.norm(step, axis=1)
        points += step * np.minimum(1.0, limit / np.maximum(size, 1e-9))[:, None]
    return points


def cast(field: Field, origins: Array, directions: Array, reach: float, steps: int = 48) -> Array:
    """Return the distance (N,) along each ray to the first exit from the shape, at most `reach` [mm]."""
    grid = np.linspace(0.0, reach, steps)
    values = np.stack([field(origins + directions * t) for t in grid])
    outside = values > 0
    first = np.where(outside.any(0), outside.argmax(0), steps - 1)
    first = np.maximum(first, 1)
    low, high = grid[first - 1], grid[first]
    for _ in range(24):
        mid = (low + high) / 2
        out = field(origins + directions * mid[:, None]) > 0
        low, high = np.where(out, low, mid), np.where(out, mid, high)
    return np.asarray((low + high) / 2)
