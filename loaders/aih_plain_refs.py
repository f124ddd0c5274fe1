"""References to pictures and masks of an official AIH tree: files, or composed from two crops on demand."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handbench.arrays import BoolArray, ImageArray
from handbench.formats.aih_plain import SIZE, crop_files, read_mask_values
from handbench.formats.aih_plain_compose import Pasted, compose
from handbench.formats.aih_plain_recipes import Move
from handbench.formats.images import ImageFile
from handbench.types import Side


@dataclass(frozen=True, slots=True)
class ValueMask:
    """A mask stored as whole numbers.

    Attributes:
        path: of the PNG.
        value: the number that belongs to the mask.
        most: the greatest number that the file may hold.
    """

    path: Path
    value: int = 1
    most: int = 1

    def read(self) -> BoolArray:
        """Returns (h, w) bool.

        Raises:
            BadSampleError: when it does not open or holds another number.
        """
        return np.asarray(read_mask_values(self.path, self.most) == self.value)


@dataclass(frozen=True, slots=True)
class Paste:
    """What a composed sample is made of.

    Attributes:
        folder: of the branch and split.
        target: side of the hand that is kept.
        crops: numbers of the target's crop and of the covering hand's.
        moves: of the target and of the covering hand.
        gain: colour gain of both.
    """

    folder: Path
    target: Side
    crops: tuple[int, int]
    moves: tuple[Move, Move]
    gain: tuple[float, float, float]


@functools.lru_cache(maxsize=4)
def composed(paste: Paste) -> Pasted:
    """Composes a sample; the last few are kept, because its picture and masks are usually read together.

    Raises:
        BadSampleError: when a crop or a mask does not open.
    """
    target, other = (
        (ImageFile(files["image"], SIZE).read(), ValueMask(files["amodal"]).read())
        for files in (
            crop_files(paste.folder, paste.target, paste.crops[0]),
            crop_files(paste.folder, paste.target.other, paste.crops[1]),
        )
    )
    return compose(target, other, paste.moves, np.array(paste.gain), paste.target is Side.LEFT)


@dataclass(frozen=True, slots=True)
class PastedImage:
    """A composed picture.

    Attributes:
        paste: what it is made of.
        alone: whether it is the target alone.
    """

    paste: Paste
    alone: bool = False

    def read(self) -> ImageArray:
        """Returns (256, 256, 3) uint8 RGB."""
        pasted = composed(self.paste)
        return (pasted.target_image if self.alone else pasted.image).copy()


@dataclass(frozen=True, slots=True)
class PastedMask:
    """A mask of a composed picture.

    Attributes:
        paste: what it is made of.
        name: ``target_amodal``, ``target_visible`` or ``other_amodal``.
    """

    paste: Paste
    name: str

    def read(self) -> BoolArray:
        """Returns (256, 256) bool."""
        mask: BoolArray = getattr(composed(self.paste), self.name)
        return mask.copy()
