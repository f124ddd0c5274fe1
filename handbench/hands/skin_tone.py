"""One person's skin: its parameters, drawn at random, and the colours that follow from them.

Base colours are CIELAB values in the middle of the six classes of the individual typology angle
ITA = atan((L - 50) / b) (Chardon et al. 1991; class means as reported by Del Bino and Bernerd 2013):
very light, light, intermediate, tan, brown, dark.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handbench.arrays import FloatArray

TONE_NAMES = ("very light", "light", "intermediate", "tan", "brown", "dark")
# Lightness, a, b of the back of the hand at melanin 0, 0.2 ... 1, and of the palm.
_BACK = np.array(
    [[72, 9, 13.5], [68, 10, 16], [63.5, 11, 18], [57, 12, 19.5], [47, 12.5, 20], [33, 11, 15.5]]
)
_PALM = np.array(
    [[71.5, 13, 12], [69, 13.5, 14], [67, 13.5, 15.5], [64, 13.5, 17], [59, 13, 18], [53, 12, 17]]
)
_CREASE = np.array([[-9, 6, 2], [-10, 5.5, 2], [-11, 5, 2], [-13, 4, 1], [-15, 3, -1], [-14, 1, -3]])
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


def lab_to_srgb(lab: FloatArray) -> FloatArray:
    """Returns sRGB 0 to 255 (..., 3) of CIELAB colours (D65)."""
    fy = (lab[..., 0] + 16.0) / 116.0
    f = np.stack([fy + lab[..., 1] / 500.0, fy, fy - lab[..., 2] / 200.0], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _D65
    linear = np.clip(xyz @ _TO_RGB.T, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(encoded * 255.0)


def _at(table: FloatArray, melanin: float) -> FloatArray:
    place = np.clip(melanin, 0.0, 1.0) * (len(table) - 1)
    return np.array([np.interp(place, np.arange(len(table)), table[:, k]) for k in range(3)])


def tone_colours(tone: SkinTone) -> tuple[FloatArray, FloatArray]:
    """Returns the base colour (3,) and what each channel adds at full strength (C, 3), sRGB 0 to 255.

    The mottle and grain rows are for a swing of half the channel's range.
    """
    dark = tone.melanin
    blood = np.array([-2.5, 5.0, 0.5]) * (tone.redness - 0.5) * (1.0 - 0.45 * dark)
    shift = np.array([0.0, 0.0, tone.yellow])
    back = _at(_BACK, dark) + blood + shift
    palm = _at(_PALM, dark) + blood * 1.2 + shift * 0.6
    nail = 0.45 * back + 0.55 * np.array([70.0 - 9.0 * dark, 14.0, 12.0])
    blotch = np.array([-1.6, 2.6, 0.4]) * tone.mottle * (1.0 - 0.3 * dark)
    patch = np.array([2.4, -0.6, 1.2]) * tone.mottle * (0.7 + 0.6 * dark)
    c, s = np.cos(tone.mottle_mix), np.sin(tone.mottle_mix)
    # What a channel adds is the difference of two colours: with it and without it. One conversion for all.
    added = np.array(
        [
            palm - back,
            _at(_CREASE, dark) * tone.crease,
            np.array([-4.5, 8.5, 1.0]) * (0.35 + 0.85 * tone.redness) * (1.0 - 0.35 * dark),
            nail - back,
            (-11.0, 4.0, 1.0),
            (11.0, -8.0, 0.0),
            np.array([-3.4, -2.0, -4.5]) * tone.veins * (1.0 - 0.35 * dark),
            2.2 * (c * blotch + s * patch),
            2.2 * (c * patch - s * blotch),
            np.array([3.2, -0.5, 0.0]) * tone.grain,
            np.array([-11.0, 4.5, 5.0]) * tone.freckles,
            np.array([-12.0, 1.0, 0.0]) * tone.hair * (1.0 - 0.4 * dark),
            (4.5 - 1.5 * dark, -1.0, 0.0),
        ]
    )
    without = np.repeat(back[None], len(added), axis=0)
    without[_WHITE] = nail
    colours = lab_to_srgb(np.stack([without, without + added]))
    rows = colours[1] - colours[0]
    rows[_WHITE] *= 0.35 + 0.65 * tone.nail_length
    if tone.polish is not None:
        rows[_NAIL] = np.array(tone.polish) - colours[0, _NAIL]
        rows[_WHITE] = 0.0
    return np.asarray(colours[0, _NAIL]), rows
