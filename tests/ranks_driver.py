"""What each process does that ``torchrun`` starts: ``ranks_driver.py DATA OUT``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import toy_network  # noqa: F401
from safetensors.torch import save_file
from torch import Tensor

from handbench.datasets import DataRef
from handbench.models import MODELS
from handbench.train import TrainOptions, train
from handbench.train.ddp import Ranks, joined_ranks
from handbench.train.feed import Feed, Share
from handbench.train.options import Optimisation
from handbench.train.step import Stepper

BATCH = 4
HOW = Optimisation("adam", 1e-4, 0.0, BATCH, None, "none", 1.0, (), 1, 1)
MODES = ("eval", "train")


def stepper_of(ranks: Ranks, mode: str) -> Stepper:
    """Returns a tiny IFVONet that is ready for its first step."""
    network = tiny().build(0)
    network.train(mode == "train")
    return Stepper(network, HOW, ranks, "fp32", False)


def batch_of(data: str, rank: int, count: int) -> Any:
    """Returns a process's part of a batch."""
    feed = Feed([Share(DataRef.parse(data).open())], tiny(), BATCH, "none", 0, part=(rank, count))
    return next(feed.batches(1))


def tiny() -> Any:
    """Returns the trainable."""
    make = MODELS.get("ifvonet-tiny").trainable
    assert make is not None
    return make("")


def backward(stepper: Stepper, batch: Any) -> Tensor:
    """Returns the loss; gradients are added up in the network."""
    total = torch.stack(list(stepper._losses(batch, stepper._forward).values())).sum()
    total.backward()  # type: ignore[no-untyped-call]
    return total.detach()


def gradients(stepper: Stepper) -> Iterator[tuple[str, Tensor]]:
    """Gives the gradient of each parameter that has one."""
    for name, parameter in stepper.network.named_parameters():
        if parameter.grad is not None:
            yield name, parameter.grad


def toy_options(data: str, out: Path) -> TrainOptions:
    """Returns a run whose curve does not depend on how many processes share it."""
    return TrainOptions(
        "toy:norm=false,dropout=0.0", (data,), out, steps=6, log_every=1, save_every=4, device="cpu",
        quiet=True,
    )  # fmt: skip


def main() -> None:
    """Runs it."""
    torch.set_num_threads(1)
    data, out = sys.argv[1], Path(sys.argv[2])
    train(toy_options(data, out / "two"))
    # Joining again is what the next of several seeds does.
    with joined_ranks("cpu") as ranks:
        for mode in MODES:
            stepper, batch = stepper_of(ranks, mode), batch_of(data, ranks.rank, ranks.count)
            losses = ranks.gathered(float(backward(stepper, batch)))
            found = {name: value.contiguous().clone() for name, value in gradients(stepper)}
            save_file({"losses": torch.tensor(losses), **found}, out / f"{mode}.{ranks.rank}.safetensors")


if __name__ == "__main__":
    main()
