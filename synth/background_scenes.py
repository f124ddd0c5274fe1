"""Backgrounds outdoors and on desks: foliage, street, paper, screen, cluttered table."""

from __future__ import annotations

import cv2
import numpy as np

from handbench.synth import background_paint as paint
from handbench.synth.background_paint import Canvas


def foliage(rng: np.random.Generator, n: int) -> Canvas:
    """Paints leaves and sky far out of focus, with discs of light."""
    deep = paint.drawn_color(rng, (0.4, 0.8), (0.05, 0.3), (0.2, 0.4))
    leaf = paint.drawn_color(rng, (0.35, 0.8), (0.35, 0.75), (0.14, 0.36))
    sky = paint.drawn_color(rng, (0.0, 0.35), (0.75, 1.0), (0.5, 0.62))
    out = paint.blend(paint.fill(n, deep), leaf, paint.step(paint.noise(rng, n, (5, 5), 4), -1, 1.6))
    gap = paint.noise(rng, n, (3, 3), 4) + np.float32(rng.uniform(0, 2.5)) * (0.5 - paint.axes(n)[1])
    out = paint.blend(out, sky, paint.step(gap, 0.6, 1.6))
    for _ in range(int(rng.integers(30, 120))):
        at = rng.uniform(0, n, 2)
        size = float(rng.uniform(0.01, 0.045)) * n
        tint = np.clip(leaf * np.float32(rng.uniform(0.3, 1.6)), 0, 1)
        box = ((float(at[0]), float(at[1])), (size * 2.4, size), float(rng.uniform(0, 180)))
        cv2.ellipse(out, box, [float(c) for c in tint], -1, cv2.LINE_AA)
    out = paint.blurred(out, float(rng.uniform(2, 8)))
    lights = np.zeros_like(out)
    radius = float(rng.uniform(0.015, 0.05)) * n
    for _ in range(int(rng.integers(0, 26))):
        layer = np.zeros_like(out)
        at = rng.uniform(0, n, 2)
        tint = np.clip(sky * np.float32(rng.uniform(0.2, 0.6)), 0, 1)
        paint.disc(layer, (at[0], at[1]), radius * float(rng.uniform(0.7, 1.2)), tint)
        lights += layer
    return paint.lens(rng, paint.lit(rng, out) + paint.blurred(lights, 1.0), (0.5, 2.0))


def street(rng: np.random.Generator, n: int) -> Canvas:
    """Paints sky with clouds, houses and a road, out of focus."""
    y = paint.ramp_y(n)
    zenith = paint.drawn_color(rng, (0.1, 0.65), (0.55, 0.95), (0.54, 0.62))
    horizon = float(rng.uniform(0.35, 0.8))
    pale = np.clip(zenith * 0.3 + np.float32(rng.uniform(0.5, 0.68)), 0, 1).astype(np.float32)
    out = paint.blend(paint.fill(n, zenith), pale, np.clip(y / np.float32(horizon), 0, 1))
    cloud = paint.step(paint.noise(rng, n, (2, 4), 5, 0.6) + 0.3 * y, 0.2, 1.6) * np.float32(
        rng.uniform(0.2, 1)
    )
    out = paint.blend(out, np.ones_like(out), cloud)
    ground = paint.drawn_color(rng, (0.02, 0.5), (0.2, 0.55), (0.08, 0.3))
    px = -0.1 * n
    while px < n:
        w, h = rng.uniform(0.08, 0.35) * n, rng.uniform(0.05, 0.45) * n
        rgb = paint.drawn_color(rng, (0.02, 0.45), (0.25, 0.85), (0.0, 0.16))
        if rng.random() < 0.7:
            _house(rng, out, (px, horizon * n - h, w, h), rgb)
        else:
            tree = paint.drawn_color(rng, (0.3, 0.7), (0.1, 0.4), (0.2, 0.36))
            for _ in range(9):
                at = px + w * rng.uniform(0.1, 0.9), horizon * n - h * rng.uniform(0.2, 0.8)
                paint.disc(
                    out, at, w * float(rng.uniform(0.15, 0.3)), tree * np.float32(rng.uniform(0.7, 1.3))
                )
        px += w * float(rng.uniform(0.8, 1.3))
    below = paint.step(y, horizon - 0.004, horizon + 0.004)
    rough = paint.noise(rng, n, (4, 30), 4, 0.7)
    out = paint.blend(out, paint.fill(n, ground) * (1 + np.float32(0.12) * rough)[..., None], below)
    return paint.lens(rng, paint.lit(rng, out, 0.25), (1.5, 6.0))


def _house(
    rng: np.random.Generator, out: Canvas, box: tuple[float, float, float, float], rgb: Canvas
) -> None:
    px, py, w, h = box
    paint.rectangle(out, (px, py, px + w, py + h + 2), rgb)
    columns, rows = int(rng.integers(2, 6)), max(1, int(h / out.shape[0] * 16))
    glass = rgb * np.float32(rng.uniform(0.2, 0.6))
    for i in range(columns):
        for j in range(rows):
            x0, y0 = px + w * (i + 0.25) / columns, py + h * (j + 0.25) / rows
            paint.rectangle(out, (x0, y0, x0 + w * 0.5 / columns, y0 + h * 0.5 / rows), glass)


def _page(rng: np.random.Generator, n: int, sheet: Canvas, ink: Canvas, columns: int) -> Canvas:
    """Sets text-like lines, headings and figures on a sheet."""
    out = paint.fill(n, sheet)
    pitch = float(rng.uniform(0.012, 0.026)) * n
    margin = float(rng.uniform(0.04, 0.1)) * n
    width = (n - margin) / columns
    for column in range(columns):
        left = margin + column * width
        py = margin
        while py < n - margin:
            kind = rng.random()
            right = left + (width - margin) * (1.0 if kind > 0.2 else float(rng.uniform(0.2, 0.9)))
            if kind < 0.03:
                tall = float(rng.uniform(3, 9)) * pitch
                tint = paint.drawn_color(rng, (0.0, 0.6), (0.3, 0.8))
                paint.rectangle(out, (left, py, right, py + tall), tint)
                py += tall + pitch
                continue
            heavy = 0.62 if kind < 0.08 else 0.38
            px = left
            while px < right:
                word = pitch * float(rng.uniform(0.5, 3.0))
                soft = ink + (sheet - ink) * np.float32(rng.uniform(0.1, 0.45))
                paint.rectangle(out, (px, py, min(px + word, right), py + pitch * heavy), soft)
                px += word + pitch * 0.35
            py += pitch * (2.2 if kind < 0.12 else 1.0)
    return out


def paper(rng: np.random.Generator, n: int) -> Canvas:
    """Paints printed sheets lying on a table."""
    sheet = paint.drawn_color(rng, (0.0, 0.08), (0.8, 0.97), (0.08, 0.16))
    ink = paint.drawn_color(rng, (0.0, 0.3), (0.05, 0.25))
    out = paint.fill(n, paint.drawn_color(rng, (0.1, 0.6), (0.15, 0.6), (0.03, 0.14)))
    out = out * (1 + np.float32(0.08) * paint.noise(rng, n, (3, 50), 3))[..., None]
    for _ in range(int(rng.integers(1, 4))):
        page = _page(rng, n, sheet, ink, int(rng.integers(1, 3)))
        page = page * (1 + np.float32(0.03) * paint.noise(rng, n, (2, 2), 2))[..., None]
        angle, scale = rng.uniform(-30, 30), rng.uniform(0.7, 1.4)
        matrix = cv2.getRotationMatrix2D((n / 2, n / 2), angle, scale)
        matrix[:, 2] = matrix[:, 2] + rng.uniform(-0.35, 0.35, 2) * n
        cover = np.asarray(cv2.warpAffine(np.ones((n, n), np.float32), matrix, (n, n)), np.float32)
        placed = np.asarray(cv2.warpAffine(page, matrix, (n, n)), np.float32)
        shadow = paint.blurred(np.asarray(np.roll(cover, (4, 4), (0, 1)), np.float32), 5)
        out = paint.blend(out * (1 - 0.5 * shadow)[..., None], placed, cover)
    return paint.lens(rng, paint.lit(rng, paint.on_plane(rng, out, (0.0, 0.8), 0.5)), (0.0, 2.0))


def screen(rng: np.random.Generator, n: int) -> Canvas:
    """Paints a monitor or tablet that shows windows of text and pictures."""
    dark = rng.random() < 0.5
    sheet = paint.drawn_color(rng, (0.0, 0.3), (0.05, 0.2) if dark else (0.85, 1.0))
    ink = paint.drawn_color(rng, (0.0, 0.7), (0.5, 0.9) if dark else (0.1, 0.5))
    shown = paint.blend(paint.fill(n, paint.drawn_color(rng)), paint.drawn_color(rng), paint.axes(n)[1])
    for _ in range(int(rng.integers(1, 4))):
        page = _page(rng, n, sheet, ink, 1)
        x0, y0 = (int(v) for v in rng.integers(0, n // 2, 2))
        x1, y1 = (int(v) for v in rng.integers(n // 2, n, 2))
        shown[y0:y1, x0:x1] = page[: y1 - y0, : x1 - x0]
        paint.rectangle(shown, (x0, y0, x1, y0 + 0.03 * n), paint.drawn_color(rng))
    bezel = paint.drawn_color(rng, (0, 0.1), (0.02, 0.2))
    edge = float(rng.uniform(0.02, 0.06)) * n
    for box in ((0, 0, n, edge), (0, n - edge, n, n), (0, 0, edge, n), (n - edge, 0, n, n)):
        paint.rectangle(shown, box, bezel)
    matrix = cv2.getPerspectiveTransform(
        np.array([[0, 0], [n, 0], [n, n], [0, n]], np.float32),
        (np.array([[0, 0], [n, 0], [n, n], [0, n]]) * 0.9 + rng.uniform(-0.15, 0.2, (4, 2)) * n).astype(
            np.float32
        ),
    )
    cover = cv2.warpPerspective(np.ones((n, n), np.float32), matrix, (n, n))
    placed = np.asarray(cv2.warpPerspective(shown, matrix, (n, n)), np.float32)
    desk = paint.fill(n, paint.drawn_color(rng, (0.0, 0.5), (0.1, 0.7)))
    desk = paint.lit(rng, desk) + paint.blurred(placed, n * 0.08) * np.float32(0.25)
    out = paint.blend(desk, placed, np.asarray(cover, np.float32))
    return paint.lens(rng, out, (0.5, 3.0))


def table(rng: np.random.Generator, n: int) -> Canvas:
    """Paints a table with everyday things on it: boxes, balls, cans, pens, with shadows."""
    top = paint.fill(n, paint.drawn_color(rng, (0.0, 0.5), (0.25, 0.9)))
    out = paint.lit(rng, top * (1 + np.float32(0.05) * paint.noise(rng, n, (4, 40), 4))[..., None])
    back = float(rng.uniform(-0.2, 0.4)) * n
    paint.rectangle(out, (0, 0, n, back), paint.drawn_color(rng, (0.0, 0.4), (0.2, 0.8)))
    foot = np.sort(rng.uniform(back + 0.1 * n, 1.2 * n, int(rng.integers(4, 12))))
    for y0 in foot:
        size = float(rng.uniform(0.08, 0.24)) * n * (0.6 + 0.5 * y0 / n)
        layer, cover = out.copy(), np.zeros((n, n), np.float32)
        x0 = float(rng.uniform(0, n))
        cv2.ellipse(cover, ((x0 + size * 0.4, y0), (size * 2.2, size * 0.7), 0.0), 1.0, -1)
        out *= (1 - 0.5 * paint.blurred(cover, size * 0.15))[..., None]
        layer = out.copy()
        _thing(rng, layer, x0, float(y0), size)
        out = layer
    return paint.lens(rng, out, (0.6, 4.0))


def _thing(rng: np.random.Generator, out: Canvas, x0: float, y0: float, size: float) -> None:
    rgb = paint.drawn_color(rng, (0.1, 0.85), (0.2, 0.9))
    kind = int(rng.integers(4))
    if kind == 0:
        for k in range(8):
            at = x0 - size * 0.04 * k, y0 - size * 0.5 - size * 0.04 * k
            paint.disc(out, at, size * (0.55 - 0.062 * k), np.clip(rgb * np.float32(0.55 + 0.1 * k), 0, 1))
    elif kind == 1:
        slant, h = size * float(rng.uniform(0.2, 0.5)), size * float(rng.uniform(0.5, 1.6))
        paint.polygon(
            out, [(x0, y0), (x0 + slant, y0 - slant), (x0 + slant, y0 - h), (x0, y0 - h)], rgb * 0.6
        )
        paint.rectangle(out, (x0 - size, y0 - h, x0, y0), rgb)
        lid = [
            (x0 - size, y0 - h),
            (x0, y0 - h),
            (x0 + slant, y0 - h - slant),
            (x0 - size + slant, y0 - h - slant),
        ]
        paint.polygon(out, lid, np.clip(rgb * np.float32(1.25), 0, 1))
    elif kind == 2:
        h, w = size * float(rng.uniform(0.9, 2.0)), size * 0.4
        for k, share in enumerate(np.linspace(-1, 1, 12)):
            tone = np.float32(1.15 - 0.65 * abs(share - 0.3))
            strip = np.clip(rgb * tone, 0, 1)
            paint.rectangle(
                out, (x0 + w * share, y0 - h, x0 + w * share + w / 5, y0 + w * 0.2 - k * 0), strip
            )
        cv2.ellipse(out, ((x0 + w * 0.1, y0 - h), (w * 2.2, w * 0.8), 0.0), [float(c) * 1.1 for c in rgb], -1)
    else:
        angle = float(rng.uniform(0, np.pi))
        reach = np.array([np.cos(angle), np.sin(angle) * 0.5]) * size * 1.4
        wide = np.array([-reach[1], reach[0]]) * 0.06
        base = np.array([x0, y0])
        paint.polygon(
            out, [base - reach + wide, base + reach + wide, base + reach - wide, base - reach - wide], rgb
        )
