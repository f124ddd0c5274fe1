"""Batch norm folded into convolutions, for prediction: a pass over each map less."""

from __future__ import annotations

import itertools

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from handbench.baselines.heatmap import PreActivation
from handbench.baselines.resnet import BasicBlock, Bottleneck, ResNet

_FOLLOWS: dict[type[nn.Module], tuple[tuple[str, str], ...]] = {
    ResNet: (("conv1", "bn1"),),
    BasicBlock: (("conv1", "bn1"), ("conv2", "bn2")),
    Bottleneck: (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3")),
    # Pre-activation: the norm of the next convolution follows the one before; the first has none before it.
    PreActivation: (("conv1", "bn2"), ("conv2", "bn3")),
}
"""Which norm reads nothing but which convolution."""


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Folds, in place, every batch norm that follows a convolution; what is predicted stays the same.

    Args:
        network: in evaluation mode. Its parameters have other names afterwards: it is neither saved nor
            trained any more.

    Returns:
        The network.
    """
    for module in list(network.modules()):
        for conv, norm in _FOLLOWS.get(type(module), ()):
            _fold(module, conv, norm)
        if isinstance(module, nn.Sequential):
            names = list(module._modules)
            for conv, norm in itertools.pairwise(names):
                kinds = (type(module._modules[conv]), type(module._modules[norm]))
                if kinds == (nn.Conv2d, nn.BatchNorm2d):
                    _fold(module, conv, norm)
    return network


def _fold(module: nn.Module, conv: str, norm: str) -> None:
    setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm)))
    setattr(module, norm, nn.Identity())
