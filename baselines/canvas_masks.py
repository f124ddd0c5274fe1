"""The masks of a pipeline's canvases: what its mask network finds there, or the annotation's."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from handbench.baselines.hand_crops import (
    crop_affines,
    inverse,
    mask_boxes,
    move_boxes,
    normalised,
    sample,
)
from handbench.baselines.hasm_model import HasmModel
from handbench.baselines.hdr_config import HdrConfig
from handbench.baselines.hdrnet_network import masks_in_order
from handbench.errors import HandbenchError

_OUTSIDE = -20.0
"""Odds beyond what the network saw: no hand."""


@dataclass(frozen=True)
class CanvasMasks:
    """What is known of B crops about both hands; the second axis is right, left.

    Attributes:
        amodal: (B, 2, h, w) bool.
        visible: (B, 2, h, w) bool.
        presence: (B, 2) 0 to 1, how likely each hand is there.
        painted: (B, 2, h, w) bool, the whole hand for painting: what is surely of it, and what may be seen.
        kept: (B, 2, h, w) bool, what may be seen of it, which is not painted over.
    """

    amodal: Tensor
    visible: Tensor
    presence: Tensor
    painted: Tensor
    kept: Tensor

    @functools.cached_property
    def boxes(self) -> Tensor:
        """(B, 2, 4) x, y, w, h [px] about the whole masks; all 0 of empty ones."""
        return mask_boxes(self.amodal)


class MaskFinder:
    """Finds the masks of canvases.

    Args:
        config: of the pipeline.
        hasm: the mask network; None for the annotation's masks.
    """

    def __init__(self, config: HdrConfig, hasm: HasmModel | None) -> None:
        self.config, self.hasm = config, hasm
        self._annotated = False

    def __call__(self, canvas: Tensor, batch: Any, told: Tensor | None) -> CanvasMasks:
        """Returns the masks of canvases.

        Args:
            canvas: (B, 3, h, w) uint8.
            batch: of the same items; with masks where there is no network.
            told: (B, 2, 4) the hands' boxes in the canvas, 0 where unknown; None where nobody asks for them.

        Raises:
            HandbenchError: when the annotation's are asked for and it has none.
        """
        if self.hasm is None:
            return self._true(batch, canvas.device)
        side, count = self.config.canvas, len(canvas)
        whole = torch.full((count, 4), float(side), device=canvas.device)
        whole[:, :2] = -0.5
        scale = self.hasm.inputs.scale
        if self.config.boxes == "data":
            return self._segment(self.hasm, canvas, whole, scale / self.config.scale, told)
        first = self._segment(self.hasm, canvas, whole, 1.0, None)
        both = mask_boxes(first.amodal.any(dim=1))
        both = torch.where(both[:, 2:].amin(dim=1, keepdim=True) > 0, both, whole)
        return self._segment(self.hasm, canvas, both, scale, first.boxes)

    def _true(self, batch: Any, device: torch.device) -> CanvasMasks:
        found = masks_in_order(batch).to(device)
        self._annotated = self._annotated or bool(found.any() | ~batch.hand_valid.any().to(device))
        if not self._annotated:
            raise HandbenchError(
                f"none of the hands of the first {len(batch)} items has a mask in the annotation",
                "masks=gt takes data with masks, such as aih:DIR",
            )
        # A crop about no one hand has the right one as its target.
        amodal, visible = found[:, 0::2], found[:, 1::2]
        return CanvasMasks(amodal, visible, amodal.flatten(2).any(dim=2).float(), amodal, visible)

    def _segment(
        self, hasm: HasmModel, canvas: Tensor, about: Tensor, scale: float, told: Tensor | None
    ) -> CanvasMasks:
        """Returns what the network finds in crops of ``scale`` boxes (B, 4), in the frame of the canvas."""
        size = hasm.inputs.size
        there = crop_affines(about, scale, size[0])
        pictures = normalised(sample(canvas.float(), there, size), hasm.inputs)
        hints = move_boxes(told, there) if told is not None and hasm.inputs.boxes else None
        found = hasm.segment(pictures, hints)
        # Sampling is linear and 0 outside: with the odds moved, that is no hand.
        odds = (found.odds - _OUTSIDE).clamp(min=0.0)
        odds = sample(odds, inverse(there), (canvas.shape[-1], canvas.shape[-2])) + _OUTSIDE
        odds = torch.where((found.presence > 0.5).repeat(1, 2)[..., None, None], odds, _OUTSIDE)
        whole, seen = odds[:, :2], odds[:, 2:]
        kept = seen > -self.config.keep
        painted = (whole > self.config.sure) | kept
        return CanvasMasks(whole > 0, seen > 0, found.presence, painted, kept)
