"""What one picture of a made InterHand2.6M tree shows, from the joints of its moment and its camera."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.camera import Camera
from handbench.formats.interhand import boxes_of
from handbench.types import Side


@dataclass(frozen=True)
class View:
    """One picture's annotation.

    Attributes:
        valid: (21,) of each hand: joints outside the picture are not valid, as in the real files.
        box: (4,) x, y, w, h [px] of the valid joints, by the set's rule.
        depth: z of each wrist [m].
    """

    valid: Mapping[Side, BoolArray]
    box: FloatArray
    depth: Mapping[Side, float]


def look_at_hands(joints: Mapping[str, Any], camera: Camera) -> View | None:
    """Returns what a camera sees, or None where that is no joint.

    Args:
        joints: ``right``, ``left`` or both -> (21, 3) [m], studio's frame, OPENPOSE21.
        camera: R and t lead from the studio's frame.
    """
    seen = {Side(side): camera.to_camera(np.asarray(points)) for side, points in joints.items()}
    pixels = {side: camera.project(points) for side, points in seen.items()}
    last = np.array(camera.size) - 0.5
    valid = {side: np.asarray(((xy >= -0.5) & (xy < last)).all(axis=1)) for side, xy in pixels.items()}
    flags = np.concatenate(list(valid.values()))
    if not flags.any():
        return None
    box = boxes_of(np.concatenate(list(pixels.values()))[None], flags[None])[0]
    return View(valid, box, {side: float(points[0, 2]) for side, points in seen.items()})
