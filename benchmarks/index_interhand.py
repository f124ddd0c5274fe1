"""Prints time and memory of indexing an InterHand2.6M annotation of a million records, beside the bars.

    python benchmarks/index_interhand.py [--records 1000000] [--no-pictures]

The annotation is made in a temporary folder, in the official layout and text form: 27 captures, 80 cameras
each, moments with 42 joints and MANO records of both hands. Pictures are hard links to a few files. A stage
runs in a process of its own; memory is its VmHWM. Bars: building below 4 GB, opening again below 2 s.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click
import cv2
import numpy as np

from handbench.camera import Camera
from handbench.datasets import load_dataset
from handbench.formats import interhand_write as write
from handbench.types import Side

CAPTURES, CAMERAS, SEQS = 27, 80, 7
SIZE = (334, 512)
MEMORY_BAR_GB, OPEN_BAR_S = 4.0, 2.0
_LINKS = 30_000
Moment = tuple[int, str, int]


def moments(records: int) -> Iterator[Moment]:
    """Gives capture, sequence and frame of each moment, every third frame."""
    per_capture = max(SEQS, records // CAMERAS // CAPTURES)
    for capture in range(CAPTURES):
        for i in range(per_capture):
            yield capture, f"{i * SEQS // per_capture:04d}_sequence", 3 * i


def make_annotations(root: Path, records: int, pictures: bool) -> int:
    """Writes the tree; returns how many records it has."""
    rng = np.random.default_rng(0)
    eye, K = np.eye(3), np.array([[1270.0, 0, 167.3], [0, 1270.1, 255.7], [0, 0, 1]])
    names = [f"{400000 + i if i % 2 else 410000 + i}" for i in range(CAMERAS)]
    cameras = {
        capture: {name: Camera(K, SIZE, eye, rng.normal(0, 0.1, 3) + eye[2]) for name in names}
        for capture in range(CAPTURES)
    }
    folder = root / "annotations" / "train"
    folder.mkdir(parents=True)
    stem = f"{write.PREFIX}_train"
    write.write_cameras(folder / f"{stem}_camera.json", cameras)
    write.write_steps(folder / f"{stem}_joint_3d.json", _joints(records, rng))
    write.write_steps(folder / f"{stem}_MANO_NeuralAnnot.json", _mano(records, rng))
    count = _write_data(folder / f"{stem}_data.json", records, names, rng)
    if pictures:
        _link_pictures(root / "images" / "train", records, names)
    return count


def _joints(records: int, rng: np.random.Generator) -> Iterator[write.Step]:
    valid = {side: np.ones(21, np.bool_) for side in Side}
    for capture, _, frame in moments(records):
        joints = {side: np.cumsum(rng.normal(0, 0.02, (21, 3)), axis=0).clip(-0.1, 0.1) for side in Side}
        shown = list(Side) if frame % 2 else [Side.RIGHT]
        yield capture, frame, write.joints_record({s: joints[s] for s in shown}, {s: valid[s] for s in shown})


def _mano(records: int, rng: np.random.Generator) -> Iterator[write.Step]:
    for capture, _, frame in moments(records):
        hand = {"pose": rng.normal(size=48).tolist(), "shape": rng.normal(size=10).tolist(),
                "trans": rng.normal(size=3).tolist()}  # fmt: skip
        yield capture, frame, {"right": hand, "left": hand if frame % 2 else None}


def _write_data(path: Path, records: int, names: list[str], rng: np.random.Generator) -> int:
    """Writes images and annotations with the blanks that json.dump puts in."""
    count = 0

    def texts(what: str) -> Iterator[str]:
        nonlocal count
        count = 0
        valid = {side: np.ones(21, np.bool_) for side in Side}
        for capture, seq, frame in moments(records):
            shown = {side: valid[side] for side in (list(Side) if frame % 2 else [Side.RIGHT])}
            record = write.annotation_record(0, np.zeros(4), shown)
            boxes = rng.uniform(0, 300, (len(names), 4)).tolist()
            for name, box in zip(names, boxes, strict=True):
                count += 1
                if what == "images":
                    yield json.dumps(write.image_record(count, SIZE, capture, capture, seq, name, frame))
                else:
                    yield json.dumps({**record, "id": count, "image_id": count, "bbox": box})

    with path.open("w") as file:
        file.write('{"images": [')
        _join(file, texts("images"))
        file.write('], "annotations": [')
        _join(file, texts("annotations"))
        file.write("]}")
    return count


def _join(file: IO[str], texts: Iterator[str]) -> None:
    file.write(next(texts))
    for text in texts:
        file.write(", " + text)


def _link_pictures(images: Path, records: int, names: list[str]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (SIZE[1] // 16, SIZE[0] // 16, 3), np.uint8)
    data = cv2.imencode(".jpg", cv2.resize(noise, SIZE))[1].tobytes()
    source, done = images / "0.jpg", 0
    for capture, seq, frame in moments(records):
        for name in names:
            path = images / write.file_name_of(capture, seq, name, frame)
            if done % _LINKS == 0:
                source = images / f"{done}.jpg"
                images.mkdir(parents=True, exist_ok=True)
                source.write_bytes(data)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(source, path)
            done += 1


def peak_gb() -> float:
    """Returns the most memory that this process held."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1e6


def stage(name: str, root: Path, missing: str) -> dict[str, Any]:
    """Runs one stage in this process."""
    base, started = peak_gb(), time.perf_counter()
    dataset = load_dataset(
        "interhand", root, quiet=True, split="train", missing=missing,
        hand_model="procedural" if name == "truth with MANO" else "",
    )  # fmt: skip
    found: dict[str, Any] = {"samples": len(dataset), "seconds": time.perf_counter() - started}
    if name == "read":
        rows = np.random.default_rng(1).integers(0, len(dataset), 4000).tolist()
        for i in rows[:500]:
            dataset[i].meta["frame"]
        started = time.perf_counter()
        for i in rows[500:]:
            dataset[i].meta["frame"]
        found["seconds"] = (time.perf_counter() - started) / 3500
    elif name.startswith("truth"):
        started = time.perf_counter()
        found["subsets"] = {key: int(mask.sum()) for key, mask in dataset.ground_truth().subsets.items()}
        found["seconds"] = time.perf_counter() - started
    return {**found, "peak": peak_gb(), "base": base}


@click.command()
@click.option("--records", default=1_000_000, show_default=True)
@click.option("--pictures/--no-pictures", default=True, show_default=True)
@click.option("--stage", "only", hidden=True, default="")
@click.option("--root", hidden=True, default="")
def main(records: int, pictures: bool, only: str, root: str) -> None:
    """Makes an annotation and prints what indexing it costs."""
    missing = "skip" if pictures else "keep"
    if only:
        print(json.dumps(stage(only, Path(root), missing)))
        return
    with tempfile.TemporaryDirectory(prefix="interhand-index-") as folder:
        started = time.perf_counter()
        count = make_annotations(Path(folder) / "tree", records, pictures)
        files = sorted((Path(folder) / "tree/annotations/train").iterdir())
        sizes = ", ".join(
            f"{path.stem.split('_', 2)[2]} {path.stat().st_size / 1e6:.0f} MB" for path in files
        )
        print(f"{count} records made in {time.perf_counter() - started:.0f} s: {sizes}", flush=True)
        cache = Path(folder) / "cache"
        for name in ("build", "open again", "read", "truth", "truth with MANO"):
            words = [sys.executable, __file__, "--stage", name, "--root", f"{folder}/tree"]
            words += [] if pictures else ["--no-pictures"]
            environment = {**os.environ, "HANDBENCH_CACHE": str(cache)}
            done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
            _print(name, json.loads(done.stdout))
        kept = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())
        print(f"cache {kept / 1e6:.0f} MB; load of the machine {os.getloadavg()[0]:.1f}")


def _print(name: str, found: dict[str, Any]) -> None:
    seconds = found["seconds"]
    took = f"{seconds * 1e6:.0f} us a sample" if name == "read" else f"{seconds:.2f} s"
    bar = {"build": f" (bar {MEMORY_BAR_GB:g} GB)", "open again": f" (bar {OPEN_BAR_S:g} s)"}.get(name, "")
    print(f"{name:16s} {took:>18s}  peak {found['peak']:.2f} GB, {found['base']:.2f} before{bar}", flush=True)


if __name__ == "__main__":
    main()
