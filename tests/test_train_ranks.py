"""Two processes that train one network give what one process gives."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from plain_dataset import write_plain
from ranks_driver import MODES, backward, batch_of, gradients, stepper_of, toy_options
from safetensors.torch import load_file
from torch import Tensor

from handbench.errors import HandbenchError
from handbench.train import train
from handbench.train.ddp import Ranks, joined_ranks

ALONE = Ranks(0, 1, torch.device("cpu"))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The data, and what two processes made of them."""
    data = f"plain:{write_plain(tmp_path_factory.mktemp('plain') / 'p')}"
    out = tmp_path_factory.mktemp("out")
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    driver = Path(__file__).with_name("ranks_driver.py")
    subprocess.run([sys.executable, *words, str(driver), data, str(out)], check=True, timeout=300)
    return data, out


def one_process(data: str, mode: str) -> tuple[float, dict[str, Tensor]]:
    """The whole batch at once; where batch norm learns, each process's half alone, and their mean."""
    stepper = stepper_of(ALONE, mode)
    parts = [batch_of(data, 0, 1)] if mode == "eval" else [batch_of(data, rank, 2) for rank in range(2)]
    loss = sum(float(backward(stepper, part)) for part in parts) / len(parts)
    return loss, {name: value / len(parts) for name, value in gradients(stepper)}


@pytest.mark.parametrize("mode", MODES)
def test_loss_and_gradients_are_those_of_one_process(mode: str, two: tuple[str, Path]) -> None:
    data, out = two
    loss, wanted = one_process(data, mode)
    first, second = (load_file(out / f"{mode}.{rank}.safetensors") for rank in range(2))
    assert abs(float(first.pop("losses").mean()) - loss) <= 1e-5 * loss
    second.pop("losses")
    assert set(first) == set(wanted) and len(wanted) > 100
    scale = max(float(value.abs().max()) for value in wanted.values())
    for name, value in wanted.items():
        assert torch.equal(first[name], second[name])
        assert float((first[name] - value).abs().max()) <= 1e-5 * scale, name
    assert scale > 1e-3


def test_the_curve_is_that_of_one_process(two: tuple[str, Path], tmp_path: Path) -> None:
    data, out = two
    train(toy_options(data, tmp_path / "one"))
    totals = []
    for folder in (out / "two", tmp_path / "one"):
        with (folder / "log.csv").open() as file:
            found = list(csv.DictReader(file))
        totals.append(
            [[float(row[key]) for key in ("lr", "pixels", "size", "total", "grad_norm")] for row in found]
        )
        assert (folder / "weights.safetensors").is_file()
    np.testing.assert_allclose(totals[0], totals[1], rtol=1e-5)
    ends = [load_file(folder / "weights.safetensors") for folder in (out / "two", tmp_path / "one")]
    assert all(torch.allclose(ends[0][name], ends[1][name], atol=1e-5) for name in ends[1])


def test_an_environment_that_is_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(HandbenchError, match="RANK and WORLD_SIZE are not both set"), joined_ranks("cpu"):
        pass
