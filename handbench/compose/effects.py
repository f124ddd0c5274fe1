"""What a camera does to a picture: exposure, tone, blur and noise, the same for each picture of a record.

Two pictures of one record (both hands; the target alone) get one `Effects`. Every step is local, so
where the two agree within `Effects.blur_radius` pixels they agree bit for bit afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, cos, hypot, pi, sin

import cv2
import numba
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

_FIELD_SIDE = 512  # noise field, pixels; it repeats beyond
FIELD_UNIT = 32.0  # int8 steps a standard deviation
_WEIGHT_BITS = 14  # fixed point of the line kernel


@dataclass(frozen=True, slots=True)
class EffectsSettings:
    """Holds the ranges that picture effects are drawn from; lengths are pixels of a 256-pixel picture."""

    exposure_stops: tuple[float, float] = (-0.7, 0.5)
    white_balance: float = 0.05  # standard deviation of the log gain of red and blue
    midtone: tuple[float, float] = (-0.3, 0.35)  # bends the tone curve (a gamma), black and white fixed
    contrast: tuple[float, float] = (-0.15, 0.45)  # steepens the middle of the tone curve
    p_motion_blur: float = 0.2
    motion_length: tuple[float, float] = (1.5, 9.0)
    p_defocus: float = 0.15
    defocus_sigma: tuple[float, float] = (0.4, 1.3)
    noise_read: tuple[float, float] = (0.3, 1.6)  # grey levels
    noise_shot: tuple[float, float] = (0.004, 0.05)  # variance a grey level
    p_low_light: float = 0.05
    low_light_stops: tuple[float, float] = (-6.2, -5.0)
    low_light_noise: float = 2.0  # factor on both noise terms' deviation
    jpeg_quality: tuple[int, int] = (70, 97)


@dataclass(frozen=True, slots=True)
class Effects:
    """Describes one camera's effects, drawn once a record."""

    gain: tuple[float, float, float]  # on sRGB values
    midtone: float
    contrast: float
    noise_read: float
    noise_shot: float
    noise_offset: tuple[int, int]
    motion: tuple[float, float]  # path of a point during the exposure, (x, y) px
    defocus: float  # sigma, px
    low_light: bool
    jpeg_quality: int

    @property
    def blur_radius(self) -> int:
        """Gives how many pixels away from a difference two pictures may differ afterwards."""
        line = ceil(max(abs(self.motion[0]), abs(self.motion[1])) / 2) if _moves(self.motion) else 0
        return line + (_gaussian_radius(self.defocus) if self.defocus > 0 else 0)


def draw_effects(
    rng: np.random.Generator, settings: EffectsSettings | None = None, size: int = 256
) -> Effects:
    """Draws the effects of one record; `size` is the picture's side in pixels, to which blur is scaled."""
    s = settings or EffectsSettings()
    u = rng.random(12).tolist()
    low = bool(u[0] < s.p_low_light)
    stops = _between(s.low_light_stops if low else s.exposure_stops, u[1])
    base = 2.0 ** (stops / 2.2)
    red, green, blue = np.exp(s.white_balance * rng.standard_normal(3) * (1.0, 0.3, 1.0))
    length = _between(s.motion_length, u[2] * u[2]) * size / 256 if u[3] < s.p_motion_blur else 0.0
    angle = pi * u[4]
    strength = s.low_light_noise if low else 1.0
    return Effects(
        gain=(float(base * red), float(base * green), float(base * blue)),
        midtone=_between(s.midtone, u[5]),
        contrast=_between(s.contrast, u[6]),
        noise_read=strength * _between(s.noise_read, u[7]),
        noise_shot=strength**2 * _between(s.noise_shot, u[7] * u[8]),
        noise_offset=(int(rng.integers(_FIELD_SIDE)), int(rng.integers(_FIELD_SIDE))),
        motion=(length * cos(angle), length * sin(angle)),
        defocus=_between(s.defocus_sigma, u[9]) * size / 256 if u[10] < s.p_defocus else 0.0,
        low_light=low,
        jpeg_quality=round(_between(s.jpeg_quality, u[11])),
    )


def apply_effects(
    image: npt.NDArray[np.uint8] | npt.NDArray[np.float32], effects: Effects, origin: tuple[int, int] = (0, 0)
) -> Picture:
    """Returns the picture as the described camera records it.

    Args:
        image: (h, w, 3) sRGB, uint8 or float32 in 0..255.
        effects: what `draw_effects` gave; the picture's JPEG step is the writer's.
        origin: row and column of a whole picture that ``image`` is a window of. Inside a rim of
            ``effects.blur_radius`` the window is as the whole picture would be.

    Returns:
        (h, w, 3) uint8; the input is not changed.
    """
    if image.dtype != np.uint8:
        image = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    picture = np.ascontiguousarray(image, dtype=np.uint8)
    if effects.defocus > 0:
        side = 2 * _gaussian_radius(effects.defocus) + 1
        blurred = cv2.GaussianBlur(picture, (side, side), effects.defocus, borderType=cv2.BORDER_REPLICATE)
        picture = np.asarray(blurred, dtype=np.uint8)
    if _moves(effects.motion):
        picture = _blur_along(picture, effects.motion)
    height, width = picture.shape[:2]
    out = np.empty((height, 3 * width), np.uint8)
    _expose(
        picture.reshape(height, 3 * width),
        noise_field(height + origin[0], width + origin[1]),
        effects.noise_offset[0] + origin[0],
        3 * (effects.noise_offset[1] + origin[1]),
        np.asarray(effects.gain, np.float32),
        np.float32(effects.midtone),
        np.float32(effects.contrast),
        np.float32((effects.noise_read / FIELD_UNIT) ** 2),
        np.float32(effects.noise_shot / FIELD_UNIT**2),
        out,
    )
    return out.reshape(height, width, 3)


def _between(limits: tuple[float, float], u: float) -> float:
    return float(limits[0] + (limits[1] - limits[0]) * u)


def _moves(motion: tuple[float, float]) -> bool:
    return hypot(*motion) >= 0.5


def _gaussian_radius(sigma: float) -> int:
    return max(1, ceil(3 * sigma))


def noise_field(height: int, width: int) -> npt.NDArray[np.int8]:
    """Returns unit noise as a sensor's pipeline leaves it: part grey, part colour, a little smoothed.

    One field serves all pictures: drawing fresh normals for one picture costs 1.5 ms. It has at least
    (512 + height, 3 (512 + width)) values, so that any offset fits, and repeats every 512 pixels.
    """
    return _noise_tiles(2 + (height - 1) // _FIELD_SIDE, 2 + (width - 1) // _FIELD_SIDE)


@lru_cache(maxsize=4)
def _noise_tiles(down: int, across: int) -> npt.NDArray[np.int8]:
    rng = np.random.default_rng(20_240_607)
    white = rng.standard_normal((_FIELD_SIDE, _FIELD_SIDE, 3)).astype(np.float32)
    grey = rng.standard_normal((_FIELD_SIDE, _FIELD_SIDE, 1)).astype(np.float32)
    wrapped = np.pad(white, ((2, 2), (2, 2), (0, 0)), mode="wrap")
    smooth = cv2.GaussianBlur(wrapped, (5, 5), 0.8)[2:-2, 2:-2]
    field = 0.75 * grey + 0.45 * white + 0.5 * smooth / np.float32(smooth.std())
    unit = np.clip(np.rint(field / field.std() * FIELD_UNIT), -127, 127).astype(np.int8)
    tiled = np.tile(unit, (down, across, 1))
    return tiled.reshape(tiled.shape[0], -1)


@numba.njit(cache=True, nogil=True)
def _expose(
    image: npt.NDArray[np.uint8],
    field: npt.NDArray[np.int8],
    row: int,
    column: int,
    gain: npt.NDArray[np.float32],
    midtone: np.float32,
    contrast: np.float32,
    read: np.float32,
    shot: np.float32,
    out: npt.NDArray[np.uint8],
) -> None:
    # Polynomials in place of powers and slices in place of offsets: the loop then runs in SIMD (3x).
    zero, half, one, white = np.float32(0), np.float32(0.5), np.float32(1), np.float32(255)
    height, width = image.shape
    gains = np.empty(width, np.float32)
    for c in range(3):
        gains[c::3] = gain[c] / white
    for y in range(height):
        source = image[y]
        noise = field[row + y, column : column + width]
        target = out[y]
        for x in range(width):
            v = np.float32(source[x]) * gains[x]
            v = one if v > one else v
            v = v + v * (one - v) * (midtone + contrast * (v + v - one))
            v = v * white
            v = v + np.sqrt(read + shot * v) * np.float32(noise[x]) + half
            v = zero if v < zero else v
            v = white if v > white else v
            target[x] = np.uint8(np.int32(v))


@lru_cache(maxsize=1)
def _line_taps(motion: tuple[float, float]) -> npt.NDArray[np.int64]:
    """Returns a straight path's taps as rows (dy, dx, weight); the weights sum to 2**14."""
    steps = 2 * ceil(hypot(*motion)) + 1
    weights: dict[tuple[int, int], float] = {}
    for t in np.linspace(-0.5, 0.5, steps):
        x, y = float(motion[0] * t), float(motion[1] * t)
        x0, y0 = int(np.floor(x)), int(np.floor(y))
        for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
            w = (1 - abs(y - y0 - dy)) * (1 - abs(x - x0 - dx))
            if w > 1e-9:
                weights[y0 + dy, x0 + dx] = weights.get((y0 + dy, x0 + dx), 0.0) + w / steps
    taps = [(dy, dx, round(w * 2**_WEIGHT_BITS)) for (dy, dx), w in sorted(weights.items())]
    table = np.asarray([tap for tap in taps if tap[2] > 0], dtype=np.int64)
    table[np.argmax(table[:, 2]), 2] += 2**_WEIGHT_BITS - table[:, 2].sum()
    return table


def _blur_along(image: Picture, motion: tuple[float, float]) -> Picture:
    # Not cv2.filter2D: for large kernels it goes through a DFT, whose rounding reaches every pixel.
    taps = _line_taps(motion)
    pad = int(np.abs(taps[:, :2]).max())
    padded = np.asarray(cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_REPLICATE), dtype=np.uint8)
    out = np.empty_like(image)
    height, width = image.shape[:2]
    _gather(padded.reshape(height + 2 * pad, -1), taps, pad, out.reshape(height, 3 * width))
    return out


@numba.njit(cache=True, nogil=True)
def _gather(
    padded: npt.NDArray[np.uint8], taps: npt.NDArray[np.int64], pad: int, out: npt.NDArray[np.uint8]
) -> None:
    height, width = out.shape
    total = np.empty(width, np.uint32)
    for y in range(height):
        total[:] = np.uint32(1 << (_WEIGHT_BITS - 1))
        for k in range(taps.shape[0]):
            start = 3 * (pad + taps[k, 1])
            source = padded[y + pad + taps[k, 0], start : start + width]
            weight = np.uint32(taps[k, 2])
            for x in range(width):
                total[x] += weight * np.uint32(source[x])
        target = out[y]
        for x in range(width):
            target[x] = np.uint8(total[x] >> np.uint32(_WEIGHT_BITS))
