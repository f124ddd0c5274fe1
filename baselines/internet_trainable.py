"""InterNet as a trainable: one crop about both hands; the official recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from handbench.baselines.imagenet import load_imagenet
from handbench.baselines.internet import InterNet
from handbench.baselines.internet_config import InterNetConfig
from handbench.baselines.internet_model import InterNetModel
from handbench.baselines.pictures import channels_last
from handbench.baselines.pose_networks import configure, split_pose
from handbench.baselines.trainable import Recipe
from handbench.inputs import IMAGENET_MEAN, IMAGENET_STD, Inputs

INTERNET_RECIPE = Recipe(
    batch_size=16, epochs=20, milestones=(15, 17), augment="interhand", source="InterHand2.6M main/config.py",
)  # fmt: skip
"""Adam, 1e-4, 16 samples a GPU, 20 epochs, a tenth at 15 and 17; hands change places in half the samples."""

TINY_RECIPE = Recipe(
    lr=1e-3, batch_size=16, epochs=10, milestones=(6, 9), gamma=0.2, augment="interhand",
    source="docs/hdr.md, tiny models",
)  # fmt: skip


def inputs_of(config: InterNetConfig) -> Inputs:
    """Returns what InterNet asks of its pictures: a crop about all hands that are there."""
    mean, std = (IMAGENET_MEAN, IMAGENET_STD) if config.colours == "imagenet" else ((0.0,) * 3, (1.0,) * 3)
    return Inputs(
        crop="pair", scale=config.crop_scale, size=(config.size, config.size), mean=mean, std=std,
        sides="both",
    )  # fmt: skip


@dataclass(frozen=True)
class InterNetTrainable:
    """``internet`` or ``internet-tiny``; keeps to :class:`handbench.baselines.trainable.Trainable`.

    Attributes:
        name: ``NAME`` or ``NAME:KEY=VALUE,...``.
        config: settings.
        recipe: how it is trained.
        vertices: False: joints are all that it learns.
    """

    name: str
    config: InterNetConfig
    recipe: Recipe = INTERNET_RECIPE
    vertices: bool = False

    @property
    def inputs(self) -> Inputs:
        """Of prediction and validation."""
        return inputs_of(self.config)

    @property
    def train_inputs(self) -> Inputs:
        """Of training: the same."""
        return self.inputs

    def build(self, seed: int = 0, pretrained: Path | None = None) -> InterNet:
        """Makes the network on the CPU; see :meth:`handbench.baselines.trainable.Trainable.build`."""
        # The caller's stream of random numbers stays where it is.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = InterNet(self.config, self.inputs)
        if pretrained is not None:
            load_imagenet(network, pretrained)
        return channels_last(network)

    def model(
        self, network: nn.Module, device: str = "cpu", trained: bool = True, sha256: str = ""
    ) -> InterNetModel:
        """Wraps a network as a model that predicts."""
        assert isinstance(network, InterNet)
        return InterNetModel(network, self.name, device, trained, sha256)


def make_internet(name: str, variant: str = "") -> InterNetTrainable:
    """Makes the trainable of ``NAME:VARIANT``.

    Raises:
        HandbenchError: for settings that it does not have.
    """
    config = configure(*split_pose(name, variant))
    assert isinstance(config, InterNetConfig)
    full = f"{name}:{variant}" if variant else name
    return InterNetTrainable(full, config, TINY_RECIPE if name == "internet-tiny" else INTERNET_RECIPE)
