"""SHPE as a trainable: right-hand crops, left hands mirrored; HDR's recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from handbench.baselines.detnet import DetNet
from handbench.baselines.detnet_config import DetNetConfig
from handbench.baselines.pictures import channels_last
from handbench.baselines.pose_networks import configure, split_pose
from handbench.baselines.shpe_model import ShpeModel
from handbench.baselines.trainable import Recipe
from handbench.errors import HandbenchError
from handbench.inputs import IMAGENET_MEAN, IMAGENET_STD, MASKS, Inputs

SHPE_RECIPE = Recipe(
    batch_size=48, epochs=60, milestones=(50, 55), augment="shpe", source="HDR experiments/demo.yaml",
)  # fmt: skip
"""Adam, 48 samples, 1e-4, a tenth at 5/6 and 11/12 of the run. The official 600,000 steps are `--steps`."""

TINY_RECIPE = Recipe(
    lr=1.5e-3, batch_size=8, epochs=10, milestones=(5, 7, 9), gamma=0.35, augment="shpe-tiny",
    source="docs/hdr.md, SHPE",
)  # fmt: skip


def inputs_of(config: DetNetConfig) -> Inputs:
    """Returns what DetNet asks of its pictures: a crop of two boxes, HDR's colours; masks if it sees them."""
    mean, std = (IMAGENET_MEAN, IMAGENET_STD) if config.colours == "imagenet" else ((0.0,) * 3, (1.0,) * 3)
    return Inputs(
        crop="hand", scale=config.crop_scale, size=(config.size, config.size), mean=mean, std=std,
        sides=config.sides, mirror_left=config.sides == "both", masks=MASKS if config.mask_input else (),
    )  # fmt: skip


@dataclass(frozen=True)
class ShpeTrainable:
    """``shpe`` or ``shpe-tiny``; keeps to :class:`handbench.baselines.trainable.Trainable`.

    Attributes:
        name: ``NAME`` or ``NAME:VARIANT``.
        config: settings.
        recipe: how it is trained.
        vertices: False: joints are all that it learns.
    """

    name: str
    config: DetNetConfig
    recipe: Recipe = SHPE_RECIPE
    vertices: bool = False

    @property
    def inputs(self) -> Inputs:
        """Of prediction and validation."""
        return inputs_of(self.config)

    @property
    def train_inputs(self) -> Inputs:
        """Of training: the same."""
        return self.inputs

    def build(self, seed: int = 0, pretrained: Path | None = None) -> DetNet:
        """Makes the network on the CPU; see :meth:`handbench.baselines.trainable.Trainable.build`.

        Raises:
            HandbenchError: for a checkpoint of a backbone: there is none with DetNet's layers.
        """
        if pretrained is not None:
            raise HandbenchError(
                f"{self.name} has no backbone that is trained before", "leave --pretrained out"
            )
        # The caller's stream of random numbers stays where it is.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = DetNet(self.config, self.inputs)
        return channels_last(network)

    def model(
        self, network: nn.Module, device: str = "cpu", trained: bool = True, sha256: str = ""
    ) -> ShpeModel:
        """Wraps a network as a model that predicts."""
        assert isinstance(network, DetNet)
        return ShpeModel(network, self.name, device, trained, sha256)


def make_shpe(name: str, variant: str = "") -> ShpeTrainable:
    """Makes the trainable of ``NAME:VARIANT``.

    Raises:
        HandbenchError: for an unknown variant, or settings that it does not have.
    """
    config = configure(*split_pose(name, variant))
    assert isinstance(config, DetNetConfig)
    full = f"{name}:{variant}" if variant else name
    return ShpeTrainable(full, config, TINY_RECIPE if name == "shpe-tiny" else SHPE_RECIPE)
