"""The upper arm behind an elbow: without it an arm that points away from the camera ends in mid-air."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.synth.forearm_mesh import tube_faces
from handbench.synth.forearm_rim import AROUND

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
    elbow = ring.mean(axis=0)
    view = elbow / np.sqrt(elbow @ elbow)
    if aim @ view < _AWAY:
        return None
    drift = aim - view * (aim @ view)
    size = np.sqrt(drift @ drift)
    wanted = drift / max(size, 0.1) + np.array([0.0, 0.6, 0.0]) + 0.35 * draw
    wanted = wanted - view * (wanted @ view)
    out = wanted / np.sqrt(wanted @ wanted) + 0.3 * view
    out /= np.sqrt(out @ out)
    radius = float(np.sqrt(((ring - elbow) ** 2).sum(axis=1)).mean())
    if others is not None and len(others):
        rest = others - elbow
        along = np.clip(rest @ out, 0, _STATIONS[-1])
        apart = rest - along[:, None] * out
        if (apart**2).sum(axis=1).min() < (1.3 * radius) ** 2:
            return None
    side = np.cross(out, view)
    side /= np.sqrt(side @ side)
    across = np.cross(side, out)
    # Rings run the way the open wrist does, so that the same triangles face outward.
    angle = np.arange(AROUND) * (2 * np.pi / AROUND)
    circle = np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * across
    rings = elbow + _STATIONS[:, None, None] * out + (radius * _GIRTH)[:, None, None] * circle
    return rings.reshape(-1, 3), tube_faces(len(_STATIONS), True), _STATIONS
