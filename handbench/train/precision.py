"""In which numbers a network computes, and what makes it fast: autocast, memory layout, compile."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

from handbench.train.options import Precision


def choose_precision(asked: Precision | None, device: torch.device) -> Precision:
    """Returns bf16 on a GPU that has it, fp32 elsewhere, unless one is asked for."""
    if asked is not None:
        return asked
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"


def choose_compile(asked: bool | None, device: torch.device) -> bool:
    """Returns whether the network is compiled: on a GPU, unless something else is asked for."""
    return device.type == "cuda" if asked is None else asked


def set_precision(precision: Precision) -> None:
    """Sets what this process's matrix products and convolutions in float32 are made of.

    ``tf32`` takes 10 bits of the mantissa on a GPU, with bf16 beside it too; ``fp32`` all of them.
    """
    rounded = precision != "fp32"
    torch.backends.cuda.matmul.allow_tf32 = rounded
    torch.backends.cudnn.allow_tf32 = rounded
    torch.backends.cudnn.benchmark = True


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Returns the context of the forward pass; losses are outside of it."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def to_device(network: nn.Module, device: torch.device) -> nn.Module:
    """Moves a network, its convolutions' weights channels last."""
    return network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def to_float(value: Any) -> Any:
    """Returns outputs with every half-precision tensor in float32: losses are computed in it."""
    if isinstance(value, torch.Tensor):
        return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(to_float, value))
    if isinstance(value, (tuple, list)):
        return type(value)(map(to_float, value))
    if isinstance(value, Mapping):
        return {key: to_float(item) for key, item in value.items()}
    return value
