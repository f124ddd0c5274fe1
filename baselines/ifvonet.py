"""IFVONet up to its head: three branches, PDV, GOR, VOF (sections III-A to III-D), in every variant."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handbench.baselines.blocks import initialise_small
from handbench.baselines.fpn import FPN, NecessityGate
from handbench.baselines.fusion import fusion
from handbench.baselines.ifvonet_config import IFVONetConfig
from handbench.baselines.pictures import side_by_side
from handbench.baselines.reasoning import OcclusionReasoning
from handbench.baselines.variation import PixelVariation


class IFVONetFeatures(nn.Module):
    """Features of the hand from two or three frames.

    Parts that a variant does not use are not built, so every parameter gets a gradient.
    """

    def __init__(self, config: IFVONetConfig) -> None:
        super().__init__()
        c = config
        self.config = config
        self.global_fpn = (
            None
            if c.global_input == "features"
            else FPN(c.backbone, c.width, c.channels, 3 * c.global_frames)
        )
        self.frame_fpns = nn.ModuleList(
            FPN(c.backbone, c.width, c.channels)
            for _ in range(0 if c.fusion == "none" else 1 if c.share_frame_backbone else c.frames)
        )
        self.global_join = (
            nn.Conv2d(c.frames * c.channels, c.channels, 1) if c.global_input == "features" else None
        )
        self.gate = NecessityGate()
        self.frame_gate = NecessityGate() if c.frame_feat == "gated" and c.fusion != "none" else None
        self.gor = OcclusionReasoning(c)
        self.pdv = PixelVariation(c) if c.pdv else None
        maps = self.pdv.maps if self.pdv is not None else c.frames
        self.vof = None if c.fusion == "none" else fusion(c, maps)
        if c.init == "small":
            for part in (self.global_join, self.gor, self.pdv, self.vof):
                if part is not None:
                    initialise_small(part)

    def forward(self, images: Tensor) -> Tensor:
        """Turns images (B, T, 3, h, w), the current frame first, into F_Hand (B, C, h/8, w/8)."""
        # Section III-A: F_t and F_{t-1} from single frames, F_h and F_o from their concatenation.
        each = self._frames(images)
        hand, occluded = self.gate(self._global(images, each))
        reasoned: Tensor = self.gor(hand, occluded)
        if self.vof is None:
            return reasoned
        # Table VI "without": F_t and F_{t-1} themselves stand for F_PDV.
        varied = side_by_side(each) if self.pdv is None else self.pdv(each.unbind(1))
        out: Tensor = self.vof(reasoned, varied)
        return out

    def _frames(self, images: Tensor) -> Tensor:
        """Returns the maps (B, T, C, n, n) of single frames; without a branch, the images."""
        if not self.frame_fpns:
            return images
        batch, frames = images.shape[:2]
        if len(self.frame_fpns) == 1:
            # Both frames in one pass: BN's statistics are those of both.
            flat: Tensor = self.frame_fpns[0](images.flatten(0, 1))
        else:
            maps = [fpn(image) for fpn, image in zip(self.frame_fpns, images.unbind(1), strict=True)]
            flat = torch.stack(maps, dim=1).flatten(0, 1)
        if self.frame_gate is not None:
            flat = self.frame_gate(flat)[0]
        return flat.reshape(batch, frames, *flat.shape[1:])

    def _global(self, images: Tensor, each: Tensor) -> Tensor:
        """Returns the map (B, C, n, n) that F_h and F_o are split from."""
        kind = self.config.global_input
        if self.global_join is not None:
            joined: Tensor = self.global_join(side_by_side(each))
            return joined
        assert self.global_fpn is not None
        if kind == "concat":
            picture = side_by_side(images[:, : self.config.global_frames])
        else:
            picture = images[:, 0] if kind == "current" else images.mean(dim=1)
        out: Tensor = self.global_fpn(picture)
        return out
