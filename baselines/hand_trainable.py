"""HandOccNet, IFVONet and their variants as trainables: inputs and recipes from their settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from handbench.baselines.hand_network import HandNetwork
from handbench.baselines.ifvonet_config import IFVONetConfig
from handbench.baselines.imagenet import load_imagenet
from handbench.baselines.network_model import NetworkModel
from handbench.baselines.networks import configure, split_variant
from handbench.baselines.pictures import channels_last
from handbench.baselines.trainable import Recipe
from handbench.inputs import Inputs

IFVONET_RECIPE = Recipe(source="IFVONet section IV-A")
"""Adam, 64 samples, 40 epochs, 1e-4, a tenth from epoch 20, random scale and rotation; no more is stated."""

HANDOCCNET_RECIPE = Recipe(
    epochs=70, milestones=tuple(range(10, 70, 10)), gamma=0.7, augment="handoccnet",
    source="HandOccNet config.py",
)  # fmt: skip

TINY_RECIPE = Recipe(
    lr=1e-3, batch_size=32, epochs=10, milestones=(6, 9), gamma=0.2, augment="handoccnet", clip_norm=None,
    source="docs/ifvonet.md, tiny models",
)  # fmt: skip
"""Half an hour on two cores is 100,000 samples: a higher rate and smaller batches than the paper's."""

RECIPES = {
    "handoccnet": HANDOCCNET_RECIPE,
    "ifvonet-tiny": TINY_RECIPE,
    "handoccnet-v-tiny": TINY_RECIPE,
}
"""Name -> recipe; all others have IFVONet's."""


def inputs_of(config: IFVONetConfig) -> Inputs:
    """Returns what a network asks of its pictures: HandOccNet's crop of 1.5 boxes, values 0 to 1."""
    return Inputs(
        crop="hand", scale=1.5, size=(config.size, config.size), frames=config.frames, gap=config.prev_gap,
        prev_crop=config.prev_crop, sides=config.sides, mirror_left=config.sides == "both",
    )  # fmt: skip


@dataclass(frozen=True)
class HandTrainable:
    """One of the networks of :mod:`handbench.baselines.networks`; keeps to ``trainable.Trainable``.

    Attributes:
        name: ``NAME`` or ``NAME:VARIANT``.
        config: settings.
        recipe: how it is trained.
        vertices: False: meshes come from annotated parameters.
    """

    name: str
    config: IFVONetConfig
    recipe: Recipe
    vertices: bool = False

    @property
    def inputs(self) -> Inputs:
        """Of prediction and validation."""
        return inputs_of(self.config)

    @property
    def train_inputs(self) -> Inputs:
        """Of training: labels of all frames where all are predicted; HandOccNet clips its boxes."""
        supervise: Literal["current", "all"] = "all" if self.config.predicted > 1 else "current"
        clip = self.config.family == "handoccnet" and self.config.frames == 1
        return replace(self.inputs, supervise=supervise, clip=clip)

    def build(self, seed: int = 0, pretrained: Path | None = None) -> HandNetwork:
        """Makes the network on the CPU; see :meth:`handbench.baselines.trainable.Trainable.build`."""
        # The caller's stream of random numbers stays where it is.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = HandNetwork(self.config, self.inputs)
        if pretrained is not None:
            load_imagenet(network, pretrained)
        return channels_last(network)

    def model(
        self, network: nn.Module, device: str = "cpu", trained: bool = True, sha256: str = ""
    ) -> NetworkModel:
        """Wraps a network as a model that predicts."""
        assert isinstance(network, HandNetwork)
        return NetworkModel(network, self.name, device, trained, sha256)


def make_trainable(name: str, variant: str = "") -> HandTrainable:
    """Makes the trainable of ``NAME:VARIANT``.

    Raises:
        HandbenchError: for an unknown variant, or settings that it does not have.
    """
    row, asked = split_variant(name, variant)
    full = f"{name}:{variant}" if variant else name
    recipe = RECIPES.get(row, IFVONET_RECIPE)
    return HandTrainable(full, configure(row, asked), recipe)
