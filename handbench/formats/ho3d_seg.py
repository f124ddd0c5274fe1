"""HO-3D's segmentations: pure colours for hand and object, and which is which decided on the data.

In v2's rendered archive the object is blue and the hand red, in quarter-size JPEG. For v3 the programs that
read it disagree, so nothing is taken for granted: :func:`decide_hand_colour` looks at where the annotated
hand and object lie in the pictures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.formats.images import decode_image, read_bytes

Colour = Literal["red", "blue"]
SEG_V2: dict[str, Colour] = {"hand": "red", "object": "blue"}
SEG_V3: dict[str, Colour] = {"hand": "red", "object": "blue"}
"""The colours that our writer uses; a reader decides on the data."""

V2_SHRINK = 4
_CHANNEL = {"red": 0, "blue": 2}
_MARGIN = 0.2


def encode_seg(hand: BoolArray, obj: BoolArray, version: str) -> ImageArray:
    """Paints a segmentation.

    Args:
        hand: (h, w) what is seen of the hand.
        obj: (h, w) what is seen of the object; the hand wins where both are set.
        version: ``v2`` (a quarter of the size, to be written as JPEG) or ``v3`` (whole size, PNG).

    Returns:
        (h, w, 3) or (h / 4, w / 4, 3) uint8 **RGB**.
    """
    colours = SEG_V2 if version == "v2" else SEG_V3
    if version == "v2":
        hand, obj = _shrink(hand), _shrink(obj)
    picture = np.zeros((*hand.shape, 3), dtype=np.uint8)
    picture[..., _CHANNEL[colours["object"]]] = np.where(obj & ~hand, 255, 0)
    picture[..., _CHANNEL[colours["hand"]]] |= np.where(hand, 255, 0).astype(np.uint8)
    return picture


def _shrink(mask: BoolArray) -> BoolArray:
    """Returns the mask at a quarter of its size: what covers at least half of 4 x 4 pixels."""
    grey = np.where(mask, np.uint8(255), np.uint8(0))
    size = (mask.shape[1] // V2_SHRINK, mask.shape[0] // V2_SHRINK)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA) > 127)


def colour_mask(picture: ImageArray, colour: Colour) -> BoolArray:
    """Returns (h, w) bool: the pixels of an RGB picture that are nearest to one of the pure colours."""
    red, green, blue = picture[..., 0], picture[..., 1], picture[..., 2]
    this, other = (red, blue) if colour == "red" else (blue, red)
    return np.asarray((this > 127) & (this > other) & (green < 128))


@dataclass(frozen=True, slots=True)
class SegFile:
    """A reference to the mask of one colour of a segmentation.

    Attributes:
        path: of the picture.
        colour: which pixels.
        size: (width, height) of the mask; the segmentation may be smaller.
    """

    path: Path
    colour: Colour
    size: tuple[int, int]

    def read(self) -> BoolArray:
        """Returns (h, w) bool, the nearest pixel of the segmentation at each pixel of the picture.

        Raises:
            BadSampleError: naming the file, when it does not open.
        """
        mask = colour_mask(decode_image(read_bytes(self.path), str(self.path)), self.colour)
        if (mask.shape[1], mask.shape[0]) != self.size:
            mask = cv2.resize(mask.view(np.uint8), self.size, interpolation=cv2.INTER_NEAREST_EXACT).view(
                bool
            )
        return np.asarray(mask, dtype=np.bool_)


def decide_hand_colour(
    frames: Iterable[tuple[ImageArray, FloatArray, FloatArray]],
) -> tuple[Colour | None, float]:
    """Decides which colour the hand has.

    Args:
        frames: of several pictures: (h, w, 3) RGB segmentation; (J, 2) pixels of the hand's joints and
            (K, 2) pixels inside the object's box, both in the segmentation's own pixels.

    Returns:
        The hand's colour, or None where the votes do not tell; and the balance of the votes, -1 (blue) to 1
        (red). A joint votes for the colour it lies on; a point of the object for the other one.
    """
    balance = votes = 0.0
    for picture, joints, inside_object in frames:
        for pixels, sign in ((joints, 1.0), (inside_object, -1.0)):
            column, row = np.rint(pixels).astype(np.int64).T
            height, width = picture.shape[:2]
            seen = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            at = picture[row[seen], column[seen]][None]
            red, blue = colour_mask(at, "red").sum(), colour_mask(at, "blue").sum()
            balance += sign * float(red - blue)
            votes += float(red + blue)
    share = balance / votes if votes else 0.0
    if votes < 10 or abs(share) < _MARGIN:
        return None, share
    return ("red" if share > 0 else "blue"), share
