"""The signed distance of an object in its rest frame, in closed form: what fingers close on.

Turned solids are polygons about the z axis, boxes are boxes and a mug's handle is a chain of capsules. It
differs from the mesh by less than 0.4 mm (a turned mesh has 24 sides); what a take reports is measured on the
mesh itself, by :mod:`handbench.synth.grasp_surface`.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from handbench.arrays import FloatArray
from handbench.synth.solids import Solid

AROUND = 24
"""Sides of a turned solid."""

HANDLE = (11, 8)
"""Rings of a mug's handle and vertices of each: the last ones of its mesh."""

# Between the inscribed and the circumscribed circle of a polygon of 24 sides.
_MEAN_RADIUS = 0.5 * (1.0 + float(np.cos(np.pi / AROUND)))


class Field(NamedTuple):
    """An object as :func:`signed_distance` reads it.

    Attributes:
        profile: (P, 2) radius and height of a turned solid, from pole to pole [m]; empty for a box.
        half: (3,) half the sides of a box [m].
        tube: (H, 3) middle line of a handle [m]; may be empty.
        radius: of the handle [m].
    """

    profile: FloatArray
    half: FloatArray
    tube: FloatArray
    radius: float


def make_field(solid: Solid) -> Field:
    """Finds the closed form of one of the solids of :mod:`handbench.synth.solids`."""
    half = np.ascontiguousarray(0.5 * np.ptp(solid.vertices, axis=0))
    if solid.kind in ("box", "phone"):
        return Field(np.empty((0, 2)), half, np.empty((0, 3)), 0.0)
    body, tube, radius = solid.vertices, np.empty((0, 3)), 0.0
    if solid.kind == "mug":
        count = HANDLE[0] * HANDLE[1]
        rings = body[-count:].reshape(*HANDLE, 3)
        body, tube = body[:-count], np.ascontiguousarray(rings.mean(axis=1))
        radius = float(np.linalg.norm(rings - tube[:, None], axis=2).mean())
    profile = body[::AROUND][:, [0, 2]] * (_MEAN_RADIUS, 1.0)
    moved = np.concatenate([[True], np.abs(np.diff(profile, axis=0)).max(axis=1) > 1e-9])
    return Field(np.ascontiguousarray(profile[moved]), half, tube, radius)


@numba.njit(cache=True, nogil=True)
def _turned_distance(r: float, z: float, profile: FloatArray) -> float:
    """Returns the signed distance of (r, z) to a polygon that is closed by the axis."""
    best, inside = np.inf, False
    for k in range(len(profile) - 1):
        ar, az, br, bz = profile[k, 0], profile[k, 1], profile[k + 1, 0], profile[k + 1, 1]
        ur, uz, wr, wz = br - ar, bz - az, r - ar, z - az
        length2 = ur * ur + uz * uz
        t = min(max((ur * wr + uz * wz) / length2, 0.0), 1.0)
        dr, dz = wr - t * ur, wz - t * uz
        best = min(best, dr * dr + dz * dz)
        if (az <= z) != (bz <= z) and r < ar + (z - az) / uz * ur:
            inside = not inside
    return float(-np.sqrt(best) if inside else np.sqrt(best))


@numba.njit(cache=True, nogil=True)
def _box_distance(x: float, y: float, z: float, half: FloatArray) -> float:
    dx, dy, dz = abs(x) - half[0], abs(y) - half[1], abs(z) - half[2]
    px, py, pz = max(dx, 0.0), max(dy, 0.0), max(dz, 0.0)
    return float(np.sqrt(px * px + py * py + pz * pz) + min(max(dx, dy, dz), 0.0))


@numba.njit(cache=True, nogil=True)
def _tube_distance(x: float, y: float, z: float, tube: FloatArray, radius: float) -> float:
    best = np.inf
    for k in range(len(tube) - 1):
        ux, uy, uz = tube[k + 1, 0] - tube[k, 0], tube[k + 1, 1] - tube[k, 1], tube[k + 1, 2] - tube[k, 2]
        wx, wy, wz = x - tube[k, 0], y - tube[k, 1], z - tube[k, 2]
        t = (ux * wx + uy * wy + uz * wz) / (ux * ux + uy * uy + uz * uz)
        t = min(max(t, 0.0), 1.0)
        dx, dy, dz = wx - t * ux, wy - t * uy, wz - t * uz
        best = min(best, dx * dx + dy * dy + dz * dz)
    return float(np.sqrt(best) - radius)


@numba.njit(cache=True, nogil=True)
def signed_distance(
    x: float, y: float, z: float, profile: FloatArray, half: FloatArray, tube: FloatArray, radius: float
) -> float:
    """Returns the distance [m] of a point to the object, negative inside; the object as in :class:`Field`."""
    if len(profile) == 0:
        return _box_distance(x, y, z, half)
    distance = _turned_distance(np.sqrt(x * x + y * y), z, profile)
    if len(tube) > 0:
        distance = min(distance, _tube_distance(x, y, z, tube, radius))
    return distance


@numba.njit(cache=True, nogil=True)
def signed_distances(
    points: FloatArray, profile: FloatArray, half: FloatArray, tube: FloatArray, radius: float
) -> FloatArray:
    """Returns the signed distances (N,) [m] of points (N, 3) in the object's rest frame."""
    out = np.empty(len(points))
    for n in range(len(points)):
        out[n] = signed_distance(points[n, 0], points[n, 1], points[n, 2], profile, half, tube, radius)
    return out
