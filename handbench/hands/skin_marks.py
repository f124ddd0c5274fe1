"""The drawn marks of the skin: flexion creases, knuckle wrinkles, palm lines, nails, veins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from handbench.hands.skin_coords import FingerCoords, SkinCoords
from handbench.hands.skin_noise import path_distance

Float32 = npt.NDArray[np.float32]

# Palm lines and veins in palm coordinates (along, radial): see SkinCoords.palm.
HEART_LINE = ((0.80, -0.90), (0.855, -0.68), (0.915, -0.42), (0.985, -0.16), (1.08, 0.06), (1.16, 0.18))
HEAD_LINE = ((0.945, 0.58), (0.915, 0.42), (0.85, 0.18), (0.77, -0.06), (0.69, -0.30), (0.61, -0.52))
LIFE_LINE = (
    (0.945, 0.58),
    (0.895, 0.40),
    (0.78, 0.24),
    (0.60, 0.10),
    (0.40, 0.02),
    (0.20, 0.0),
    (0.06, 0.06),
)
FATE_LINE = ((0.24, -0.06), (0.48, -0.14), (0.74, -0.17), (0.93, -0.16))
WRIST_LINES = (((0.02, -0.5), (-0.015, 0.0), (0.02, 0.5)), ((-0.07, -0.5), (-0.095, 0.0), (-0.07, 0.5)))
VEINS = (
    ((-0.25, 0.30), (0.05, 0.26), (0.32, 0.30), (0.62, 0.20), (0.90, 0.19), (1.15, 0.17)),
    ((0.62, 0.20), (0.72, 0.05), (0.92, -0.15), (1.12, -0.17)),
    ((-0.25, -0.22), (0.08, -0.20), (0.35, -0.10), (0.58, -0.18), (0.80, -0.42), (1.0, -0.50)),
    ((0.35, -0.10), (0.55, 0.06), (0.72, 0.05)),
    ((0.58, -0.18), (0.74, -0.17), (0.92, -0.15)),
    ((-0.25, -0.48), (0.15, -0.45), (0.45, -0.50), (0.68, -0.62), (0.86, -0.80)),
)

# Creases on the pad side: joint (in bones), shift towards the tip [mm], strength.
_FINGER_CREASES = (
    (0.50, 0.0, 0.8), (0.50, 2.6, 0.45), (1.0, -1.6, 0.85), (1.0, 1.4, 0.85), (2.0, -0.9, 1.0),
)  # fmt: skip
_THUMB_CREASES = ((1.0, -1.0, 0.7), (1.0, 1.8, 0.6), (2.0, -0.8, 1.0))
# Palm lines with their strength and width [mm].
_PALM_LINES = (
    (HEART_LINE, 0.85, 1.25), (HEAD_LINE, 0.8, 1.25), (LIFE_LINE, 0.85, 1.3), (FATE_LINE, 0.3, 1.2),
    (WRIST_LINES[0], 0.5, 1.2), (WRIST_LINES[1], 0.4, 1.2),
)  # fmt: skip


def smoothstep(x: Float32, low: float, high: float) -> Float32:
    """Returns the cubic step from 0 at `low` to 1 at `high`."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), dtype=np.float32)


def bell(x: Float32, width: float) -> Float32:
    """Returns exp(-(x / width)^2)."""
    return np.asarray(np.exp(-((x / np.float32(width)) ** 2)), dtype=np.float32)


def line_distance(points: Float32, line: Sequence[tuple[float, float]], unit: Sequence[float]) -> Float32:
    """Returns the distance (N,) [mm] of palm points (N, 2) to a smooth line; `unit` [mm] of each axis."""
    corners, scale = np.array(line, dtype=np.float32), np.array(unit, dtype=np.float32)
    dense = np.linspace(0, len(corners) - 1, 5 * len(corners))
    path = np.stack([_smooth(corners[:, k], dense) for k in range(2)], axis=1) * scale
    return path_distance(points * scale, path)


def _smooth(values: Float32, where: npt.NDArray[np.float64]) -> Float32:
    """Returns a Catmull-Rom curve through values at the given places."""
    padded = np.concatenate([[2 * values[0] - values[1]], values, [2 * values[-1] - values[-2]]])
    i = np.minimum(where.astype(np.int64), len(values) - 2)
    t = where - i
    p0, p1, p2, p3 = (padded[i + k] for k in range(4))
    curve = p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))
    return np.asarray(curve, dtype=np.float32)


def _past(finger: FingerCoords, joint: float) -> Float32:
    """Returns the distance (P,) [mm] along a finger past `joint` (in bones)."""
    bone = min(int(joint), 2)
    return np.asarray((finger.along - joint) * np.float32(finger.lengths[bone]))


def finger_creases(finger: FingerCoords, thumb: bool, wobble: Float32) -> Float32:
    """Returns the creases (P,) 0 to 1 on the pad side of a finger and the wrinkles on its back."""
    pad = smoothstep(-finger.facing, -0.35, 0.15)
    arch = 0.018 * finger.lateral**2
    total = np.zeros_like(finger.along)
    lines = _THUMB_CREASES if thumb else _FINGER_CREASES
    for joint, shift, strength in lines:
        distance = _past(finger, joint) - shift + 0.5 * arch + 0.5 * wobble
        total = np.maximum(total, strength * (0.75 * bell(distance, 0.75) + 0.25 * bell(distance, 2.2)))
    total *= pad
    back = smoothstep(finger.facing, 0.2, 0.75)
    for joint, spread, period, strength in ((1.0, 4.8, 2.3, 0.8), (2.0, 2.9, 1.9, 0.62)):
        distance = _past(finger, joint) + 0.8 * wobble
        bow = distance * (1.0 + 0.0035 * finger.lateral**2)
        waves = 0.5 + 0.5 * np.cos(2 * np.pi * bow / period)
        envelope = bell(distance, spread) * back
        total = np.maximum(total, strength * envelope * (0.25 + 0.75 * waves**2))
    return np.asarray(total * smoothstep(finger.share, 0.2, 0.6), dtype=np.float32)


def palm_lines(coords: SkinCoords, wobble: Float32) -> Float32:
    """Returns the palm's lines and the wrist's (P,) 0 to 1."""
    palmar = smoothstep(-coords.normal[:, 2], -0.05, 0.35)
    unit = (90.0, 59.0)
    total = np.zeros(len(coords.palm), dtype=np.float32)
    for line, strength, width in _PALM_LINES:
        distance = line_distance(coords.palm, line, unit) + 0.45 * wobble
        total = np.maximum(total, strength * (0.7 * bell(distance, width) + 0.3 * bell(distance, 2.6)))
    thumb = smoothstep(1.0 - coords.fingers[0].share, 0.1, 0.35)
    share = np.sum([f.share for f in coords.fingers[1:]], axis=0)
    fingers = 1.0 - smoothstep(share, 0.75, 0.98)
    return np.asarray(total * palmar * np.maximum(thumb, 0.35) * fingers, dtype=np.float32)


def veins(coords: SkinCoords, wobble: Float32) -> Float32:
    """Returns the veins (P,) 0 to 1 on the back of the hand."""
    back = smoothstep(coords.normal[:, 2], 0.35, 0.8)
    total = np.zeros(len(coords.palm), dtype=np.float32)
    for line in VEINS:
        distance = line_distance(coords.palm, line, (90.0, 59.0)) + 1.6 * wobble
        total = np.maximum(total, bell(distance, 2.1))
    fade = 1.0 - smoothstep(coords.palm[:, 0], 1.0, 1.25)
    return np.asarray(total * back * fade, dtype=np.float32)


def nail(finger: FingerCoords, lunula_share: float) -> tuple[Float32, Float32, Float32]:
    """Returns plate, rim (cuticle and side folds) and white parts (P,) 0 to 1 of a finger's nail."""
    half = 0.80 * finger.half_width
    x = finger.lateral / half
    length = float(finger.lengths[2])
    distance = (finger.along - 2.0) * length
    start = length - 13.2 + 1.6 * x**2
    end = length - 0.9 - 1.2 * x**2
    to_side = (1.0 - np.abs(x)) * half
    inside = np.minimum(np.minimum(distance - start, end - distance), to_side)
    # Rounded corners at the cuticle.
    corner = 3.0
    a, b = np.maximum(corner - (distance - start), 0), np.maximum(corner - to_side, 0)
    inside = np.where((a > 0) & (b > 0), corner - np.hypot(a, b), inside)
    there = smoothstep(finger.facing, -0.1, 0.15) * smoothstep(finger.share, 0.3, 0.7)
    there = there * (finger.height > 0) * (finger.along > 2.0)
    plate = smoothstep(inside.astype(np.float32), -0.35, 0.45) * there
    at_tip = smoothstep((end - distance).astype(np.float32), 0.4, 1.6)
    rim = bell((inside + 0.35).astype(np.float32), 0.75) * there * at_tip
    free_edge = smoothstep((distance - (end - 1.5)).astype(np.float32), -0.5, 0.4) * plate
    moon = np.hypot(x * half / (0.62 * half), (distance - start + 0.6) / (4.6 * lunula_share + 0.4))
    lunula = (1.0 - smoothstep(moon.astype(np.float32), 0.75, 1.05)) * plate * min(1.0, 0.4 + lunula_share)
    return plate, np.asarray(rim, dtype=np.float32), np.maximum(free_edge, 0.6 * lunula)
