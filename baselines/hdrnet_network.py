"""HDRNet as it is trained: generator, discriminator and losses in one step; and as it completes pictures."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from handbench.baselines.hdr_masks import HDRMasks, compose, dilate, hdr_masks
from handbench.baselines.hdrnet import HDRNet
from handbench.baselines.hdrnet_config import HDRNetConfig
from handbench.baselines.hdrnet_losses import HDROutputs, feature_distances, hdrnet_losses
from handbench.baselines.mask_noise import spoil
from handbench.baselines.painter import Painter
from handbench.baselines.patch_discriminator import PatchDiscriminator
from handbench.baselines.vgg import VGGFeatures
from handbench.errors import HandbenchError
from handbench.inputs import MASKS, Inputs

DISCRIMINATOR_RATE, DISCRIMINATOR_BETAS = 0.1, (0.0, 0.9)
"""Share of the generator's learning rate, and Adam's moments (cgan.py:41-53, commented out there)."""
CHANGED = 0.25
"""Difference in normalised colours, about 14 grey levels, from which on pixels are not the same."""


class HDRNetwork(nn.Module):
    """Keeps to :class:`handbench.baselines.trainable.Network`.

    One backward pass serves both players: the discriminator judges the output detached, and the output is
    judged once more by its weights detached. So the generator learns nothing from the discriminator's error,
    nor the discriminator from the generator's.

    Args:
        config: what it is built from.
        inputs: how its pictures are normalised.
        vgg: for the perceptual and style terms, or None.
    """

    def __init__(self, config: HDRNetConfig, inputs: Inputs, vgg: VGGFeatures | None = None) -> None:
        super().__init__()
        self.config, self.inputs = config, inputs
        self.generator: HDRNet | Painter = (
            Painter(config) if config.generator == "painter" else HDRNet(config)
        )
        judge = PatchDiscriminator(config.discriminator_width) if config.adversarial > 0 else None
        self.discriminator, self.vgg = judge, vgg

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Returns the groups of the optimiser: the discriminator learns at a tenth of the rate."""
        groups: list[dict[str, Any]] = [{"params": list(self.generator.parameters())}]
        if self.discriminator is not None:
            judge = list(self.discriminator.parameters())
            groups.append({"params": judge, "scale": DISCRIMINATOR_RATE, "betas": DISCRIMINATOR_BETAS})
        return groups

    def prepare(self, batch: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns pictures, masks, targets and which targets there are; in training with spoilt masks.

        Returns:
            (B, 3, h, w) and (B, 4, h, w) bool in the order of ``MASKS``; (B, 3, h, w) and (B,) float.

        Raises:
            HandbenchError: for a batch without the target's own pictures.
        """
        if batch.target_images is None:
            raise HandbenchError("these data have no pictures of the target alone", "train on AIH (aih:DIR)")
        images = batch.normalised(self.inputs)[:, 0]
        target = normalised(batch.target_images, self.inputs)
        known = batch.target_images.flatten(1).any(dim=1).float()
        masks = masks_in_order(batch)
        if self.training and self.config.mask_noise > 0:
            masks = spoil(masks, self.config.mask_noise)
        return images, masks, target, known

    def masks(self, masks: Tensor) -> HDRMasks:
        """Returns what the generator is told of masks (B, 4, h, w) in the order of ``MASKS``."""
        c = self.config
        return hdr_masks(
            *masks.unbind(dim=1), removed=c.removed, deocclusion=c.deocclusion, removal=c.removal
        )

    def forward(self, images: Tensor, masks: Tensor, target: Tensor, known: Tensor) -> HDROutputs:
        """Paints, and has it judged; see :meth:`prepare` for what it takes."""
        c = self.config
        told = self.masks(masks)
        if not (c.deocclusion and c.removal):
            # A hole that is not filled keeps what the picture has there.
            left = hdr_masks(*masks.unbind(dim=1), removed=c.removed).hole - told.hole
            target = compose(target, images, left)
        if isinstance(self.generator, Painter):
            picture, elsewhere = self.generator.paint(images, told)
            out = HDROutputs(picture, target, known, told.r_invisible, told.l_invisible)
            out = out._replace(elsewhere=elsewhere, changed=changed(images, target, told))
        else:
            picture = self.generator(images, told)
            out = HDROutputs(picture, target, known, told.r_invisible, told.l_invisible)
        if self.discriminator is not None:
            out = self._judge(self.discriminator, out, told)
        if self.vgg is not None:
            holes = (told.r_invisible, told.l_invisible)
            perceptual, style = feature_distances(self.vgg, picture, target, holes)
            out = out._replace(perceptual=perceptual, style=style)
        return out

    def _judge(self, judge: PatchDiscriminator, out: HDROutputs, told: HDRMasks) -> HDROutputs:
        """Adds what the discriminator says: it sees the whole output, not the composite (cgan.py:222-247)."""
        weights = judge.weights()
        hint = torch.cat([told.r_modal, told.l_modal], dim=1)
        shown = torch.cat([out.picture, hint.to(out.picture.dtype)], dim=1)
        real = torch.cat([out.target, hint], dim=1).to(shown.dtype)
        told_apart = judge(torch.cat([real, shown.detach()]), weights)
        adversarial = judge(shown, [weight.detach() for weight in weights])
        right, wrong = told_apart.split(len(shown))
        return out._replace(real=right, fake=wrong, adversarial=adversarial)

    def loss(self, outputs: HDROutputs, batch: Any) -> dict[str, Tensor]:
        """Returns the terms whose sum is minimised, see :mod:`handbench.baselines.hdrnet_losses`."""
        return hdrnet_losses(outputs, self.config)

    def complete(self, images: Tensor, masks: Tensor) -> Tensor:
        """Completes pictures: the output in the widened hole, the picture itself elsewhere.

        Args:
            images: (B, 3, h, w), normalised; the target hand shown as a right one.
            masks: (B, 4, h, w) bool in the order of ``MASKS``.

        Returns:
            (B, 3, h, w), normalised; where there is no hole, the picture as it came. With ``result='direct'``
            the whole output.
        """
        told = self.masks(masks)
        output: Tensor = self.generator(images, told).to(images.dtype)
        if self.config.result == "direct":
            return output
        return compose(images, output, dilate(told.hole, self.config.dilate))


def changed(images: Tensor, target: Tensor, told: HDRMasks) -> Tensor:
    """Returns (B, 1, h, w), 1 where the target's picture differs from the picture in no hole and on no hand.

    Forearms and shadows of the other hand; :data:`CHANGED` keeps out what JPEG did to either picture.
    """
    apart = (images - target).abs().amax(dim=1, keepdim=True) > CHANGED
    return apart.float() * (1 - told.hole) * (1 - told.r_modal)


def masks_in_order(batch: Any) -> Tensor:
    """Returns the masks (B, 4, h, w) bool of a batch in the order of ``MASKS``, whatever its own is.

    Raises:
        HandbenchError: when it lacks one.
    """
    lacking = [name for name in MASKS if name not in batch.mask_names]
    if lacking:
        raise HandbenchError(f"a batch without masks {', '.join(lacking)}", "the model's inputs name them")
    found: Tensor = batch.masks()
    if tuple(batch.mask_names) != MASKS:
        found = found[:, [batch.mask_names.index(name) for name in MASKS]]
    return found


def normalised(pictures: Tensor, inputs: Inputs) -> Tensor:
    """Returns pictures (B, 3, h, w) uint8 as float, (value / 255 - mean) / std."""
    shown = pictures.float().div_(255)
    for channel, (mean, std) in enumerate(zip(inputs.mean, inputs.std, strict=True)):
        shown[:, channel].sub_(mean).div_(std)
    return shown


def to_bytes(pictures: Tensor, inputs: Inputs) -> Tensor:
    """Returns normalised pictures (B, 3, h, w) as uint8, rounded and limited: undoes :func:`normalised`."""
    shown = pictures.float().clone()
    for channel, (mean, std) in enumerate(zip(inputs.mean, inputs.std, strict=True)):
        shown[:, channel].mul_(std).add_(mean)
    return shown.mul_(255).round_().clamp_(0, 255).to(torch.uint8)
