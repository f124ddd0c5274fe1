"""VGG16's first stages as a fixed measure of pictures; weights from a local file (torchvision's names)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handbench.baselines.weights import read_tensors
from handbench.errors import HandbenchError

STAGES = ((0, 2), (5, 7), (10, 12, 14))
"""Indices of torchvision's ``features``: the convolutions before the first three max pools."""
CHANNELS = (3, 64, 64, 128, 128, 256, 256, 256)


class VGGFeatures(nn.Module):
    """Pictures to the maps after pool1, pool2 and pool3 (Simonyan and Zisserman 2015).

    The weights are buffers that no file of ours keeps: they are not trained, and of somebody else's licence.

    Args:
        state: ``features.N.weight`` and ``features.N.bias`` of the first seven convolutions.
    """

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        for name, tensor in state.items():
            self.register_buffer(name.replace(".", "_"), tensor.float(), persistent=False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Returns maps (B, 64, h/2, w/2), (B, 128, h/4, w/4), (B, 256, h/8, w/8).

        Args:
            pictures: (B, 3, h, w) with ImageNet's mean and deviation.
        """
        found, x = [], pictures
        for stage in STAGES:
            for index in stage:
                weight = getattr(self, f"features_{index}_weight").to(x.dtype)
                bias = getattr(self, f"features_{index}_bias").to(x.dtype)
                x = F.relu(F.conv2d(x, weight, bias, padding=1))
            x = F.max_pool2d(x, 2)
            found.append(x)
        return found


def load_vgg(path: Path | str) -> VGGFeatures:
    """Reads torchvision's VGG16 (``vgg16-*.pth``, or the same as safetensors); nothing is downloaded.

    Raises:
        HandbenchError: when the file lacks a layer, or one has another shape.
    """
    found = read_tensors(path)
    indices = [index for stage in STAGES for index in stage]
    state = {}
    for i, index in enumerate(indices):
        shapes = {"weight": (CHANNELS[i + 1], CHANNELS[i], 3, 3), "bias": (CHANNELS[i + 1],)}
        for kind, shape in shapes.items():
            name = f"features.{index}.{kind}"
            if name not in found or tuple(found[name].shape) != shape:
                has = tuple(found[name].shape) if name in found else "no such tensor"
                raise HandbenchError(
                    f"{path} is no VGG16: {name} should be {shape}, there is {has}", "give torchvision's file"
                )
            state[name] = found[name]
    with torch.no_grad():
        return VGGFeatures(state)
