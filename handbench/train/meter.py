"""Losses on their way from the device: nothing waits for a GPU, yet a loss that is not finite is noticed."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Reading:
    """What a step gave.

    Attributes:
        step: its number, from 0.
        values: name -> number: each term of the loss, ``total``, ``grad_norm``.
    """

    step: int
    values: dict[str, float]

    @property
    def wrong(self) -> list[str]:
        """Names of the values that are not finite."""
        return [name for name, value in self.values.items() if not math.isfinite(value)]


class Meter:
    """Fetches the numbers of each step when they are there, in order.

    On a GPU a step's numbers are copied behind its work and read once that is done; so they come a step or
    two late.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Sequence[str], Tensor, Any]] = deque()

    def add(self, step: int, names: Sequence[str], values: Tensor) -> None:
        """Takes the numbers (K,) of a step, on its device."""
        if values.device.type != "cuda":
            self._waiting.append((step, names, values, None))
            return
        there = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        there.copy_(values, non_blocking=True)
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record()
        self._waiting.append((step, names, there, done))

    def ready(self, wait: bool = False) -> Iterator[Reading]:
        """Gives the readings that are there; all, with ``wait``."""
        while self._waiting:
            step, names, values, done = self._waiting[0]
            if done is not None:
                if wait:
                    done.synchronize()
                elif not done.query():
                    return
            self._waiting.popleft()
            yield Reading(step, dict(zip(names, values.tolist(), strict=True)))
