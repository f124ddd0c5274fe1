"""How fast HDR predicts: each of its networks, and the pipeline on pictures of two hands.

    python benchmarks/infer_hdr.py                               # a GPU: about three minutes
    python benchmarks/infer_hdr.py --device cpu --threads 2      # hdr-tiny

``stage`` is one network, from bytes on the device to what the next stage takes, on the device: masks of a
picture; a completed picture of a hand's crop; joints of a hand's crop. The row of the pipeline is all of
``predict``: from bytes on the device to predictions in the processor's memory, masks and completed pictures
among them (``write=pose`` leaves these out). An item is a picture; of the last two stages, a hand.

Pictures are noise, in which no hand is: the pipeline looks for masks, all of that work is done, and goes on
with given ones, of two discs. Weights are those that ship, else random ones. ``plain`` is in fp32 with
channels first, batch norm not folded. ``graph`` replays one CUDA graph a network, what is between them is
started kernel by kernel. Times are medians of single calls, each waited for. ``apart`` is the mean
difference from the first row of the same work and batch, over the mean of what is compared.

Bars: hdr on an H200-class GPU 25 ms for one picture, 400 pictures a second in batches of 64 in bf16; hdr-tiny
on two CPU cores 8 a second.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from hdr_work import STAGES, opened, pipeline_call, stage_call
from infer import NEEDS, Way
from network_timing import (
    Table,
    clocked,
    counted_flops,
    device_words,
    first_line,
    fresh,
    matmul_rate,
    peak_gb,
    wait,
)
from torch import Tensor

from handbench.allocator import keep_freed_memory
from handbench.errors import HandbenchError
from handbench.predict.pictures import out_of_memory
from handbench.train.precision import set_precision

PIPELINE = "pipeline"


def ways(what: str, batch: int, device: torch.device) -> list[Way]:
    """The most telling first."""
    if device.type == "cpu":
        rows = [Way("fp32", batch), Way("fp32", 1)]
        return [Way("fp32", batch, plain=True), *rows] if what != "pipeline write=pose" else rows
    if what == "pipeline write=pose":
        return [Way("bf16", batch)]
    few = [Way("bf16", batch), Way("bf16", 1, "graph"), Way("bf16", 1)]
    return [*few, Way("fp32", batch, plain=True), Way("tf32", batch), Way("tf32", 1, "graph")]


def numbers(found: Any) -> list[Tensor]:
    """Returns the first result of a stage, or joints and a picture of a pipeline's predictions, as floats."""
    if isinstance(found, list):
        hands = [hand for item in found for hand in item.hands]
        parts = [hand.joints for hand in hands if hand.joints is not None]
        parts += [hand.image for hand in hands[:2] if hand.image is not None]
        return [torch.from_numpy(part).float() for part in parts]
    return [part.float().cpu() for part in (found if isinstance(found, tuple) else (found,))][:1]


def apart(found: list[Tensor], expected: list[Tensor]) -> float:
    """Returns the mean difference over the mean size."""
    one, other = (torch.cat([part.flatten() for part in parts]) for parts in (found, expected))
    return float((one - other).abs().mean() / other.abs().mean().clamp(min=1e-9))


def measure(
    what: str, name: str, way: Way, device: torch.device, seconds: float, expected: list[list[Tensor]]
) -> dict[str, Any]:
    """A row."""
    row: dict[str, Any] = {
        "what": what, "model": name, "precision": way.precision, "batch": way.batch,
        "layout": "plain" if way.plain else "channels last", "how": way.how,
    }  # fmt: skip
    try:
        with fresh(device):
            started = time.perf_counter()
            set_precision(way.precision)
            stages = opened(name, way, device)
            made = pipeline_call if what.startswith(PIPELINE) else stage_call
            call = made(stages, name if made is pipeline_call else what, way, device)
            for _ in range(3):
                found = numbers(call())
            wait(device)
            warm = time.perf_counter() - started
            clock = clocked(call, device, seconds)
            expected.append(found)
            return row | {
                "items_per_s": way.batch / clock.median, "ms_per_item": 1000 * clock.median / way.batch,
                "spread": clock.spread, "processor_ms_per_item": 1000 * min(clock.processor) / way.batch,
                "apart": apart(found, expected[0]), "warm_up_s": warm, "memory_gb": peak_gb(device),
            }  # fmt: skip
    except Exception as error:
        if way.how == "eager" and not out_of_memory(error):
            raise
        words = "does not fit the memory" if out_of_memory(error) else f"fails: {first_line(error)}"
        return row | {"items_per_s": None, "note": words}


def operations(name: str, device: torch.device) -> dict[str, int]:
    """Operations an item of each stage, and of the pipeline with two hands."""
    stages = opened(name, Way("fp32", 1), device)
    found = {kind: counted_flops(stage_call(stages, kind, Way("fp32", 1), device)) for kind in STAGES}
    return found | {PIPELINE: found["hasm"] + 2 * (found["hdrnet"] + found["pose"])}


@contextmanager
def set_up(device: torch.device, threads: int) -> Iterator[None]:
    """No gradients; on a CPU, threads and memory as ``handbench predict`` has them."""
    if device.type == "cpu":
        torch.set_num_threads(threads)
        keep_freed_memory()
    with torch.no_grad():
        yield


def run(args: argparse.Namespace, left: Callable[[], float]) -> None:
    device = torch.device(args.device)
    rate = matmul_rate(device)
    about = {
        "device": device_words(device), "torch": torch.__version__, "matmul_tflops": rate / 1e12,
        "note": args.note,
    }  # fmt: skip
    table = Table(args.out, "infer-hdr", about)
    print("  ".join(f"{key} {value}" for key, value in about.items()), flush=True)
    for name in args.models.split(","):
        flops = operations(name, device)
        works = [(PIPELINE, way) for way in ways(PIPELINE, args.batch, device)]
        works += [(kind, way) for kind in STAGES for way in ways(kind, args.batch, device)]
        works += [("pipeline write=pose", way) for way in ways("pipeline write=pose", args.batch, device)]
        if device.type == "cuda":
            works += [(what, Way("bf16", args.batch, "compiled")) for what in ("pose", "hdrnet", "hasm")]
        _rows(args, name, works, flops, rate, table, left)
    print(f"\n{table.markdown()}", flush=True)


def _rows(
    args: argparse.Namespace, name: str, works: list[tuple[str, Way]], flops: dict[str, int], rate: float,
    table: Table, left: Callable[[], float],
) -> None:  # fmt: skip
    device, expected = torch.device(args.device), dict[tuple[str, int], list[list[Tensor]]]()
    for what, way in works:
        if args.only and what.partition(" ")[0] not in args.only.split(","):
            continue
        if left() < NEEDS[way.how]:
            print(f"left out, {left():.0f} s are left: {name} {what} {way}", flush=True)
            continue
        full = name if what != "pipeline write=pose" else f"{name}{',' if ':' in name else ':'}write=pose"
        seen = expected.setdefault((what, way.batch), [])
        row = measure(what.partition(" ")[0], full, way, device, args.row_seconds, seen)
        found, kind = row["items_per_s"], what.partition(" ")[0]
        if found is not None:
            row |= {"of_matmul": found * flops[kind] / rate, "gflop": flops[kind] / 1e9}
            row |= _against(table.rows, row)
        table.add(row)


def _against(rows: list[dict[str, Any]], row: dict[str, Any]) -> dict[str, float]:
    """Returns how many times as fast a row is as the plain one of the same work, where there is one."""
    same = [r for r in (*rows, row) if all(r[key] == row[key] for key in ("what", "model", "batch"))]
    plain = next((r["items_per_s"] for r in same if r["layout"] == "plain" and r["items_per_s"]), None)
    return {} if plain is None else {"times_plain": row["items_per_s"] / plain}


def main() -> None:
    started = time.perf_counter()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    gpu = torch.cuda.is_available()
    parser.add_argument("--models", help="pipelines; hdr on a GPU, hdr-tiny on a CPU")
    parser.add_argument("--only", help="of pipeline, hasm, hdrnet, pose")
    parser.add_argument("--device", default="cuda" if gpu else "cpu")
    parser.add_argument("--batch", type=int, default=64 if gpu else 16, help="of the throughput rows")
    parser.add_argument("--row-seconds", type=float, default=2.0, help="measured of each row")
    parser.add_argument("--seconds", type=float, default=180.0, help="no row is begun that does not fit")
    parser.add_argument("--threads", type=int, default=2, help="on a CPU")
    parser.add_argument("--note", default="", help="goes into the table, e.g. what else ran")
    parser.add_argument("--out", type=Path, help="folder of the tables")
    args = parser.parse_args()
    args.models = args.models or ("hdr-tiny" if args.device == "cpu" else "hdr")
    try:
        with set_up(torch.device(args.device), args.threads):
            run(args, lambda: args.seconds - (time.perf_counter() - started))
    except HandbenchError as error:
        raise SystemExit(f"infer_hdr.py: {error}") from None


if __name__ == "__main__":
    main()
