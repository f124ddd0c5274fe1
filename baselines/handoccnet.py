"""HandOccNet (Park et al. 2022) up to its head, and its extensions to two frames."""

from __future__ import annotations

from torch import Tensor, nn

from handbench.baselines.blocks import initialise_small
from handbench.baselines.fit_set import FIT, SET
from handbench.baselines.fpn import FPN, NecessityGate
from handbench.baselines.ifvonet_config import IFVONetConfig
from handbench.baselines.pictures import side_by_side


class HandOccNetFeatures(nn.Module):
    """FPN, gate, FIT, SET (HandOccNet sections 3.1 to 3.3).

    One frame is HandOccNet. HandOcc(V) is only a name in IFVONet's tables ("extended to a video version with
    two adjacent image inputs"); its two readings here: the frames side by side in channels, or ``siamese``:
    each frame through the same network, a 1x1 convolution joins the results.
    """

    def __init__(self, config: IFVONetConfig) -> None:
        super().__init__()
        c, frames = config, 1 if config.siamese else config.frames
        self.siamese = config.siamese
        self.fpn = FPN(c.backbone, c.width, c.channels, 3 * frames, c.unused_smooth)
        self.gate = NecessityGate()
        self.fit = FIT(c.channels, c.resolution, c.heads, c.mlp_ratio)
        self.set = SET(c.channels, c.resolution, c.heads, c.mlp_ratio)
        parts: list[nn.Module] = [self.fit, self.set]
        if self.siamese:
            self.join = nn.Conv2d(config.frames * c.channels, c.channels, 1)
            parts.append(self.join)
        if c.init == "small":
            for part in parts:
                initialise_small(part)

    def forward(self, images: Tensor) -> Tensor:
        """Turns images (B, T, 3, h, w) into hand features (B, C, h/8, w/8)."""
        if not self.siamese:
            return self._one(side_by_side(images))
        each = self._one(images.flatten(0, 1))
        joined: Tensor = self.join(side_by_side(each.reshape(*images.shape[:2], *each.shape[1:])))
        return joined

    def _one(self, images: Tensor) -> Tensor:
        primary, secondary = self.gate(self.fpn(images))
        out: Tensor = self.set(self.fit(secondary, primary))
        return out
