"""The ten shape directions: what each changes and how much one standard deviation of it is.

Spreads are chosen so that betas ~ N(0, 1) reproduce the spread of hand length and breadth of a mixed
adult population (ANSUR: female 5th to male 95th percentile), see docs/hand.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from dimensions import WRIST, Dimensions, Finger, Section, mano_joints
from surface import relax, start_points
from topology import Layout

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SIZE = 0.068
NAMES = (
    "size", "finger length", "palm width", "thickness", "thumb length",
    "finger girth", "little against index", "knuckles", "thenar", "blunt tips",
)  # fmt: skip


def _lengths(finger: Finger, factor: float) -> Finger:
    a, b, c = finger.lengths
    return replace(finger, lengths=(a * factor, b * factor, c * factor))


def _girth(finger: Finger, width: float, depth: float) -> Finger:
    sections = tuple(
        Section(s.u, s.half_width * width, s.back * depth, s.pad * depth) for s in finger.sections
    )
    return replace(finger, sections=sections)


def _scale_sections(finger: Finger, factor: Callable[[float], float]) -> Finger:
    sections = tuple(
        Section(s.u, s.half_width * factor(s.u), s.back * factor(s.u), s.pad * factor(s.u))
        for s in finger.sections
    )
    return replace(finger, sections=sections)


def _move_base(finger: Finger, along: float, across: float, up: float) -> Finger:
    """Return the finger with its base scaled about the wrist: along the palm, across it, out of it."""
    offset = (np.array(finger.base) - WRIST) * np.array([along, up, across])
    x, y, z = (float(v) for v in WRIST + offset)
    return replace(finger, base=(x, y, z))


def _each(dims: Dimensions, change: Callable[[Finger], Finger], only: tuple[str, ...] = ()) -> Dimensions:
    fingers = tuple(change(f) if not only or f.name in only else f for f in dims.fingers)
    return replace(dims, fingers=fingers)


LONG = ("index", "middle", "ring", "little")


def _finger_length(dims: Dimensions, t: float) -> Dimensions:
    dims = _each(dims, lambda f: _move_base(f, 1 - 0.020 * t, 1.0, 1.0))
    dims = _each(dims, lambda f: _lengths(f, 1 + 0.042 * t), LONG)
    return replace(dims, palm_length=dims.palm_length * (1 - 0.020 * t))


def _palm_width(dims: Dimensions, t: float) -> Dimensions:
    dims = _each(dims, lambda f: _move_base(f, 1.0, 1 + 0.072 * t, 1.0))
    half, deep = dims.wrist_half
    return replace(
        dims, palm_width=dims.palm_width * (1 + 0.072 * t), wrist_half=(half * (1 + 0.050 * t), deep)
    )


def _thickness(dims: Dimensions, t: float) -> Dimensions:
    dims = _each(dims, lambda f: _girth(f, 1.0, 1 + 0.055 * t))
    return replace(dims, palm_thickness=dims.palm_thickness * (1 + 0.065 * t))


def _thumb_length(dims: Dimensions, t: float) -> Dimensions:
    return _each(dims, lambda f: _lengths(f, 1 + 0.055 * t), ("thumb",))


def _finger_girth(dims: Dimensions, t: float) -> Dimensions:
    return _each(dims, lambda f: _girth(f, 1 + 0.050 * t, 1 + 0.045 * t))


def _little_index(dims: Dimensions, t: float) -> Dimensions:
    dims = _each(dims, lambda f: _lengths(f, 1 + 0.050 * t), ("little",))
    dims = _each(dims, lambda f: _lengths(f, 1 + 0.018 * t), ("ring",))
    return _each(dims, lambda f: _lengths(f, 1 - 0.032 * t), ("index",))


def _knuckles(dims: Dimensions, t: float) -> Dimensions:
    def factor(u: float) -> float:
        near = np.exp(-(((u - 1.0) / 0.17) ** 2)) + 0.7 * np.exp(-(((u - 2.0) / 0.17) ** 2))
        return float(1 + t * (0.060 * near - 0.022))

    dims = _each(dims, lambda f: _scale_sections(f, factor))
    return replace(dims, knuckles=dims.knuckles * (1 + 0.10 * t))


def _thenar(dims: Dimensions, t: float) -> Dimensions:
    return replace(dims, thenar=dims.thenar * (1 + 0.10 * t), hypothenar=dims.hypothenar * (1 + 0.06 * t))


def _blunt(dims: Dimensions, t: float) -> Dimensions:
    return _each(dims, lambda f: _scale_sections(f, lambda u: float(1 + 0.06 * t * np.tanh(1.6 * (u - 1.4)))))


DIRECTIONS: tuple[Callable[[Dimensions, float], Dimensions], ...] = (
    _finger_length, _palm_width, _thickness, _thumb_length, _finger_girth,
    _little_index, _knuckles, _thenar, _blunt,
)  # fmt: skip


def make_shapes(dims: Dimensions, layout: Layout, points: Array, faces: Ints) -> tuple[Array, Array]:
    """Return the directions (10, V, 3) and what they do to the joints (10, 16, 3) [mm].

    The first is a scaling about the wrist. The others are central differences of the surface, placed by
    the same rays and relaxation for larger and smaller numbers.
    """
    joints = mano_joints(dims)
    moves, joint_moves = [SIZE * (points - WRIST)], [SIZE * (joints - WRIST)]
    for change in DIRECTIONS:
        ends = []
        for amount in (1.0, -1.0):
            varied = change(dims, amount)
            placed, _ = relax(varied, layout, start_points(varied, layout), 60, faces)
            ends.append((placed, mano_joints(varied)))
        moves.append((ends[0][0] - ends[1][0]) / 2)
        joint_moves.append((ends[0][1] - ends[1][1]) / 2)
    return np.array(moves), np.array(joint_moves)
