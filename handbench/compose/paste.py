"""One pasted sample as numbers: which two cut-outs, how each is moved, what the camera does to both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import cos, pi, sin
from typing import Any, Literal

import numpy as np

from handbench.arrays import FloatArray
from handbench.compose.effects import Effects
from handbench.formats.aih_plain_recipes import Move

Mode = Literal["feathered", "hard"]
MaskRule = Literal["threshold", "nearest", "truncated"]

ALONE = -1
"""Stands for the other hand's cut-out where a sample shows its target alone."""


@dataclass(frozen=True, slots=True)
class Paste:
    """A row of the recipe table. With its two cut-outs it decides every pixel before JPEG.

    Attributes:
        target: id of the target's cut-out.
        other: id of the other hand's cut-out, or ``ALONE``.
        target_move: of the target, in the cut-out's nominal square (docs/formats.md).
        other_move: of the other hand; its shift as used, already shrunk.
        target_front: whether the target lies over the other hand.
        arm: whether the other hand brings its forearm.
        size: side of the picture [px].
        mode: how the edge is pasted: ``feathered``, or ``hard`` along the mask as in the original.
        mask: how masks are warped: ``threshold`` (bilinear, at one half), ``nearest``, or ``truncated``
            (bilinear, cut to whole numbers as in the original: edges shrink).
        light: (3,) factor on the other hand's colours.
        blur: standard deviation [px of the cut-out] that the target's and the other's picture are blurred by.
        noise: standard deviation [grey levels] of noise added to the target's and to the other's picture.
        shadow: share of light that the hand in front takes from the one behind where they meet.
        effects: what the camera does to the whole, the shared colour gain included.
    """

    target: int
    other: int
    target_move: Move
    other_move: Move
    target_front: bool
    arm: bool
    size: int
    mode: Mode
    mask: MaskRule
    light: tuple[float, float, float]
    blur: tuple[float, float]
    noise: tuple[float, float]
    shadow: float
    effects: Effects

    @property
    def alone(self) -> bool:
        """Whether there is no other hand."""
        return self.other == ALONE


_NAMES, _MOVE_NAMES, _EFFECT_NAMES = (
    tuple(field.name for field in fields(kind)) for kind in (Paste, Move, Effects)
)


def paste_fields(paste: Paste) -> dict[str, Any]:
    """Returns a row as plain values for a record."""
    # Not dataclasses.asdict: it copies every number, 0.3 ms a row.
    values = {name: getattr(paste, name) for name in _NAMES}
    for name in ("target_move", "other_move"):
        move = values[name]
        values[name] = {part: getattr(move, part) for part in _MOVE_NAMES}
    effects = paste.effects
    values["effects"] = {name: getattr(effects, name) for name in _EFFECT_NAMES}
    return values


def paste_of(values: Mapping[str, Any]) -> Paste:
    """Undoes :func:`paste_fields`.

    Raises:
        KeyError, TypeError, ValueError: when a value is missing or of another kind.
    """
    values = dict(values)
    for name in ("target_move", "other_move"):
        move = values[name]
        red, green, blue = move["gain"]
        values[name] = Move(tuple(move["shift"]), move["scale"], move["degrees"], (red, green, blue))
    effects = dict(values["effects"])
    for name in ("gain", "noise_offset", "motion"):
        effects[name] = tuple(effects[name])
    values["effects"] = Effects(**effects)
    for name in ("light", "blur", "noise"):
        values[name] = tuple(values[name])
    return Paste(**values)


def source_affine(move: Move, size: int, margin: int, nominal: int) -> FloatArray:
    """Returns the (2, 3) affine from a composed picture's pixels to those of a stored cut-out.

    The official warp (spec of utils/data_utils.py) without its half-pixel shift: the nominal square, moved by
    ``shift`` of its side, enlarged by ``scale`` and turned by ``degrees``, is what the picture shows.

    Args:
        move: the warp.
        size: side of the composed picture [px].
        margin: width of the rim round the nominal square in the stored picture [px].
        nominal: side of the nominal square in the stored picture [px].
    """
    angle = pi * move.degrees / 180
    factor = move.scale * nominal / size
    c, s = factor * cos(angle), factor * sin(angle)
    middle, centre = (size - 1) / 2, margin + (nominal - 1) / 2
    x, y = centre + nominal * move.shift[0], centre + nominal * move.shift[1]
    return np.array([[c, -s, x - c * middle + s * middle], [s, c, y - s * middle - c * middle]])
