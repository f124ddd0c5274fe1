"""What a model asks of its pictures: crop, size, frames, sides, masks. The batcher makes exactly that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handbench.errors import HandbenchError

MASKS = ("target_amodal", "target_visible", "other_amodal", "other_visible")
"""The masks a model may ask for; ``target`` is the hand that the crop is about (Meng et al. 2022)."""

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a model declares of its inputs.

    Attributes:
        crop: ``hand``: one item a hand, about that hand; ``pair``: one item a sample, about its hands;
            ``full``: one item a sample, the whole picture.
        scale: side of the square crop over the longer side of the box (before augmentation).
        clip: clip the scaled box to the picture before it is made square (HandOccNet's rule in training).
        size: (width, height) [px] of what the model sees.
        mean: (3,) RGB mean that is subtracted from values in 0 to 1.
        std: (3,) RGB deviation that they are divided by.
        frames: pictures an item has: the sample's own, then the earlier ones.
        gap: frames of the video between two of them.
        prev_crop: crop earlier frames by the ``same`` affine, or each about its ``own`` box.
        supervise: labels of the ``current`` frame, or of ``all`` frames.
        sides: the hands that items are made of; ``both`` takes every hand, ``target`` the one that the data
            name as what a picture is about (AIH: of a pair none). ``full`` takes every sample.
        mirror_left: show left hands mirrored, as right hands (``full``: where the data name a target hand).
        boxes: the model is also told where the box of each hand is, and so which side it is.
        masks: which of :data:`MASKS` the batch carries.
        target_image: also the picture of the target alone and whole (AIH).
    """

    crop: Literal["hand", "pair", "full"] = "hand"
    scale: float = 1.5
    clip: bool = False
    size: tuple[int, int] = (256, 256)
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    frames: int = 1
    gap: int = 1
    prev_crop: Literal["same", "own"] = "same"
    supervise: Literal["current", "all"] = "current"
    sides: Literal["right", "left", "both", "target"] = "right"
    mirror_left: bool = False
    boxes: bool = False
    masks: tuple[str, ...] = ()
    target_image: bool = False

    def __post_init__(self) -> None:
        self._check_kinds()
        for name, value, choices in (
            ("crop", self.crop, ("hand", "pair", "full")),
            ("prev_crop", self.prev_crop, ("same", "own")),
            ("supervise", self.supervise, ("current", "all")),
            ("sides", self.sides, ("right", "left", "both", "target")),
        ):
            if value not in choices:
                raise HandbenchError(f"inputs: {name} is {value!r}", f"choose one of {', '.join(choices)}")
        unknown = [name for name in self.masks if name not in MASKS]
        if unknown:
            raise HandbenchError(f"inputs: no mask {unknown[0]!r}", f"choose of {', '.join(MASKS)}")
        if self.frames < 1 or self.gap < 1 or min(self.size) < 1:
            raise HandbenchError(
                f"inputs: frames={self.frames}, gap={self.gap}, size={self.size}", "each is 1 or more"
            )
        if not self.scale > 0 or not min(self.std) > 0:
            raise HandbenchError(f"inputs: scale={self.scale}, std={self.std}", "each is above 0")
        if self.mirror_left and self.crop == "pair":
            raise HandbenchError("inputs: mirror_left with crop='pair'", "a pair of hands has no side")

    def _check_kinds(self) -> None:
        """Refuses values of the wrong kind, which would fail later where nothing names them."""
        number = (int, float)
        for name, count, kind, remedy in (
            ("size", 2, int, "give (width, height), such as size=(512, 512)"),
            ("mean", 3, number, "give three numbers, of red, green and blue"),
            ("std", 3, number, "give three numbers, of red, green and blue"),
            ("masks", None, str, f"give a tuple of {', '.join(MASKS)}"),
        ):
            value = getattr(self, name)
            fits = isinstance(value, (tuple, list)) and all(isinstance(part, kind) for part in value)
            if not fits or (count is not None and len(value) != count):
                raise HandbenchError(f"inputs: {name}={value!r}", remedy)
        for name, kind, remedy in (
            ("frames", int, "give a whole number"),
            ("gap", int, "give a whole number"),
            ("scale", number, "give a number"),
        ):
            if not isinstance(getattr(self, name), kind):
                raise HandbenchError(f"inputs: {name}={getattr(self, name)!r}", remedy)
