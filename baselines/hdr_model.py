"""The pipeline HDR: masks of both hands, a crop of each, the crop completed, its pose (section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from handbench.baselines import fill
from handbench.baselines.canvas_masks import CanvasMasks, MaskFinder
from handbench.baselines.hand_crops import (
    HandCrops,
    chained,
    crop_affines,
    inverse,
    lit,
    moved_camera,
    normalised,
    sample,
    sample_masks,
)
from handbench.baselines.hdr_masks import dilate, hdr_masks
from handbench.baselines.hdr_stages import Stages, untrained
from handbench.baselines.hdrnet_network import to_bytes
from handbench.baselines.trained_model import SIDES
from handbench.config import to_dict
from handbench.inputs import MASKS, Inputs
from handbench.placing import boxes_to_picture
from handbench.predictions import HandPrediction, Prediction, Space

SAME = 2
"""Grey levels by which a pixel may differ where nothing was painted."""


@dataclass(frozen=True)
class Completed:
    """N hands' crops, shown as right hands.

    Attributes:
        hands: N pairs: item of the batch; 0 right, 1 left, as in the picture.
        item: (N,) the first numbers of ``hands`` on the device.
        side: (N,) the second numbers.
        affine: (N, 2, 3) pixel of the canvas to pixel of the crop.
        masks: (N, 4, s, s) bool, in the order of ``MASKS``.
        before: (N, 3, s, s) uint8.
        after: (N, 3, s, s) uint8.
        hole: (N, 1, s, s) 0 and 1, what was painted.
    """

    hands: tuple[tuple[int, int], ...]
    item: Tensor
    side: Tensor
    affine: Tensor
    masks: Tensor
    before: Tensor
    after: Tensor
    hole: Tensor


class HdrModel:
    """Predicts masks, completed pictures and poses of both hands; keeps to :class:`handbench.models.Model`.

    All crops are cut out of one crop about both hands, the canvas, on the device. Masks and pictures are in
    its frame; a hand's picture is the canvas with that hand alone and whole: what was painted is put back.

    Args:
        stages: on the device.
        name: ``NAME`` or ``NAME:VARIANT``.
        device: as torch spells it.

    Attributes:
        settings: of the pipeline and of its stages.
        parameters: of all stages.
        untrained: names of stages with random weights.
        train_data: what each stage was trained on, in words.
    """

    def __init__(self, stages: Stages, name: str, device: str = "cpu") -> None:
        config = stages.config
        self.stages, self.config, self.name, self.device = stages, config, name, device
        models = stages.models
        self.inputs = Inputs(
            crop="pair" if config.boxes == "data" else "full", scale=config.scale,
            size=(config.canvas, config.canvas), sides="both", masks=MASKS if config.masks == "gt" else (),
            boxes=config.boxes == "data" and (config.about == "box" or stages.told),
        )  # fmt: skip
        self.needs_ground_truth = config.masks == "gt"
        self._find = MaskFinder(config, stages.hasm)
        self.space: Space = stages.pose.space
        self.tips, self.hand_model = stages.pose.tips, stages.pose.hand_model
        self.untrained, self.weights_sha256 = untrained(stages), stages.weights_sha256
        self.trained = not self.untrained
        settings = {stage: dict(getattr(model, "settings", {})) for stage, model in models.items()}
        self.settings: Mapping[str, Any] = {**to_dict(config), "stages": settings}
        words = {stage: getattr(model, "train_data", "") for stage, model in models.items()}
        self.train_data = "; ".join(f"{stage}: {data}" for stage, data in words.items() if data)
        self.parameters = sum(int(getattr(model, "parameters", 0)) for model in models.values())

    def predict(self, batch: Any) -> list[Prediction]:
        """Predicts both hands of each item.

        A hand that is not there has empty masks and a ``handedness`` below a half, and no pose.
        """
        with torch.no_grad():
            canvas = batch.images[:, 0].to(self.device)
            affine = batch.affine[:, 0].to(self.device).float()
            masks = self.find_masks(canvas, batch)
            hands = self.cut(canvas, masks, self._told(batch))
            done = self.complete(hands, canvas)
            poses = self.pose(done, batch, affine) if done.hands else []
            return self._written(batch, canvas, masks, done, poses)

    def find_masks(self, canvas: Tensor, batch: Any) -> CanvasMasks:
        """Returns the masks of canvases (B, 3, h, w) uint8: predicted, or the annotation's of their batch."""
        return self._find(canvas, batch, self._told(batch))

    def _told(self, batch: Any) -> Tensor | None:
        """Returns the hands' boxes (B, 2, 4) in the canvas, 0 where unknown; None where nobody asks."""
        return batch.box.to(self.device).float() if self.inputs.boxes else None

    def cut(self, canvas: Tensor, masks: CanvasMasks, told: Tensor | None = None) -> Completed:
        """Cuts out each hand that has a mask: a square about it, left hands mirrored.

        ``told`` are the hands' boxes in the canvas (B, 2, 4), 0 where unknown, for ``about=box``.
        """
        boxes = masks.boxes
        there = boxes[..., 2:].amin(dim=2) > 0
        if self.config.about == "box" and told is not None:
            boxes = torch.where(told[..., 2:].amin(dim=2, keepdim=True) > 0, told, boxes)
        if self.config.absent == "centre":
            middle = torch.full_like(boxes, self.config.canvas / 2)
            middle[..., :2] = self.config.canvas / 4 - 0.5
            boxes = torch.where(there[..., None], boxes, middle)
            there = torch.ones_like(there)
        size = self.stages.holes.size
        left = torch.arange(2, device=boxes.device).repeat(len(boxes)) == 1
        affine = crop_affines(boxes.flatten(0, 1), self.config.hand_scale, size, left).reshape(-1, 2, 2, 3)
        images = sample(canvas.float(), affine, (size, size)).round_().to(torch.uint8)
        both = torch.stack([masks.painted, masks.kept], dim=2).flatten(1, 2)
        cut = sample_masks(both, affine, (size, size)).reshape(-1, 2, 2, 2, size, size)
        # The own hand first: the left one's crop has the left hand's masks there.
        cut = torch.stack([cut[:, 0], cut[:, 1].flip(1)], dim=1).flatten(2, 3)
        # The one place where the processor waits for the masks: all that follows is started at once.
        item, side = there.nonzero(as_tuple=True)
        hands = tuple(zip(item.tolist(), side.tolist(), strict=True))
        chosen = images[item, side]
        hole = torch.zeros(len(hands), 1, size, size, device=canvas.device)
        return Completed(hands, item, side, affine[item, side], cut[item, side], chosen, chosen, hole)

    def complete(self, hands: Completed, canvas: Tensor) -> Completed:
        """Fills what hides each hand, and what there is of the other one, as ``fill`` says."""
        if self.config.fill == "none" or not hands.hands:
            return hands
        c = self.stages.holes
        told = hdr_masks(
            *hands.masks.unbind(dim=1), removed=c.removed, deocclusion=c.deocclusion, removal=c.removal
        )
        hole = dilate(told.hole, c.dilate)
        hdrnet = self.stages.hdrnet
        if hdrnet is not None:
            filled = hdrnet.complete(normalised(hands.before, hdrnet.inputs), hands.masks)
            after = to_bytes(filled, hdrnet.inputs)
            if c.result == "direct":
                # It also paints what no mask says.
                apart = (after.short() - hands.before.short()).abs().amax(dim=1, keepdim=True)
                hole = torch.maximum(hole, (apart > SAME).float())
            return replace(hands, after=after, hole=hole)
        by: Callable[..., Any] = fill.fill_telea if self.config.fill == "telea" else fill.fill_mean
        size = (c.size, c.size)
        inside = sample_masks(lit(canvas)[hands.item], hands.affine, size)[:, 0]
        pictures = hands.before.permute(0, 2, 3, 1).cpu().numpy()
        painted = by(pictures, hole[:, 0].cpu().numpy() > 0, inside.cpu().numpy())
        after = torch.from_numpy(painted).permute(0, 3, 1, 2).to(hands.before.device)
        return replace(hands, after=after, hole=hole)

    def pose(self, done: Completed, batch: Any, affine: Tensor) -> list[Prediction]:
        """Returns what the pose stage says of each completed crop."""
        pose, count = self.stages.pose, len(done.hands)
        moved = moved_camera(batch.K.to(self.device).float()[done.item], done.affine)
        # Mirroring the picture and the 3D leaves a positive focal length.
        moved[:, :, 0] *= torch.where(done.side == 1, -1.0, 1.0)[:, None]
        crops = HandCrops(
            keys=tuple(batch.keys[i] for i, _ in done.hands), side=torch.zeros_like(done.side),
            flipped=done.side == 1, images=done.after[:, None],
            affine=chained(done.affine, affine[done.item])[:, None], K=moved,
            frame_valid=torch.ones(count, 1, dtype=torch.bool),
        )  # fmt: skip
        crops, step = crops.recut(pose.inputs, self.config.hand_scale)
        if pose.inputs.masks:
            masks = done.masks if step is None else sample_masks(done.masks, step, pose.inputs.size)
            return pose.predict_with(crops, masks)  # type: ignore[no-any-return]
        return pose.predict(crops)  # type: ignore[no-any-return]

    def _written(
        self, batch: Any, canvas: Tensor, masks: CanvasMasks, done: Completed, poses: list[Prediction]
    ) -> list[Prediction]:
        """Puts together what was found of each item."""
        write = self.config.write
        affine = batch.affine[:, 0].double().cpu().numpy()
        boxes = masks.boxes.double().cpu().numpy()
        amodal, visible = masks.amodal.cpu().numpy(), masks.visible.cpu().numpy()
        pictures = self._pictures(canvas, done) if write == "all" else {}
        posed = {at: pose.hands[0] for at, pose in zip(done.hands, poses, strict=True)}
        presence = masks.presence.double().cpu().numpy()
        found = []
        for i, key in enumerate(batch.keys):
            hands = []
            for s, side in enumerate(SIDES):
                hand = posed.get((i, s), HandPrediction(side))
                if boxes[i, s, 2] > 0:
                    hand = replace(hand, box=boxes_to_picture(boxes[i, s], affine[i]))
                if write != "pose":
                    hand = replace(hand, amodal_mask=amodal[i, s], visible_mask=visible[i, s])
                hands.append(replace(hand, image=pictures.get((i, s))))
            found.append(Prediction(key, tuple(hands), handedness=presence[i], crop=affine[i]))
        return found

    def _pictures(self, canvas: Tensor, done: Completed) -> dict[tuple[int, int], np.ndarray[Any, Any]]:
        """Returns each hand's canvas (h, w, 3) uint8: what was painted in place of what was there."""
        if not done.hands:
            return {}
        size = (canvas.shape[-1], canvas.shape[-2])
        both = torch.cat([done.after.float(), done.hole], dim=1)
        back = sample(both, inverse(done.affine), size).permute(0, 2, 3, 1)
        shown = torch.where(back[..., 3:] > 0.5, back[..., :3].round().to(torch.uint8),
                            canvas.permute(0, 2, 3, 1)[done.item])  # fmt: skip
        return dict(zip(done.hands, shown.cpu().numpy(), strict=True))
