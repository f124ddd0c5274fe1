"""Training: the same curve after a kill, and one clear line for whatever stops it."""

from __future__ import annotations

import csv
import dataclasses
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import toy_network
from plain_dataset import write_plain
from toy_network import ToyConfig, ToyTrainable
from train_driver import THREADS, train_until

from handbench.baselines.weights import read_weights
from handbench.errors import HandbenchError, PartialError
from handbench.train import TrainOptions, train, train_seeds
from handbench.train.state import Checkpoints

TIMED = ("samples_per_second", "memory_mb")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As many threads as in forked processes: sums over threads have other last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"plain:{write_plain(tmp_path_factory.mktemp('plain') / 'p')}"


def options(plain: str, out: Path, **more: Any) -> TrainOptions:
    given: dict[str, Any] = {
        "model": "toy", "data": (plain,), "out": out, "log_every": 1, "quiet": True, "device": "cpu",
        "preview_every": 0,
    }  # fmt: skip
    return TrainOptions(**{**given, **more})


def rows(out: Path) -> list[dict[str, str]]:
    """Rows of the log without what tells time."""
    with (out / "log.csv").open() as file:
        return [{k: v for k, v in row.items() if k not in TIMED} for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("model", "killed", "more"),
    [
        ("toy", 11, {"steps": 14, "save_every": 4, "workers": 1, "preview_every": 3}),
        ("ifvonet-tiny", 4, {"steps": 5, "save_every": 2, "batch_size": 2}),
    ],
)
def test_the_curve_goes_on_after_a_kill_bit_for_bit(
    model: str, killed: int, more: dict[str, Any], plain: str, tmp_path: Path
) -> None:
    whole = options(plain, tmp_path / "whole", model=model, **more)
    train(whole)
    cut = dataclasses.replace(whole, out=tmp_path / "cut")
    assert train_until(cut, killed, signal.SIGKILL) == -signal.SIGKILL
    there = [row["step"] for row in rows(cut.out)]
    kept = Checkpoints(cut.out / "checkpoints", "").paths()[0]
    assert int(kept.stem[-8:]) < int(there[-1]), "rows that the checkpoint does not know"
    report = train(cut)
    assert report.steps == more["steps"]
    assert rows(cut.out) == rows(whole.out) and len(rows(whole.out)) == more["steps"]
    ends = [read_weights(out / "weights.safetensors").sha256 for out in (whole.out, cut.out)]
    assert ends[0] == ends[1]
    # A run that is over is not run again.
    assert train(cut).rate == 0 and rows(cut.out) == rows(whole.out)


def test_stops_when_asked_and_goes_on(plain: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = options(plain, tmp_path / "whole", steps=9)
    train(whole)
    cut = dataclasses.replace(whole, out=tmp_path / "cut")
    assert train_until(cut, 5, signal.SIGTERM) == PartialError.exit_code == 3
    assert "stopped after step 5 of 9 (the same command goes on)" in capfd.readouterr().err
    assert [path.stem for path in Checkpoints(cut.out / "checkpoints", "").paths()] == ["step-00000005"]
    train(cut)
    assert rows(cut.out) == rows(whole.out)


def test_a_damaged_checkpoint_is_passed_over(
    plain: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = options(plain, tmp_path / "whole", steps=9)
    train(whole)
    cut = dataclasses.replace(whole, out=tmp_path / "cut", save_every=2)
    train_until(cut, 8, signal.SIGKILL)
    newest, before = Checkpoints(cut.out / "checkpoints", "").paths()
    raw = bytearray(newest.read_bytes())
    raw[len(raw) // 2] ^= 1
    newest.write_bytes(raw)
    train(cut)
    assert f"{newest} is damaged: the one before is taken" in capsys.readouterr().err
    assert rows(cut.out) == rows(whole.out)
    for path in Checkpoints(cut.out / "checkpoints", "").paths():
        path.write_bytes(b"")
    with pytest.raises(HandbenchError, match=r"no checkpoint in .* is whole"):
        train(cut)
    assert before.name == "step-00000004.pt"


def test_a_loss_that_is_not_finite_stops_the_run(plain: str, tmp_path: Path) -> None:
    asked = options(plain, tmp_path / "run", model="toy:nan_at=5", save_every=2, steps=9)
    with pytest.raises(HandbenchError) as caught:
        train(asked)
    saved = asked.out / "failed/step-00000006.npz"
    checkpoint = asked.out / "checkpoints/step-00000004.pt"
    assert str(caught.value).startswith(
        "step 6: size is nan, total is nan, grad_norm is nan; the batch (plain/"
    )
    assert str(saved) in str(caught.value) and f"the last good checkpoint is {checkpoint}" in str(
        caught.value
    )
    with np.load(saved) as found:
        again = next(feed_of(plain).batches(5))
        assert tuple(found["keys"]) == again.keys and np.isnan(found["loss.total"])
        assert np.array_equal(found["images"], again.images.numpy())
        assert np.array_equal(found["joints"], again.joints.numpy())
    assert [row["step"] for row in rows(asked.out)] == ["1", "2", "3", "4", "5"]
    assert checkpoint.is_file() and not (asked.out / "weights.safetensors").exists()


def feed_of(plain: str) -> Any:
    from handbench.datasets import DataRef
    from handbench.train.feed import Feed, Share

    return Feed([Share(DataRef.parse(plain).open())], ToyTrainable(), 4, "none", 0)


def test_a_batch_that_does_not_fit_says_which_would(plain: str, tmp_path: Path) -> None:
    asked = options(plain, tmp_path / "run", model="toy:holds=3", batch_size=8)
    with pytest.raises(
        HandbenchError, match=r"a batch of 8 does not fit .*, 2 would \(give --batch-size 2\)"
    ):
        train(asked)
    with pytest.raises(HandbenchError, match="not even one item fits"):
        train(options(plain, tmp_path / "none", model="toy:holds=0"))


def test_other_errors_name_what_to_do(plain: str, tmp_path: Path) -> None:
    first = options(plain, tmp_path / "run", steps=2)
    train(first)
    for changes, message in (
        ({"model": "toy:width=16"}, "is another one: model=toy in the file, toy:width=16 asked for,"
                                    " config.width=8 in the file, 16 asked for"),
        ({"seed": 3, "lr": 0.5}, "optimisation.lr=0.01 in the file, 0.5 asked for, seed=0 in the file, 3"),
        ({"on_existing": "error"}, "holds a run already"),
        ({"model": "zero"}, "model 'zero' is not trained"),
        ({"model": "toy:frames=2,gap=50"}, "plain train: no sample has a frame 50 before it, toy:frames=2,"
                                           "gap=50 sees 2"),
        ({"model": "ifvonet-tiny", "hand_model": f"mano:{tmp_path}", "batch_size": 2}, "MANO_RIGHT"),
        ({"batch_size": 64}, "plain train has 18 items, a batch takes 64 of them"),
        ({"data": (plain, plain), "mix": (1.0, 50.0)}, "a batch of 4 holds nothing of data with weight 1"),
        ({"device": "cuda:7"}, "--device cuda:7 cannot be used"),
        ({"pretrained": tmp_path / "no"}, "check --pretrained"),
        ({"optimiser": "sgd"}, "choose adam or adamw"),
        ({"milestones": (3.0,)}, "milestones are epochs, the run is given in steps"),
        ({"steps": None, "epochs": 2, "milestones": (3.0,)}, "do not lie in 2 epochs"),
    ):  # fmt: skip
        with pytest.raises(HandbenchError) as caught:
            train(dataclasses.replace(first, **changes))
        assert message in str(caught.value), str(caught.value)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.txt").write_text("mine")
    with pytest.raises(HandbenchError, match=r"holds other files, e\.g\. notes\.txt"):
        train(options(plain, tmp_path / "other"))
    train(dataclasses.replace(first, seed=3, on_existing="overwrite"))
    assert json.loads((first.out / "run.json").read_text())["identity"]["seed"] == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": ()}, "no data to train on"),
        ({"mix": (1.0, 2.0)}, "2 weights for 1 data"),
        ({"mix": (0.0,)}, "weights are above 0"),
        ({"epochs": 1, "steps": 1}, "give one of them"),
        ({"lr": 0.0}, "give a number above 0"),
        ({"clip_norm": -1.0}, "give 0 or more"),
        ({"precision": "fp8"}, "choose of bf16, tf32, fp32"),
    ],
)
def test_options_that_make_no_sense(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(HandbenchError, match=message):
        options("plain:x", tmp_path, **changes)


def test_a_limit_of_time_holds_the_whole_schedule(plain: str, tmp_path: Path) -> None:
    asked = options(plain, tmp_path / "run", max_minutes=2 / 60, epochs=1_000_000)
    report = train(asked)
    rates = [float(row["lr"]) for row in rows(asked.out)]
    assert 0 < report.steps < 4_000_000 and rates[0] == 0.01 and rates[-1] == pytest.approx(0.001)
    assert read_weights(report.weights).info["steps"] == report.steps


def test_half_precision_leaves_weights_and_losses_whole(plain: str, tmp_path: Path) -> None:
    runs = {}
    for precision in ("fp32", "bf16"):
        runs[precision] = options(plain, tmp_path / precision, precision=precision, steps=4, clip_norm=0.5)
        train(runs[precision])
    whole, half = (np.array([float(row["total"]) for row in rows(run.out)]) for run in runs.values())
    assert (whole != half).any() and np.abs(whole - half).max() < 0.05
    state = read_weights(runs["bf16"].out / "weights.safetensors").state
    assert all(tensor.dtype == torch.float32 for tensor in state.values() if tensor.is_floating_point())


def test_seeds_differ_and_their_spread_is_told(plain: str, tmp_path: Path) -> None:
    asked = options(plain, tmp_path / "runs", steps=3)
    reports, spreads = train_seeds(asked, 3)
    totals = [float(rows(asked.out / f"seed-{k}")[-1]["total"]) for k in range(3)]
    assert len(set(totals)) == 3 and [report.losses["total"] for report in reports] == totals
    kept = json.loads((asked.out / "seeds.json").read_text())["numbers"]["total"]
    assert kept["mean"] == spreads["total"].mean == pytest.approx(np.mean(totals))
    # Runs that are over are not run again, and say the same.
    assert [report.losses["total"] for report in train_seeds(asked, 3)[0]] == totals
    assert kept["std"] == spreads["total"].std == pytest.approx(np.std(totals, ddof=1))


def test_the_toy_is_registered() -> None:
    assert toy_network.make("width=3").config == ToyConfig(width=3)
