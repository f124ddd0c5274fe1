"""What the models of all our networks share: a network on a device, its settings, where it is from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from torch import nn

from handbench.baselines.pictures import channels_last
from handbench.config import to_dict
from handbench.inputs import Inputs
from handbench.types import Side

N = TypeVar("N", bound=nn.Module)

SIDES = (Side.RIGHT, Side.LEFT)
"""By the number that ``batch.side`` has."""


class TrainedModel(Generic[N]):
    """Half of :class:`handbench.models.Model`; what is left is ``space`` and ``predict``.

    Args:
        network: with ``inputs`` and ``config``; it is put on the device and in evaluation mode.
        name: ``NAME`` or ``NAME:VARIANT``.
        device: as torch spells it.
        trained: False for random weights.
        sha256: of the file of weights.

    Attributes:
        settings: the network's configuration.
        parameters: how many numbers the network has.
        train_data: what it was trained on, in words; empty where that is not known.
    """

    needs_ground_truth = False
    tips, hand_model = "", ""

    def __init__(
        self, network: N, name: str, device: str = "cpu", trained: bool = True, sha256: str = ""
    ) -> None:
        self.network: N = channels_last(network).to(device).eval()
        self.name, self.device = name, device
        parts: Any = network
        self.inputs: Inputs = parts.inputs
        self.trained, self.weights_sha256 = trained, sha256
        self.settings: Mapping[str, Any] = to_dict(parts.config)
        self.train_data = ""
        self.parameters = sum(parameter.numel() for parameter in network.parameters())
