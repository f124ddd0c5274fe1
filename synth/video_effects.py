"""What a video camera does to all pictures of a sequence alike; only the noise changes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from handbench.arrays import ImageArray
from handbench.compose.effects import Effects, EffectsSettings, apply_effects, draw_effects

_LUMA = np.array([0.299, 0.587, 0.114])
_SETTINGS = EffectsSettings(
    exposure_stops=(-0.45, 0.35), p_motion_blur=0.0, p_defocus=0.0, p_low_light=0.0, midtone=(-0.2, 0.25),
    contrast=(-0.1, 0.35), noise_read=(0.3, 1.1), noise_shot=(0.004, 0.03),
)  # fmt: skip


@dataclass(frozen=True)
class LowLight:
    """A camera in a dark room.

    Attributes:
        luminance: mean of a picture in low light (of 255), without noise.
        read: deviation of its noise in the dark, grey levels.
        shot: variance of its noise a grey level.
    """

    luminance: tuple[float, float] = (9.0, 22.0)
    read: tuple[float, float] = (2.0, 4.0)
    shot: tuple[float, float] = (0.15, 0.5)


class VideoEffects:
    """One camera's exposure, colour and noise.

    Args:
        rng: the camera's stream.
        still: (h, w, 3) uint8 of the empty room, which sets the exposure in low light.
        low_light: how dark, or None for a normal exposure.
    """

    def __init__(self, rng: np.random.Generator, still: ImageArray, low_light: LowLight | None) -> None:
        effects = draw_effects(rng, _SETTINGS, 480)
        if low_light is not None:
            target = float(rng.uniform(*low_light.luminance))
            dark = replace(
                effects, low_light=True, midtone=0.0, contrast=0.0,
                noise_read=float(rng.uniform(*low_light.read)),
                noise_shot=float(rng.uniform(*low_light.shot)),
            )  # fmt: skip
            factor = target / max(mean_luminance(still) * float(np.array(effects.gain) @ _LUMA), 1e-6)
            red, green, blue = (factor * gain for gain in effects.gain)
            effects = replace(dark, gain=(red, green, blue))
        self.effects: Effects = effects

    def apply(self, picture: ImageArray, rng: np.random.Generator) -> ImageArray:
        """Returns the picture as the camera records it.

        Args:
            picture: (h, w, 3) uint8 sRGB.
            rng: the frame's stream, for its noise.
        """
        row, column = (int(value) for value in rng.integers(512, size=2))
        return apply_effects(picture, replace(self.effects, noise_offset=(row, column)))


def mean_luminance(picture: ImageArray) -> float:
    """Returns the mean luma of a picture (h, w, 3), 0 to 255."""
    return float(np.array(cv2.mean(picture)[:3]) @ _LUMA)
