"""A local ImageNet checkpoint into the backbones of a network; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from handbench.baselines.resnet import ResNet, widen_stem
from handbench.baselines.weights import load_state, read_tensors
from handbench.errors import HandbenchError


def load_imagenet(network: nn.Module, path: Path | str) -> int:
    """Loads a torchvision checkpoint (``resnet50-*.pth``, or the same as safetensors) into every backbone.

    All names and shapes are checked; the classifier ``fc`` is left out. A stem of several frames is the
    stem of one, repeated and divided.

    Returns:
        How many backbones were filled.

    Raises:
        HandbenchError: when the file is no such checkpoint or of another layout, naming the first keys.
    """
    state = {key: value for key, value in read_tensors(path).items() if not key.startswith("fc.")}
    backbones = [part for part in network.modules() if isinstance(part, ResNet)]
    for backbone in backbones:
        load_state(backbone, _fitted(backbone, state, path), path)
    return len(backbones)


def _fitted(backbone: ResNet, state: Mapping[str, Tensor], path: Path | str) -> dict[str, Tensor]:
    """Returns the checkpoint with the stem that a backbone has, and the counters that old files lack."""
    stem = state.get("conv1.weight")
    if stem is None or stem.ndim != 4 or stem.shape[1] != 3:
        raise HandbenchError(
            f"{path} holds no ResNet: conv1.weight is missing or odd", "give torchvision's file"
        )
    own = backbone.state_dict()
    counters = {key: value for key, value in own.items() if key.endswith("num_batches_tracked")}
    frames = backbone.conv1.in_channels // 3
    return {**counters, **state, "conv1.weight": widen_stem(stem, frames)}
