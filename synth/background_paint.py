"""Brushes shared by the procedural backgrounds: noise, ramps, planes in perspective, light, lens.

A painted picture is float32 (n, n, 3) RGB in 0..1. Every brush is driven by the generator given.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

Canvas = npt.NDArray[np.float32]
Painter = Callable[[np.random.Generator, int], Canvas]


_HUES = ((0.02, 0.14), (0.53, 0.66), (0.94, 1.03), (0.2, 0.45), (0.0, 1.0))
_HUE_SHARES = (0.45, 0.7, 0.8, 0.9)  # summed up; the last range has the rest


def color(hue: float, saturation: float, value: float) -> Canvas:
    """Returns the RGB (3,) of a hue in 0..1, saturation and value."""
    ramp = (min(max(abs((hue * 6.0 + turn) % 6.0 - 3.0) - 1.0, 0.0), 1.0) for turn in (0.0, 4.0, 2.0))
    return np.array([value * (1 - saturation + saturation * share) for share in ramp], np.float32)


def drawn_color(
    rng: np.random.Generator,
    saturation: tuple[float, float] = (0.05, 0.6),
    value: tuple[float, float] = (0.2, 0.9),
    hue: tuple[float, float] | None = None,
) -> Canvas:
    """Draws an RGB colour (3,); without a range of hue, mostly warm and muted as at home."""
    pale = float(rng.random()) ** (1.0 if hue else 2.0)
    if hue is None:
        hue = _HUES[bisect_right(_HUE_SHARES, rng.random())]
    strong = saturation[0] + (saturation[1] - saturation[0]) * pale
    return color(float(rng.uniform(*hue)) % 1.0, strong, float(rng.uniform(*value)))


def fill(n: int, rgb: Canvas) -> Canvas:
    """Returns an even picture (n, n, 3)."""
    return np.broadcast_to(rgb.astype(np.float32), (n, n, 3)).copy()


def axes(n: int) -> tuple[Canvas, Canvas]:
    """Returns x and y of each pixel in 0..1, each (n, n)."""
    ramp = np.linspace(0, 1, n, dtype=np.float32)
    return np.broadcast_to(ramp, (n, n)), np.broadcast_to(ramp[:, None], (n, n))


def noise(
    rng: np.random.Generator, n: int, cells: tuple[int, int] = (6, 6), octaves: int = 4, fall: float = 0.5
) -> Canvas:
    """Makes smooth noise (n, n) of zero mean and unit deviation, with (x, y) cells in its first octave."""
    # Coarse to fine, each octave at twice its own grid: only the last step is as large as the picture.
    total: Canvas = np.zeros((2, 2), np.float32)
    for k in range(octaves):
        across, down = min(cells[0] << k, n), min(cells[1] << k, n)
        grid = np.float32(fall**k) * rng.standard_normal((down + 3, across + 3)).astype(np.float32)
        wide = (min(2 * across + 6, n), min(2 * down + 6, n))
        coarse = cv2.resize(total, wide, interpolation=cv2.INTER_LINEAR)
        total = np.asarray(coarse + cv2.resize(grid, wide, interpolation=cv2.INTER_CUBIC), np.float32)
    total = (total - total.mean()) / total.std()
    return np.asarray(cv2.resize(total, (n, n), interpolation=cv2.INTER_CUBIC), np.float32)


def blend(below: Canvas, above: Canvas, weight: Canvas | float) -> Canvas:
    """Lays `above`, a picture or one colour (3,), over `below`; the weight is one number or (n, n)."""
    w = np.asarray(weight, np.float32)
    out = np.subtract(above, below, dtype=np.float32)
    out *= w[..., None] if w.ndim == 2 else w
    out += below
    return out


def step(value: Canvas, low: float, high: float) -> Canvas:
    """Rises smoothly from 0 at `low` to 1 at `high`."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def blurred(picture: Canvas, sigma: float) -> Canvas:
    """Returns the picture out of focus by `sigma` pixels."""
    if sigma < 0.3:
        return picture
    if sigma > 4:
        # A wide gaussian of a quarter-size picture looks the same and costs a tenth.
        n = picture.shape[0]
        small = cv2.resize(picture, (n // 4, n // 4), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), sigma / 4, borderType=cv2.BORDER_REFLECT)
        return np.asarray(cv2.resize(small, (n, n), interpolation=cv2.INTER_CUBIC), np.float32)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)


def on_plane(
    rng: np.random.Generator, texture: Canvas, pitch: tuple[float, float] = (0.0, 0.75), turn: float = 3.2
) -> Canvas:
    """Shows a texture as a plane that is seen at a slant: 0 is face on, 1 towards the horizon."""
    n = texture.shape[0]
    slant, angle = float(rng.uniform(*pitch)), float(rng.uniform(-turn, turn))
    zoom = float(rng.uniform(0.75, 1.0))
    narrow = 1 - 0.55 * slant
    corners = np.array([[-1, -narrow], [1, -narrow], [1, 1], [-1, 1]]) * [[narrow], [narrow], [1], [1]]
    spin = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    source = (np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * zoom * 1.2 @ spin + 1) * n / 2
    target = (corners / [narrow, 1] * 1.35 + 1) * n / 2
    matrix = cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))
    flat = cv2.warpPerspective(texture, matrix, (n, n), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(flat, np.float32)


def lit(rng: np.random.Generator, picture: Canvas, depth: float = 0.45) -> Canvas:
    """Adds one side's light and a few soft shadows, as in a real room."""
    n = picture.shape[0]
    x, y = axes(n)
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.float32(np.cos(angle)) * (x - 0.5) + np.float32(np.sin(angle)) * (y - 0.5)
    shade = 1 + np.float32(depth) * ramp
    for _ in range(int(rng.integers(0, 3))):
        edge = np.float32(rng.normal()) * (x - 0.5) + np.float32(rng.normal()) * (y - 0.5)
        soft = float(rng.uniform(0.04, 0.3))
        shade = shade * (1 - np.float32(rng.uniform(0.1, 0.35)) * step(edge, 0.1, 0.1 + soft))
    return picture * shade[..., None]


def lens(rng: np.random.Generator, picture: Canvas, sigma: tuple[float, float] = (0.0, 2.0)) -> Canvas:
    """Finishes a picture as a lens would: defocus, darker corners, some haze."""
    n = picture.shape[0]
    out = blurred(picture, float(rng.uniform(*sigma)))
    x, y = axes(n)
    corner = (x - 0.5) ** 2 + (y - 0.5) ** 2
    dark, haze = np.float32(rng.uniform(0, 0.6)), np.float32(rng.uniform(0, 0.08))
    out = out * ((1 - dark * corner) * (1 - haze))[..., None]
    out += haze * np.float32(0.8)
    return np.asarray(np.clip(out, 0, 1, out=out), np.float32)


def rectangle(picture: Canvas, box: tuple[float, float, float, float], rgb: Canvas) -> None:
    """Fills x0, y0, x1, y1 [px] in place; parts outside are cut."""
    x0, y0, x1, y1 = (max(0, round(v)) for v in box)
    picture[y0:y1, x0:x1] = rgb


def polygon(picture: Canvas, points: npt.ArrayLike, rgb: Canvas) -> None:
    """Fills a polygon (k, 2) [px] in place, with smooth edges."""
    corners = np.rint(np.asarray(points, np.float64) * 16).astype(np.int32)
    cv2.fillPoly(picture, [corners], [float(c) for c in rgb], cv2.LINE_AA, 4)


def disc(picture: Canvas, center: tuple[float, float], radius: float, rgb: Canvas) -> None:
    """Fills a disc [px] in place."""
    at = (round(center[0]), round(center[1]))
    cv2.circle(picture, at, max(1, round(radius)), [float(c) for c in rgb], -1, cv2.LINE_AA)


def ramp_y(n: int) -> Canvas:
    """Returns y of each pixel in 0..1, (n, n)."""
    return axes(n)[1]
