"""What a person wears on the forearms, drawn once a scene: both arms match."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handbench.synth.background_paint import drawn_color
from handbench.synth.forearm_texture import CLOTHS
from handbench.types import Side

METALS = ((196, 198, 202), (212, 175, 95), (40, 40, 44), (150, 110, 80), (25, 25, 30))
"""sRGB of steel, gold, black steel, copper or leather, and rubber."""


@dataclass(frozen=True, slots=True)
class ForearmSettings:
    """Holds what forearms are drawn from; the first three shares are scaled to sum to one."""

    p_bare: float = 0.48
    p_sleeve: float = 0.42
    p_none: float = 0.04
    length: tuple[float, float] = (0.24, 0.29)  # from the wrist [m]
    girth: tuple[float, float] = (0.9, 1.12)  # relative to what fits the wrist
    flexion: float = 22.0  # standard deviation [degree]; at most three times that
    deviation: float = 9.0  # sideways; at most twice that
    cuff: tuple[float, float] = (
        -0.008,
        0.13,
    )  # a sleeve's end, from the wrist [m]; mostly short
    looseness: tuple[float, float] = (0.003, 0.010)  # how far a sleeve stands off [m]
    cloths: tuple[str, ...] = CLOTHS
    p_band: float = 0.12  # a watch or bracelet on one arm


@dataclass(frozen=True, slots=True)
class Wear:
    """Describes what one person wears; both arms share it.

    Attributes:
        kind: ``bare``, ``sleeve`` or ``none``.
        band: the hand with a watch (``watch``) or bracelet (``bracelet``), or None.
    """

    kind: str
    length: float
    girth: float
    flexion: float
    deviation: float
    cuff: float
    looseness: float
    cloth: str
    print_index: int
    first: tuple[int, int, int]
    second: tuple[int, int, int]
    band: Side | None
    band_kind: str
    band_color: tuple[int, int, int]


def draw_wear(rng: np.random.Generator, settings: ForearmSettings | None = None) -> Wear:
    """Draws what the person in a scene wears."""
    s = settings or ForearmSettings()
    u = rng.random(10)
    total = s.p_bare + s.p_sleeve + s.p_none
    kind = "bare" if u[0] * total < s.p_bare else "sleeve" if u[0] * total < s.p_bare + s.p_sleeve else "none"
    first, second = drawn_color(rng, (0.0, 0.75), (0.06, 0.9)), drawn_color(rng, (0.0, 0.75), (0.1, 0.95))
    cuff = s.cuff[0] + (s.cuff[1] - s.cuff[0]) * u[3] ** 3
    has_band = u[5] < s.p_band and (kind == "bare" or cuff > 0.06)
    watch = u[7] < 0.65
    metal = METALS[int(u[8] * len(METALS))] if u[9] < 0.6 else tuple(int(255 * c) for c in second)
    return Wear(
        kind=kind,
        length=s.length[0] + (s.length[1] - s.length[0]) * u[1],
        girth=s.girth[0] + (s.girth[1] - s.girth[0]) * u[2],
        flexion=s.flexion,
        deviation=s.deviation,
        cuff=cuff,
        looseness=s.looseness[0] + (s.looseness[1] - s.looseness[0]) * u[4],
        cloth=s.cloths[int(rng.integers(len(s.cloths)))],
        print_index=int(rng.integers(1 << 16)),
        first=_rgb(first),
        second=_rgb(second),
        band=(Side.LEFT if u[6] < 0.7 else Side.RIGHT) if has_band and kind != "none" else None,
        band_kind="watch" if watch else "bracelet",
        band_color=(int(metal[0]), int(metal[1]), int(metal[2])),
    )


def _rgb(color: npt.NDArray[np.float32]) -> tuple[int, int, int]:
    r, g, b = (round(255 * float(c)) for c in color)
    return r, g, b
