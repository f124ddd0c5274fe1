"""A batch as torch tensors: pictures, how they were warped, and labels that followed them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
import torch

from handbench.arrays import BoolArray, FloatArray
from handbench.inputs import Inputs
from handbench.loaders.batch_labels import LabelRows
from handbench.loaders.batch_maker import Made

_T = TypeVar("_T")


@dataclass(frozen=True)
class Labels:
    """Labels of B items in the frame of their crops; S = 2 hands, right then left.

    What is not annotated is 0 and not valid; unknown visibility and occlusion are NaN. float32, metres,
    radians, camera frame, OPENPOSE21. ``K`` and the 3D labels belong together: K projects joints to
    ``joints_2d``. A rotation of the picture is in the 3D, about the optical axis; crop and scale are in K.

    Attributes:
        K: (B, 3, 3) intrinsics [px] of the target's camera (of the picture, where no hand is the target).
        K_hands: (B, S, 3, 3) of each hand's own camera; differs from K in pasted pictures only.
        hand_valid: (B, S) bool, whether the hand is annotated.
        joints: (B, S, 21, 3) [m].
        joints_valid: (B, S, 21) bool.
        joints_2d: (B, S, 21, 2) [px]; the dataset's own labels where it has them, else the projection.
        joints_2d_valid: (B, S, 21) bool; a pixel may lie outside the crop.
        visibility: (B, S, 21) share of each joint that is seen; 0 under an occluder that was added.
        pose: (B, S, 48) axis-angle, root first, flat_hand_mean=True.
        betas: (B, S, 10).
        transl: (B, S, 3) [m].
        params_valid: (B, S) bool, whether pose, betas and transl are annotated.
        box: (B, S, 4) x, y, w, h [px] upright, about the turned box of the hand.
        box_valid: (B, S) bool.
        occlusion: (B, S) 1 - visible / amodal, of the picture as it was (without added occluders).
        vertices: (B, S, 778, 3) [m], NaN where unknown; None where they were not asked for.
    """

    K: torch.Tensor
    K_hands: torch.Tensor
    hand_valid: torch.Tensor
    joints: torch.Tensor
    joints_valid: torch.Tensor
    joints_2d: torch.Tensor
    joints_2d_valid: torch.Tensor
    visibility: torch.Tensor
    pose: torch.Tensor
    betas: torch.Tensor
    transl: torch.Tensor
    params_valid: torch.Tensor
    box: torch.Tensor
    box_valid: torch.Tensor
    occlusion: torch.Tensor
    vertices: torch.Tensor | None


@dataclass(frozen=True)
class Batch(Labels):
    """B items of one model.

    Attributes:
        keys: B keys of their samples.
        side: (B,) int64, the hand that the crop is about, as shown: 0 right, 1 left, -1 none.
        flipped: (B,) bool, whether the picture is mirrored; the labels are too.
        images: (B, T, 3, h, w) uint8 RGB, the current frame first; channels last in memory.
        affine: (B, T, 2, 3) pixel of the original picture to pixel of the crop.
        frame_valid: (B, T) bool; False where the video has no earlier frame and a later one stands for it.
        mask_bits: (B, M, ceil(h w / 8)) uint8 packed masks, see :meth:`masks`; None without masks.
        mask_names: the M names.
        target_images: (B, 3, h, w) uint8, the target alone and whole, black where unknown; or None.
        earlier: labels of the earlier frames, where the inputs ask for ``supervise="all"``.
    """

    keys: tuple[str, ...]
    side: torch.Tensor
    flipped: torch.Tensor
    images: torch.Tensor
    affine: torch.Tensor
    frame_valid: torch.Tensor
    mask_bits: torch.Tensor | None
    mask_names: tuple[str, ...]
    target_images: torch.Tensor | None
    earlier: tuple[Labels, ...]

    def __len__(self) -> int:
        return len(self.keys)

    def masks(self) -> torch.Tensor:
        """Decodes the masks, on the device they are on.

        Returns:
            (B, M, h, w) bool, in the order of ``mask_names``.
        """
        if self.mask_bits is None:
            raise ValueError("this batch has no masks: the model's inputs name none")
        height, width = self.images.shape[-2:]
        weights = 2 ** torch.arange(7, -1, -1, device=self.mask_bits.device, dtype=torch.uint8)
        pixels = (self.mask_bits[..., None] & weights) != 0
        flat = pixels.flatten(2)[..., : height * width]
        return flat.reshape(*flat.shape[:2], height, width)

    def mask(self, name: str) -> torch.Tensor:
        """Returns one mask (B, h, w) bool by its name."""
        return self.masks()[:, self.mask_names.index(name)]

    def normalised(self, inputs: Inputs) -> torch.Tensor:
        """Returns the pictures (B, T, 3, h, w) float32, (value / 255 - mean) / std.

        Do it where the model runs: bytes travel four times as fast as floats.
        """
        shown = self.images.float().div_(255)
        # No tensors of mean and deviation: making them on a GPU waits for it.
        for channel, (mean, std) in enumerate(zip(inputs.mean, inputs.std, strict=True)):
            if (mean, std) != (0.0, 1.0):
                shown[:, :, channel].sub_(mean).div_(std)
        return shown

    def part(self, start: int, stop: int) -> Batch:
        """Returns items ``start`` to ``stop``: a batch that a model's memory did not hold is run in parts."""
        cut = _map(self, lambda tensor: tensor[start:stop])
        return replace(cut, keys=self.keys[start:stop])

    def without_labels(self, boxes: bool = False) -> Batch:
        """Returns the batch as a model sees it that is tested: pictures, how they were cut, K, no annotation.

        What was not annotated looks the same: 0 and not valid, visibility and occlusion NaN.

        Args:
            boxes: keep the hands' boxes, see :class:`handbench.inputs.Inputs`.
        """
        kept = ("K", "K_hands", "vertices", *(("box", "box_valid") if boxes else ()))
        blank: dict[str, Any] = {
            field.name: torch.full_like(value, torch.nan if field.name in ("visibility", "occlusion") else 0)
            for field in fields(Labels)
            if field.name not in kept and (value := getattr(self, field.name)) is not None
        }
        return replace(
            self, **blank, vertices=None, mask_bits=None, mask_names=(), target_images=None, earlier=()
        )

    def to(self, device: str | torch.device, non_blocking: bool = False) -> Batch:
        """Returns the batch on another device."""
        return _map(self, lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Batch:
        """Returns the batch in page-locked memory, from where a GPU takes it without waiting."""
        return _map(self, lambda tensor: tensor.pin_memory())


def _map(value: _T, change: Any) -> _T:
    """Returns a record with all its tensors changed, also those of records within."""
    if isinstance(value, torch.Tensor):
        return change(value)  # type: ignore[no-any-return]
    if isinstance(value, tuple):
        return tuple(_map(item, change) for item in value)  # type: ignore[return-value]
    if isinstance(value, Labels):
        changes = {field.name: _map(getattr(value, field.name), change) for field in fields(value)}
        return replace(value, **changes)
    return value


def to_batch(made: Made, inputs: Inputs, images: torch.Tensor) -> Batch:
    """Turns what a worker made into tensors.

    Args:
        made: the arrays.
        inputs: of the model.
        images: (B, T, h, w, 3) uint8, the pictures.
    """
    current, *earlier = (_labels(rows, made.sides) for rows in made.labels)
    targets = made.canvas.targets
    return Batch(
        **{field.name: getattr(current, field.name) for field in fields(Labels)},
        keys=tuple(made.keys.tolist()),
        side=torch.from_numpy(made.sides.astype(np.int64)),
        flipped=torch.from_numpy(made.flips.copy()),
        images=images.permute(0, 1, 4, 2, 3),
        affine=torch.from_numpy(made.affine.astype(np.float32)),
        frame_valid=torch.from_numpy(made.real),
        mask_bits=None if made.canvas.bits is None else torch.from_numpy(made.canvas.bits),
        mask_names=inputs.masks,
        target_images=None if targets is None else torch.from_numpy(targets).permute(0, 3, 1, 2),
        earlier=tuple(earlier),
    )


def _labels(rows: LabelRows, sides: np.ndarray[Any, np.dtype[np.int8]]) -> Labels:
    first = np.where(sides >= 0, sides, np.where(rows.hand_valid[:, 0] | ~rows.hand_valid[:, 1], 0, 1))
    params = _finite(rows.pose) & _finite(rows.betas) & _finite(rows.transl)
    pixels, boxes = _finite(rows.joints_2d), _finite(rows.box)
    arrays = {
        "K": rows.K[np.arange(len(first)), first],
        "K_hands": rows.K,
        "hand_valid": rows.hand_valid,
        "joints": np.where(rows.joints_valid[..., None], rows.joints, 0.0),
        "joints_valid": rows.joints_valid,
        "joints_2d": np.where(pixels[..., None], rows.joints_2d, 0.0),
        "joints_2d_valid": pixels,
        "visibility": rows.visibility,
        "pose": np.where(params[..., None], rows.pose, 0.0),
        "betas": np.where(params[..., None], rows.betas, 0.0),
        "transl": np.where(params[..., None], rows.transl, 0.0),
        "params_valid": params,
        "box": np.where(boxes[..., None], rows.box, 0.0),
        "box_valid": boxes,
        "occlusion": rows.occlusion,
    }
    tensors = {
        name: torch.from_numpy(array.astype(np.bool_ if array.dtype == np.bool_ else np.float32))
        for name, array in arrays.items()
    }
    vertices = None if rows.vertices is None else torch.from_numpy(np.ascontiguousarray(rows.vertices))
    return Labels(**tensors, vertices=vertices)


def _finite(values: FloatArray) -> BoolArray:
    return np.asarray(np.isfinite(values).all(axis=-1))
