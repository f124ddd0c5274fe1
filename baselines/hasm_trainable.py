"""HASM as a trainable: inputs and recipes from its settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from handbench.baselines.hasm import HasmNetwork
from handbench.baselines.hasm_config import NETWORKS, HasmConfig
from handbench.baselines.hasm_model import HasmModel
from handbench.baselines.mit import load_mit
from handbench.baselines.pictures import channels_last
from handbench.baselines.trainable import Recipe
from handbench.baselines.variants import configured, split_row
from handbench.errors import HandbenchError
from handbench.inputs import IMAGENET_MEAN, IMAGENET_STD, MASKS, Inputs

_EPOCHS = 40

HASM_RECIPE = Recipe(
    optimiser="adamw", lr=6e-5, weight_decay=0.01, batch_size=48, epochs=_EPOCHS,
    milestones=tuple(range(1, _EPOCHS)), gamma=0.9, clip_norm=1.0, augment="hasm",
    source="HDR's configuration but for the rate, which is SegFormer's: docs/hdr.md",
)  # fmt: skip
"""The published rate is 48 times SegFormer's, 2.88e-3, for 48 pictures a step: suspect (section 8, point 15).
Published and not kept: ten times the rate for the decoder, norms without decay, warm-up, and a linear fall to
0, in place of which the rate falls to a sixtieth in even steps."""

TINY_RECIPE = replace(
    HASM_RECIPE, lr=2e-3, batch_size=32, epochs=10, milestones=(3, 4, 5, 6, 7, 8, 9), gamma=0.68,
    clip_norm=3.0, augment="hasm-tiny", source="docs/hdr.md, hasm-tiny",
)  # fmt: skip

RECIPES = {"hasm-tiny": TINY_RECIPE}
"""Row -> recipe; all others have the full one."""


def inputs_of(config: HasmConfig) -> Inputs:
    """Returns what a network asks of its pictures: one crop a sample about both hands, never mirrored."""
    return Inputs(
        crop=config.crop, scale=config.scale, size=(config.size, config.size), mean=IMAGENET_MEAN,
        std=IMAGENET_STD, sides="both", boxes=config.boxes,
    )  # fmt: skip


@dataclass(frozen=True)
class HasmTrainable:
    """A mask network; keeps to :class:`handbench.baselines.trainable.Trainable`.

    Attributes:
        name: ``NAME`` or ``NAME:VARIANT``.
        config: settings.
        recipe: how it is trained.
        vertices: False: nothing asks for meshes.
    """

    name: str
    config: HasmConfig
    recipe: Recipe
    vertices: bool = False

    @property
    def inputs(self) -> Inputs:
        """Of prediction and validation."""
        return inputs_of(self.config)

    @property
    def train_inputs(self) -> Inputs:
        """Of training: the same with the masks of both hands."""
        return replace(self.inputs, masks=MASKS)

    def build(self, seed: int = 0, pretrained: Path | None = None) -> HasmNetwork:
        """Makes the network on the CPU; see :meth:`handbench.baselines.trainable.Trainable.build`.

        Args:
            seed: of the weights that are drawn.
            pretrained: a local SegFormer of ``transformers``, see :func:`handbench.baselines.mit.load_mit`.

        Raises:
            HandbenchError: when that does not fit, or the network is none.
        """
        if pretrained is not None and self.config.network != "segformer":
            raise HandbenchError(f"{self.name} has no encoder to load", "leave --pretrained out")
        # The caller's stream of random numbers stays where it is.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = HasmNetwork(self.config, self.inputs)
        if pretrained is not None:
            load_mit(network.encoder, pretrained)
        return channels_last(network)

    def model(
        self, network: nn.Module, device: str = "cpu", trained: bool = True, sha256: str = ""
    ) -> HasmModel:
        """Wraps a network as a model that predicts."""
        assert isinstance(network, HasmNetwork)
        return HasmModel(network, self.name, device, trained, sha256)


def make_trainable(name: str, variant: str = "") -> HasmTrainable:
    """Makes the trainable of ``NAME:VARIANT``.

    Raises:
        HandbenchError: for an unknown variant, or settings that it does not have.
    """
    row, asked = split_row(NETWORKS, name, variant)
    full = f"{name}:{variant}" if variant else name
    return HasmTrainable(full, configured(NETWORKS[row], asked), RECIPES.get(row, HASM_RECIPE))
