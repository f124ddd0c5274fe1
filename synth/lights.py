"""How a scene is lit: light rigs with colour temperature, fill, shadow and exposure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.registry import nearest
from handbench.synth.scene import Lights

TEST_RIGS: tuple[str, ...] = ("office", "overcast")
TRAIN_RIGS: tuple[str, ...] = ("studio", "window", "sun", "lamp", "dim")

# Linear RGB of a black body (its sRGB triple, decoded), by colour temperature [K].
_KELVIN = np.array([2700.0, 3500, 4500, 5500, 6500, 7500])
_RGB = np.array(
    [
        [1.0, 0.397, 0.095],
        [1.0, 0.552, 0.250],
        [1.0, 0.708, 0.491],
        [1.0, 0.838, 0.745],
        [1.0, 0.947, 0.982],
        [0.83, 0.855, 1.0],
    ]
)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True, slots=True)
class LightSettings:
    """Holds what light is drawn from.

    Attributes:
        rigs: names of the rigs.
        adaptation: how much of the light's colour the camera's white balance takes away, 0 to 1.
        exposure: factor on all light.
        shadow: factor on the rigs' own strengths of cast shadow; 0 switches them off.
    """

    rigs: tuple[str, ...] = TRAIN_RIGS
    adaptation: tuple[float, float] = (0.6, 1.0)
    exposure: tuple[float, float] = (0.85, 1.15)
    shadow: float = 1.0


@dataclass(frozen=True, slots=True)
class _Rig:
    """Describes a rig by ranges; azimuth is from the camera's side, elevation from the horizon [degree]."""

    kelvin: tuple[float, float]
    ambient: tuple[float, float]
    ambient_kelvin: tuple[float, float]
    sky: tuple[float, float]  # how much more light comes from above than from below, as a share
    key: tuple[float, float]
    azimuth: tuple[float, float]
    elevation: tuple[float, float]
    fill: tuple[float, float]
    p_rim: float
    shadow: tuple[float, float]


RIGS: dict[str, _Rig] = {
    "studio": _Rig(
        (4300, 6200), (0.38, 0.6), (4300, 6200), (0.1, 0.4), (0.4, 0.65),
        (0, 75), (20, 65), (0.1, 0.3), 0.6, (0.3, 0.6),
    ),
    "window": _Rig(
        (5500, 7500), (0.2, 0.38), (4000, 6500), (0.0, 0.3), (0.6, 0.95),
        (50, 120), (5, 40), (0.0, 0.1), 0.1, (0.4, 0.7),
    ),
    "sun": _Rig(
        (4800, 6000), (0.2, 0.34), (6500, 7500), (0.3, 0.8), (0.8, 1.1),
        (0, 150), (25, 75), (0.0, 0.12), 0.1, (0.8, 0.97),
    ),
    "lamp": _Rig(
        (2700, 3600), (0.16, 0.32), (2700, 4500), (0.0, 0.4), (0.6, 0.95),
        (0, 130), (25, 80), (0.0, 0.12), 0.2, (0.6, 0.9),
    ),
    "dim": _Rig(
        (2700, 7500), (0.10, 0.20), (2700, 7500), (0.0, 0.4), (0.25, 0.5),
        (0, 140), (0, 70), (0.0, 0.05), 0.3, (0.4, 0.9),
    ),
    "office": _Rig(
        (3700, 4800), (0.4, 0.6), (3700, 4800), (0.3, 0.7), (0.3, 0.5),
        (0, 100), (60, 88), (0.1, 0.25), 0.2, (0.3, 0.55),
    ),
    "overcast": _Rig(
        (6000, 7500), (0.55, 0.75), (6200, 7500), (0.4, 0.8), (0.12, 0.3),
        (0, 160), (40, 85), (0.0, 0.05), 0.0, (0.2, 0.5),
    ),
}  # fmt: skip


def temperature_color(kelvin: float) -> FloatArray:
    """Returns the linear RGB (3,) of a black body, of luminance 1; 2700 to 7500 K."""
    mired = 1e6 / kelvin
    rgb = np.array([np.interp(-mired, -1e6 / _KELVIN, _RGB[:, c]) for c in range(3)])
    return np.asarray(rgb / (rgb @ _LUMINANCE))


def draw_rig(rng: np.random.Generator, settings: LightSettings) -> str:
    """Draws the name of a rig.

    Raises:
        HandbenchError: for an unknown rig among the settings.
    """
    for name in settings.rigs:
        if name not in RIGS:
            raise HandbenchError(f"unknown light rig {name!r}", nearest(name, sorted(RIGS)))
    if not settings.rigs:
        raise HandbenchError("lights.rigs is empty", f"known: {', '.join(RIGS)}")
    return settings.rigs[int(rng.integers(len(settings.rigs)))]


def sample_lights(
    rng: np.random.Generator, settings: LightSettings | None = None, rig: str | None = None
) -> Lights:
    """Draws the light of a scene: ambient light and one to three directional lights, the key first.

    Args:
        rng: the scene's generator.
        settings: what to draw from.
        rig: name of the rig; drawn when None.
    """
    s = settings or LightSettings()
    kind = RIGS[rig or draw_rig(rng, s)]
    u = rng.random(20)
    between = _between_at(u)
    key_kelvin, room_kelvin = between(kind.kelvin, 0), between(kind.ambient_kelvin, 1)
    seen = temperature_color(0.7 * key_kelvin + 0.3 * room_kelvin)
    balance = between(s.exposure, 2) / seen ** between(s.adaptation, 3)
    key_color, room_color = temperature_color(key_kelvin) * balance, temperature_color(room_kelvin) * balance
    ambient = between(kind.ambient, 4) * room_color
    side = 1.0 if u[5] < 0.5 else -1.0
    azimuth = side * between(kind.azimuth, 6)
    directions = [_towards(azimuth, between(kind.elevation, 7))]
    colors = [between(kind.key, 8) * key_color]
    fill = between(kind.fill, 9)
    if fill > 0.03:
        directions.append(_towards(azimuth - side * (70 + 60 * u[10]), -10 + 50 * u[11]))
        colors.append(fill * (0.5 * key_color + 0.5 * room_color))
    if u[12] < kind.p_rim:
        directions.append(_towards(180 + 90 * (u[13] - 0.5), 10 + 50 * u[14]))
        colors.append((0.15 + 0.4 * u[15]) * key_color)
    sh = np.zeros((9, 3))
    sh[0] = ambient
    slope = between(kind.sky, 16)
    sh[1] = -slope * ambient
    sh[2] = (0.3 * u[17] - 0.2) * ambient
    sh[3] = (0.4 * u[18] - 0.2) * ambient
    strength = min(1.0, s.shadow * between(kind.shadow, 19))
    return Lights(ambient, np.array(directions), np.array(colors), sh, strength)


def background_gain(lights: Lights) -> FloatArray:
    """Returns factors (3,) on a background's sRGB values that make it look lit by the same light.

    Backgrounds are painted or photographed in good light; the eye, and a camera, even part of it out.
    """
    level = lights.ambient + 0.5 * lights.colors[0]
    return np.asarray(np.clip((level / 0.75) ** (0.75 / 2.2), 0.3, 1.25))


def _between_at(u: FloatArray) -> Callable[[tuple[float, float], int], float]:
    def between(limits: tuple[float, float], at: int) -> float:
        return float(limits[0] + (limits[1] - limits[0]) * u[at])

    return between


def _towards(azimuth: float, elevation: float) -> FloatArray:
    """Returns the unit vector towards a light, camera frame; azimuth 0 is behind the camera [degree]."""
    a, e = np.deg2rad(azimuth), np.deg2rad(elevation)
    return np.array([np.cos(e) * np.sin(a), -np.sin(e), -np.cos(e) * np.cos(a)])
