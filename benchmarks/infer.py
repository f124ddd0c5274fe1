"""How fast networks predict: samples a second of a batch of 64, and the time of one sample.

    python benchmarks/infer.py                                   # a GPU: about two minutes
    python benchmarks/infer.py --device cpu --threads 2

From bytes on the device to joints, vertices and pixels on the device. Rows: the same network in plain fp32
with channels first (no tf32, nothing compiled), then faster ways. ``graph`` replays a CUDA graph of the
network as it is: for one sample the time goes into starting kernels, not into running them. Times are medians
of single calls, each waited for.

Bars: ifvonet on an H200-class GPU 1,500 samples a second in batches of 64 (goal 2,500) and 12 ms for one; on
two CPU cores 0.45 s for one; ifvonet-tiny on two CPU cores 40 a second.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from network_timing import (
    Table,
    clocked,
    counted_flops,
    device_words,
    first_line,
    fresh,
    graphed,
    make_plain,
    matmul_rate,
    open_trainable,
    peak_gb,
    synthetic_batch,
    wait,
)
from torch import Tensor, nn

from handbench.allocator import keep_freed_memory
from handbench.baselines.folding import fold_batch_norm
from handbench.baselines.hand_trainable import HandTrainable
from handbench.errors import HandbenchError
from handbench.predict.pictures import out_of_memory
from handbench.train.options import Precision
from handbench.train.precision import autocast, set_precision

MODELS = "ifvonet,handoccnet,ifvonet-tiny,handoccnet-v-tiny"
NEEDS = {"eager": 4.0, "graph": 6.0, "compiled": 30.0, "compiled, graph": 30.0}
"""Seconds that a row must have left to be begun."""


@dataclass(frozen=True)
class Way:
    """How a forward pass is computed."""

    precision: Precision
    batch: int
    how: Literal["eager", "graph", "compiled", "compiled, graph"] = "eager"
    plain: bool = False


def ways(model: str, first: str, batch: int, device: torch.device) -> list[Way]:
    """The most telling first; the first model has more rows: compiling takes most of the time."""
    if device.type == "cpu":
        batches = (1, batch) if model.endswith("-tiny") else (1,)
        return [Way("fp32", b, plain=p) for b in batches for p in (True, False)]
    rows = [Way("fp32", batch, plain=True), Way("bf16", batch)]
    rows += [Way("fp32", 1, plain=True)] if model == first else []
    rows += [Way("bf16", 1), Way("bf16", 1, "graph")]
    if model == first:
        rows += [Way("tf32", batch), Way("tf32", 1, "graph"), Way("bf16", batch, "compiled")]
    return rows


class Predictor(nn.Module):
    """Bytes to hands: pictures become floats, then the network in a precision."""

    def __init__(self, trainable: HandTrainable, precision: Precision, device: torch.device) -> None:
        super().__init__()
        self.network = trainable.build().eval()
        self.precision, self.device = precision, device
        shape = (1, 1, 3, 1, 1)
        self.register_buffer("mean", 255 * torch.tensor(trainable.inputs.mean).reshape(shape))
        self.register_buffer("scale", 1 / (255 * torch.tensor(trainable.inputs.std).reshape(shape)))

    mean: Tensor
    scale: Tensor

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns joints, vertices and pixels of images (B, T, 3, h, w) uint8."""
        with autocast(self.precision, self.device):
            out = self.network((images - self.mean) * self.scale)
        return out.joints, out.vertices, out.joints_2d


def prepared(trainable: HandTrainable, way: Way, device: torch.device) -> tuple[Callable[[], Any], Tensor]:
    """Returns the work of a call, warmed up, and what it predicts joints from."""
    set_precision(way.precision)
    predictor: nn.Module = Predictor(trainable, way.precision, device).to(device)
    images = synthetic_batch(trainable.inputs, way.batch, device).images
    if way.plain:
        predictor, images = make_plain(predictor), images.contiguous()
    else:
        # As a trained network is opened.
        fold_batch_norm(predictor)
    if way.how == "graph":
        replay = graphed(predictor, images)
        return lambda: replay(images), images
    forward: Callable[[Tensor], Any] = predictor
    if way.how != "eager":
        mode = "reduce-overhead" if way.how.endswith("graph") else "default"
        forward = torch.compile(predictor, mode=mode, dynamic=False)
    for _ in range(3):
        forward(images)
    wait(device)
    return lambda: forward(images), images


def measure(
    trainable: HandTrainable, way: Way, device: torch.device, seconds: float, expected: list[Tensor]
) -> dict[str, Any]:
    """A row; ``apart`` is the greatest distance of a joint from that of the first row of its batch [mm]."""
    row: dict[str, Any] = {
        "model": trainable.name, "precision": way.precision, "batch": way.batch,
        "layout": "channels first" if way.plain else "channels last", "how": way.how,
    }  # fmt: skip
    try:
        with fresh(device):
            started = time.perf_counter()
            call, _ = prepared(trainable, way, device)
            joints = call()[0].float().clone()
            warm = time.perf_counter() - started
            clock = clocked(call, device, seconds)
            expected.append(joints)
            return row | {
                "samples_per_s": way.batch / clock.median, "ms_per_call": 1000 * clock.median,
                "spread": clock.spread, "processor_s_per_sample": min(clock.processor) / way.batch,
                "apart_mm": 1000 * float((joints - expected[0]).norm(dim=-1).max()),
                "warm_up_s": warm, "memory_gb": peak_gb(device),
            }  # fmt: skip
    except Exception as error:
        if way.how == "eager" and not out_of_memory(error):
            raise
        words = "does not fit the memory" if out_of_memory(error) else f"fails: {first_line(error)}"
        return row | {"samples_per_s": None, "note": words}


def run(args: argparse.Namespace, left: Callable[[], float]) -> None:
    device = torch.device(args.device)
    if device.type == "cpu":
        torch.set_num_threads(args.threads)
        keep_freed_memory()
    rate = matmul_rate(device)
    about = {
        "device": device_words(device), "torch": torch.__version__, "matmul_tflops": rate / 1e12,
        "note": args.note,
    }  # fmt: skip
    table = Table(args.out, "infer", about)
    print("  ".join(f"{key} {value}" for key, value in about.items()), flush=True)
    names = args.models.split(",")
    for name in names:
        _model(args, name, ways(name, names[0], args.batch, device), rate, table, left)
    if device.type == "cuda":
        _model(args, names[0], [Way("bf16", 1, "compiled, graph")], rate, table, left)
    print(f"\n{table.markdown()}", flush=True)


def _model(
    args: argparse.Namespace, name: str, rows: list[Way], rate: float, table: Table,
    left: Callable[[], float],
) -> None:  # fmt: skip
    device = torch.device(args.device)
    trainable = open_trainable(name)
    if not isinstance(trainable, HandTrainable):
        raise HandbenchError(f"{name} is no network of hand parameters", "HDR: benchmarks/infer_hdr.py")
    call, _ = prepared(trainable, Way("fp32", 1), device)
    flops = counted_flops(call)
    del call
    joints: dict[int, list[Tensor]] = {}
    for way in rows:
        if left() < NEEDS[way.how]:
            print(f"left out, {left():.0f} s are left: {name} {way}", flush=True)
            continue
        row = measure(trainable, way, device, args.row_seconds, joints.setdefault(way.batch, []))
        found = row["samples_per_s"]
        if found is not None:
            same = (name, way.batch, "channels first")
            plain = [r for r in (*table.rows, row) if (r["model"], r["batch"], r["layout"]) == same]
            row |= {"of_matmul": found * flops / rate}
            row |= {"times_plain": found / plain[0]["samples_per_s"]} if plain else {}
        table.add(row)


def main() -> None:
    started = time.perf_counter()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=MODELS)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=64, help="of the throughput rows")
    parser.add_argument("--row-seconds", type=float, default=2.0, help="measured of each row")
    parser.add_argument("--seconds", type=float, default=150.0, help="no row is begun that does not fit")
    parser.add_argument("--threads", type=int, default=2, help="on a CPU")
    parser.add_argument("--note", default="", help="goes into the table, e.g. what else ran")
    parser.add_argument("--out", type=Path, help="folder of the tables")
    args = parser.parse_args()
    try:
        with torch.no_grad():
            run(args, lambda: args.seconds - (time.perf_counter() - started))
    except HandbenchError as error:
        raise SystemExit(f"infer.py: {error}") from None


if __name__ == "__main__":
    main()
