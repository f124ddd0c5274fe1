"""Batch norm folded into convolutions, for prediction: a pass over each map less."""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from handbench.baselines import detnet
from handbench.baselines.hasm import MaskDecoder
from handbench.baselines.hdrnet import Level
from handbench.baselines.heatmap import PreActivation
from handbench.baselines.mirror_layers import MirrorConv, MirrorNorm
from handbench.baselines.painter import Residual, Step
from handbench.baselines.partial_conv import PartialConv2d
from handbench.baselines.resnet import BasicBlock, Bottleneck, ResNet

_BOTTLENECK = (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"))

_FOLLOWS: dict[type[nn.Module], tuple[tuple[str, str], ...]] = {
    ResNet: (("conv1", "bn1"),),
    BasicBlock: (("conv1", "bn1"), ("conv2", "bn2")),
    Bottleneck: _BOTTLENECK,
    # Pre-activation: the norm of the next convolution follows the one before; the first has none before it.
    PreActivation: (("conv1", "bn2"), ("conv2", "bn3")),
    detnet.Bottleneck: _BOTTLENECK,
    MaskDecoder: (("fuse", "norm"),),
    Level: (("conv", "norm"),),
    Step: (("conv", "norm"),),
    Residual: (("conv", "norm"),),
}
"""Which norm reads nothing but which convolution."""


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Folds, in place, every batch norm that follows a convolution; what is predicted stays the same.

    Layers that make their weights anew for each picture (``mirror_layers``) become ordinary ones first.

    Args:
        network: in evaluation mode. Its parameters have other names afterwards: it is neither saved nor
            trained any more. What is folded already stays.

    Returns:
        The network.
    """
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, MirrorConv | MirrorNorm):
                setattr(module, name, child.plain())
    for module in list(network.modules()):
        pairs = list(_FOLLOWS.get(type(module), ()))
        if isinstance(module, nn.Sequential):
            pairs += itertools.pairwise(module._modules)
        for conv, norm in pairs:
            _fold(module, conv, norm)
    return network


def _fold(module: nn.Module, conv: str, norm: str) -> None:
    first, second = getattr(module, conv), getattr(module, norm)
    if type(second) is not nn.BatchNorm2d:
        return
    if type(first) is nn.Conv2d:
        setattr(module, conv, fuse_conv_bn_eval(first, second))
    elif type(first) is PartialConv2d:
        _fold_partial(first, second)
    else:
        return
    setattr(module, norm, nn.Identity())


def _fold_partial(conv: PartialConv2d, norm: nn.BatchNorm2d) -> None:
    """Folds a norm into a convolution whose output is data everywhere: the bias comes after its factor."""
    assert norm.running_mean is not None and norm.running_var is not None
    with torch.no_grad():
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        before = 0.0 if conv.bias is None else conv.bias
        conv.bias = nn.Parameter((before - norm.running_mean) * scale + norm.bias)
        conv.weight.mul_(scale[:, None, None, None])
