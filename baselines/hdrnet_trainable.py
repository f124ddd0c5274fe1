"""HDRNet and its variants as trainables: inputs and recipes from their settings."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from handbench.baselines.hdrnet_config import HDRNETS, SOFT, HDRNetConfig, configure
from handbench.baselines.hdrnet_model import HDRNetModel
from handbench.baselines.hdrnet_network import HDRNetwork
from handbench.baselines.open_trained import open_trained
from handbench.baselines.pictures import channels_last
from handbench.baselines.trainable import Recipe
from handbench.baselines.variants import split_row
from handbench.baselines.vgg import load_vgg
from handbench.baselines.weights import load_state, read_tensors
from handbench.config import to_dict
from handbench.errors import HandbenchError
from handbench.inputs import IMAGENET_MEAN, IMAGENET_STD, MASKS, Inputs
from handbench.models import Model, ModelOptions, file_sha256

RECIPE = Recipe(
    lr=8e-4, batch_size=48, epochs=2, milestones=(), augment="handoccnet",
    source="HDR experiments/demo.yaml (70,000 steps; the released weights have 138,000)",
)  # fmt: skip
"""No decay is stated. Two passes over 2.9 million samples are the steps of the released weights."""

TINY_RECIPE = Recipe(
    lr=1e-3, batch_size=8, epochs=20, milestones=tuple(range(9, 20)), gamma=0.65, augment="none",
    source="docs/hdr.md, tiny models",
)  # fmt: skip
"""The rate stays for nearly half of the run, then falls each twentieth of it, to less than a hundredth."""


def inputs_of(config: HDRNetConfig) -> Inputs:
    """Returns what HDRNet asks of its pictures: the target hand, shown as a right one, and four masks."""
    return Inputs(
        crop=config.crop, scale=config.scale, size=(config.size, config.size), mean=IMAGENET_MEAN,
        std=IMAGENET_STD, sides="target", mirror_left=True, masks=MASKS,
    )  # fmt: skip


@dataclass(frozen=True)
class HDRNetTrainable:
    """One of ``hdrnet_config.HDRNETS``; keeps to ``trainable.Trainable``.

    Attributes:
        name: ``NAME`` or ``NAME:VARIANT``.
        config: settings; of VGG16's file the hash.
        recipe: how it is trained.
        vgg: VGG16's file, or None.
        vertices: False: losses need none.
        speaks: says on stderr which terms of the loss are off for want of VGG16, when it is built.
    """

    name: str
    config: HDRNetConfig
    recipe: Recipe
    vgg: Path | None = None
    vertices: bool = False
    speaks: bool = True

    @property
    def inputs(self) -> Inputs:
        """Of prediction and validation."""
        return inputs_of(self.config)

    @property
    def train_inputs(self) -> Inputs:
        """Of training: also the target's own picture."""
        return replace(self.inputs, target_image=True)

    def build(self, seed: int = 0, pretrained: Path | None = None) -> HDRNetwork:
        """Makes the network on the CPU; see :meth:`handbench.baselines.trainable.Trainable.build`.

        ``pretrained`` is a whole HDRNet, which is trained on (the released weights are of a second run).
        """
        c = self.config
        off = self.vgg is None and (c.perceptual > 0 or c.style > 0)
        if off and self.speaks and os.environ.get("RANK", "0") == "0":
            print("no VGG16 weights (vgg=PATH): the perceptual and style terms are off", file=sys.stderr)
        vgg = None if self.vgg is None else load_vgg(self.vgg)
        # The caller's stream of random numbers stays where it is.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = HDRNetwork(c, self.inputs, vgg)
        if pretrained is not None:
            load_state(network, read_tensors(pretrained), pretrained)
        return channels_last(network)

    def model(
        self, network: nn.Module, device: str = "cpu", trained: bool = True, sha256: str = ""
    ) -> HDRNetModel:
        """Wraps a network as a model that completes pictures from annotated masks."""
        assert isinstance(network, HDRNetwork)
        return HDRNetModel(network, self.name, device, trained, sha256)


def make_trainable(name: str, variant: str = "") -> HDRNetTrainable:
    """Makes the trainable of ``NAME:VARIANT``; a ``vgg=PATH`` among its settings is read when it is built.

    Raises:
        HandbenchError: for an unknown variant, settings that it does not have, or a file that is missing.
    """
    row, asked = split_row(HDRNETS, name, variant)
    config, vgg = configure(row, asked), None
    if config.vgg:
        vgg = Path(config.vgg)
        if not vgg.is_file():
            raise HandbenchError(f"no file of VGG16 weights {vgg}", "check vgg=PATH, or leave it out")
        config = replace(config, vgg=file_sha256(vgg)[:16])
    full = f"{name}:{variant}" if variant else name
    return HDRNetTrainable(full, config, TINY_RECIPE if name == "hdrnet-tiny" else RECIPE, vgg)


def open_hdrnet(name: str, options: ModelOptions) -> Model:
    """Makes a model of ``hdrnet`` or ``hdrnet-tiny``, see :func:`open_trained`.

    Raises:
        HandbenchError: for an unknown variant, or weights of another network.
    """
    row, asked = split_row(HDRNETS, name, options.variant)
    trainable = replace(make_trainable(name, options.variant), vgg=None, speaks=False)
    own, plain = to_dict(trainable.config), to_dict(configure(name))
    # What the name of a row changes is asked for too.
    asked = {key: value for key, value in own.items() if key in asked or value != plain[key]}
    if all(key in SOFT for key, value in own.items() if value != plain[key]):
        # No layer differs: the weights of the whole network serve.
        row = name
    return open_trained(trainable, options, row, asked, SOFT)
