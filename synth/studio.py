"""What several cameras of one scene share: parts and lights, moved from its frame into each camera's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from handbench.arrays import FloatArray
from handbench.camera import Camera
from handbench.hands.rotations import moved_points
from handbench.synth.scene import Lights, Part


def seen_parts(parts: Iterable[Part], camera: Camera) -> tuple[Part, ...]:
    """Returns parts of the scene's frame [m] in a camera's frame."""
    R, t = np.ascontiguousarray(camera.R), np.ascontiguousarray(camera.t)
    return tuple(replace(part, vertices=moved_points(part.vertices, R, t)) for part in parts)


def seen_lights(lights: Lights, R: FloatArray) -> Lights:
    """Returns lights of the scene's frame in the frame of a camera.

    Args:
        lights: their harmonics go to order 1 at most, as :func:`handbench.synth.lights.sample_lights` draws.
        R: (3, 3) rotation, scene to camera.

    Raises:
        ValueError: for harmonics of order 2.
    """
    sh = None
    if lights.sh is not None:
        if np.any(lights.sh[4:]):
            raise ValueError("only light of order 0 and 1 can be turned")
        # The three harmonics of order 1 go with y, z and x.
        slope = lights.sh[[3, 1, 2]]
        sh = lights.sh.copy()
        sh[[3, 1, 2]] = R @ slope
    return replace(lights, directions=lights.directions @ R.T, sh=sh)
