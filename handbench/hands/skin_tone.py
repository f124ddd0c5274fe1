"""One person's skin: its parameters, drawn at random, and the colours that follow from them.

Base colours are CIELAB values in the middle of the six classes of the individual typology angle
ITA = atan((L - 50) / b) (Chardon et al. 1991; class means as reported by Del Bino and Bernerd 2013):
very light, light, intermediate, tan, brown, dark.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from handbench.arrays import FloatArray

TONE_NAMES = ("very light", "light", "intermediate", "tan", "brown", "dark")
# Lightness, a, b of the back of the hand at melanin 0, 0.2 ... 1, and of the palm.
_BACK = np.array(
    [[72.0, 9, 13.5], [68, 10, 16], [63.5, 11, 18], [57, 12, 19.5], [47, 12.5, 20], [33, 11, 15.5]]
)
_PALM = np.array(
    [[71.5, 13, 12], [69, 13.5, 14], [67, 13.5, 15.5], [64, 13.5, 17], [59, 13, 18], [53, 12, 17]]
)
_CREASE = np.array([[-9.0, 6, 2], [-10, 5.5, 2], [-11, 5, 2], [-13, 4, 1], [-15, 3, -1], [-14, 1, -3]])
_NAIL, _WHITE = 3, 5
"""The rows of the nail and of its white edge."""

_D65 = np.array([0.95047, 1.0, 1.08883])
_TO_RGB = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.969266, 1.8760108, 0.041556],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)


@dataclass(frozen=True, slots=True)
class SkinTone:
    """One person's skin.

    Attributes:
        melanin: 0 very light to 1 dark.
        redness: 0 pale to 1 flushed.
        yellow: shift of the b axis, about -3 to 3.
        mottle: strength of blotches, and `mottle_mix` how the two patterns mix [rad].
        mottle_mix: angle that mixes the two mottle patterns, so that persons differ.
        crease: depth of lines, 0.5 to 1.5; it grows with age.
        veins: strength of the veins, 0 to 1.
        freckles: 0 to 1.
        hair: 0 to 1.
        grain: strength of the fine texture, 0.5 to 1.5.
        nail_length: how white the free edge and the moon show, 0 to 1.
        polish: sRGB of nail varnish, or None.
    """

    melanin: float = 0.3
    redness: float = 0.5
    yellow: float = 0.0
    mottle: float = 0.5
    mottle_mix: float = 0.0
    crease: float = 1.0
    veins: float = 0.4
    freckles: float = 0.1
    hair: float = 0.1
    grain: float = 1.0
    nail_length: float = 0.7
    polish: tuple[int, int, int] | None = None


_POLISH = ((150, 20, 40), (205, 60, 90), (90, 20, 60), (225, 180, 175), (40, 40, 60), (190, 30, 30))


def sample_skin_tone(rng: np.random.Generator) -> SkinTone:
    """Draws one person's skin; melanin is uniform over the six classes."""
    melanin = float(rng.uniform(0.0, 1.0))
    light = 1.0 - melanin
    polished = rng.uniform() < 0.06
    pick = int(rng.integers(len(_POLISH)))
    return SkinTone(
        melanin=melanin,
        redness=float(rng.uniform(0.15, 1.0)),
        yellow=float(np.clip(rng.normal(0.0, 1.4), -3.0, 3.0)),
        mottle=float(rng.uniform(0.2, 1.0)),
        mottle_mix=float(rng.uniform(0.0, 2.0 * np.pi)),
        crease=float(rng.uniform(0.6, 1.4)),
        veins=float(rng.uniform(0.0, 1.0) ** 1.5),
        freckles=float(rng.uniform() ** 4 * (0.3 + 0.7 * light)),
        hair=float(max(0.0, rng.uniform(-0.8, 1.0))),
        grain=float(rng.uniform(0.5, 1.5)),
        nail_length=float(rng.uniform(0.2, 1.0)),
        polish=_POLISH[pick] if polished else None,
    )


@njit(cache=True, nogil=True)
def lab_to_srgb(lab: FloatArray) -> FloatArray:
    """Returns sRGB 0 to 255 (N, 3) of CIELAB colours (N, 3), D65."""
    out = np.empty(lab.shape)
    for i in range(lab.shape[0]):
        middle = (lab[i, 0] + 16.0) / 116.0
        xyz = np.array([middle + lab[i, 1] / 500.0, middle, middle - lab[i, 2] / 200.0])
        for c in range(3):
            f = xyz[c]
            xyz[c] = _D65[c] * (f**3 if f > 6 / 29 else 3 * (6 / 29) ** 2 * (f - 4 / 29))
        for c in range(3):
            linear = _TO_RGB[c, 0] * xyz[0] + _TO_RGB[c, 1] * xyz[1] + _TO_RGB[c, 2] * xyz[2]
            linear = min(max(linear, 0.0), 1.0)
            value = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
            out[i, c] = 255.0 * value
    return out


@njit(cache=True, nogil=True)
def _at(table: FloatArray, melanin: float) -> FloatArray:
    place = min(max(melanin, 0.0), 1.0) * (len(table) - 1)
    low = min(int(place), len(table) - 2)
    return np.asarray(table[low] + (place - low) * (table[low + 1] - table[low]))


@njit(cache=True, nogil=True)
def _colours(person: FloatArray) -> FloatArray:
    """Returns the colours without and with each channel at full strength, (2, C, 3) sRGB.

    Args:
        person: the numbers of a `SkinTone`, melanin to grain, in their order.
    """
    dark, redness, yellow, mottle, mix, crease, veins, freckles, hair, grain = person
    blood = np.array([-2.5, 5.0, 0.5]) * (redness - 0.5) * (1.0 - 0.45 * dark)
    shift = np.array([0.0, 0.0, yellow])
    back = _at(_BACK, dark) + blood + shift
    palm = _at(_PALM, dark) + blood * 1.2 + shift * 0.6
    nail = 0.45 * back + 0.55 * np.array([70.0 - 9.0 * dark, 14.0, 12.0])
    blotch = np.array([-1.6, 2.6, 0.4]) * mottle * (1.0 - 0.3 * dark)
    patch = np.array([2.4, -0.6, 1.2]) * mottle * (0.7 + 0.6 * dark)
    c, s = np.cos(mix), np.sin(mix)
    lab = np.empty((2, 13, 3))
    without, added = lab[0], lab[1]
    added[0] = palm - back
    added[1] = _at(_CREASE, dark) * crease
    added[2] = np.array([-4.5, 8.5, 1.0]) * (0.35 + 0.85 * redness) * (1.0 - 0.35 * dark)
    added[_NAIL] = nail - back
    added[4] = np.array([-11.0, 4.0, 1.0])
    added[_WHITE] = np.array([11.0, -8.0, 0.0])
    added[6] = np.array([-3.4, -2.0, -4.5]) * veins * (1.0 - 0.35 * dark)
    added[7] = 2.2 * (c * blotch + s * patch)
    added[8] = 2.2 * (c * patch - s * blotch)
    added[9] = np.array([3.2, -0.5, 0.0]) * grain
    added[10] = np.array([-11.0, 4.5, 5.0]) * freckles
    added[11] = np.array([-12.0, 1.0, 0.0]) * hair * (1.0 - 0.4 * dark)
    added[12] = np.array([4.5 - 1.5 * dark, -1.0, 0.0])
    without[:] = back
    without[_WHITE] = nail
    added += without
    return lab_to_srgb(lab.reshape(-1, 3)).reshape(lab.shape)


def tone_colours(tone: SkinTone) -> tuple[FloatArray, FloatArray]:
    """Returns the base colour (3,) and what each channel adds at full strength (C, 3), sRGB 0 to 255.

    What a channel adds is the difference of two colours: with it and without it. The mottle and grain rows
    are for a swing of half the channel's range.
    """
    numbers = (
        tone.melanin, tone.redness, tone.yellow, tone.mottle, tone.mottle_mix,
        tone.crease, tone.veins, tone.freckles, tone.hair, tone.grain,
    )  # fmt: skip
    without, with_it = _colours(np.array(numbers))
    rows = with_it - without
    rows[_WHITE] *= 0.35 + 0.65 * tone.nail_length
    if tone.polish is not None:
        rows[_NAIL] = np.array(tone.polish) - without[_NAIL]
        rows[_WHITE] = 0.0
    return without[_NAIL], rows
