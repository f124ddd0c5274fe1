"""Scoring at full size: HO-3D v2's 11,524 frames, from memory and from official JSON; InterHand2.6M.

    python benchmarks/score.py                 # everything; 3 GB of memory, 1.3 GB in a temporary folder
    python benchmarks/score.py --frames 2000   # a quick look

The official computation is written as it is published, a plain loop over frames; 100 frames of it are timed
and extrapolated.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from official_ho3d import evaluate

from handbench.arrays import FloatArray
from handbench.formats.ho3d import FROM_HO3D21
from handbench.formats.ho3d_official import write_submission
from handbench.formats.ho3d_released import write_released_gt
from handbench.hands import forward, load_hand_model
from handbench.metrics.mesh_errors import mesh_errors
from handbench.skeleton import HO3D21, OPENPOSE21

FRAMES, LOOP = 11_524, 100
_CHILD = (
    "import sys; from pathlib import Path; from handbench.score import score_file\n"
    "print(score_file(Path(sys.argv[1]), 'ho3d_v2', sys.argv[2]).score.official['xyz_procrustes_al_mean3d'])"
)


def hands(n: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """True and predicted joints (n, 21, 3) and vertices (n, 778, 3) [m]; 9 mm apart after Procrustes."""
    rng = np.random.default_rng(0)
    model = load_hand_model("procedural")
    pose, betas = rng.normal(0, 0.3, (n, 48)), rng.normal(0, 1, (n, 10))
    place = np.array([0.0, 0.0, 0.6]) + rng.normal(0, 0.05, (n, 3))
    true = forward(model, pose, betas, place, "ho3d")
    guess = forward(model, pose + rng.normal(0, 0.22, pose.shape), betas, place, "ho3d")
    return true.joints21, guess.joints21, true.vertices, guess.vertices


def best_of(rounds: int, work: Callable[[], object]) -> float:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return sorted(times)[len(times) // 2]


def from_memory(n: int, rounds: int) -> None:
    true, guess, true_mesh, mesh = hands(n)
    to_ho3d = OPENPOSE21.index_to(HO3D21)
    started = time.perf_counter()
    evaluate(true[:LOOP, to_ho3d], true_mesh[:LOOP], guess[:LOOP, to_ho3d], mesh[:LOOP])
    official = (time.perf_counter() - started) / LOOP * n
    mesh_errors(true[:8], guess[:8], true_mesh[:8], mesh[:8])
    print(f"{n:,} frames, 21 joints, 778 vertices, all official numbers")
    print(f"  official formulas, {LOOP} frames extrapolated {official:8.1f} s")
    for workers in (1, 2):
        took = best_of(rounds, partial(mesh_errors, true, guess, true_mesh, mesh, workers=workers))
        print(f"  from memory, {workers} of 2 cores: {took:20.2f} s   {official / took:6.0f} times")


def from_json(n: int) -> None:
    true, guess, true_mesh, mesh = hands(n)
    flip = np.array([1.0, -1.0, -1.0])
    to_ho3d = OPENPOSE21.index_to(HO3D21)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_released_gt(folder, true[:, to_ho3d] * flip, true_mesh * flip)
        write_submission(folder / "pred.json", guess, mesh)
        assert np.array_equal(FROM_HO3D21, HO3D21.index_to(OPENPOSE21))
        size = sum(path.stat().st_size for path in folder.iterdir())
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", _CHILD, str(folder / "pred.json"), name],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        took = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"  from JSON on both sides ({size / 1e9:.2f} GB): {took:12.1f} s   peak memory {peak:.2f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["memory", "json", "interhand"])
    chosen = parser.parse_args()
    if chosen.only in (None, "memory"):
        from_memory(chosen.frames, chosen.rounds)
    if chosen.only in (None, "json"):
        from_json(chosen.frames)
    if chosen.only in (None, "interhand"):
        # In a process of its own, so that its memory is its own.
        script = Path(__file__).with_name("score_interhand.py")
        subprocess.run([sys.executable, str(script)], check=False)


if __name__ == "__main__":
    main()
