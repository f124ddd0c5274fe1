"""Parts of training: the schedule, batches by step, pictures, logs; and the command as it is typed."""

from __future__ import annotations

import dataclasses
import json
import traceback
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from conftest import Run
from hypothesis import given
from hypothesis import strategies as st
from plain_dataset import PlainDataset, write_plain
from torch.utils._python_dispatch import TorchDispatchMode
from toy_network import ToyConfig, ToyTrainable

from handbench.baselines.trainable import Recipe
from handbench.baselines.weights import read_weights
from handbench.cli.train import train as command
from handbench.datasets import load_dataset
from handbench.errors import HandbenchError
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward
from handbench.loaders import Batch, batches
from handbench.models import MODELS
from handbench.predictions import HandPrediction
from handbench.synth.ho3d import Ho3dSynthOptions, generate_ho3d
from handbench.train import TrainOptions, hand_check
from handbench.train.ddp import Ranks
from handbench.train.feed import Feed, Share, apportion
from handbench.train.hand_check import hand_gap
from handbench.train.logs import Log, duration
from handbench.train.meter import Reading
from handbench.train.options import resolve
from handbench.train.previews import Previews, draw_mesh
from handbench.train.schedule import Schedule
from handbench.train.step import Stepper
from handbench.train.workers import choose_workers
from handbench.types import Side

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> PlainDataset:
    return PlainDataset(write_plain(tmp_path_factory.mktemp("plain") / "p"))


def options(**more: Any) -> TrainOptions:
    return TrainOptions("toy", ("plain:x",), Path("x"), **more)


@given(epochs=st.integers(1, 90), per_epoch=st.integers(1, 400), step=st.integers(0, 40_000))
def test_decays_keep_their_place_in_a_run_of_any_length(epochs: int, per_epoch: int, step: int) -> None:
    recipe = Recipe(lr=2.0, epochs=70, milestones=tuple(range(10, 70, 10)), gamma=0.5)
    how = resolve(options(epochs=epochs), recipe)
    total = how.total_steps(per_epoch)
    schedule = Schedule(how, total, None)
    rate = schedule.rate(schedule.progress(min(step, total), 0.0))
    share = Fraction(min(step, total), total)
    assert rate == 2.0 * 0.5 ** sum(share >= Fraction(m, 70) for m in range(10, 70, 10))
    by_hand = resolve(options(epochs=epochs, milestones=(epochs / 2,), gamma=0.1), recipe)
    assert by_hand.decays == (0.5,) and by_hand.gamma == 0.1


@given(seconds=st.floats(1, 1e5), share=st.floats(0, 1.2), step=st.integers(0, 100))
def test_time_and_steps_whichever_is_further(seconds: float, share: float, step: int) -> None:
    schedule = Schedule(resolve(options(), Recipe(epochs=1, milestones=())), 100, seconds)
    spent = share * seconds
    progress = schedule.progress(step, spent)
    assert step / 100 <= progress <= 1 and progress >= min(share, 1)
    # What is left at the end is for the last checkpoint.
    assert schedule.progress(0, seconds - min(0.05 * seconds, 10)) >= 1 - 1e-12


@given(st.integers(1, 500), st.lists(st.floats(0.01, 100), min_size=1, max_size=5))
def test_apportioned_numbers(count: int, weights: list[float]) -> None:
    quotas = [count * weight / sum(weights) for weight in weights]
    try:
        found = apportion(count, weights)
    except HandbenchError:
        assert min(quotas) < 1
        return
    assert sum(found) == count
    assert all(abs(number - quota) < 1 + 1e-9 for number, quota in zip(found, quotas, strict=True))


def same(one: Batch, other: Batch) -> bool:
    if one.keys != other.keys:
        return False
    pairs = [(vars(one)[name], vars(other)[name]) for name in vars(one)]
    return all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in pairs if isinstance(a, torch.Tensor))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_step_sees_the_same_batch_from_wherever_one_begins(plain: PlainDataset, workers: int) -> None:
    trainable = ToyTrainable(config=ToyConfig(frames=2))
    both = [Share(plain, 1.0), Share(plain, 2.0)]
    for shares, counts in (([Share(plain)], [5]), (both, [2, 3])):
        feed = Feed(shares, trainable, 5, "handoccnet", 7, workers)
        assert feed.counts == counts
        stream = feed.batches()
        first = [next(stream) for _ in range(11)]
        assert all(len(batch) == 5 for batch in first)
        for begin in (1, 3, 10):
            again = Feed(shares, trainable, 5, "handoccnet", 7).batches(begin)
            assert same(first[begin], next(again))
    # A mix holds each dataset's own batches, side by side.
    own = batches(plain, trainable.train_inputs, 2, "handoccnet", 7, shuffle=True, drop_last=True)
    own.set_epoch(1, 1)
    step = len(own) + 1
    assert first[step].keys[:2] == next(iter(own)).keys
    assert first[0].images.permute(0, 1, 3, 4, 2).is_contiguous()
    own.set_epoch(1)
    assert len(list(own)) == len(own)


def test_the_feed_leaves_the_random_stream_alone(plain: PlainDataset) -> None:
    before = torch.get_rng_state()
    stream = Feed([Share(plain)], ToyTrainable(), 4, "none", 0, workers=1).batches()
    for _ in range(6):
        next(stream)
    assert torch.equal(torch.get_rng_state(), before)


class Asked(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Collects what makes a GPU's host wait: values read back, tensors made of Python's numbers."""

    waits = ("_local_scalar_dense", "lift_fresh", "nonzero", "masked_select", "equal", "is_nonzero")

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[str] = []
        self.count = 0

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = op.overloadpacket.__name__
        self.count += 1
        if name in self.waits:
            self.found.append(f"{name}: {''.join(traceback.format_stack(limit=4))}")
        return op(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["ifvonet-tiny", "handoccnet-v-tiny"])
def test_a_step_waits_for_nothing(name: str, plain: PlainDataset) -> None:
    make = MODELS.get(name).trainable
    assert make is not None
    trainable = make("")
    how = resolve(TrainOptions(name, ("plain:x",), Path("x"), clip_norm=1.0), trainable.recipe)
    network = trainable.build(0).train()
    stepper = Stepper(network, how, Ranks(0, 1, CPU), "bf16", False)
    batch = next(iter(batches(plain, trainable.train_inputs, 2)))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with Asked() as asked:
        names, values = stepper(batch, 1e-4)
    assert asked.count > 1000 and not asked.found, asked.found[0]
    assert names[-2:] == ("total", "grad_norm") and values.isfinite().all()
    moved = [key for key, value in network.state_dict().items() if not torch.equal(value, before[key])]
    assert len(moved) > 0.9 * len(before)


def test_a_mesh_is_drawn_where_the_hand_is() -> None:
    hand = load_hand_model("procedural")
    mesh = forward(hand, np.full((1, 48), 0.1), np.zeros((1, 10)), np.array([[0.0, 0.0, 0.8]]))
    joints, vertices = mesh.joints21[0], mesh.vertices[0]
    wrist = joints[0]
    for flipped in (False, True):
        mirror = np.array([-1.0 if flipped else 1.0, 1.0])
        pixels = 500 * joints[:, :2] * mirror + 100
        said = HandPrediction(Side.RIGHT, joints=joints - wrist, vertices=vertices - wrist)
        drawn = draw_mesh(np.zeros((200, 200, 3), np.uint8), said, pixels, flipped)
        rows, columns = np.nonzero(drawn.any(axis=2))
        wanted = 500 * vertices[:, :2] * mirror + 100
        box = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
        assert np.abs(box - np.r_[wanted.min(0), wanted.max(0)]).max() < 2


def test_parameters_of_another_hand_are_noticed(
    plain: PlainDataset, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make = MODELS.get("ifvonet-tiny").trainable
    assert make is not None
    trainable = make("")
    batch = next(iter(batches(plain, trainable.train_inputs, 8)))
    hand = load_hand_model("procedural")
    other = dataclasses.replace(hand, v_template=1.3 * hand.v_template)
    ours, theirs = hand_gap(batch, hand), hand_gap(batch, other)
    assert ours is not None and ours < 1e-3 and theirs is not None and 12 < theirs < 40
    hand_check.warn_of_other_hand(batch, trainable)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(hand_check, "load_hand_model", lambda name: other)
    hand_check.warn_of_other_hand(batch, trainable)
    assert f"annotated joints lie {theirs:.0f} mm from where the hand model" in capsys.readouterr().err


def test_a_network_that_does_not_compile(plain: PlainDataset, capsys: pytest.CaptureFixture[str]) -> None:
    import torch._inductor.config as inductor

    trainable = ToyTrainable(config=ToyConfig(dropout=0.0))
    how = resolve(options(), trainable.recipe)
    batch = next(iter(batches(plain, trainable.train_inputs, 4)))
    values = []
    with inductor.patch({"cpp.cxx": (str(plain.root / "no-compiler"),)}):
        for compiled in (False, True):
            stepper = Stepper(trainable.build(0), how, Ranks(0, 1, CPU), "fp32", compiled)
            values.append(stepper(batch, 0.01)[1])
        stepper = Stepper(trainable.build(0), how, Ranks(0, 1, CPU), "fp32", True, must=True)
        with pytest.raises(HandbenchError, match=r"the network does not compile: .*leave --compile out"):
            stepper(batch, 0.01)
    assert torch.equal(*values) and "runs as it is: InvalidCxxCompiler" in capsys.readouterr().err


@pytest.mark.soak
def test_compiled_it_is_the_same_network(plain: PlainDataset) -> None:
    trainable = ToyTrainable(config=ToyConfig(dropout=0.0))
    how = resolve(options(), trainable.recipe)
    batch = next(iter(batches(plain, trainable.train_inputs, 4)))
    values = []
    for compiled in (False, True):
        stepper = Stepper(trainable.build(0), how, Ranks(0, 1, CPU), "fp32", compiled, must=True)
        stepper(batch, 0.01)
        values.append(stepper(batch, 0.01)[1])
    assert torch.allclose(values[0], values[1], rtol=1e-4)


def test_previews_change_nothing(plain: PlainDataset, tmp_path: Path) -> None:
    trainable = ToyTrainable(config=ToyConfig(frames=2))
    network = trainable.build(0).train()
    batch = next(iter(batches(plain, trainable.train_inputs, 6)))
    before, random = {k: v.clone() for k, v in network.state_dict().items()}, torch.get_rng_state()
    sheet = Previews(tmp_path / "p", trainable, batch, CPU).draw(network, 12)
    # Four items; the frame before, what is annotated, what is predicted, the mesh.
    assert sheet.shape == (4 * 192, 4 * 192, 3)
    assert np.asarray(cv2.imread(str(tmp_path / "p/step-00000012.jpg"))).shape == sheet.shape
    assert network.training and torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert (sheet[:192, 192:384] != sheet[:192, 384:576]).any()


def test_the_log_drops_what_a_killed_run_left(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing import event_accumulator  # type: ignore[import-untyped]

    speed = {"samples_per_second": 1.0, "memory_mb": 2.0}
    for start, steps, loss in ((0, range(1, 6), 0.1 + 0.2), (3, range(4, 6), 9.0)):
        log = Log(tmp_path, start)
        for step in steps:
            log.write(Reading(step, {"total": loss}), {"epoch": 0, "lr": 0.1}, speed)
        log.close()
        if start == 0:
            with log.path.open("a") as file:
                file.write("6,0,0.")
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == "step,epoch,lr,total,samples_per_second,memory_mb"
    assert [line.split(",")[3] for line in lines[1:]] == [repr(0.1 + 0.2)] * 3 + ["9.0"] * 2
    board = event_accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    found = [(event.step, round(event.value, 3)) for event in board.Scalars("loss/total")]
    assert found == [(1, 0.3), (2, 0.3), (3, 0.3), (4, 9.0), (5, 9.0)]
    assert [duration(s) for s in (40, 720, 12600)] == ["40 s", "12 min", "3.5 h"]


def test_workers_of_a_cpu() -> None:
    assert choose_workers(None, Ranks(0, 1, CPU)) == 0 and choose_workers(3, Ranks(0, 1, CPU)) == 3
    assert choose_workers(None, Ranks(0, 2, torch.device("cuda"))) >= 1


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ho3d") / "tree"
    recipe = ("missing=0", "unannotated=0")
    made = Ho3dSynthOptions("v3", 1, 1, frames=4, cameras=1, strata=("plain",), flow=False, overrides=recipe)
    generate_ho3d(out, made, 0, quiet=True)
    return out


def words_of(tree: Path, out: Path, *more: object) -> list[str]:
    fixed = ("--model", "ifvonet-tiny", "--data", f"ho3d:{tree}@split=train", "--out", out)
    return [str(word) for word in (*fixed, *more)]


def test_as_typed_with_seeds_and_validation(tree: Path, tmp_path: Path, handbench: Run) -> None:
    more = ("--val", f"ho3d:{tree}@split=evaluation", "--steps", 2, "--batch-size", 2, "--lr", "1e-3",
            "--log-every", 1, "--seeds", 2, "--json")  # fmt: skip
    said = json.loads(handbench("train", *words_of(tree, tmp_path, *more)).stdout)
    values = [run["validation"]["PA-MPJPE"] for run in said["runs"]]
    found = said["numbers"]["PA-MPJPE"]
    assert found["mean"] == pytest.approx(np.mean(values)) and found["unit"] == "mm"
    assert found["std"] == pytest.approx(np.std(values, ddof=1)) and len(set(values)) == 2
    for k in range(2):
        out = tmp_path / f"seed-{k}"
        info = read_weights(out / "weights.safetensors").info
        assert info["metrics"]["PA-MPJPE"] == values[k] and info["seed"] == k and info["steps"] == 2
        assert info["data"] == "synthetic ho3d_v3/train" and str(tree) not in json.dumps(info)
        assert len((out / "log.csv").read_text().splitlines()) == 3
        assert list((out / "results").glob("*ifvonet-tiny*")) and list((out / "previews").glob("*.jpg"))


def test_lines_of_the_command(tree: Path, tmp_path: Path) -> None:
    def line(*more: str) -> str:
        result = CliRunner().invoke(command, words_of(tree, tmp_path / "a", *more))
        assert isinstance(result.exception, HandbenchError), result.output
        return str(result.exception)

    assert line("--mix", "1:x") == "--mix '1:x' (give numbers with ':' between them)"
    assert line("--model", "ifvonet-tinny").endswith("(did you mean 'ifvonet-tiny'?)")
    assert "no folder" in line("--val", "ho3d:/nowhere")
    assert not (tmp_path / "a").exists()


def test_data_without_annotation_are_refused(tree: Path) -> None:
    data = load_dataset("ho3d", tree, quiet=True, split="train")
    trainable = ToyTrainable()
    with pytest.raises(HandbenchError, match="does not divide among 2 processes"):
        Feed([Share(data)], trainable, 5, "none", 0, part=(0, 2))
    with pytest.raises(HandbenchError, match="no augmentation 'handocnet'"):
        Feed([Share(data)], trainable, 2, "handocnet", 0)
