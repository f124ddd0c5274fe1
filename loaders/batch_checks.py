"""What ``batches(...)`` refuses before any work, each with its remedy."""

from __future__ import annotations

import multiprocessing
from typing import Any

import torch

from handbench.datasets import DataRef, Dataset
from handbench.errors import HandbenchError
from handbench.inputs import Inputs
from handbench.loaders.augment import Augment

_ON_BAD = ("replace", "skip", "error")


def check_numbers(batch_size: int, workers: int, part: tuple[int, int], max_bad: float) -> None:
    """Refuses numbers that make no sense.

    Raises:
        HandbenchError: naming them.
    """
    if not isinstance(batch_size, int) or not isinstance(workers, int) or batch_size < 1 or workers < 0:
        raise HandbenchError(
            f"batch_size={batch_size!r}, workers={workers!r}", "give whole numbers, 1 or more and 0 or more"
        )
    if not isinstance(part, tuple) or len(part) != 2 or not 0 <= part[0] < part[1]:
        raise HandbenchError(f"part={part!r}", "give (rank, number of ranks)")
    if not isinstance(max_bad, (int, float)) or not 0 <= max_bad <= 1:
        raise HandbenchError(f"max_bad={max_bad!r}", "give a share of 0 to 1")


def check_choices(bad: str | None, start: str | None) -> None:
    """Refuses words that are no choice.

    Raises:
        HandbenchError: naming the choices.
    """
    ways = multiprocessing.get_all_start_methods()
    for name, value, choices in (("bad", bad, _ON_BAD), ("start", start, ways)):
        if value is not None and value not in choices:
            raise HandbenchError(f"batches: {name}={value!r}", f"choose one of {', '.join(choices)}")


def check_kinds(data: Any, inputs: Any, augment: Any) -> None:
    """Refuses values of the wrong kind.

    Raises:
        HandbenchError: naming the right one.
    """
    if not isinstance(data, (Dataset, DataRef, str)):
        raise HandbenchError(
            f"batches: data is a {type(data).__name__}", "give a dataset or 'NAME:PATH@key=value,...'"
        )
    if inputs is not None and not isinstance(inputs, Inputs):
        example = f"Inputs(crop={inputs!r})" if isinstance(inputs, str) else "Inputs(size=(256, 256))"
        raise HandbenchError(
            f"batches: inputs={inputs!r}", f"give handbench.inputs.Inputs, such as {example}, or leave it out"
        )
    if augment is not None and not isinstance(augment, (Augment, str)):
        raise HandbenchError(f"batches: augment={augment!r}", "give the name of a preset, or an Augment")


def open_device(device: str | torch.device | None) -> torch.device | None:
    """Returns the device that was named.

    Raises:
        HandbenchError: when torch does not know it, or the machine does not have it.
    """
    if device is None:
        return None
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        there = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
        raise HandbenchError(
            f"batches: device={str(device)!r} cannot be used: {why}", f"here are {', '.join(['cpu', *there])}"
        ) from None
    return found
