"""Several processes that train one network, as ``torchrun`` starts them; one alone runs the same code."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed, nn
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from handbench.errors import HandbenchError


@dataclass(frozen=True)
class Ranks:
    """This process among those of a run.

    Attributes:
        rank: number of this process; 0 writes.
        count: how many there are.
        device: where this one computes.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def greatest(self, *values: float) -> list[float]:
        """Returns the greatest of each value over all processes, the same everywhere; no GPU waits for it."""
        if self.count == 1:
            return list(values)
        found = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return found.tolist()

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Returns the mean of a tensor on the processes' devices; the host does not wait for a GPU."""
        if self.count > 1:
            distributed.all_reduce(values)
            values = values / self.count
        return values

    def gathered(self, value: Any) -> list[Any]:
        """Returns a plain value of every process, in their order; a step at which all wait."""
        if self.count == 1:
            return [value]
        found: list[Any] = [None] * self.count
        distributed.all_gather_object(found, value)
        return found

    def wait(self) -> None:
        """Waits until all processes are here."""
        if self.count > 1:
            self.greatest(0.0)


def is_first() -> bool:
    """Tells whether this process is the first of those that ``torchrun`` started, or alone."""
    return os.environ.get("RANK", "0") == "0"


def choose_device(name: str | None, local_rank: int = 0) -> torch.device:
    """Returns the device of a process: the one named, else a GPU of its own, else the CPU.

    Raises:
        HandbenchError: when torch does not know it, or the machine does not have it.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device("cuda", local_rank) if name == "cuda" else torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        there = [f"cuda:{k}" for k in range(torch.cuda.device_count())]
        raise HandbenchError(
            f"--device {name} cannot be used: {why}", f"here are {', '.join(['cpu', *there])}"
        ) from None
    return device


_JOINS = itertools.count()


@functools.cache
def _store(rank: int, count: int) -> Store:
    """Returns where the processes find each other; one for all runs of this process."""
    store: Store = next(iter(rendezvous("env://", rank, count)))[0]
    return store


@contextmanager
def joined_ranks(device: str | None) -> Iterator[Ranks]:
    """Joins the processes that ``torchrun`` started, by its environment; without it this process is alone.

    Values on the CPU travel by gloo, gradients on GPUs by NCCL.

    Raises:
        HandbenchError: when the device cannot be used, or the environment is not whole.
    """
    if "RANK" not in os.environ and "WORLD_SIZE" not in os.environ:
        yield Ranks(0, 1, choose_device(device))
        return
    try:
        rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        local = int(os.environ.get("LOCAL_RANK", rank))
    except (KeyError, ValueError):
        raise HandbenchError(
            "RANK and WORLD_SIZE are not both set to numbers", "start it with torchrun, or unset them"
        ) from None
    chosen = choose_device(device, local)
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    # A place of its own in the store: under the same keys a second run may find addresses of the first.
    store = PrefixStore(f"handbench-{next(_JOINS)}", _store(rank, count))
    backend = "cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=count)
    try:
        yield Ranks(rank, count, chosen)
    finally:
        distributed.destroy_process_group()


def wrapped(network: nn.Module, ranks: Ranks, compiled: bool) -> nn.Module:
    """Returns a network whose gradients are the mean over all processes.

    Some networks have parameters that no loss reaches (HandOccNet's unused convolution). The graph of a step
    is always the same, so DDP learns them once; under compile it looks for them at every step.
    """
    if ranks.count == 1:
        return network
    return DistributedDataParallel(
        network, gradient_as_bucket_view=True, static_graph=not compiled, find_unused_parameters=compiled
    )
