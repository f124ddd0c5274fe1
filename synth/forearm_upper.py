"""The upper arm behind an elbow: without it an arm that points away from the camera ends in mid-air."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.synth.forearm_mesh import tube_faces
from handbench.synth.forearm_rim import AROUND

_NOBODY = np.empty((0, 3))
_AWAY = 0.3  # cosine to the line of sight from which on an elbow may show
_STATIONS = np.array([-0.02, 0.02, 0.09, 0.18, 0.30])
_GIRTH = np.array([0.80, 0.98, 1.06, 1.16, 1.22])


def upper_arm(
    rng: np.random.Generator, ring: FloatArray, aim: FloatArray, others: FloatArray | None
) -> tuple[FloatArray, npt.NDArray[np.int32], FloatArray] | None:
    """Continues an arm beyond its elbow, sideways out of the picture and never towards the camera.

    Args:
        rng: the scene's generator; always used alike.
        ring: (16, 3) the forearm's last full ring, camera frame [m].
        aim: (3,) unit vector of the forearm, from wrist to elbow.
        others: (N, 3) points to keep clear of [m], or None.

    Returns:
        (80, 3) vertices, faces and the distance of each ring from the elbow [m]; None where the elbow
        cannot show (the forearm does not point away) or where there is no room.
    """
    draw = rng.standard_normal(3)
    rings = np.empty((len(_STATIONS), AROUND, 3))
    near = _NOBODY if others is None else others
    if not _limb(ring, np.ascontiguousarray(aim), draw, near, rings):
        return None
    return rings.reshape(-1, 3), tube_faces(len(_STATIONS), True), _STATIONS


@numba.njit(cache=True, nogil=True)
def _limb(ring: FloatArray, aim: FloatArray, draw: FloatArray, others: FloatArray, rings: FloatArray) -> bool:
    """Fills the rings, (n, 16, 3); returns whether there is anything to show and room for it."""
    elbow = np.zeros(3)
    for i in range(ring.shape[0]):
        elbow += ring[i] / ring.shape[0]
    radius = 0.0
    for i in range(ring.shape[0]):
        radius += np.sqrt(((ring[i] - elbow) ** 2).sum()) / ring.shape[0]
    view = elbow / np.sqrt((elbow**2).sum())
    away = (aim * view).sum()
    if away < _AWAY:
        return False
    drift = aim - view * away
    wanted = drift / max(np.sqrt((drift**2).sum()), 0.1) + 0.35 * draw
    wanted[1] += 0.6
    wanted -= view * (wanted * view).sum()
    out = wanted / np.sqrt((wanted**2).sum()) + 0.3 * view
    out /= np.sqrt((out**2).sum())
    for j in range(others.shape[0]):
        along, square = 0.0, 0.0
        for c in range(3):
            along += (others[j, c] - elbow[c]) * out[c]
        along = min(max(along, 0.0), _STATIONS[-1])
        for c in range(3):
            square += (others[j, c] - elbow[c] - along * out[c]) ** 2
        if square < (1.3 * radius) ** 2:
            return False
    side = _product(out, view)
    side /= np.sqrt((side**2).sum())
    across = _product(side, out)
    for k in range(rings.shape[0]):
        for i in range(AROUND):
            # Rings run the way the open wrist does, so that the same triangles face outward.
            angle = i * (2 * np.pi / AROUND)
            circle = np.cos(angle) * side + np.sin(angle) * across
            rings[k, i] = elbow + _STATIONS[k] * out + radius * _GIRTH[k] * circle
    return True


@numba.njit(cache=True, nogil=True)
def _product(a: FloatArray, b: FloatArray) -> FloatArray:
    out = np.empty(3)
    out[0] = a[1] * b[2] - a[2] * b[1]
    out[1] = a[2] * b[0] - a[0] * b[2]
    out[2] = a[0] * b[1] - a[1] * b[0]
    return out
