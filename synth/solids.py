"""Everyday objects as small coloured meshes: mug, can, bottle, ball, apple, box, phone, pen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.errors import HandbenchError
from handbench.registry import nearest
from handbench.synth.background_paint import drawn_color

_AROUND = 24


@dataclass(frozen=True, slots=True)
class Solid:
    """A closed or open mesh about its middle.

    Attributes:
        kind: what it is.
        vertices: (V, 3) [m]; z is its long axis.
        faces: (F, 3) int32, outward.
        colors: (V, 3) uint8 sRGB.
        gloss: strength of its highlight.
    """

    kind: str
    vertices: FloatArray
    faces: npt.NDArray[np.int32]
    colors: ImageArray
    gloss: float


def make_solid(rng: np.random.Generator, kinds: Sequence[str]) -> Solid:
    """Draws one of the named objects, its size, colours and pattern.

    Raises:
        HandbenchError: for an unknown object.
    """
    for kind in kinds:
        if kind not in SOLIDS:
            raise HandbenchError(f"unknown object {kind!r}", nearest(kind, sorted(SOLIDS)))
    kind = kinds[int(rng.integers(len(kinds)))]
    return SOLIDS[kind](rng, kind)


def _rgb(rng: np.random.Generator, saturation: float = 0.85) -> FloatArray:
    return np.asarray(drawn_color(rng, (0.0, saturation), (0.08, 0.95)), np.float64) * 255


def _lathe(profile: FloatArray, sharp: float = 40.0) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """Turns a profile of (radius, height) rows around z; edges sharper than so many degrees stay sharp."""
    steps = np.diff(profile, axis=0)
    heading = np.degrees(np.arctan2(steps[:, 1], steps[:, 0]))
    rings, starts = [profile[0]], []
    for k in range(1, len(profile)):
        starts.append(len(rings) - 1)
        rings.append(profile[k])
        turn = abs((heading[k] - heading[k - 1] + 180) % 360 - 180) if k < len(steps) else 0.0
        if turn > sharp:
            rings.append(profile[k])
    ring = np.array(rings)
    angle = np.arange(_AROUND) * (2 * np.pi / _AROUND)
    x, y = ring[:, :1] * np.cos(angle), ring[:, :1] * np.sin(angle)
    vertices = np.stack([x, y, np.broadcast_to(ring[:, 1:], x.shape)], -1).reshape(-1, 3)
    k, i = np.meshgrid(np.array(starts), np.arange(_AROUND), indexing="ij")
    a, b = k * _AROUND + i, k * _AROUND + (i + 1) % _AROUND
    c, d = a + _AROUND, b + _AROUND
    faces = np.stack([np.stack([a, b, c], -1), np.stack([b, d, c], -1)], 2).reshape(-1, 3)
    return vertices, faces.astype(np.int32)


def _bands(rng: np.random.Generator, vertices: FloatArray, base: FloatArray, share: float) -> ImageArray:
    """Colours a turned solid: even, with a band or with a label on one side."""
    colors = np.broadcast_to(base, vertices.shape).copy()
    z = (vertices[:, 2] - vertices[:, 2].min()) / max(float(np.ptp(vertices[:, 2])), 1e-9)
    kind = rng.random()
    other = _rgb(rng)
    if kind < share * 0.5:
        low, high = np.sort(rng.uniform(0.1, 0.9, 2))
        colors[(z > low) & (z < high)] = other
    elif kind < share:
        low, high = np.sort(rng.uniform(0.15, 0.85, 2))
        front = vertices[:, 0] > 0.2 * vertices[:, 0].max()
        colors[(z > low) & (z < high) & front] = other
    return np.clip(np.rint(colors), 0, 255).astype(np.uint8)


def _arc(radius: float, height: float, start: float, stop: float, count: int) -> FloatArray:
    t = np.deg2rad(np.linspace(start, stop, count))
    return np.stack([radius * np.cos(t), height + radius * np.sin(t)], -1)


def _wall(radius: float, low: float, high: float, count: int = 9) -> FloatArray:
    return np.stack([np.full(count, radius), np.linspace(low, high, count)], -1)


def _turned(
    rng: np.random.Generator, kind: str, rows: Sequence[FloatArray], gloss: float, share: float
) -> Solid:
    vertices, faces = _lathe(np.concatenate(rows))
    vertices[:, 2] -= (vertices[:, 2].min() + vertices[:, 2].max()) / 2
    return Solid(kind, vertices, faces, _bands(rng, vertices, _rgb(rng), share), gloss)


def _point(radius: float, height: float) -> FloatArray:
    return np.array([[radius, height]])


def _ball(rng: np.random.Generator, kind: str) -> Solid:
    r = float(rng.uniform(0.018, 0.04))
    return _turned(rng, kind, [_arc(r, 0.0, -90, 90, 17)], float(rng.uniform(0, 0.5)), 0.5)


def _apple(rng: np.random.Generator, kind: str) -> Solid:
    r = float(rng.uniform(0.032, 0.042))
    t = np.linspace(np.pi, 0.0, 21)
    across = r * np.sin(t) * (1 + 0.1 * np.cos(t))
    dimple = np.where(t < np.pi / 2, 0.34, -0.14) * r * np.exp(-((across / (0.36 * r)) ** 2))
    profile = np.stack([across, 0.88 * r * np.cos(t) - dimple], -1)
    top = profile[-1, 1]
    stem = np.array([[0.0016, top], [0.0013, top + 0.35 * r], [0.0018, top + 0.6 * r], [0.0, top + 0.6 * r]])
    vertices, faces = _lathe(np.concatenate([profile, stem]), 75)
    hue = float(rng.choice([0.0, 0.02, 0.1, 0.24]))
    base = np.asarray(drawn_color(rng, (0.65, 0.9), (0.4, 0.85), (hue, hue + 0.04)), np.float64) * 255
    blush = 0.5 + 0.5 * np.sin(4 * np.arctan2(vertices[:, 1], vertices[:, 0]) + rng.uniform(0, 6))
    colors = base * (1 - 0.3 * blush[:, None] * float(rng.random()))
    colors[vertices[:, 2] > top + 0.1 * r] = base * 0.9
    colors[-4 * _AROUND :] = (70, 50, 30)
    return Solid(kind, vertices, faces, np.clip(colors, 0, 255).astype(np.uint8), 0.4)


def _can(rng: np.random.Generator, kind: str) -> Solid:
    r, h = float(rng.uniform(0.026, 0.036)), float(rng.uniform(0.09, 0.14))
    rows = [_point(0, 0), _point(r * 0.9, 0), _wall(r, 0.004, h - 0.006), _point(r * 0.86, h), _point(0, h)]
    return _turned(rng, kind, rows, 0.6, 0.8)


def _bottle(rng: np.random.Generator, kind: str) -> Solid:
    r, h = float(rng.uniform(0.028, 0.04)), float(rng.uniform(0.16, 0.24))
    neck = float(rng.uniform(0.009, 0.013))
    t = np.linspace(0, 1, 7)
    shoulder = np.stack([r + (neck - r) * (3 * t**2 - 2 * t**3), h * (0.62 + 0.2 * t)], -1)
    rows = [_point(0, 0), _wall(r, 0, h * 0.6), shoulder, _wall(neck, h * 0.83, h * 0.93, 3)]
    rows += [_wall(neck * 1.15, h * 0.93, h, 3), _point(0, h)]
    return _turned(rng, kind, rows, 0.7, 0.8)


def _pen(rng: np.random.Generator, kind: str) -> Solid:
    r, h = float(rng.uniform(0.0035, 0.006)), float(rng.uniform(0.12, 0.18))
    rows = [_point(0.0006, 0), _point(r * 0.5, h * 0.05), _wall(r, h * 0.1, h * 0.98, 8), _point(0, h)]
    return _turned(rng, kind, rows, 0.4, 0.8)


def _mug(rng: np.random.Generator, kind: str) -> Solid:
    r, h = float(rng.uniform(0.034, 0.044)), float(rng.uniform(0.075, 0.105))
    wall = 0.0035
    rows = [_point(0, 0), _wall(r, 0, h), _wall(r - wall, h, wall, 4), _point(0, wall)]
    body = _turned(rng, kind, rows, 0.5, 0.6)
    t = np.deg2rad(np.linspace(-80, 80, 11))
    turn = np.arange(8) * (np.pi / 4)
    tube = 0.0055
    size = np.array([0.62 * r, 0.32 * h])
    middle = np.stack([r * 0.9 + size[0] * np.cos(t), np.zeros_like(t), size[1] * np.sin(t)], -1)
    outward = np.stack([np.cos(t), np.zeros_like(t), np.sin(t)], -1)
    rings = middle[:, None] + tube * (
        np.cos(turn)[None, :, None] * outward[:, None]
        + np.sin(turn)[None, :, None] * np.array([0.0, 1.3, 0.0])
    )
    k, i = np.meshgrid(np.arange(10), np.arange(8), indexing="ij")
    a, b = k * 8 + i, k * 8 + (i + 1) % 8
    c, d = a + 8, b + 8
    handle = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], 2).reshape(-1, 3)
    faces = np.concatenate([body.faces, handle.astype(np.int32) + len(body.vertices)])
    vertices = np.concatenate([body.vertices, rings.reshape(-1, 3)])
    tint = np.broadcast_to(body.colors[_AROUND * 2], (88, 3))
    return Solid(kind, vertices, faces, np.concatenate([body.colors, tint]), body.gloss)


def _slab(rng: np.random.Generator, kind: str) -> Solid:
    """Makes a box or a phone: six sides of their own vertices, so that edges stay sharp."""
    phone = kind == "phone"
    size = np.array([rng.uniform(0.065, 0.078), rng.uniform(0.007, 0.01), rng.uniform(0.135, 0.165)])
    if not phone:
        size = rng.uniform((0.02, 0.015, 0.05), (0.09, 0.06, 0.15))
    # Close grid lines keep the edges of a pattern sharp: colours run between vertices.
    grid = np.array([-0.5, -0.445, -0.44, -0.205, -0.2, 0.2, 0.205, 0.44, 0.445, 0.5])
    n = len(grid)
    base, other = _rgb(rng), _rgb(rng)
    u, v = np.meshgrid(grid, grid, indexing="ij")
    i, j = (m.ravel() for m in np.meshgrid(np.arange(n - 1), np.arange(n - 1), indexing="ij"))
    a, b, c, d = i * n + j, i * n + j + 1, (i + 1) * n + j, (i + 1) * n + j + 1
    sheet = np.concatenate([np.stack([a, c, b], -1), np.stack([b, c, d], -1)])
    vertices: list[FloatArray] = []
    faces: list[npt.NDArray[np.int64]] = []
    colors: list[FloatArray] = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            corner = np.empty((n * n, 3))
            corner[:, axis] = 0.5 * sign
            corner[:, (axis + 1) % 3], corner[:, (axis + 2) % 3] = u.ravel(), v.ravel()
            faces.append((sheet if sign > 0 else sheet[:, ::-1]) + n * n * len(faces))
            vertices.append(corner * size)
            tint = np.broadcast_to(base, (n * n, 3)).copy()
            inner = (np.abs(u) < 0.442) & (np.abs(v) < 0.442)
            if phone and axis == 1 and sign > 0:
                tint[inner.ravel()] = other * 0.25 if rng.random() < 0.5 else other
            elif not phone and rng.random() < 0.5:
                tint[inner.ravel() if rng.random() < 0.5 else (np.abs(v) < 0.202).ravel()] = other
            colors.append(tint)
    return Solid(
        kind,
        np.concatenate(vertices),
        np.concatenate(faces).astype(np.int32),
        np.clip(np.rint(np.concatenate(colors)), 0, 255).astype(np.uint8),
        0.6 if phone else 0.1,
    )


SOLIDS: dict[str, Callable[[np.random.Generator, str], Solid]] = {
    "ball": _ball,
    "apple": _apple,
    "can": _can,
    "bottle": _bottle,
    "pen": _pen,
    "mug": _mug,
    "box": _slab,
    "phone": _slab,
}
