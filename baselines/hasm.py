"""HASM: SegFormer with four two-class branches, the whole and the visible mask of each hand."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handbench.baselines.hasm_config import BRANCHES, MIRROR, MIT, HasmConfig
from handbench.baselines.mirror_masks import MirrorNetwork
from handbench.baselines.mit import MixTransformer
from handbench.baselines.told_boxes import rectangles, spoilt
from handbench.errors import HandbenchError
from handbench.inputs import Inputs

_START = -2.2
"""Logit of the hand at the start: one pixel in ten. From a half, all pixels are first pushed to the rest, and
a branch can be left whose hidden channels are all 0 where the hand is."""

IGNORED = 255
"""Label of a pixel of which nothing is known (specification section 2.1)."""

RIGHT_FIRST = ((2, 0), (3, 1))
"""Branches of the right and the left hand: amodal, visible."""


class HasmOutputs(NamedTuple):
    """What the network says of B pictures.

    Attributes:
        logits: (B, 4, 2, h / 4, w / 4) of :data:`BRANCHES`; class 0 is the rest, class 1 the hand.
    """

    logits: Tensor


class HandMasks(NamedTuple):
    """Masks of both hands as shown, right then left.

    Attributes:
        amodal: (B, 2, h, w) bool, the whole hand.
        visible: (B, 2, h, w) bool, what is seen of it.
        presence: (B, 2) 0 to 1, how likely the hand is there; below a half its masks are empty.
        odds: (B, 4, h, w) logarithm of the odds that a pixel is in a mask: whole, whole, seen, seen.
    """

    amodal: Tensor
    visible: Tensor
    presence: Tensor
    odds: Tensor


class MaskDecoder(nn.Module):
    """SegFormer's all-MLP decoder with four branches (specification section 2.1).

    Each stage is projected to ``hidden`` channels and enlarged to a quarter of the picture; the projections
    are shared. A branch has a 1x1 convolution with BN and ReLU, dropout of channels, and a 1x1 convolution to
    two classes. The four branches are one convolution each, the second in four groups: the same numbers.

    Args:
        widths: channels of the stages.
        hidden: channels of the decoder.
        dropout: share of channels dropped.
    """

    def __init__(self, widths: tuple[int, ...], hidden: int, dropout: float) -> None:
        super().__init__()
        branches = len(BRANCHES)
        self.project = nn.ModuleList([nn.Conv2d(width, hidden, 1) for width in widths])
        self.fuse = nn.Conv2d(len(widths) * hidden, branches * hidden, 1, bias=False)
        self.norm = nn.BatchNorm2d(branches * hidden)
        self.dropout = nn.Dropout2d(dropout)
        self.classify = nn.Conv2d(branches * hidden, branches * 2, 1, groups=branches)
        for part in (*self.project, self.classify):
            nn.init.normal_(part.weight, std=0.02)
            nn.init.zeros_(part.bias)
        nn.init.kaiming_normal_(self.fuse.weight, nonlinearity="relu")
        if self.classify.bias is not None:
            self.classify.bias.data[1::2] = _START

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Returns logits (B, 4, 2, h, w) of the stages' maps, the largest of which is (B, C, h, w)."""
        size = maps[0].shape[-2:]
        projected = [project(features) for project, features in zip(self.project, maps, strict=True)]
        enlarged = [F.interpolate(features, size, mode="bilinear") for features in projected[:0:-1]]
        hidden = self.fuse(torch.cat([*enlarged, projected[0]], dim=1))
        logits: Tensor = self.classify(self.dropout(F.relu(self.norm(hidden))))
        return logits.reshape(-1, len(BRANCHES), 2, *size)


class HasmNetwork(nn.Module):
    """Pictures to masks; keeps to :class:`handbench.baselines.trainable.Network`.

    Args:
        config: what it is built from.
        inputs: how its pictures are normalised.

    Raises:
        HandbenchError: when ``transformers`` is not installed.
    """

    def __init__(self, config: HasmConfig, inputs: Inputs) -> None:
        super().__init__()
        self.config, self.inputs = config, inputs
        self.mirror: MirrorNetwork | None = None
        if config.network == "mirror":
            self.mirror = MirrorNetwork(MIRROR, _START)
        else:
            mit = MIT[config.mit]
            self.encoder = MixTransformer(mit, config.drop_path)
            self.decoder = MaskDecoder(mit.widths, config.hidden, config.dropout)
        self._found_masks = False

    def prepare(self, batch: Any) -> tuple[Tensor, ...]:
        """Returns what the network takes of a batch.

        Returns:
            The pictures (B, 3, h, w) float32; and, where it is told boxes, those (B, 2, 4) x, y, w, h [px],
            0 of hands that have none. In training they are spoilt.
        """
        images = batch.normalised(self.inputs)[:, 0]
        if not self.config.boxes:
            return (images,)
        boxes = torch.where(batch.box_valid[..., None], batch.box.float(), 0.0)
        return images, spoilt(boxes, images.shape[-2:]) if self.training else boxes

    def forward(self, images: Tensor, boxes: Tensor | None = None) -> HasmOutputs:
        """Predicts the masks of pictures (B, 3, h, w) float.

        Args:
            images: as ``prepare`` gives them.
            boxes: (B, 2, 4) x, y, w, h [px], right then left; none where a side is not above 0, or NaN. Only
                a network that is told boxes looks at them; None is no box of any hand.
        """
        if self.mirror is None:
            return HasmOutputs(self.decoder(self.encoder(images)))
        if boxes is None:
            boxes = images.new_zeros(len(images), len(RIGHT_FIRST), 4)
        margin = self.mirror(images, rectangles(boxes, (images.shape[-2], images.shape[-1])).to(images.dtype))
        return HasmOutputs(torch.stack([torch.zeros_like(margin), margin], dim=2))

    def loss(self, outputs: HasmOutputs, batch: Any) -> dict[str, Tensor]:
        """Returns the four terms whose sum is minimised, see :func:`mask_losses`.

        Raises:
            HandbenchError: when none of the first hands has a mask: nothing would be learned.
        """
        if not self._found_masks:
            # Once: it waits for the device.
            if bool(batch.hand_valid.any() & ~batch.masks().any()):
                raise HandbenchError(
                    f"none of the hands of the first {len(batch)} items has a mask",
                    "train on data with masks, such as aih:DIR",
                )
            self._found_masks = True
        return mask_losses(outputs.logits, mask_labels(batch), self.config.coarse)


def mask_labels(batch: Any) -> Tensor:
    """Returns (B, 4, h, w) uint8 labels of :data:`BRANCHES`: 1 the hand, 0 the rest, 255 unknown.

    Left and right are those of the picture as shown: in a mirrored picture the hands have changed places.
    A hand that is not annotated is absent, its masks are empty: so none is hallucinated. A hand that is
    annotated and has no pixel has no mask in the data, or none in the crop: unknown; so is an absent hand
    beside one of unknown masks, as such data may leave hands out. Beyond the picture's border is background:
    a batch does not say where it is.

    Args:
        batch: with all four masks (``handbench.inputs.MASKS``).
    """
    masks, names = batch.masks(), batch.mask_names
    # Of a crop about no one hand, the masks' target is the right hand of the picture before it was mirrored.
    right = torch.where(batch.side >= 0, batch.side == 0, ~batch.flipped)[:, None, None]
    by_kind = []
    for kind in ("amodal", "visible"):
        target, other = (masks[:, names.index(f"{whose}_{kind}")] for whose in ("target", "other"))
        by_kind.append((torch.where(right, target, other), torch.where(right, other, target)))
    masked = torch.stack([mask.flatten(1).any(dim=1) for mask in by_kind[0]], dim=1)
    absent = ~batch.hand_valid
    # (B, 2), right then left.
    known = masked | (absent & (masked.any(dim=1, keepdim=True) | absent.all(dim=1, keepdim=True)))
    (right_amodal, left_amodal), (right_visible, left_visible) = by_kind
    stacked = torch.stack([left_amodal, left_visible, right_amodal, right_visible], dim=1).byte()
    sure = torch.stack([known[:, 1], known[:, 1], known[:, 0], known[:, 0]], dim=1)
    return stacked.masked_fill(~sure[..., None, None], IGNORED)


def mask_losses(logits: Tensor, labels: Tensor, coarse: int = 1, free: bool = False) -> dict[str, Tensor]:
    """Gives the two-class cross-entropy of each branch, at the resolution of the labels, weight 1 each.

    Logits are enlarged bilinearly. A term is a mean over all pixels; unknown ones count 0. The cross-entropy
    of two classes depends on the difference of their logits alone, so that is what is enlarged.

    Args:
        logits: (B, 4, 2, h', w').
        labels: (B, 4, h, w) uint8 of 0, 1 and 255; a picture's are all known or all unknown.
        coarse: that many pixels a side are one, its label the share that is hand.
    """
    hand, known = (labels == 1).float(), (labels != IGNORED).float()
    if coarse > 1:
        hand, known = F.avg_pool2d(hand, coarse), known[..., ::coarse, ::coarse]
    margin = enlarged_margin(logits, (hand.shape[-2], hand.shape[-1]))
    loss = F.binary_cross_entropy_with_logits(margin, hand, weight=known, reduction="none")
    return dict(zip(BRANCHES, loss.mean(dim=(0, 2, 3)), strict=True))


def enlarged_margin(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns (B, 4, h, w): by how much the hand's logit is ahead, of logits (B, 4, 2, h', w')."""
    return F.interpolate(logits[:, :, 1] - logits[:, :, 0], size, mode="bilinear")


def decode_masks(logits: Tensor, size: tuple[int, int], least: float = 0.0) -> HandMasks:
    """Returns the masks that logits (B, 4, 2, h', w') say: the likelier class of the enlarged logits.

    A hand's presence is the mean probability of its likeliest pixels, ``least`` of all; so it is above a half
    when about that many pixels are more likely the hand than not. The published network has no such thing:
    any pixel is a hand.

    Args:
        logits: of the network.
        size: (height, width) of the masks.
        least: share of the pixels; 0 for a single one, which changes no mask.
    """
    margin = enlarged_margin(logits.float(), size)
    # Slices, no list of numbers, which a GPU would wait for: RIGHT_FIRST.
    amodal, visible = margin[:, 0::2].flip(1), margin[:, 1::2].flip(1)
    count = max(round(least * size[0] * size[1]), 1)
    presence = amodal.flatten(2).topk(count).values.sigmoid().mean(dim=2)
    there = (presence > 0.5)[..., None, None]
    odds = torch.cat([amodal, visible], dim=1)
    return HandMasks((amodal > 0) & there, (visible > 0) & there, presence, odds)
