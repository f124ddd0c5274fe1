"""The skin and the cloth of a forearm, as one texture: skin in the rows above, cloth below."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numba
import numpy as np
import numpy.typing as npt

from handbench.arrays import ImageArray
from handbench.seeding import rng_for

SIDE = 160
SKIN_ROWS = 48
CLOTHS = ("plain", "ribbed", "hoops", "plaid", "denim", "fleece", "dots", "knit")

_PRINTS = 3  # patterns made of each cloth and of skin
_CLOTH_ROWS = SIDE - SKIN_ROWS

Pattern = npt.NDArray[np.uint8]


def _ring_noise(rng: np.random.Generator, rows: int, cells: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Makes noise (rows, SIDE) of unit deviation that closes around the arm, with (around, along) cells."""
    grid = rng.standard_normal((cells[1] + 1, cells[0])).astype(np.float32)
    wrapped = np.concatenate([grid, grid, grid], axis=1)
    wide = cv2.resize(wrapped, (3 * SIDE, rows), interpolation=cv2.INTER_CUBIC)[:, SIDE : 2 * SIDE]
    return np.asarray(wide / wide.std(), np.float32)


@lru_cache(maxsize=len(CLOTHS) * _PRINTS)
def cloth_pattern(cloth: str, index: int) -> tuple[Pattern, Pattern]:
    """Makes a cloth's share of its second colour (0 to 255) and its shading (128 is even), (rows, 3 SIDE)."""
    rng = rng_for(0, "cloth", cloth, index)
    rows = _CLOTH_ROWS
    v, u = np.meshgrid(np.arange(rows) / rows, np.arange(SIDE) / SIDE, indexing="ij")
    mix, shade = np.zeros((rows, SIDE)), np.ones((rows, SIDE))
    if cloth in ("ribbed", "knit"):
        ribs = int(rng.integers(24, 40))
        shade += 0.16 * np.sin(2 * np.pi * ribs * u)
        if cloth == "knit":
            shade += 0.14 * np.sin(2 * np.pi * (ribs * 1.2 * v + 0.2 * np.sin(2 * np.pi * ribs * u)))
            mix += 0.3 * (_ring_noise(rng, rows, (60, 60)) > 0.6)
    elif cloth == "hoops":
        count, width = rng.integers(5, 15), rng.uniform(0.25, 0.6)
        mix += (v * count) % 1 < width
    elif cloth == "plaid":
        across, along = int(rng.integers(4, 9)), int(rng.integers(5, 11))
        mix += 0.45 * ((u * across) % 1 < 0.4) + 0.45 * ((v * along) % 1 < 0.4)
        shade -= 0.35 * (((u * across) % 1 < 0.06) | ((v * along) % 1 < 0.06))
    elif cloth == "denim":
        mix += 0.25 * _ring_noise(rng, rows, (80, 10)) + 0.2 * _ring_noise(rng, rows, (70, 70)) + 0.2
    elif cloth == "fleece":
        shade += 0.12 * _ring_noise(rng, rows, (40, 40)) + 0.08 * _ring_noise(rng, rows, (14, 14))
    elif cloth == "dots":
        across, along = int(rng.integers(7, 14)), int(rng.integers(9, 18))
        shift = 0.5 * (np.floor(v * along) % 2)
        mix += np.hypot((u * across + shift) % 1 - 0.5, (v * along) % 1 - 0.5) < rng.uniform(0.18, 0.3)
    folds = _ring_noise(rng, rows, (3, int(rng.integers(7, 16))))
    shade += 0.12 * np.gradient(cv2.GaussianBlur(folds, (0, 0), 1.2), axis=0) * 3
    shade += 0.03 * rng.standard_normal((rows, SIDE))
    shade[: int(rng.integers(5, 9))] *= 0.93
    return _bytes(mix * 255), _bytes(shade * 128)


@lru_cache(maxsize=_PRINTS)
def skin_pattern(index: int) -> Pattern:
    """Makes the mottle, veins and fine hair of a forearm: shading (128 is even), (SKIN_ROWS, 3 SIDE)."""
    rng = rng_for(0, "forearm skin", index)
    shade = 1 + 0.025 * _ring_noise(rng, SKIN_ROWS, (5, 4)) + 0.02 * _ring_noise(rng, SKIN_ROWS, (40, 20))
    vein = np.abs(_ring_noise(rng, SKIN_ROWS, (5, 2)))
    shade -= 0.05 * np.exp(-((vein / 0.08) ** 2))
    shade -= 0.05 * (_ring_noise(rng, SKIN_ROWS, (90, 30)) > 1.6)
    return _bytes(shade * 128)


def _bytes(value: npt.ArrayLike) -> Pattern:
    # Each number three times, once a channel: the painting loops then run over plain rows, in SIMD.
    value = np.repeat(np.asarray(value), 3, axis=1)
    return np.asarray(np.clip(np.rint(np.asarray(value)), 0, 255), np.uint8)


def arm_texture(
    rim_colors: ImageArray, cloth: str, index: int, first: ImageArray, second: ImageArray
) -> ImageArray:
    """Paints a forearm's texture.

    Args:
        rim_colors: (16, 3) sRGB of the hand's skin around its open wrist.
        cloth: one of `CLOTHS`.
        index: which print of the cloth and of the skin; taken modulo their number.
        first: (3,) sRGB of the cloth.
        second: (3,) sRGB of the cloth's pattern.

    Returns:
        (SIDE, SIDE, 3) uint8 sRGB; columns go around the arm, rows along it.
    """
    out = np.empty((SIDE, SIDE, 3), np.uint8)
    mix, shade = cloth_pattern(cloth, index % _PRINTS)
    flat = out.reshape(SIDE, 3 * SIDE)
    _paint_skin(np.ascontiguousarray(rim_colors), skin_pattern(index % _PRINTS), flat[:SKIN_ROWS])
    ends = [np.tile(tint.astype(np.int32), SIDE) for tint in (first, second)]
    _paint_cloth(mix, shade, ends[0], ends[1], flat[SKIN_ROWS:])
    return out


@numba.njit(cache=True, nogil=True)
def _paint_skin(rim: npt.NDArray[np.uint8], shade: npt.NDArray[np.uint8], out: npt.NDArray[np.uint8]) -> None:
    count, side = rim.shape[0], out.shape[1] // 3
    mean, wave = np.zeros(3), np.zeros((2, 3))
    for i in range(count):
        angle = 2 * np.pi * i / count
        for c in range(3):
            mean[c] += rim[i, c] / count
            wave[0, c] += 2 * np.cos(angle) * rim[i, c] / count
            wave[1, c] += 2 * np.sin(angle) * rim[i, c] / count
    near, drift = np.empty(3 * side, np.float32), np.empty(3 * side, np.float32)
    for x in range(side):
        at = count * x / (side - 1)
        i, part = int(at) % count, at - int(at)
        angle = 2 * np.pi * x / (side - 1)
        for c in range(3):
            start = (1 - part) * rim[i, c] + part * rim[(i + 1) % count, c]
            near[3 * x + c] = start
            # Away from the rim only the slow change between inner and outer arm stays.
            drift[3 * x + c] = mean[c] + np.cos(angle) * wave[0, c] + np.sin(angle) * wave[1, c] - start
    one, half, white = np.float32(1), np.float32(0.5), np.float32(255)
    for y in range(shade.shape[0]):
        t = np.float32(min(y / 9.0, 1.0))
        strength = np.float32(min(y / 4.0, 1.0) / 128)
        source, target = shade[y], out[y]
        for x in range(3 * side):
            tone = one + strength * np.float32(np.int32(source[x]) - np.int32(128))
            v = (near[x] + t * drift[x]) * tone + half
            v = half if v < half else v
            v = white if v > white else v
            target[x] = np.uint8(np.int32(v))


@numba.njit(cache=True, nogil=True)
def _paint_cloth(
    mix: npt.NDArray[np.uint8],
    shade: npt.NDArray[np.uint8],
    first: npt.NDArray[np.int32],
    second: npt.NDArray[np.int32],
    out: npt.NDArray[np.uint8],
) -> None:
    for y in range(mix.shape[0]):
        weights, tones, target = mix[y], shade[y], out[y]
        for x in range(target.size):
            even = first[x] * np.int32(255) + (second[x] - first[x]) * np.int32(weights[x])
            v = (even * np.int32(tones[x])) >> np.int32(15)
            target[x] = np.uint8(v if v < np.int32(255) else np.int32(255))
