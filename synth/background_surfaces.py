"""Backgrounds that are one surface: wooden desk, fabric, brick, tiles, stone, carpet."""

from __future__ import annotations

import cv2
import numpy as np

from handbench.synth import background_paint as paint
from handbench.synth.background_paint import Canvas


def wood(rng: np.random.Generator, n: int) -> Canvas:
    """Paints a wooden desk top: planks with grain and rings, seen from above at a slant."""
    y = paint.ramp_y(n)
    planks = int(rng.integers(1, 7))
    lane = np.floor(y * planks)
    tone = rng.uniform(-0.12, 0.12, planks + 1).astype(np.float32)[lane.astype(np.int64)]
    bend = paint.noise(rng, n, (1, 5), 2) * np.float32(rng.uniform(0.1, 0.3))
    shift = rng.uniform(0, 9, planks + 1).astype(np.float32)[lane.astype(np.int64)]
    rings = np.sin((y * 3 + bend + shift) * np.float32(rng.uniform(8, 30)))
    rings = rings * paint.step(paint.noise(rng, n, (1, 6), 2), -1.5, 1.5)
    fibre = paint.noise(rng, n, (3, 90), 2) + np.float32(0.7) * paint.noise(rng, n, (1, 24), 2)
    dark = paint.drawn_color(rng, (0.4, 0.75), (0.15, 0.45), (0.04, 0.1))
    light = np.clip(dark * np.float32(rng.uniform(1.4, 2.6)) + np.float32(0.04), 0, 1)
    grain = (
        np.float32(0.5)
        + rings * np.float32(rng.uniform(0.05, 0.2))
        + fibre * np.float32(rng.uniform(0.06, 0.14))
        + tone
    )
    out = paint.blend(paint.fill(n, dark), light, np.clip(grain, 0, 1))
    if planks > 1:
        gap = np.abs(y * planks - np.rint(y * planks)).astype(np.float32) * np.float32(n / planks)
        out *= (1 - 0.55 * (1 - paint.step(gap, 0.4, 1.8)))[..., None]
    out = paint.on_plane(rng, out, (0.1, 0.8), float(rng.choice([0.15, 3.2])))
    out += np.float32(rng.uniform(0, 0.14)) * paint.step(paint.noise(rng, n, (1, 1), 2), 0.2, 2.2)[..., None]
    return paint.lens(rng, paint.lit(rng, out), (0.0, 1.8))


def _folds(rng: np.random.Generator, n: int) -> tuple[Canvas, Canvas]:
    """Makes creases that run mostly one way: their shading (about 1) and their height [px], each (n, n)."""
    x, y = paint.axes(n)
    angle = float(rng.uniform(0, np.pi))
    along = np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y
    bend = paint.noise(rng, n, (1, 2), 2)
    height = np.zeros((n, n), np.float32)
    for _ in range(int(rng.integers(1, 7))):
        offset = along - np.float32(rng.uniform(-0.3, 1.3)) + bend * np.float32(rng.uniform(0.02, 0.12))
        extent = paint.step(paint.noise(rng, n, (2, 2), 1), -0.6, 1.2)
        height += extent * np.exp(-((offset / np.float32(rng.uniform(0.02, 0.1))) ** 2))
    height += np.float32(0.35) * paint.noise(rng, n, (2, 2), 3)
    slope = np.asarray(np.gradient(height, axis=int(rng.integers(2))), np.float32) * np.float32(n / 24)
    shade = np.clip(1 + np.float32(rng.uniform(0.3, 0.9)) * slope, 0.35, 1.5)
    return np.asarray(shade, np.float32), np.asarray(height * np.float32(rng.uniform(1, 4)), np.float32)


def fabric(rng: np.random.Generator, n: int) -> Canvas:
    """Paints cloth: a plain, striped or checked weave with folds."""
    x, y = paint.axes(n)
    base = paint.drawn_color(rng, (0.03, 0.7), (0.15, 0.9))
    other = paint.drawn_color(rng, (0.03, 0.7), (0.15, 0.9))
    kind = int(rng.integers(3))
    count = np.float32(rng.uniform(5, 22))
    width = float(rng.uniform(0.2, 0.6))
    stripes = (np.mod(x * count, 1) < width).astype(np.float32)
    across = (np.mod(y * count, 1) < width).astype(np.float32)
    pattern = (np.zeros((n, n), np.float32), stripes, 0.5 * (stripes + across))[kind]
    out = paint.blend(paint.fill(n, base), other, pattern * np.float32(rng.uniform(0.4, 0.9)))
    threads = np.float32(n / rng.uniform(2.5, 6.0) * 2 * np.pi)
    weave = np.sin(x * threads) * np.sin(y * threads) * np.float32(0.05)
    lint = rng.standard_normal((n, n)).astype(np.float32) * np.float32(0.04)
    out = out * (1 + weave + lint)[..., None]
    relief, wave = _folds(rng, n)
    map_x, map_y = (x * n + wave).astype(np.float32), (y * n + wave).astype(np.float32)
    bent = cv2.remap(out, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    out = np.asarray(bent, np.float32) * relief[..., None]
    return paint.lens(rng, paint.lit(rng, paint.on_plane(rng, out, (0.0, 0.5))), (0.0, 1.6))


def _courses(
    rng: np.random.Generator, n: int, rows: int, ratio: float, shift: float, gap: float
) -> tuple[Canvas, Canvas]:
    """Lays blocks in rows; returns each pixel's block value in 0..1 and its share of joint, both (n, n)."""
    x, y = paint.axes(n)
    v = y * rows
    row = np.floor(v).astype(np.int64)
    u = x * np.float32(rows / ratio) + row % 2 * np.float32(shift)
    column = np.floor(u).astype(np.int64)
    values = rng.random((rows + 2, int(rows / ratio) + 4)).astype(np.float32)[row, column]
    edge_u = np.abs(u - np.rint(u)) * np.float32(ratio * n / rows)
    edge_v = np.abs(v - np.rint(v)) * np.float32(n / rows)
    edge = np.minimum(edge_u, edge_v) + paint.noise(rng, n, (40, 40), 1) * np.float32(0.25 * gap)
    return values, 1 - paint.step(edge, gap * 0.7, gap * 1.5 + 0.5)


def brick(rng: np.random.Generator, n: int) -> Canvas:
    """Paints a brick wall with mortar joints."""
    rows = int(rng.integers(7, 18))
    value, joint = _courses(rng, n, rows, float(rng.uniform(2.2, 3.6)), 0.5, n / rows * 0.05)
    white = rng.random() < 0.25
    saturation, bright = ((0.0, 0.1), (0.65, 0.9)) if white else ((0.35, 0.7), (0.3, 0.65))
    one = paint.drawn_color(rng, saturation, bright, (0.0, 0.08))
    two = np.clip(one * rng.uniform(0.55, 0.85) + rng.normal(0, 0.03, 3), 0, 1).astype(np.float32)
    out = paint.blend(paint.fill(n, one), two, value)
    rough = paint.noise(rng, n, (24, 24), 4, 0.8)
    out = out * (1 + np.float32(0.09) * rough)[..., None]
    mortar = paint.fill(n, paint.drawn_color(rng, (0.0, 0.15), (0.45, 0.8), (0.05, 0.12)))
    out = paint.blend(out, mortar * (1 + np.float32(0.05) * rough)[..., None], joint)
    relief = np.roll(joint, (1, 1), (0, 1)) - np.roll(joint, (-1, -1), (0, 1))
    out = out * (1 + np.float32(rng.uniform(0.1, 0.4)) * relief)[..., None]
    out = paint.on_plane(rng, out, (0.0, 0.5), 0.1)
    return paint.lens(rng, paint.lit(rng, out), (0.2, 2.8))


def tiles(rng: np.random.Generator, n: int) -> Canvas:
    """Paints glazed tiles with grout and reflections of a window."""
    rows = int(rng.integers(4, 13))
    ratio = float(rng.choice([1.0, 1.0, 2.0]))
    value, joint = _courses(rng, n, rows, ratio, 0.5 if ratio > 1 else 0.0, n / rows * 0.025)
    one = paint.drawn_color(rng, (0.0, 0.5), (0.45, 0.95))
    chess = float(rng.choice([0.08, 0.08, 0.8]))
    two = one * np.float32(1 - chess * 0.7)
    out = paint.blend(paint.fill(n, one), two, value if chess < 0.5 else (value > 0.6) * 1.0)
    out = out * (1 + np.float32(0.02) * paint.noise(rng, n, (8, 8), 3))[..., None]
    x, y = paint.axes(n)
    tilt = (value - 0.5) * np.float32(rng.uniform(0.05, 0.3))
    glow = paint.step(1 - np.hypot(x - 0.5 + tilt, y - np.float32(rng.uniform(0, 1)) + tilt), 0.5, 1.0)
    out = out + np.float32(rng.uniform(0.05, 0.4)) * (glow * (1 - joint))[..., None]
    out = paint.blend(out, paint.drawn_color(rng, (0, 0.1), (0.3, 0.85)), joint)
    out = paint.on_plane(rng, out, (0.0, 0.75), 0.4)
    return paint.lens(rng, paint.lit(rng, out), (0.0, 2.2))


def stone(rng: np.random.Generator, n: int) -> Canvas:
    """Paints marble, granite or concrete."""
    kind = int(rng.integers(3))
    base = paint.drawn_color(rng, (0.0, 0.25), (0.25, 0.9), (0.0, 0.15))
    out = paint.fill(n, base)
    if kind == 0:
        field = paint.noise(rng, n, (3, 3), 6, 0.6)
        vein = np.exp(-np.abs(field) * np.float32(rng.uniform(6, 16)))
        fine = np.exp(-np.abs(paint.noise(rng, n, (5, 5), 5, 0.65)) * np.float32(20))
        tint = np.clip(base * np.float32(0.35 if base.mean() > 0.5 else 2.0), 0, 1)
        out = paint.blend(out, tint, np.clip(0.6 * vein + 0.25 * fine, 0, 1))
        out = out * (1 + np.float32(0.06) * paint.noise(rng, n, (2, 2), 4))[..., None]
    elif kind == 1:
        for k in range(3):
            speck = paint.noise(rng, n, (70 + 30 * k, 70 + 30 * k), 2, 0.8)
            tint = np.clip(base * np.float32(rng.uniform(0.2, 1.9)), 0, 1)
            out = paint.blend(out, tint, paint.step(speck, 0.9, 1.3))
    else:
        rough = paint.noise(rng, n, (3, 3), 7, 0.7)
        out = out * (1 + np.float32(0.1) * rough)[..., None]
        pits = paint.step(paint.noise(rng, n, (90, 90), 1), 2.3, 2.9)
        out = out * (1 - 0.4 * pits)[..., None]
    out = paint.on_plane(rng, out, (0.0, 0.7))
    return paint.lens(rng, paint.lit(rng, out, 0.6), (0.0, 1.8))


def carpet(rng: np.random.Generator, n: int) -> Canvas:
    """Paints a woven rug or checked floor in perspective."""
    x, y = paint.axes(n)
    palette = [paint.drawn_color(rng, (0.1, 0.75), (0.12, 0.8)) for _ in range(4)]
    out = paint.fill(n, palette[0])
    count = np.float32(rng.integers(3, 10))
    u, v = np.mod(x * count, 1) - 0.5, np.mod(y * count, 1) - 0.5
    parity = (np.floor(x * count) + np.floor(y * count)) % 2
    kind = int(rng.integers(4))
    if kind == 0:
        out = paint.blend(out, palette[1], parity)
    elif kind == 1:
        shape = np.abs(u) + np.abs(v)
        for k, limit in enumerate((0.48, 0.33, 0.16)):
            out = paint.blend(out, palette[(k + 1) % 4], 1 - paint.step(shape, limit - 0.02, limit))
    elif kind == 2:
        petal = np.hypot(u, v) - np.float32(0.12) * np.cos(np.arctan2(v, u) * 6)
        out = paint.blend(out, palette[1], 1 - paint.step(petal, 0.24, 0.28))
        out = paint.blend(out, palette[2], 1 - paint.step(petal, 0.08, 0.12))
    else:
        zigzag = np.mod(y * count + np.abs(u) * np.float32(rng.uniform(0.5, 1.6)), 1)
        out = paint.blend(out, palette[1], (zigzag < 0.4) * 1.0)
        out = paint.blend(out, palette[2], ((zigzag > 0.6) & (zigzag < 0.75)) * 1.0)
    pile = rng.standard_normal((n, n)).astype(np.float32) * np.float32(rng.uniform(0.05, 0.16))
    out = out * (1 + cv2.GaussianBlur(pile, (0, 0), 0.6) + np.float32(0.05) * paint.noise(rng, n))[..., None]
    return paint.lens(rng, paint.lit(rng, paint.on_plane(rng, out, (0.15, 0.95))), (0.0, 2.0))
