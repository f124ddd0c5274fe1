"""Backgrounds indoors: photo studio, shelves, room corner, person behind the hands."""

from __future__ import annotations

import cv2
import numpy as np

from handbench.synth import background_paint as paint
from handbench.synth.background_paint import Canvas


def studio(rng: np.random.Generator, n: int) -> Canvas:
    """Paints a capture studio: a seamless backdrop, or a dark rig with rows of lamps and soft boxes."""
    x, y = paint.axes(n)
    rig = rng.random() < 0.5
    base = paint.drawn_color(rng, (0.0, 0.15 if rig else 0.5), (0.05, 0.25) if rig else (0.3, 0.9))
    out = paint.fill(n, base)
    cx, cy = rng.uniform(0.1, 0.9, 2)
    pool = np.exp(
        -((x - np.float32(cx)) ** 2 + (y - np.float32(cy)) ** 2) / np.float32(rng.uniform(0.08, 0.5))
    )
    out = out * (np.float32(0.6) + np.float32(rng.uniform(0.3, 0.9)) * pool)[..., None]
    floor = np.float32(rng.uniform(0.55, 1.1))
    out = (
        out
        * (1 + np.float32(rng.uniform(-0.3, 0.25)) * paint.step(y, float(floor) - 0.06, float(floor) + 0.05))[
            ..., None
        ]
    )
    glow = np.zeros_like(out)
    if rig:
        _truss(rng, out)
        for _ in range(int(rng.integers(2, 9))):
            px, py = rng.uniform(0, n, 2)
            tint = paint.color(float(rng.uniform(0.08, 0.16)), float(rng.uniform(0, 0.25)), 1.0)
            if rng.random() < 0.5:
                w, h = rng.uniform(0.02, 0.05) * n, rng.uniform(0.12, 0.45) * n
                paint.rectangle(glow, (px, py, px + w, py + h), tint)
            else:
                paint.disc(glow, (px, py), float(rng.uniform(0.012, 0.04)) * n, tint)
    elif rng.random() < 0.6:
        px, py, w = rng.uniform(-0.2, 0.8) * n, rng.uniform(-0.2, 0.3) * n, rng.uniform(0.15, 0.4) * n
        turned = cv2.boxPoints(((px + w / 2, py + w / 2), (w, w * 0.75), float(rng.uniform(-30, 30))))
        paint.polygon(glow, turned, np.ones(3, np.float32))
    halo = paint.blurred(glow, n * 0.05) * np.float32(rng.uniform(0.2, 0.6))
    out = np.maximum(out, paint.blurred(glow, 1.2)) + halo
    return paint.lens(rng, out, (0.8, 4.0))


def _truss(rng: np.random.Generator, picture: Canvas) -> None:
    n = picture.shape[0]
    tone = paint.fill(1, paint.drawn_color(rng, (0, 0.1), (0.02, 0.35)))[0, 0]
    width = float(rng.uniform(0.008, 0.03)) * n
    for px in np.arange(rng.uniform(0, 0.3) * n, n, rng.uniform(0.12, 0.4) * n):
        paint.rectangle(picture, (px, 0, px + width, n), tone * np.float32(rng.uniform(0.6, 1.3)))
    for py in np.arange(rng.uniform(0, 0.3) * n, n, rng.uniform(0.15, 0.45) * n):
        paint.rectangle(picture, (0, py, n, py + width), tone * np.float32(rng.uniform(0.6, 1.3)))
    for _ in range(int(rng.integers(0, 4))):
        px, py = rng.uniform(0, n, 2)
        r = rng.uniform(0.03, 0.08) * n
        paint.rectangle(picture, (px - r, py - r, px + r, py + r * 0.6), tone * np.float32(0.5))


def shelves(rng: np.random.Generator, n: int) -> Canvas:
    """Paints shelves full of books and boxes, out of focus, seen from the side."""
    wall = paint.drawn_color(rng, (0.02, 0.4), (0.1, 0.6))
    out = paint.fill(n, wall)
    board = paint.drawn_color(rng, (0.1, 0.6), (0.2, 0.85), (0.05, 0.12))
    rows = int(rng.integers(2, 6))
    height = n / rows
    thick = height * float(rng.uniform(0.04, 0.09))
    for row in range(rows):
        top, bottom = row * height, (row + 1) * height - thick
        px = float(rng.uniform(-0.1, 0.1)) * n
        while px < n:
            px = _shelf_item(rng, out, px, top, bottom)
        ys = np.arange(int(top), min(n, int(top + height * 0.4)))
        out[ys] *= (0.45 + 0.55 * (ys - top) / (height * 0.4))[:, None, None].astype(np.float32)
        paint.rectangle(out, (0, bottom, n, bottom + thick), board)
        paint.rectangle(out, (0, bottom, n, bottom + thick * 0.25), board * np.float32(1.25))
    out = out * (1 + np.float32(0.03) * paint.noise(rng, n, (20, 20), 3))[..., None]
    out = paint.on_plane(rng, np.clip(out, 0, 1), (0.0, 0.6), 0.12)
    if rng.random() < 0.5:
        out = np.ascontiguousarray(
            np.swapaxes(paint.on_plane(rng, np.swapaxes(out, 0, 1), (0.1, 0.6), 0.0), 0, 1)
        )
    return paint.lens(rng, paint.lit(rng, out), (0.8, 4.5))


def _shelf_item(rng: np.random.Generator, out: Canvas, px: float, top: float, bottom: float) -> float:
    space = bottom - top
    kind = rng.random()
    rgb = paint.drawn_color(rng, (0.05, 0.85), (0.1, 0.9))
    if kind < 0.12:
        return px + space * float(rng.uniform(0.1, 0.6))
    if kind < 0.24:
        w, h = space * rng.uniform(0.4, 1.0), space * rng.uniform(0.3, 0.75)
        paint.rectangle(out, (px, bottom - h, px + w, bottom), rgb)
        paint.rectangle(out, (px, bottom - h, px + w, bottom - h * 0.9), rgb * np.float32(0.8))
        paint.rectangle(
            out, (px + w * 0.3, bottom - h * 0.6, px + w * 0.7, bottom - h * 0.35), rgb * 0.3 + 0.6
        )
        return float(px + w + space * 0.03)
    w, h = space * rng.uniform(0.05, 0.2), space * rng.uniform(0.6, 0.95)
    lean = space * 0.12 if rng.random() < 0.06 else 0.0
    paint.polygon(
        out, [(px + lean, bottom - h), (px + w + lean, bottom - h), (px + w, bottom), (px, bottom)], rgb
    )
    for share in rng.uniform(0.1, 0.9, int(rng.integers(0, 4))):
        band = np.clip(rgb * np.float32(rng.uniform(0.5, 1.8)) + np.float32(0.1), 0, 1)
        y0 = bottom - h * share
        paint.rectangle(
            out, (px + w * 0.1 + lean, y0, px + w * 0.9 + lean, y0 + h * rng.uniform(0.02, 0.1)), band
        )
    paint.rectangle(out, (px + w * 0.9, bottom - h, px + w, bottom), rgb * np.float32(0.55))
    return float(px + w)


def room(rng: np.random.Generator, n: int) -> Canvas:
    """Paints the corner of a room with a window, pictures and furniture, out of focus."""
    wall = paint.drawn_color(rng, (0.0, 0.35), (0.45, 0.92))
    out = paint.fill(n, wall)
    corner, ground = rng.uniform(-0.1, 1.1) * n, rng.uniform(0.55, 1.0) * n
    slope = float(rng.uniform(-0.25, 0.25))
    right = [(corner, 0), (n, 0), (n, n), (corner, n)]
    paint.polygon(out, right, wall * np.float32(rng.uniform(0.55, 0.85)))
    floor = paint.drawn_color(rng, (0.05, 0.6), (0.15, 0.7), (0.03, 0.14))
    left_y, right_y = ground + slope * corner, ground - slope * (corner - n)
    paint.polygon(out, [(0, left_y), (corner, ground), (n, right_y), (n, n), (0, n)], floor)
    glow = np.zeros_like(out)
    for _ in range(int(rng.integers(0, 3))):
        px, py = rng.uniform(-0.1, 0.8) * n, rng.uniform(-0.1, 0.35) * n
        _window(rng, out, glow, px, py)
    for _ in range(int(rng.integers(0, 4))):
        px, py, w, h = rng.uniform(0, n), rng.uniform(0, 0.5) * n, *rng.uniform(0.06, 0.25, 2) * n
        paint.rectangle(out, (px, py, px + w, py + h), paint.drawn_color(rng, (0, 0.5), (0.05, 0.5)))
        paint.rectangle(out, (px + 3, py + 3, px + w - 3, py + h - 3), paint.drawn_color(rng))
    for _ in range(int(rng.integers(1, 6))):
        px, w, h = rng.uniform(-0.2, 0.9) * n, rng.uniform(0.1, 0.5) * n, rng.uniform(0.08, 0.4) * n
        foot = ground + rng.uniform(0, 0.25) * n
        rgb = paint.drawn_color(rng, (0.05, 0.7), (0.08, 0.7))
        paint.rectangle(out, (px, foot - h, px + w, foot), rgb)
        paint.rectangle(out, (px, foot - h, px + w, foot - h * 0.82), np.clip(rgb * np.float32(1.3), 0, 1))
        paint.rectangle(out, (px, foot, px + w, foot + 0.02 * n), floor * np.float32(0.5))
    out = np.maximum(out, glow) + paint.blurred(glow, n * 0.07) * np.float32(rng.uniform(0.15, 0.5))
    out = out * (1 + np.float32(0.05) * paint.noise(rng, n, (3, 3), 3))[..., None]
    return paint.lens(rng, paint.lit(rng, out), (1.2, 7.0))


def _window(rng: np.random.Generator, out: Canvas, glow: Canvas, px: float, py: float) -> None:
    n = out.shape[0]
    w, h = rng.uniform(0.15, 0.45) * n, rng.uniform(0.25, 0.6) * n
    frame = np.full(3, rng.uniform(0.5, 0.95), np.float32)
    paint.rectangle(out, (px - 0.015 * n, py - 0.015 * n, px + w + 0.015 * n, py + h + 0.015 * n), frame)
    panes = int(rng.integers(1, 4))
    light = paint.color(float(rng.uniform(0.5, 0.62)), float(rng.uniform(0, 0.3)), 1.0)
    for k in range(panes):
        x0 = px + w * k / panes + 0.006 * n
        x1 = px + w * (k + 1) / panes - 0.006 * n
        paint.rectangle(glow, (x0, py, x1, py + h), light)
        paint.rectangle(glow, (x0, py + h * rng.uniform(0.6, 0.9), x1, py + h), light * np.float32(0.6))


def person(rng: np.random.Generator, n: int) -> Canvas:
    """Paints the clothed body of whoever the hands may belong to, before a blurred room."""
    out = paint.blurred(room(rng, n), 3.0)
    x, y = paint.axes(n)
    cx, top, half = rng.uniform(0.2, 0.8), rng.uniform(-0.5, 0.1), rng.uniform(0.28, 0.6)
    shoulder = paint.step(np.abs(x - np.float32(cx)), 0.1 * half, 1.1 * half) * np.float32(0.35)
    side = np.abs(x - np.float32(cx)) - np.float32(half) * (1 + np.float32(0.15) * (y - 0.5))
    inside = (1 - paint.step(side, -0.01, 0.01)) * paint.step(y - np.float32(top) - shoulder, -0.01, 0.01)
    cloth = paint.fill(n, paint.drawn_color(rng, (0.0, 0.75), (0.06, 0.85)))
    if rng.random() < 0.35:
        bands = np.mod((y if rng.random() < 0.6 else x) * np.float32(rng.uniform(6, 20)), 1)
        cloth = paint.blend(cloth, paint.drawn_color(rng), (bands < rng.uniform(0.2, 0.6)) * 1.0)
    fold = paint.noise(rng, n, (3, 1), 3, 0.5)
    slope = np.gradient(cv2.GaussianBlur(fold, (0, 0), 3), axis=1) * np.float32(n / 18)
    cloth = cloth * np.clip(1 + np.float32(rng.uniform(0.1, 0.4)) * slope, 0.4, 1.5)[..., None]
    round_off = 1 - np.float32(0.55) * ((x - np.float32(cx)) / np.float32(half)) ** 2
    cloth = cloth * np.clip(round_off, 0.3, 1)[..., None]
    if rng.random() < 0.5:
        seam = np.abs(x - np.float32(cx) - np.float32(0.01) * fold)
        cloth = cloth * (1 - 0.35 * (1 - paint.step(seam, 0.003, 0.008)))[..., None]
    skin = paint.color(
        float(rng.uniform(0.03, 0.08)), float(rng.uniform(0.3, 0.6)), float(rng.uniform(0.25, 0.9))
    )
    neck = 1 - paint.step(np.hypot((x - np.float32(cx)) / 0.13, (y - np.float32(top)) / 0.2), 0.9, 1.0)
    out = paint.blend(out, skin * np.float32(0.8), neck)
    cloth = paint.blend(cloth, skin * np.float32(0.75), neck * np.float32(0.9))
    return paint.lens(rng, paint.lit(rng, paint.blend(out, cloth, inside)), (0.4, 3.0))
