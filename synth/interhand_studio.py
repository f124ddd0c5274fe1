"""A capture studio in the manner of InterHand2.6M: a dome of cameras and lamps round one subject.

Positions are in the studio's frame (see :mod:`handbench.synth.interhand_motion`), in metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from handbench.arrays import FloatArray, ImageArray
from handbench.camera import Camera, look_at
from handbench.seeding import rng_for
from handbench.synth.interhand_motion import CENTRE
from handbench.synth.scene import Lights

PORTRAIT, LANDSCAPE = (334, 512), (512, 334)
SIZES = {"334x512": (1.0, 0.0), "512x334": (0.0, 1.0), "mixed": (0.72, 0.28)}
"""Share of upright and of lying cameras, by the name of ``--size``."""

FOCAL, DISTANCE = 1268.0, 1.06
"""The middle of the focal lengths [px] and of the cameras' distances from the hands [m] in the real set."""

GREY_SHARE = 0.4
_AZIMUTH, _ELEVATION = np.deg2rad(112.0), (np.deg2rad(-32.0), np.deg2rad(48.0))
_LAMP_RADIUS, _LAMP_STEP = 1.75, np.deg2rad(9.5)
_STAR = 61  # side of the picture of a lamp [px]


@dataclass(frozen=True)
class StudioCamera:
    """One camera of the dome.

    Attributes:
        name: six digits; ``41....`` is grey, ``40....`` in colour, as in the real set.
        camera: studio to camera.
        grey: whether its pictures are grey.
        gain: (3,) factors on the sRGB values: the real colour cameras lean to green and yellow.
    """

    name: str
    camera: Camera
    grey: bool
    gain: tuple[float, float, float]


def studio_cameras(seed: int, capture: str, count: int, size: str) -> list[StudioCamera]:
    """Returns the cameras of a capture; camera k is the same whatever ``count`` is.

    Args:
        seed: the user's.
        capture: its name; each capture is calibrated anew, by some millimetres.
        count: how many.
        size: a key of :data:`SIZES`.
    """
    cameras = []
    for k in range(count):
        fixed, moved = rng_for(seed, "camera", k), rng_for(seed, capture, "calibration", k)
        azimuth = _AZIMUTH * (2.0 * _halton(k + 1, 2) - 1.0) * (0.55 + 0.45 * fixed.random())
        low, high = _ELEVATION
        elevation = low + (high - low) * _halton(k + 1, 3)
        way = np.array(
            [np.sin(azimuth) * np.cos(elevation), -np.sin(elevation), -np.cos(azimuth) * np.cos(elevation)]
        )
        eye = CENTRE + (DISTANCE + 0.05 * fixed.standard_normal()) * way + 0.004 * moved.standard_normal(3)
        roll = np.deg2rad(3.0) * fixed.standard_normal()
        down = np.array([np.sin(roll), np.cos(roll), 0.0])
        R, t = look_at(eye, CENTRE + 0.015 * fixed.standard_normal(3), down)
        upright = fixed.random() < SIZES[size][0]
        wide = PORTRAIT if upright else LANDSCAPE
        focal = FOCAL + 4.0 * fixed.standard_normal() + 0.1 * moved.standard_normal(2)
        centre = 0.5 * (np.array(wide) - 1.0) + (14.0, 8.0) * fixed.standard_normal(2)
        K = np.array([[focal[0], 0.0, centre[0]], [0.0, focal[1], centre[1]], [0.0, 0.0, 1.0]])
        grey = _is_grey(k)
        gain = (1.0, 1.0, 1.0) if grey else (fixed.uniform(0.9, 1.02), 1.0, fixed.uniform(0.78, 0.94))
        number = (410000 if grey else 400000) + 7 + 6 * k
        cameras.append(StudioCamera(str(number), Camera(K, wide, R, t), grey, gain))
    return cameras


def _is_grey(k: int) -> bool:
    """Tells whether camera k is grey: two of five, none of the first two."""
    return int((k + 1) * GREY_SHARE) != int(k * GREY_SHARE)


def _halton(index: int, base: int) -> float:
    """Returns a number in 0..1; those of successive indices fill the range evenly."""
    value, share = 0.0, 1.0
    while index:
        share /= base
        value += share * (index % base)
        index //= base
    return value


def studio_lights(rng: np.random.Generator) -> Lights:
    """Draws the light of a capture: lamps all around, brightest in front and above; soft shadows."""
    level = rng.uniform(0.38, 0.55)
    warm = np.array([1.0, 1.0 - rng.uniform(0.0, 0.05), 1.0 - rng.uniform(0.0, 0.12)])
    sh = np.zeros((9, 3))
    sh[0] = level * warm
    # Up is -y, the front -z.
    sh[1], sh[2], sh[3] = -0.22 * level * warm, -0.15 * level * warm, rng.uniform(-0.1, 0.1) * level * warm
    side = rng.uniform(-0.6, 0.6)
    directions = np.array([[side, -0.75, -0.7], [-side, -0.1, -0.9], [side, -0.4, 0.8]])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    colors = np.array([0.34, 0.16, 0.14])[:, None] * rng.uniform(0.8, 1.1, (3, 1)) * warm
    return Lights(sh[0], directions, colors, sh, float(rng.uniform(0.25, 0.45)))


def studio_background(seed: int, camera: StudioCamera) -> ImageArray:
    """Paints what a camera sees behind the subject: near-black rigs and the lamps of the far side.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    view = camera.camera
    rng = rng_for(seed, "rig", camera.name)
    canvas = _rigs(rng, view.size)
    lamps, power = _lamps(seed)
    seen = view.to_camera(lamps)
    ahead = seen[:, 2] > 0.6
    pixels = view.project(seen[ahead])
    star = _star(rng)
    strength = power[ahead] * (1.0 if camera.grey else 0.75)
    for (x, y), value in zip(pixels, strength, strict=True):
        if -_STAR < x < view.size[0] + _STAR and -_STAR < y < view.size[1] + _STAR:
            _add(canvas, star, x, y, value)
    return np.asarray(np.clip(np.rint(255 * canvas), 0, 255), np.uint8)


def _lamps(seed: int) -> tuple[FloatArray, FloatArray]:
    """Returns where the lamps are, (N, 3) [m], and how bright, (N,)."""
    rng = rng_for(seed, "lamps")
    places = []
    for elevation in np.arange(-0.9, 1.2, _LAMP_STEP):
        ring = max(4, round(2 * np.pi * np.cos(elevation) / _LAMP_STEP))
        for azimuth in 2 * np.pi * (np.arange(ring) + 0.5 * rng.random()) / ring:
            a, e = azimuth + 0.02 * rng.standard_normal(), elevation + 0.02 * rng.standard_normal()
            places.append([np.cos(e) * np.sin(a), -np.sin(e), -np.cos(e) * np.cos(a)])
    points = np.array(places)[rng.random(len(places)) < 0.62]
    return CENTRE + _LAMP_RADIUS * points, rng.uniform(0.75, 1.4, len(points))


def _rigs(rng: np.random.Generator, size: tuple[int, int]) -> FloatArray:
    """Paints beams and boxes far out of focus that hardly show."""
    w, h = size
    canvas = np.full((h, w, 3), rng.uniform(0.004, 0.014))
    for _ in range(int(rng.integers(4, 10))):
        x, y = rng.uniform(0, w), rng.uniform(0, h)
        half = (rng.uniform(4, 12), rng.uniform(60, 300)) if rng.random() < 0.7 else rng.uniform(15, 50, 2)
        corners = cv2.boxPoints(((x, y), (2 * half[0], 2 * half[1]), float(rng.normal(0, 12))))
        tone = rng.uniform(0.01, 0.05) * np.array([1.0, 1.0, rng.uniform(0.9, 1.15)])
        cv2.fillPoly(canvas, [np.rint(corners).astype(np.int32)], tone.tolist())
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), rng.uniform(3.0, 6.0)))


def _star(rng: np.random.Generator) -> FloatArray:
    """Paints a lamp as a lens shows it: a burnt-out core, a halo and the rays of the aperture."""
    y, x = np.mgrid[:_STAR, :_STAR] - _STAR // 2
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    core = 1.8 * np.exp(-((r / 4.6) ** 4))
    halo = 0.4 * np.exp(-r / 5.0) + 0.03 * np.exp(-r / 14.0)
    rays = 0.7 * np.exp(-r / 8.0) * np.abs(np.cos(4 * (angle - rng.uniform(0, 0.8)))) ** 24
    tint = np.array([1.0, 0.97, rng.uniform(0.82, 1.0)])
    sprite = core[..., None] + (halo + rays)[..., None] * tint
    edge = np.clip((_STAR // 2 - r) / 6.0, 0.0, 1.0)
    return np.asarray(sprite * edge[..., None])


def _add(canvas: FloatArray, star: FloatArray, x: float, y: float, value: float) -> None:
    """Adds a lamp at a pixel; the parts outside are cut."""
    left, top = int(np.floor(x)) - _STAR // 2, int(np.floor(y)) - _STAR // 2
    shift = np.array([[1.0, 0.0, x - np.floor(x)], [0.0, 1.0, y - np.floor(y)]])
    sprite = cv2.warpAffine(star, shift, (_STAR, _STAR))
    h, w = canvas.shape[:2]
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + _STAR, w), min(top + _STAR, h)
    if x0 < x1 and y0 < y1:
        canvas[y0:y1, x0:x1] += value * sprite[y0 - top : y1 - top, x0 - left : x1 - left]
