"""Crops out of crops, on the device: boxes of masks, affines, sampling, and what a pose network is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from handbench.inputs import Inputs

_LEAST_SIDE = 8.0


@dataclass(frozen=True)
class HandCrops:
    """N crops of one hand each, shown as right hands; keeps to :class:`handbench.models.PictureBatch`.

    Attributes:
        keys: N keys of their samples.
        side: (N,) int64, 0: all are shown as right hands.
        flipped: (N,) bool, whether the picture is mirrored: left hands are.
        images: (N, 1, 3, h, w) uint8 RGB.
        affine: (N, 1, 2, 3) pixel of the original picture to pixel of the crop.
        K: (N, 3, 3) intrinsics of the crop [px].
        frame_valid: (N, 1) bool, all true.
    """

    keys: tuple[str, ...]
    side: Tensor
    flipped: Tensor
    images: Tensor
    affine: Tensor
    K: Tensor
    frame_valid: Tensor

    def __len__(self) -> int:
        return len(self.keys)

    def normalised(self, inputs: Inputs) -> Tensor:
        """Returns the pictures (N, 1, 3, h, w) float32, (value / 255 - mean) / std."""
        return normalised(self.images, inputs)

    def recut(self, inputs: Inputs, scale: float) -> tuple[HandCrops, Tensor | None]:
        """Returns the same crops in another model's size and scale, and the affines (N, 2, 3) to them.

        Args:
            inputs: of the other model, a square crop of one hand.
            scale: side of these crops over the longer side of the hand's box.
        """
        width, height = inputs.size
        if (height, width) == tuple(self.images.shape[-2:]) and inputs.scale == scale:
            return self, None
        old = self.images.shape[-1]
        factor = max(width, height) / (old * inputs.scale / scale)
        step = self.affine.new_zeros(len(self), 2, 3)
        for row, side in enumerate((width, height)):
            # Numbers, not tensors that are made here: a GPU would be waited for.
            step[:, row, row] = factor
            step[:, row, 2] = (side - 1 - factor * (old - 1)) / 2
        images = sample(self.images[:, 0].float(), step, inputs.size).round_().to(torch.uint8)
        return replace(
            self, images=images[:, None], affine=chained(step, self.affine[:, 0])[:, None],
            K=moved_camera(self.K, step),
        ), step  # fmt: skip


def normalised(pictures: Tensor, inputs: Inputs) -> Tensor:
    """Returns pictures (..., 3, h, w) of bytes, as floats or not, as (value / 255 - mean) / std."""
    shown = pictures.float() / 255
    for channel, (mean, std) in enumerate(zip(inputs.mean, inputs.std, strict=True)):
        shown[..., channel, :, :].sub_(mean).div_(std)
    return shown


def mask_boxes(masks: Tensor) -> Tensor:
    """Returns the boxes (..., 4) x, y, w, h [px] about masks (..., h, w) bool; all 0 of empty ones."""
    sides = []
    for axis in (-2, -1):
        # As bytes: on a CPU the greatest is found faster than whether there is any.
        line = masks.view(torch.uint8).amax(dim=axis)
        low, high = line.argmax(dim=-1), line.shape[-1] - line.flip(-1).argmax(dim=-1)
        sides.append((low.float() - 0.5, (high - low).float()))
    (x, w), (y, h) = sides
    box = torch.stack([x, y, w, h], dim=-1)
    return torch.where((line > 0).any(dim=-1, keepdim=True), box, torch.zeros_like(box))


def move_boxes(boxes: Tensor, affines: Tensor) -> Tensor:
    """Returns the boxes (N, S, 4) x, y, w, h [px] of crops (N, 2, 3) without mirroring; 0 stays 0."""
    scale = torch.diagonal(affines[..., :2], dim1=-2, dim2=-1)[:, None]
    moved = torch.cat([boxes[..., :2] * scale + affines[:, None, :, 2], boxes[..., 2:] * scale], dim=-1)
    return torch.where(boxes[..., 2:].amin(dim=-1, keepdim=True) > 0, moved, 0.0)


def lit(canvas: Tensor) -> Tensor:
    """Returns (B, 1, h, w) bool, where canvases show a picture: within rows and columns not all black."""
    box = mask_boxes((canvas > 0).any(dim=1))[:, None, None, :]
    y = torch.arange(canvas.shape[-2], device=canvas.device)[None, :, None]
    x = torch.arange(canvas.shape[-1], device=canvas.device)[None, None, :]
    inside = (x > box[..., 0]) & (x < box[..., 0] + box[..., 2])
    return (inside & (y > box[..., 1]) & (y < box[..., 1] + box[..., 3]))[:, None]


def crop_affines(boxes: Tensor, scale: float, size: int, mirrored: Tensor | None = None) -> Tensor:
    """Returns the affines (N, 2, 3), pixel to pixel of the square crop about each box.

    Args:
        boxes: (N, 4) x, y, w, h [px].
        scale: side of the crop over the longer side of the box.
        size: side of the crop [px].
        mirrored: (N,) bool, crops that are shown mirrored.
    """
    factor = size / (boxes[:, 2:].amax(dim=1) * scale).clamp(min=_LEAST_SIDE)
    across = factor if mirrored is None else torch.where(mirrored, -factor, factor)
    linear = torch.stack([across, factor], dim=1)
    centre = boxes[:, :2] + boxes[:, 2:] / 2
    return torch.cat([torch.diag_embed(linear), ((size - 1) / 2 - linear * centre)[..., None]], dim=2)


def chained(second: Tensor, first: Tensor) -> Tensor:
    """Returns the affines (N, 2, 3) that do ``first``, then ``second``; in float32 under any autocast."""
    # No matrix product: autocast would round it, by pixels.
    linear, shift = second[..., :2], second[..., 2:]
    done = linear[..., :1] * first[..., :1, :] + linear[..., 1:] * first[..., 1:, :]
    return torch.cat([done[..., :2], done[..., 2:] + shift], dim=-1)


def moved_camera(K: Tensor, affines: Tensor) -> Tensor:
    """Returns the intrinsics (N, 3, 3) of pictures that affines (N, 2, 3) were done to."""
    return torch.cat([chained(affines, K[:, :2]), K[:, 2:]], dim=1)


def inverse(affines: Tensor) -> Tensor:
    """Returns the inverses of affines (N, 2, 3) without shear or turn, as all crops here are."""
    scale = torch.diagonal(affines[..., :2], dim1=-2, dim2=-1)
    return torch.cat([torch.diag_embed(1 / scale), (-affines[..., 2] / scale)[..., None]], dim=-1)


def sample(pictures: Tensor, affines: Tensor, size: tuple[int, int]) -> Tensor:
    """Samples pictures bilinearly where affines put them; what lies outside is 0.

    Args:
        pictures: (N, C, h, w) float.
        affines: (N, 2, 3) pixel of the picture to pixel of the result; or (N, K, 2, 3), K crops of each.
        size: (width, height) of the result.

    Returns:
        (N, C, height, width), or (N, K, C, height, width).
    """
    if affines.ndim == 4:
        count, many = affines.shape[:2]
        width, height = size
        # K crops of a picture are one below the other: the picture is not copied.
        grid = _grid(pictures, affines.flatten(0, 1), size).reshape(count, many * height, width, 2)
        found = F.grid_sample(pictures, grid, mode="bilinear", align_corners=False)
        return found.reshape(count, -1, many, height, width).transpose(1, 2)
    return F.grid_sample(pictures, _grid(pictures, affines, size), mode="bilinear", align_corners=False)


def _grid(pictures: Tensor, affines: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns where affines (N, 2, 3) look in pictures, (N, height, width, 2) as grid_sample has it."""
    width, height = size
    back = inverse(affines)
    x = torch.arange(width, device=pictures.device, dtype=pictures.dtype)
    y = torch.arange(height, device=pictures.device, dtype=pictures.dtype)
    at_x = back[:, 0, 0, None] * x + back[:, 0, 2, None]
    at_y = back[:, 1, 1, None] * y + back[:, 1, 2, None]
    source = pictures.shape[-1], pictures.shape[-2]
    # A pixel's middle is a whole number here; grid_sample has -1 and 1 at the outer edges.
    across = ((2 * at_x + 1) / source[0] - 1)[:, None, :].expand(-1, height, -1)
    down = ((2 * at_y + 1) / source[1] - 1)[:, :, None].expand(-1, -1, width)
    return torch.stack([across, down], dim=-1).to(pictures.dtype)


def sample_masks(masks: Tensor, affines: Tensor, size: tuple[int, int]) -> Tensor:
    """Samples masks (N, C, h, w) bool as :func:`sample` does; a pixel is in where at least half of it is."""
    return sample(masks.float(), affines, size) >= 0.5
