"""Cameras fixed round a workspace, as the rigs of video datasets have them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handbench.arrays import FloatArray
from handbench.camera import Camera, look_at
from handbench.hands.rotations import about

_DOWN = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True)
class RigSettings:
    """What cameras are drawn from; angles in degrees, world frame: x right, y down, z away from the front.

    Attributes:
        size: (width, height) [px].
        focal: focal length [px].
        distance: from the middle of the action [m].
        elevation: above the horizon.
        spread: cameras stand up to so far to the sides of the front; few cameras keep nearer to it.
        jitter: standard deviation of a camera's place along that arc.
        roll: standard deviation of the roll about the line of sight.
        aim: standard deviation of the point looked at [m].
        centre: largest distance of the principal point from the picture's middle [px].
    """

    size: tuple[int, int] = (640, 480)
    focal: tuple[float, float] = (608.0, 622.0)
    distance: tuple[float, float] = (0.45, 0.75)
    elevation: tuple[float, float] = (16.0, 55.0)
    spread: float = 95.0
    jitter: float = 6.0
    roll: float = 3.0
    aim: float = 0.015
    centre: float = 9.0


def draw_cameras(
    rng: np.random.Generator, count: int, target: FloatArray, settings: RigSettings | None = None
) -> tuple[Camera, ...]:
    """Draws the cameras of one take.

    They stand on an arc before the person, who sits at +z; camera 0 is the one nearest to the front.

    Args:
        rng: the take's stream.
        count: how many.
        target: (3,) middle of the action, world [m].
        settings: what to draw from.
    """
    s = settings or RigSettings()
    outer = s.spread * (1 - 1 / count)
    turns = np.linspace(-outer, outer, count)
    turns = turns[np.argsort(np.abs(turns), kind="stable")] + s.jitter * rng.standard_normal(count)
    return tuple(_camera(rng, float(np.deg2rad(turn)), target, s) for turn in turns)


def _camera(rng: np.random.Generator, azimuth: float, target: FloatArray, s: RigSettings) -> Camera:
    elevation = np.deg2rad(rng.uniform(*s.elevation))
    flat = np.cos(elevation)
    way = np.array([flat * np.sin(azimuth), -np.sin(elevation), -flat * np.cos(azimuth)])
    aim = target + s.aim * rng.standard_normal(3)
    R, t = look_at(aim + rng.uniform(*s.distance) * way, aim, _DOWN)
    turn = about(np.array([0.0, 0.0, 1.0]), float(np.deg2rad(s.roll) * rng.standard_normal()))
    fx = rng.uniform(*s.focal)
    (w, h), shift = s.size, rng.uniform(-s.centre, s.centre, 2)
    K = np.array(
        [[fx, 0.0, (w - 1) / 2 + shift[0]], [0.0, fx * rng.uniform(0.998, 1.002), (h - 1) / 2 + shift[1]],
         [0.0, 0.0, 1.0]]
    )  # fmt: skip
    return Camera(K, s.size, turn @ R, turn @ t)
