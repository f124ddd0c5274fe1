"""Draws the pictures and masks of one item into the arrays of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.inputs import Inputs
from handbench.loaders.augment import Augment, Draws
from handbench.loaders.batch_pictures import Picture, is_shift, recolour, show, show_mask
from handbench.loaders.occlude import Patch, add_noise, make_patches
from handbench.types import Side


@dataclass(slots=True)
class Canvas:
    """Pictures and masks of B items.

    Attributes:
        images: (B, T, h, w, 3) uint8 RGB.
        targets: (B, h, w, 3) uint8, or None.
        bits: (B, M, ceil(h w / 8)) packed masks, or None.
    """

    images: ImageArray
    targets: ImageArray | None
    bits: npt.NDArray[np.uint8] | None

    @classmethod
    def blank(cls, count: int, inputs: Inputs, out: ImageArray | None = None) -> Canvas:
        """Reserves the arrays; pictures in ``out`` where it is given."""
        width, height = inputs.size
        shape = (count, inputs.frames, height, width, 3)
        images = np.empty(shape, np.uint8) if out is None else out[:count]
        targets = np.zeros((count, height, width, 3), np.uint8) if inputs.target_image else None
        packed = (count, len(inputs.masks), -(-height * width // 8))
        return cls(images, targets, np.zeros(packed, np.uint8) if inputs.masks else None)


def render_item(
    canvas: Canvas,
    row: int,
    pictures: Sequence[Picture],
    affines: Sequence[FloatArray],
    side: Side,
    inputs: Inputs,
    augment: Augment,
    draws: Draws,
) -> BoolArray | None:
    """Draws one item.

    Earlier frames and the target's own picture get the same colours; earlier frames also the same occluders
    in the same place. Occluders are taken out of visible masks; the target's own picture has none.

    Args:
        canvas: drawn into.
        row: of the canvas.
        pictures: T of them, the current one first.
        affines: (2, 3) picture to shown, one a picture.
        side: the target, for masks.
        inputs: of the model.
        augment: settings of colour and occluders.
        draws: of this item.

    Returns:
        (h, w) bool, what occluders cover, or None.

    Raises:
        BadSampleError: when a picture does not open.
    """
    coloured = augment.gain > 0 or augment.brightness > 0 or augment.contrast > 0
    patches: list[Patch] = []
    for t, (picture, affine) in enumerate(zip(pictures, affines, strict=True)):
        out = canvas.images[row, t]
        show(picture.pixels(), affine, out)
        if coloured:
            recolour(out, draws.colour[0])
        if t == 0 and draws.count[0]:
            patches = make_patches(out, draws.patches[0], int(draws.count[0]), augment.occluder)
        for patch in patches:
            patch.paste(out)
        if augment.noise > 0:
            add_noise(out, augment.noise, *draws.noise[0].tolist())
    if canvas.targets is not None:
        target = pictures[0].target_pixels(side)
        if target is not None:
            show(target, affines[0], canvas.targets[row])
            if coloured:
                recolour(canvas.targets[row], draws.colour[0])
    covered = None
    if patches:
        covered = np.zeros(canvas.images.shape[2:4], np.bool_)
        for patch in patches:
            patch.cover(covered)
    if canvas.bits is not None:
        for m, name in enumerate(inputs.masks):
            canvas.bits[row, m] = _mask_bits(pictures[0], name, side, affines[0], inputs.size, covered)
    return covered


def _mask_bits(
    picture: Picture,
    name: str,
    side: Side,
    affine: FloatArray,
    size: tuple[int, int],
    covered: BoolArray | None,
) -> npt.NDArray[np.uint8] | int:
    """Returns the packed bits of one mask as shown; 0 where the picture has no such mask."""
    whose, _, kind = name.partition("_")
    hand = side if whose == "target" else side.other
    hidden = covered if kind == "visible" else None
    if hidden is None and is_shift(affine) and not affine[:, 2].any():
        stored = picture.bits(hand, kind)
        if stored is not None and stored[1] == (size[1], size[0]):
            return stored[0]
    mask = picture.mask(hand, kind)
    if mask is None:
        return 0
    shown = show_mask(mask, affine, size)
    return np.packbits(shown if hidden is None else shown & ~hidden)
