"""Parameters and floating-point operations of a network, counted without computing anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from handbench.baselines.hand_network import HandNetwork
from handbench.baselines.hand_trainable import inputs_of
from handbench.baselines.ifvonet_config import IFVONetConfig
from handbench.hands.library import load_hand_model


def count_parameters(module: torch.nn.Module) -> int:
    """Returns how many numbers a module has that are trained, or frozen but not buffers."""
    return sum(parameter.numel() for parameter in module.parameters())


def fake_network(config: IFVONetConfig) -> HandNetwork:
    """Makes a network whose tensors have shapes but no numbers: at once, whatever its size."""
    # Its arrays are checked when it is read, for which they need numbers.
    load_hand_model(config.hand_model)
    with FakeTensorMode():
        return HandNetwork(config, inputs_of(config))


def count_flops(network: HandNetwork) -> int:
    """Returns the operations of one item's forward pass, two a multiply-add, by torch's own counter.

    It counts convolutions, matrix products and attention; all else is below one per cent.

    Args:
        network: of :func:`fake_network`.
    """
    c = network.config
    mode = network.mano.pose.weight.fake_mode  # type: ignore[attr-defined]
    return _operations(network, mode, ((1, c.frames, 3, c.size, c.size),))


def count_forward(make: Callable[[], torch.nn.Module], *shapes: tuple[int, ...]) -> tuple[int, int]:
    """Returns the parameters of any network, and the operations of its forward pass, two a multiply-add.

    Args:
        make: makes it, without needing numbers: its tensors have shapes only.
        shapes: of what it sees, an item each.
    """
    with FakeTensorMode() as mode:
        network = make()
    return count_parameters(network), _operations(network, mode, shapes)


def _operations(network: torch.nn.Module, mode: FakeTensorMode, shapes: tuple[tuple[int, ...], ...]) -> int:
    fused = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    counter = FlopCounterMode(display=False, custom_mapping={fused: _attention_flops})
    network.eval()
    with mode, counter, torch.no_grad():
        network(*(torch.zeros(shape) for shape in shapes))
    return int(counter.get_total_flops())


def _attention_flops(query: torch.Size, key: torch.Size, value: torch.Size, *rest: Any, **more: Any) -> int:
    """Returns the operations of the CPU's fused attention, which torch's counter does not know."""
    batch, heads, queries, channels = query
    return 2 * batch * heads * queries * key[2] * (channels + value[3])
