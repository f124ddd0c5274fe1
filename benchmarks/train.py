"""How fast a network trains: samples a second and memory, by precision, memory layout, compile and batch.

    python benchmarks/train.py                                   # a GPU: about two minutes
    python benchmarks/train.py --data ho3d:DIR@split=train --workers 12
    python benchmarks/train.py --device cpu --model ifvonet-tiny --batch 8 --seconds 60

A step is that of ``handbench train``: pictures to floats, forward, losses, backward, optimiser. Batches are
noise that lies on the device, unless ``--data`` is given; then loading is timed alone, and training from it.
Rows: the same network in plain fp32 with channels first (no tf32, nothing compiled), then what training
uses. ``of matmul`` is the rate of the network's products and convolutions over that of one large product.
Rows whose time does not fit into ``--seconds`` any more are left out, and said so.

Bars, on an H200-class GPU, in bf16: ifvonet 250 samples of two frames a second (goal 700), 3 times plain;
hasm, hdrnet and shpe a fifth of the rate of a large product.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from network_timing import (
    Clock,
    Table,
    channels_first,
    clocked,
    copy_rate,
    counted_flops,
    device_words,
    first_line,
    fresh,
    make_plain,
    matmul_rate,
    open_trainable,
    peak_gb,
    synthetic_batch,
    wait,
)
from torch import nn

from handbench.baselines import detnet
from handbench.baselines.fit_set import Block
from handbench.baselines.hdrnet import Level
from handbench.baselines.heatmap import PreActivation
from handbench.baselines.reasoning import ReasoningLayer
from handbench.baselines.resnet import BasicBlock, Bottleneck
from handbench.baselines.trainable import Trainable
from handbench.baselines.variation import PixelVariation
from handbench.datasets import DataRef
from handbench.errors import HandbenchError
from handbench.predict.pictures import out_of_memory
from handbench.train.ddp import Ranks
from handbench.train.feed import Feed, Share
from handbench.train.options import Precision, TrainOptions, resolve
from handbench.train.precision import set_precision
from handbench.train.step import Stepper

BLOCKS = (
    Bottleneck, BasicBlock, PreActivation, Block, ReasoningLayer, PixelVariation, detnet.Bottleneck, Level,
)  # fmt: skip
"""What is compiled one by one: far less to compile than the whole network, most of the gain."""

NEEDS = {"no": 8.0, "blocks": 40.0, "whole": 60.0}
PROFILE_NEEDS = 15.0
"""Seconds that a row must have left to be begun."""


@dataclass(frozen=True)
class Way:
    """How a step is computed."""

    precision: Precision
    batch: int
    plain: bool = False
    compiled: Literal["no", "blocks", "whole"] = "no"


def ways(batch: int, gpu: bool) -> list[Way]:
    """The most telling first: the time may end."""
    if not gpu:
        return [Way("fp32", batch, plain=True), Way("fp32", batch)]
    return [
        Way("fp32", batch, plain=True), Way("bf16", batch), Way("bf16", 2 * batch),
        Way("bf16", batch, compiled="whole"), Way("tf32", batch), Way("bf16", batch, compiled="blocks"),
        Way("fp32", batch), Way("bf16", batch, plain=True), Way("tf32", batch, plain=True),
    ]  # fmt: skip


def make_stepper(trainable: Trainable, way: Way, device: torch.device) -> Stepper:
    """A network and its step, as ``handbench train`` makes them."""
    network: nn.Module = trainable.build().to(device)
    if way.plain:
        network = make_plain(network)
    if way.compiled == "blocks":
        # One code for each size and number of channels; beyond the limit blocks would run as they are.
        torch._dynamo.config.recompile_limit = 64
        for module in network.modules():
            if isinstance(module, BLOCKS) or type(module).__name__ == "SegformerLayer":
                module.compile(dynamic=False)
    set_precision(way.precision)
    network.train()
    how = resolve(TrainOptions(trainable.name, ("",), Path()), trainable.recipe)
    whole = way.compiled == "whole"
    return Stepper(network, how, Ranks(0, 1, device), way.precision, whole, must=whole)


def flops_of(trainable: Trainable, device: torch.device) -> float:
    """Operations of a training step, a sample."""
    count = 2
    stepper = make_stepper(trainable, Way("fp32", count), device)
    # Kernels are not tried out for a step that is only counted.
    torch.backends.cudnn.benchmark = False
    batch = synthetic_batch(trainable.train_inputs, count, device)
    return counted_flops(lambda: stepper(batch, 1e-4)) / count


def measure(trainable: Trainable, way: Way, device: torch.device, seconds: float) -> dict[str, Any]:
    """A row; ``warm-up`` is the first three steps: kernels chosen, code compiled."""
    row: dict[str, Any] = {
        "model": trainable.name, "precision": way.precision, "batch": way.batch,
        "layout": "channels first" if way.plain else "channels last", "compiled": way.compiled,
        "data": "noise",
    }  # fmt: skip
    try:
        with fresh(device):
            stepper = make_stepper(trainable, way, device)
            batch = synthetic_batch(trainable.train_inputs, way.batch, device)
            if way.plain:
                batch = channels_first(batch)
            started = time.perf_counter()
            for _ in range(3):
                stepper(batch, 1e-4)
            wait(device)
            warm = time.perf_counter() - started
            one = clocked(partial(stepper, batch, 1e-4), device, 0, least=1).median
            many = max(1, round(0.4 / one))
            clock = clocked(partial(_steps, stepper, batch, many), device, seconds)
            return row | _rates(clock, many * way.batch) | {"warm_up_s": warm, "memory_gb": peak_gb(device)}
    except Exception as error:
        if not out_of_memory(error) and way.compiled == "no":
            raise
        words = (
            "does not fit the memory" if out_of_memory(error) else f"does not compile: {first_line(error)}"
        )
        return row | {"samples_per_s": None, "note": words}


def _steps(stepper: Stepper, batch: Any, many: int) -> None:
    # Several without waiting: the processor may run ahead of the GPU, as it does in training.
    for _ in range(many):
        stepper(batch, 1e-4)


def _rates(clock: Clock, samples: int) -> dict[str, float]:
    return {
        "samples_per_s": samples / clock.median, "spread": clock.spread,
        "processor_s_per_sample": sorted(clock.processor)[len(clock.processor) // 2] / samples,
    }  # fmt: skip


def loading(
    trainable: Trainable, data: list[str], batch: int, workers: int, seconds: float, step: Stepper | None
) -> dict[str, Any]:
    """Items a second from data, as training is fed: loaded alone, or trained on (with a step)."""
    shares = [Share(DataRef.parse(text).open(quiet=True)) for text in data]
    device = None if step is None else next(step.network.parameters()).device
    augment = trainable.recipe.augment
    feed = Feed(shares, trainable, batch, augment, 0, workers, None if device is None else str(device))
    stream = feed.batches()
    for _ in range(2 * workers + 3):
        _take(stream, step)
    if device is not None:
        wait(device)
    started, seen = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        seen += _take(stream, step)
    if device is not None:
        wait(device)
    return {"samples_per_s": seen / (time.perf_counter() - started), "workers": workers}


def _take(stream: Iterator[Any], step: Stepper | None) -> int:
    found = next(stream)
    if step is not None:
        step(found, 1e-4)
    return len(found)


def profile(trainable: Trainable, way: Way, device: torch.device, path: Path) -> None:
    """Writes which operations the time of a step goes into, and whether anything waits for the GPU."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiled

    stepper, batch = (
        make_stepper(trainable, way, device),
        synthetic_batch(trainable.train_inputs, way.batch, device),
    )
    _steps(stepper, batch, 3)
    kinds = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if device.type == "cuda" else [])
    with profiled(activities=kinds) as found:
        _steps(stepper, batch, 2)
        wait(device)
    averages = found.key_averages()
    path.parent.mkdir(parents=True, exist_ok=True)
    waits = [f"{row.key}: {row.count}" for row in averages if "ynchronize" in row.key]
    by_device = averages.table(
        sort_by=f"self_{'device' if device.type == 'cuda' else 'cpu'}_time_total",
        row_limit=45,
        max_name_column_width=90,
    )
    path.write_text(f"{way}\nwaits in two steps: {', '.join(waits) or 'none'}\n{by_device}")


def run(args: argparse.Namespace, left: Callable[[], float]) -> None:
    device = torch.device(args.device)
    if device.type == "cpu":
        torch.set_num_threads(args.threads)
    trainable = open_trainable(args.model)
    about = {"device": device_words(device), "torch": torch.__version__, "note": args.note}
    rate = flops = 0.0
    if args.rows != 0:
        rate, flops = matmul_rate(device), flops_of(trainable, device)
        about |= {"matmul_tflops": rate / 1e12, "copy_gb_per_s": copy_rate(device) / 1e9}
        about |= {"gflop_per_sample": flops / 1e9}
    table = Table(args.out, f"train-{args.model.replace(':', '-')}{'-data' if args.data else ''}", about)
    print("  ".join(f"{key} {value}" for key, value in about.items()), flush=True)
    plain = None
    chosen = [way for way in ways(args.batch, device.type == "cuda") if not (way.plain and args.no_plain)]
    for way in chosen[: args.rows]:
        if left() < NEEDS[way.compiled]:
            print(f"left out, {left():.0f} s are left: {way}", flush=True)
            continue
        row = measure(trainable, way, device, args.row_seconds)
        found = row["samples_per_s"]
        plain = plain or (found if way.plain else None)
        if found is not None:
            row |= {"of_matmul": found * flops / rate, "times_plain": found / plain if plain else None}
        table.add(row)
    if args.data:
        _from_data(args, trainable, device, table)
    if args.profile and left() > PROFILE_NEEDS:
        precision: Precision = "bf16" if device.type == "cuda" else "fp32"
        profile(trainable, Way(precision, args.batch), device, args.profile)
    print(f"\n{table.markdown()}", flush=True)


def _from_data(args: argparse.Namespace, trainable: Trainable, device: torch.device, table: Table) -> None:
    common = {"model": trainable.name, "batch": args.batch, "compiled": "no"}
    alone = loading(trainable, args.data, args.batch, args.workers, args.row_seconds, None)
    table.add({**common, "data": "loading alone", **alone})
    precision: Precision = "bf16" if device.type == "cuda" else "fp32"
    stepper = make_stepper(trainable, Way(precision, args.batch), device)
    both = loading(trainable, args.data, args.batch, args.workers, args.row_seconds, stepper)
    table.add({**common, "data": "training from data", "precision": precision, **both})


def main() -> None:
    started = time.perf_counter()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="ifvonet")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rows", type=int, help="the first so many ways only; 0: loading only")
    parser.add_argument("--no-plain", action="store_true", help="leave the plain rows out")
    parser.add_argument("--row-seconds", type=float, default=4.0, help="measured of each row")
    parser.add_argument("--seconds", type=float, default=150.0, help="no row is begun that does not fit")
    parser.add_argument("--threads", type=int, default=2, help="on a CPU")
    parser.add_argument("--data", action="append", help="references, to time loading and training from them")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--profile", type=Path, help="write where the time of a step goes")
    parser.add_argument("--note", default="", help="goes into the table, e.g. what else ran")
    parser.add_argument("--out", type=Path, help="folder of the tables")
    args = parser.parse_args()
    try:
        run(args, lambda: args.seconds - (time.perf_counter() - started))
    except HandbenchError as error:
        raise SystemExit(f"train.py: {error}") from None


if __name__ == "__main__":
    main()
