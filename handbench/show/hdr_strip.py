"""What is drawn of a pipeline's sample: both hands in the frame of the crop that it saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.show.view import Box, whole, window_about
from handbench.types import Side

_ROOM, _LARGE = 1.35, 0.9


@dataclass(frozen=True)
class ShownHand:
    """One hand in the frame of a crop; None where it is not known.

    Attributes:
        whole: (h, w) bool, the whole hand.
        seen: (h, w) bool, what is visible of it.
        picture: (h, w, 3) uint8 RGB, the hand alone and whole.
        pixels: (21, 2) [px] of the crop, OPENPOSE21, NaN where unknown.
    """

    whole: BoolArray | None = None
    seen: BoolArray | None = None
    picture: ImageArray | None = None
    pixels: FloatArray | None = None


@dataclass(frozen=True)
class Row:
    """What is said of both hands.

    Attributes:
        name: of the row.
        lines: about it.
        hands: those that are there.
        unknown: what stands in the place of something that is not known.
    """

    name: str
    lines: Sequence[str]
    hands: Mapping[Side, ShownHand]
    unknown: str


@dataclass(frozen=True)
class Strip:
    """One sample.

    Attributes:
        key: of the sample.
        crop: (h, w, 3) uint8 RGB, what the pipeline saw.
        rows: what was predicted, and the annotation where there is one.
        window: x, y, w, h [px] of the crop: the part that is drawn of it.
        agreement: lines that say how far one row is from the other.
        handedness: (2,) how likely the right and the left hand are there, or None.
    """

    key: str
    crop: ImageArray
    rows: Sequence[Row]
    window: Box
    agreement: Sequence[str]
    handedness: FloatArray | None

    @property
    def zoomed(self) -> bool:
        """Whether less than all of the crop is drawn."""
        return self.window != whole(self.crop.shape)


def window_of(crop: ImageArray, rows: Sequence[Row]) -> Box:
    """Returns x, y, w, h [px] of the part of a crop that has hands in it; all where that is not much less."""
    boxes = [_box(hand) for row in rows for hand in row.hands.values()]
    found = window_about(np.array(boxes).reshape(-1, 4), crop.shape, _ROOM)
    return found if found[2] < _LARGE * min(crop.shape[:2]) else whole(crop.shape)


def _box(hand: ShownHand) -> FloatArray:
    """Returns x, y, w, h [px] about a hand's mask, else its joints; NaN where neither is known."""
    if hand.whole is not None and hand.whole.any():
        points = np.argwhere(hand.whole)[:, ::-1].astype(np.float64)
    elif hand.pixels is not None:
        points = hand.pixels[np.isfinite(hand.pixels).all(axis=1)]
    else:
        points = np.zeros((0, 2))
    if not len(points):
        return np.full(4, np.nan)
    low, high = points.min(axis=0) - 0.5, points.max(axis=0) + 0.5
    return np.concatenate([low, high - low])
