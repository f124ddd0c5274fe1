"""What a network offers to training: one loop trains every model that keeps to this.

A registered model that can be trained has ``ModelEntry.trainable``, which makes a :class:`Trainable`. A loop

1. makes batches: ``batches(data, trainable.train_inputs, augment=trainable.recipe.augment, ...)``;
2. makes the network: ``network = trainable.build(seed, pretrained)``;
3. a step: ``outputs = network(*network.prepare(batch))`` under autocast, through DDP or compile, then
   ``terms = network.loss(outputs, batch)`` outside of autocast; ``sum(terms.values())`` goes backwards;
4. evaluates: ``trainable.model(network, device)`` is a :class:`handbench.models.Model`;
5. saves: ``weights.save_weights(path, network, trainable.name, trainable.config, ...)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from handbench.inputs import Inputs
from handbench.models import Model


@dataclass(frozen=True)
class Recipe:
    """How a network is trained unless the user says otherwise.

    Attributes:
        optimiser: ``adam`` or ``adamw``.
        lr: learning rate at the start.
        weight_decay: of the optimiser.
        batch_size: items of a step, over all processes.
        epochs: passes over the data.
        milestones: epochs at whose start the rate is multiplied by ``gamma``.
        gamma: see ``milestones``.
        clip_norm: greatest norm of the gradient, None for no clipping.
        augment: name of the augmentation preset.
        source: where these numbers are from.
    """

    optimiser: str = "adam"
    lr: float = 1e-4
    weight_decay: float = 0.0
    batch_size: int = 64
    epochs: int = 40
    milestones: tuple[int, ...] = (20,)
    gamma: float = 0.1
    clip_norm: float | None = None
    augment: str = "ifvonet"
    source: str = ""


@runtime_checkable
class Network(Protocol):
    """A ``torch.nn.Module`` that is trained. All tensors of a batch are on the network's device."""

    def prepare(self, batch: Any) -> tuple[Tensor, ...]:
        """Returns what ``forward`` takes of a batch (``handbench.loaders.Batch``), e.g. float pictures."""
        ...

    def __call__(self, *tensors: Tensor) -> Any:
        """Runs ``forward``: no data-dependent control flow; gives a (named) tuple of tensors."""
        ...

    def loss(self, outputs: Any, batch: Any) -> dict[str, Tensor]:
        """Returns named, weighted scalars, whose sum is minimised; in fp32, called outside of autocast.

        Each is a mean over items, so that the mean over equal parts of a batch is that of the batch.
        """
        ...


class Trainable(Protocol):
    """A model that can be trained. All but its methods are plain attributes; a class may state them."""

    @property
    def name(self) -> str:
        """``NAME`` or ``NAME:VARIANT``, as ``--model`` takes it."""
        ...

    @property
    def config(self) -> Any:
        """A frozen dataclass from which the network is built; it is saved beside the weights."""
        ...

    @property
    def inputs(self) -> Inputs:
        """Of prediction and validation."""
        ...

    @property
    def train_inputs(self) -> Inputs:
        """Of training (with the labels and masks that losses need)."""
        ...

    @property
    def vertices(self) -> bool:
        """Whether losses need annotated vertices (``batches(vertices=True)``)."""
        ...

    @property
    def recipe(self) -> Recipe:
        """The default recipe."""
        ...

    def build(self, seed: int = 0, pretrained: Path | None = None) -> torch.nn.Module:
        """Makes the network (:class:`Network`) on the CPU; its weights depend on the seed alone.

        Args:
            seed: of the weights that are drawn.
            pretrained: a local checkpoint of the backbone (ImageNet), checked strictly.

        Raises:
            HandbenchError: when the checkpoint does not fit.
        """
        ...

    def model(
        self, network: torch.nn.Module, device: str = "cpu", trained: bool = True, sha256: str = ""
    ) -> Model:
        """Wraps a network as a model that predicts: on the device, in evaluation mode."""
        ...
