"""The subject behind the hands: a torso in a shirt, neck and head, upper arms to the elbows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.hands.skin_tone import SkinTone, tone_colours
from handbench.synth.background_paint import drawn_color, noise
from handbench.synth.forearm_wear import Wear
from handbench.synth.interhand_motion import CENTRE
from handbench.synth.scene import Part
from handbench.types import Side

_AROUND, _TEXTURE = 48, 256
# Height below the hands' middle, half width, half depth [m], from the neck to the hip.
_OUTLINE = np.array(
    [
        [-0.34, 0.055, 0.055], [-0.315, 0.07, 0.06], [-0.30, 0.11, 0.07], [-0.28, 0.155, 0.08],
        [-0.25, 0.185, 0.092], [-0.20, 0.195, 0.105], [-0.10, 0.188, 0.115], [0.05, 0.175, 0.112],
        [0.20, 0.165, 0.108], [0.35, 0.17, 0.112], [0.50, 0.185, 0.12], [0.70, 0.19, 0.12],
    ]
)  # fmt: skip
_LIMB = np.array([-0.115, -0.11, -0.09, -0.05, 0.0, 0.15, 0.3, 0.42, 0.421, 0.43, 0.6, 0.8, 1.0])
# Neck and head: height, half width, half depth, and how far it lies behind the middle of the torso [m].
_HEAD = np.array(
    [
        [-0.28, 0.052, 0.052, 0.0], [-0.34, 0.05, 0.052, 0.0], [-0.395, 0.05, 0.054, 0.0],
        [-0.40, 0.052, 0.072, -0.02], [-0.415, 0.06, 0.092, -0.02], [-0.45, 0.068, 0.098, -0.015],
        [-0.50, 0.075, 0.1, -0.01], [-0.55, 0.077, 0.1, -0.005], [-0.60, 0.07, 0.09, 0.0],
        [-0.64, 0.048, 0.06, 0.0], [-0.655, 0.01, 0.012, 0.0],
    ]
)  # fmt: skip
_GIRTH = ([-0.115, -0.11, -0.09, -0.05, 0.0, 0.5, 1.0], [0.002, 0.014, 0.027, 0.037, 0.041, 0.048, 0.062])


@dataclass(frozen=True)
class Body:
    """One subject.

    Attributes:
        trunk: torso, and neck and head, in the studio's frame.
        shoulders: (3,) of each side [m].
        shirt: (3,) sRGB of its sleeves.
        skin: (3,) sRGB.
        short: whether the shirt ends on the upper arm.
        forearm: how long the subject's forearms are drawn [m].
    """

    trunk: tuple[Part, ...]
    shoulders: Mapping[Side, FloatArray]
    shirt: FloatArray
    skin: FloatArray
    short: bool
    forearm: float

    def upper_arms(self, wrists: Mapping[Side, FloatArray], arms: Mapping[Side, FloatArray]) -> list[Part]:
        """Returns the upper arms for hands with these wrists (3,) [m] and ways to the elbow (3,)."""
        return [self._upper_arm(side, wrist, arms[side]) for side, wrist in wrists.items()]

    def _upper_arm(self, side: Side, wrist: FloatArray, arm: FloatArray) -> Part:
        elbow = wrist + (self.forearm - 0.015) * arm
        shoulder = self.shoulders[side]
        along = shoulder - elbow
        length = float(np.linalg.norm(along))
        along = along / length
        across = np.cross(along, arm)
        size = float(np.linalg.norm(across))
        across = across / size if size > 1e-3 else np.cross(along, [1.0, 0.0, 0.0])
        third = np.cross(along, across)
        radius = np.interp(_LIMB, *_GIRTH)
        sleeve = ((0.4205 if self.short else -1.0) < _LIMB).astype(np.float64)
        radius = radius + 0.007 * sleeve
        angle = 2 * np.pi * np.arange(_AROUND // 2) / (_AROUND // 2)
        circle = np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * third
        places = elbow + np.multiply.outer(length * _LIMB, along)
        vertices = (places[:, None] + radius[:, None, None] * circle).reshape(-1, 3)
        colors = self.skin + sleeve[:, None] * (self.shirt - self.skin)
        painted = np.repeat(np.rint(colors).astype(np.uint8), _AROUND // 2, axis=0)
        faces = _tube(len(_LIMB), _AROUND // 2)
        return Part(f"{side.value}_upper_arm", vertices, faces, side, colors=painted, gloss=0.05)


def draw_body(rng: np.random.Generator, tone: SkinTone, wear: Wear) -> Body:
    """Draws a subject; a shirt with long sleeves has the colour of what is worn on the forearms.

    Args:
        rng: the person's stream.
        tone: of the skin.
        wear: of the forearms.
    """
    broad, away = rng.uniform(0.9, 1.1), rng.uniform(0.27, 0.36)
    rows = _OUTLINE * [1.0, broad, broad]
    middle = CENTRE + np.array([rng.normal(0, 0.01), 0.0, away + 0.11 * broad])
    angle = 2 * np.pi * np.arange(_AROUND) / _AROUND
    folds = 0.004 * rng.standard_normal((len(rows), 3))
    wrinkle = sum(folds[:, k : k + 1] * np.cos((k + 2) * angle + rng.uniform(0, 6)) for k in range(3))
    points = np.empty((len(rows), _AROUND, 3))
    points[..., 0] = middle[0] + rows[:, 1:2] * np.cos(angle) + wrinkle * np.cos(angle)
    points[..., 1] = middle[1] + rows[:, :1]
    points[..., 2] = middle[2] + rows[:, 2:3] * np.sin(angle) + wrinkle * np.sin(angle)
    long = wear.kind == "sleeve"
    worn = 0.5 * (np.array(wear.first, np.float64) + np.array(wear.second))
    plain = 255.0 * drawn_color(rng, (0.05, 0.6), (0.08, 0.6), (0.3, 1.02))
    first = np.asarray(worn if long else plain, np.float64)
    texture = _shirt(rng, first)
    torso = Part(
        "torso",
        points.reshape(-1, 3),
        _tube(len(rows), _AROUND),
        texture=texture,
        uv=_uv(len(rows)),
        gloss=0.02,
    )
    shoulders = {
        side: middle + np.array([0.19 * broad * (-1.0 if side is Side.RIGHT else 1.0), -0.235, 0.0])
        for side in Side
    }
    skin = np.clip(tone_colours(tone)[0], 0, 255)
    return Body((torso, _head(rng, middle, broad, skin)), shoulders, first, skin, not long, wear.length)


def _head(rng: np.random.Generator, middle: FloatArray, broad: float, skin: FloatArray) -> Part:
    """Makes neck and head, without a face: cameras that look up at the hands see the chin at most."""
    angle = 2 * np.pi * np.arange(_AROUND // 2) / (_AROUND // 2)
    hair = 255.0 * np.array([0.16, 0.11, 0.08]) * rng.uniform(0.3, 2.2)
    points = np.empty((len(_HEAD), len(angle), 3))
    points[..., 0] = middle[0] + broad * _HEAD[:, 1:2] * np.cos(angle)
    points[..., 1] = middle[1] + _HEAD[:, :1]
    points[..., 2] = middle[2] + _HEAD[:, 3:4] + broad * _HEAD[:, 2:3] * np.sin(angle)
    # Hair covers the top, and the back down to the neck.
    covered = (_HEAD[:, :1] < -0.56) | ((_HEAD[:, :1] < -0.42) & (np.sin(angle) > 0.1))
    colors = np.where(covered[..., None], hair, 0.97 * skin).reshape(-1, 3)
    faces = _tube(len(_HEAD), len(angle))
    painted = np.rint(np.clip(colors, 0, 255)).astype(np.uint8)
    return Part("head", points.reshape(-1, 3), faces, colors=painted, gloss=0.08)


def _shirt(rng: np.random.Generator, first: FloatArray) -> ImageArray:
    """Paints cloth: plain, checked or striped."""
    second = 255.0 * drawn_color(rng, (0.05, 0.6), (0.1, 0.8))
    n = _TEXTURE
    kind = rng.random()
    t = np.arange(n)
    bars = ((t * rng.uniform(0.06, 0.14)) % 1.0 < rng.uniform(0.15, 0.5)).astype(np.float64)
    if kind < 0.45:
        mix = np.zeros((n, n))
    elif kind < 0.75:
        mix = 0.5 * (bars[:, None] + bars[None, :])
    else:
        mix = np.broadcast_to(bars[:, None], (n, n))
    cloth = first + mix[..., None] * (second - first)
    weave = 1.0 + 0.05 * noise(rng, n, (8, 8), 4)[..., None]
    return np.asarray(np.clip(np.rint(cloth * weave), 0, 255), np.uint8)


def _tube(rings: int, around: int) -> npt.NDArray[np.int32]:
    k, i = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
    a, b = k * around + i, k * around + (i + 1) % around
    quads = np.stack([a, b, a + around, b, b + around, a + around], axis=-1)
    return quads.reshape(-1, 3).astype(np.int32)


def _uv(rings: int) -> npt.NDArray[np.float32]:
    """Returns the texture's pixels at the corners of a torso's faces: twice round, once down."""
    k, i = np.meshgrid(np.arange(rings - 1), np.arange(_AROUND), indexing="ij")
    heights = (_OUTLINE[:, 0] - _OUTLINE[0, 0]) / (_OUTLINE[-1, 0] - _OUTLINE[0, 0])
    top, bottom = (_TEXTURE - 1) * heights[k], (_TEXTURE - 1) * heights[k + 1]
    # Back and front show the cloth to and fro, so that there is no seam.
    turn = np.abs(np.arange(_AROUND + 1) - _AROUND // 2) / (_AROUND // 2)
    left, right = (_TEXTURE - 1) * turn[i], (_TEXTURE - 1) * turn[i + 1]
    a, b, c, d = (np.stack(p, axis=-1) for p in ((left, top), (right, top), (left, bottom), (right, bottom)))
    return np.stack([a, b, c, b, d, c], axis=-2).reshape(-1, 3, 2).astype(np.float32)
