"""How fast batches come, beside a bare loop over the same pictures, in one run.

    python benchmarks/loaders.py [--ho3d DIR] [--num 1000] [--rounds 5]

Rounds of all rows are taken in turn, so that each ratio compares neighbours in time; medians are printed.
Without --ho3d a small tree is synthesised. Packs: one without margin (256 px, what a model sees) and one with
the margin of full augmentation. ``cpu`` is processor time of one process a sample, which other work on the
machine disturbs less than the clock.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import torch

from handbench.datasets import DataRef, Dataset, load_dataset
from handbench.formats.images import ImageFile
from handbench.inputs import MASKS, Inputs
from handbench.loaders import Batches, batches
from handbench.loaders.augment import PRESETS
from handbench.loaders.pack import pack
from handbench.loaders.pack_record import PackSettings
from handbench.provenance import collect

RIGHT = Inputs()
MASKED = Inputs(sides="both", masks=MASKS, crop="full")
FULL = Inputs(sides="both")


def bare_records(dataset: Dataset, num: int) -> int:
    """Reads records and decodes their pictures, nothing else."""
    store = dataset.store  # type: ignore[attr-defined]
    for i in range(min(num, len(store))):
        cv2.imdecode(np.frombuffer(store[i].blob("image"), np.uint8), cv2.IMREAD_COLOR_RGB)
    return min(num, len(store))


def bare_files(paths: list[Path]) -> int:
    """Reads and decodes pictures and warps a crop, nothing else."""
    affine = np.array([[0.9, 0.1, -180.0], [-0.1, 0.9, -60.0]])
    for path in paths:
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR_RGB)
        assert image is not None, path
        cv2.warpAffine(image, affine, (256, 256))
    return len(paths)


def run(loop: Batches, num: int) -> int:
    """Takes batches until so many samples have come."""
    seen = 0
    for batch in loop:
        seen += len(batch)
        if seen >= num:
            break
    return seen


def timed(work: Callable[[], int]) -> tuple[float, float]:
    """Returns samples a second by the clock, and this process's microseconds a sample."""
    wall, own = time.perf_counter(), time.process_time()
    count = work()
    return count / (time.perf_counter() - wall), (time.process_time() - own) / count * 1e6


def table(title: str, rows: dict[str, Callable[[], int]], rounds: int, bare: str) -> None:
    """Times rows in turn and prints medians and their ratio to the bare loop."""
    for work in rows.values():
        work()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in rows}
    for _ in range(rounds):
        for name, work in rows.items():
            found[name].append(timed(work))
    print(f"\n{title}\n{'':44}{'a second':>10}{'of bare':>9}{'cpu us':>9}{'of bare':>9}")
    for name, values in found.items():
        rate = statistics.median(value[0] for value in values)
        ratio = statistics.median(v[0] / b[0] for v, b in zip(values, found[bare], strict=True))
        cpu = statistics.median(value[1] for value in values)
        share = statistics.median(b[1] / v[1] for v, b in zip(values, found[bare], strict=True))
        alone = "workers" in name and not name.endswith("0 workers")
        tail = "" if alone else f"{cpu:9.0f}{share:9.0%}"
        print(f"{name:44}{rate:10.0f}{ratio:9.0%}{tail}", flush=True)


def loops(
    dataset: Dataset, inputs: Inputs, workers: Iterable[int], num: int, **more: object
) -> dict[str, Callable[[], int]]:
    """Returns one row for each count of workers."""
    name = " ".join(str(value) for value in more.values()) or "batches"
    rows: dict[str, Callable[[], int]] = {}
    for count in workers:
        loop = batches(dataset, inputs, batch_size=64, workers=count, **more)  # type: ignore[arg-type]
        rows[f"{name}, {count} workers"] = lambda loop=loop: run(loop, num)  # type: ignore[misc]
    return rows


def make_tree(out: Path) -> Path:
    """Synthesises a small HO-3D tree."""
    from handbench.synth.ho3d import Ho3dSynthOptions, generate_ho3d

    generate_ho3d(
        out,
        Ho3dSynthOptions(takes=1, eval_takes=0, frames=200, cameras=4, flow=False, strata=("plain",), seed=1),
        quiet=True,
    )
    return out


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ho3d", type=Path, default=None, help="a tree in HO-3D v3's layout")
    parser.add_argument("--aih", type=Path, default=None, help="an AIH dataset, for a table of its own")
    parser.add_argument("--num", type=int, default=1000, help="samples of a row and round")
    parser.add_argument("--rounds", type=int, default=5)
    words = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    found = collect()
    load = os.getloadavg()[0]
    print(
        f"handbench {found.commit[:12]}, {found.cores} cores, {found.cpu_class}, Python {found.python},"
        f" load {load:.1f}"
    )
    with tempfile.TemporaryDirectory(dir=".") as folder:
        tree = words.ho3d or make_tree(Path(folder) / "ho3d")
        ref = DataRef("ho3d", str(tree), {"split": "train", "version": "v3", "limit": str(words.num)})
        files = ref.open()
        packs = {}
        for name, margin in (("tight", 1.0), ("wide", PRESETS["full"].margin())):
            settings = PackSettings(256, 1.5, margin, "hands", "right", 95, True, False)
            pack(ref, Path(folder) / name, settings, workers=2, quiet=True)
            packs[name] = load_dataset("packed", Path(folder) / name, quiet=True)
        num = min(words.num, len(files))
        for name, dataset in packs.items():
            width = dataset[0].camera.size[0]
            bare = {"bare: read + cv2.imdecode": lambda d=dataset: bare_records(d, num)}
            rows = {**bare, **loops(dataset, RIGHT, (0, 1, 2), num)}
            if name == "wide":
                rows |= loops(dataset, FULL, (0, 1, 2), num, augment="full")
            table(f"packed, stored {width} px, crop 256 px", rows, words.rounds, "bare: read + cv2.imdecode")
        images = [sample.image for sample in (files[i] for i in range(num))]
        paths = [image.path for image in images if isinstance(image, ImageFile)]
        rows = {"bare: read + cv2.imdecode + warp": lambda: bare_files(paths)}
        rows |= loops(files, RIGHT, (0, 1, 2), num) | loops(files, FULL, (0, 2), num, augment="full")
        table("HO-3D tree, 640 x 480", rows, words.rounds, "bare: read + cv2.imdecode + warp")
        if words.aih is not None:
            records = load_dataset("aih", words.aih, quiet=True)
            rows = {"bare: read + cv2.imdecode": lambda: bare_records(records, words.num)}
            rows |= loops(records, MASKED, (0, 1, 2), words.num)
            rows |= loops(records, MASKED, (0, 2), words.num, augment="full")
            table("AIH, 256 px, four masks packed", rows, words.rounds, "bare: read + cv2.imdecode")


if __name__ == "__main__":
    main()
