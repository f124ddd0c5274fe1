"""Training on a GPU: nothing waits for it, a kill changes nothing, what does not fit is said."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from plain_dataset import write_plain

from handbench.errors import HandbenchError
from handbench.loaders import batches
from handbench.models import MODELS
from handbench.train import TrainOptions, train
from handbench.train.ddp import Ranks
from handbench.train.options import resolve
from handbench.train.precision import to_device
from handbench.train.step import Stepper

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="a GPU is missing"),
]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"plain:{write_plain(tmp_path_factory.mktemp('plain') / 'p')}"


def options(plain: str, out: Path, **more: Any) -> TrainOptions:
    given: dict[str, Any] = {
        "model": "ifvonet-tiny", "data": (plain,), "out": out, "log_every": 1, "quiet": True,
        "batch_size": 4, "device": "cuda", "preview_every": 4,
    }  # fmt: skip
    return TrainOptions(**{**given, **more})


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", ["ifvonet-tiny", "handoccnet-v-tiny"])
def test_a_step_does_not_wait(name: str, compiled: bool, plain: str) -> None:
    make = MODELS.get(name).trainable
    assert make is not None
    trainable, device = make(""), torch.device("cuda", 0)
    how = resolve(TrainOptions(name, (plain,), Path("x"), clip_norm=1.0), trainable.recipe)
    network = to_device(trainable.build(0), device).train()
    stepper = Stepper(network, how, Ranks(0, 1, device), "bf16", compiled, must=True)
    batch = next(iter(batches(plain, trainable.train_inputs, 4, device=device)))
    for _ in range(3):
        stepper(batch, 1e-4)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        values = stepper(batch, 1e-4)[1]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert values.isfinite().all()


def test_a_run_that_was_cut_ends_as_the_whole_one(plain: str, tmp_path: Path) -> None:
    totals = []
    for cut in (False, True):
        asked = options(plain, tmp_path / f"{cut}", steps=10, save_every=4, precision="fp32", compile=False)
        if cut:
            with pytest.raises(KeyboardInterrupt):
                _train_until(asked, 7)
        train(asked)
        with (asked.out / "log.csv").open() as file:
            totals.append([float(row["total"]) for row in csv.DictReader(file)])
    assert len(totals[1]) == 10
    # Kernels of a GPU add in another order each time.
    assert totals[1] == pytest.approx(totals[0], rel=1e-2)


def _train_until(asked: TrainOptions, step: int) -> None:
    real, calls = Stepper._losses, [0]

    def losses(self: Stepper, batch: Any, forward: Any) -> Any:
        calls[0] += 1
        if calls[0] == step:
            raise KeyboardInterrupt
        return real(self, batch, forward)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stepper, "_losses", losses)
        train(asked)


def test_a_batch_that_does_not_fit(plain: str, tmp_path: Path) -> None:
    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    # Sixteen items keep about 5 GB for their gradients, and the optimiser has 0.6 GB.
    torch.cuda.set_per_process_memory_fraction(3e9 / whole)
    asked = options(
        plain, tmp_path / "run", model="handoccnet", batch_size=16, steps=2, compile=False, precision="fp32",
        augment="none",
    )  # fmt: skip
    try:
        with pytest.raises(HandbenchError, match="a batch of 16 does not fit the memory of cuda:0") as caught:
            train(asked)
        fitting = int(str(caught.value).rpartition(" ")[2].rstrip(")"))
        train(dataclasses.replace(asked, batch_size=fitting, on_existing="overwrite"))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
