"""How fast pasted samples are composed, beside reading them composed, and made, in one run.

    python benchmarks/compose.py [--num 1000] [--rounds 5] [--made 1000]

Composites and a table of the same samples are synthesised first. Reading is in one process with one thread:
both pictures and four masks of every sample. Rounds of all rows are taken in turn, so that each ratio
compares neighbours in time; medians are printed. ``cpu`` is processor time a sample, which other work on the
machine disturbs less than the clock. Making is a long run less one of a shard for each worker, with durable
writes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import torch

from handbench.compose.table import open_samples
from handbench.datasets import load_dataset
from handbench.inputs import MASKS, Inputs
from handbench.loaders import batches
from handbench.provenance import collect
from handbench.store import open_store
from handbench.store.dataset import Store
from handbench.synth.generate import SynthOptions, generate
from handbench.synth.syn_record import Keep

KEYS = ("splits.val=0", "splits.test=0")
WHOLE = Inputs(sides="both", masks=MASKS, crop="full", target_image=True)
GOAL = ">= 700 by the clock"


def make(out: Path, num: int, keep: Keep, images: str, workers: int) -> Path:
    """Makes pasted samples; returns the folder of their only split."""
    options = SynthOptions("syn", KEYS, renderer="raster", images=images, keep=keep)
    generate(out, options, num, workers, quiet=True)
    return out / "train"


def read_samples(store: Store) -> int:
    """Reads both pictures and four masks of all samples."""
    for record in store:
        record.image("image")
        record.image("target_image")
        for name in MASKS:
            record.mask(name)
    return len(store)


def read_fields(store: Store) -> int:
    """Reads the fields of all samples."""
    for record in store:
        assert record.fields
    return len(store)


def read_batches(folder: Path, workers: int) -> int:
    """Takes all samples as batches with target pictures and masks."""
    loop = batches(
        load_dataset("aih", folder, quiet=True), WHOLE, batch_size=50, workers=workers, shuffle=False
    )
    return sum(len(batch) for batch in loop)


def timed(work: Callable[[], int]) -> tuple[float, float]:
    """Returns samples a second by the clock, and this process's microseconds a sample."""
    wall, own = time.perf_counter(), time.process_time()
    count = work()
    return count / (time.perf_counter() - wall), (time.process_time() - own) / count * 1e6


def reading(folders: dict[str, Path], rounds: int) -> None:
    """Prints the table of reading."""
    table, composites = open_samples(folders["table"]), open_samples(folders["composites"])
    base = "composites: decode and masks"
    rows: dict[str, tuple[Callable[[], int], str]] = {
        base: (lambda: read_samples(composites), ""),
        "table: compose": (lambda: read_samples(table), GOAL),
        "table: fields alone": (lambda: read_fields(open_store(folders["table"])), ""),
        "composites: batches, 0 workers": (lambda: read_batches(folders["composites"], 0), ""),
        "table: batches, 0 workers": (lambda: read_batches(folders["table"], 0), ""),
        "table: batches, 2 workers": (lambda: read_batches(folders["table"], 2), ""),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in rows}
    for work, _ in rows.values():
        work()
    for _ in range(rounds):
        for name, (work, _) in rows.items():
            found[name].append(timed(work))
    print(
        f"\nreading {len(table)} pasted samples of 256 px\n{'':34}{'a second':>10}{'of base':>9}{'cpu us':>9}"
    )
    for name, values in found.items():
        rate = statistics.median(value[0] for value in values)
        ratio = statistics.median(v[0] / b[0] for v, b in zip(values, found[base], strict=True))
        cpu = "" if "2 workers" in name else f"{statistics.median(value[1] for value in values):9.0f}"
        print(f"{name:34}{rate:10.0f}{ratio:9.0%}{cpu:9}  {rows[name][1]}", flush=True)


def rate(num: int, keep: Keep, images: str, workers: int) -> float:
    """Returns records a second: a long run less one of a shard for each worker."""
    short = 250 * workers
    seconds = []
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for count in (short, short + num):
            started = time.perf_counter()
            make(Path(folder) / str(count), count, keep, images, workers)
            seconds.append(time.perf_counter() - started)
    return num / (seconds[1] - seconds[0])


def making(num: int, images: str, rounds: int) -> None:
    """Prints the table of making."""
    keeps: tuple[Keep, ...] = ("composites", "table")
    found: dict[tuple[Keep, int], list[float]] = {(keep, w): [] for keep in keeps for w in (1, 2)}
    for _ in range(rounds):
        for (keep, workers), values in found.items():
            values.append(rate(num, keep, images, workers))
    print(f"\nmaking {num} pasted samples, durable writes\n{'':34}{'a second':>10}{'of 1':>9}")
    for (keep, workers), values in found.items():
        ratio = statistics.median(v / b for v, b in zip(values, found[keep, 1], strict=True))
        print(f"{keep + f', {workers} workers':34}{statistics.median(values):10.0f}{ratio:9.2f}", flush=True)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--num", type=int, default=1000, help="samples that are read")
    parser.add_argument("--rounds", type=int, default=5, help="of reading; of making three at most")
    parser.add_argument("--made", type=int, default=1000, help="samples that are made; 0 leaves it out")
    words = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    found = collect()
    print(
        f"handbench {found.commit[:12]}, {found.cores} cores, {found.cpu_class}, Python {found.python},"
        f" load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory(dir=".") as folder:
        root = Path(folder)
        first = make(root / "composites", words.num, "composites", "procedural", 2)
        images = f"cutouts:{root / 'composites' / 'cutouts'}"
        folders = {"composites": first, "table": make(root / "table", words.num, "table", images, 2)}
        reading(folders, words.rounds)
        if words.made:
            making(words.made, images, min(words.rounds, 3))


if __name__ == "__main__":
    main()
