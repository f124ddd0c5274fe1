"""How fast AIH is made: one and two workers, the plain pyrender loop, start-up and memory, in one run.

    python benchmarks/synth.py [--num 3000] [--rounds 3]

The runs are taken in turn, so that each ratio compares neighbours in time. Quote medians and ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from handbench.provenance import collect
from handbench.synth.generate import SynthOptions, generate

WORKER = """
import json, resource, sys, time
started = time.perf_counter()
from handbench.synth.generate import SynthOptions, resolve
from handbench.synth.recipe import AihRecipe
produce = resolve(AihRecipe(), SynthOptions(renderer="raster"))[0]()
produce(0)
ready = time.perf_counter() - started
for i in range(int(sys.argv[1])):
    produce(i)
print(json.dumps([ready, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""

PLAIN = """
import json, sys, time
from handbench.synth.generate import SynthOptions, resolve
from handbench.synth.recipe import AihRecipe
maker = resolve(AihRecipe(), SynthOptions(renderer="raster"))[0]()
from plain_pyrender import render_plain
scenes = []
for i in range(int(sys.argv[1])):
    draft = maker.scenes.draft(i)
    scenes.append(draft.crop(maker.crop(draft, "pair", maker.scenes.rng("record", i)), 256))
render_plain(scenes[0])
started = time.perf_counter()
for scene in scenes:
    render_plain(scene)
print(json.dumps(len(scenes) / (time.perf_counter() - started)))
"""


def run_python(code: str, *words: object) -> str:
    """Runs code in a fresh interpreter and returns what it prints last."""
    command = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    return done.stdout.strip().splitlines()[-1]


def rate(num: int, workers: int) -> float:
    """Returns records a second with durable writes: a long run less one of a shard for each worker."""
    short = 250 * workers
    seconds = []
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for count in (short, short + num):
            started = time.perf_counter()
            generate(Path(folder) / str(count), SynthOptions(renderer="raster"), count, workers, quiet=True)
            seconds.append(time.perf_counter() - started)
    return num / (seconds[1] - seconds[0])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num", type=int, default=3000, help="records of a run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plain", type=int, default=60, help="scenes of the plain loop")
    words = parser.parse_args()
    found = collect()
    print(f"handbench {found.commit[:12]}, {found.cores} cores, {found.cpu_class}, Python {found.python}")
    one, two, plain, facts = [], [], [], []
    for _ in range(words.rounds):
        one.append(rate(words.num, 1))
        plain.append(float(run_python(PLAIN, words.plain)))
        two.append(rate(words.num, 2))
        facts.append(json.loads(run_python(WORKER, 1500)))
    middle = statistics.median
    rows = [
        ("raster, 1 worker, durable writes", f"{middle(one):8.0f} records/s", ">= 300, goal 600"),
        ("raster, 2 workers", f"{middle(two):8.0f} records/s", ""),
        ("2 workers / 1 worker", f"{middle([b / a for a, b in zip(one, two, strict=True)]):8.2f}", ">= 1.8"),
        ("plain pyrender loop, drawing only", f"{middle(plain):8.1f} scenes/s", ""),
        (
            "raster / plain",
            f"{middle([a / p for a, p in zip(one, plain, strict=True)]):8.1f}",
            ">= 10, goal 20",
        ),
        ("worker start-up", f"{middle([f[0] for f in facts]):8.2f} s", "< 3"),
        ("worker peak memory", f"{middle([f[1] for f in facts]):8.0f} MB", "< 400"),
    ]
    for name, value, bar in rows:
        print(f"{name:<36}{value:<24}{bar}")
    print(f"all rounds: 1 worker {one}, 2 workers {two}, plain {plain}")


if __name__ == "__main__":
    main()
