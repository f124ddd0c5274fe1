"""A network of two layers for tests of training: fast, with batch norm and dropout, and faults on request."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import plain_dataset  # noqa: F401
import torch
from torch import Tensor, nn

from handbench.baselines.trainable import Recipe
from handbench.config import build, parse_overrides
from handbench.inputs import Inputs
from handbench.models import MODELS, ModelEntry, ModelOptions
from handbench.predictions import HandPrediction, Prediction
from handbench.types import Side

SIDES = (Side.RIGHT, Side.LEFT)


@dataclass(frozen=True)
class ToyConfig:
    """Settings.

    Attributes:
        width: of the hidden layer.
        frames: pictures it sees.
        gap: frames between them.
        dropout: share of hidden numbers that are dropped.
        norm: whether it has batch norm.
        nan_at: pass (from 0) whose loss is not finite, -1 for none.
        holds: items that the memory holds.
    """

    width: int = 8
    frames: int = 1
    gap: int = 1
    dropout: float = 0.3
    norm: bool = True
    nan_at: int = -1
    holds: int = 1000


class ToyOutputs(NamedTuple):
    joints_2d: Tensor


class ToyNetwork(nn.Module):
    def __init__(self, config: ToyConfig) -> None:
        super().__init__()
        self.config, self.passes = config, 0
        self.hidden = nn.Conv2d(3 * config.frames, config.width, 3, stride=2)
        self.norm = nn.BatchNorm2d(config.width) if config.norm else nn.Identity()
        self.drop = nn.Dropout(config.dropout)
        self.out = nn.Linear(config.width, 42)
        # No loss reaches it, as HandOccNet's unused convolution.
        self.unused = nn.Linear(2, 2)

    def prepare(self, batch: Any) -> tuple[Tensor]:
        return (batch.normalised(Inputs()).flatten(1, 2),)

    def forward(self, images: Tensor) -> ToyOutputs:
        if len(images) > self.config.holds:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate all of it.")
        hidden = self.drop(torch.relu(self.norm(self.hidden(images))).mean(dim=(2, 3)))
        return ToyOutputs(self.out(hidden).unflatten(1, (21, 2)))

    def loss(self, outputs: ToyOutputs, batch: Any) -> dict[str, Tensor]:
        assert outputs.joints_2d.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
        error = (outputs.joints_2d - batch.joints_2d[:, 0] / 64).abs().mean()
        self.passes += 1
        bad = self.passes - 1 == self.config.nan_at
        return {"pixels": error, "size": outputs.joints_2d.square().mean() * (torch.nan if bad else 0.01)}


@dataclass
class ToyModel:
    network: ToyNetwork
    device: str
    inputs: Inputs
    trained: bool = True
    weights_sha256: str = ""
    space: str = "root_relative"
    tips: str = ""
    hand_model: str = ""
    needs_ground_truth: bool = False

    def predict(self, batch: Any) -> list[Prediction]:
        self.network.eval()
        found = self.network(*self.network.prepare(batch)).joints_2d.cpu().numpy()
        return [
            Prediction(key, (HandPrediction(SIDES[int(side)], joints_2d=64 * pixels),))
            for key, side, pixels in zip(batch.keys, batch.side, found, strict=True)
        ]


RECIPE = Recipe(lr=0.01, batch_size=4, epochs=10, milestones=(5,), augment="none")


@dataclass(frozen=True)
class ToyTrainable:
    name: str = "toy"
    config: ToyConfig = field(default_factory=ToyConfig)
    recipe: Recipe = RECIPE
    vertices: bool = False

    @property
    def inputs(self) -> Inputs:
        config = self.config
        return Inputs(size=(32, 32), sides="both", mirror_left=True, frames=config.frames, gap=config.gap)

    @property
    def train_inputs(self) -> Inputs:
        return self.inputs

    def build(self, seed: int = 0, pretrained: Path | None = None) -> ToyNetwork:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return ToyNetwork(self.config)

    def model(self, network: Any, device: str = "cpu", trained: bool = True, sha256: str = "") -> Any:
        return ToyModel(network, device, self.inputs, trained, sha256)


def make(variant: str) -> ToyTrainable:
    words = [word for word in variant.split(",") if word]
    name = f"toy:{variant}" if variant else "toy"
    return ToyTrainable(name, build(ToyConfig, parse_overrides(words)))


def open_toy(options: ModelOptions) -> Any:
    trainable = make(options.variant)
    return trainable.model(trainable.build(options.seed), options.device)


ENTRY = ModelEntry("for tests", open_toy, "KEY=VALUE", trainable=make)
MODELS.register("toy", "toy_network:ENTRY")
