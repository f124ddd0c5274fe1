"""How fast ``synth-ho3d`` writes a v3 tree, and where the time of an image goes.

    python benchmarks/synth_ho3d.py [--frames 120] [--cameras 4]

Bar: 100 images a second on two cores at 640x480 (jpg, depth, seg, meta; no flow), a take's motion included.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import shutil
import tempfile
import time
from pathlib import Path

from handbench.synth.ho3d import Ho3dJob, Ho3dSynthOptions, generate_ho3d
from handbench.synth.ho3d_motion import TakeSpec
from handbench.synth.ho3d_plan import plan_takes
from handbench.synth.ho3d_unit import unit_of
from handbench.synth.video_recipe import STRATA, VideoRecipe

SHARES = {
    "motion of the take": "plan_take",
    "room, person, light": "video_stage.py:__init__",
    "drawing (render, compose)": "video_camera.py:draw",
    "table shadow": "video_shadow.py:draw",
    "exposure and noise": "video_effects.py:apply",
    "annotation": "ho3d_labels.py:train",
    "meta file": "write_meta",
    "jpg": "encode_jpeg",
    "depth PNG": "depth_png",
    "seg PNG": "seg_png",
    "flow": "_flow",
}


def rate(root: Path, options: Ho3dSynthOptions, workers: int) -> str:
    """Images a second, workers' start-up included, and the processor time of an image.

    On a machine that others use too, the processor time tells what the clock cannot.
    """
    shutil.rmtree(root, ignore_errors=True)
    start, spent = time.perf_counter(), _processor_time()
    report = generate_ho3d(root, options, workers, quiet=True)
    seconds, spent = time.perf_counter() - start, _processor_time() - spent
    each = 1000 * spent / report.images
    return f"{report.images / seconds:.0f} images a second, {each:.1f} ms of processor each"


def _processor_time() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def profile(root: Path, stratum: str, frames: int, cameras: int, flow: bool) -> None:
    """Prints the milliseconds an image of each part, in this process, everything compiled."""
    options = Ho3dSynthOptions(
        takes=2, eval_takes=0, frames=frames, cameras=cameras, strata=(stratum,), flow=flow
    )
    plans = plan_takes(2, 0, cameras, options.strata)
    spec = TakeSpec("v3", 0, frames, flow, VideoRecipe())
    make = Ho3dJob(options, spec, tuple(plans))()
    for plan in plans:
        shutil.rmtree(root, ignore_errors=True)
        measured = cProfile.Profile()
        start = time.perf_counter()
        measured.enable()
        make(unit_of(plan, spec), root)
        measured.disable()
        seconds = time.perf_counter() - start
    stats = pstats.Stats(measured).stats  # type: ignore[attr-defined]
    images = frames * cameras
    print(f"{stratum}{' with flow' if flow else ''}: {1000 * seconds / images:.1f} ms an image (profiled)")
    for label, name in SHARES.items():
        file, _, function = name.rpartition(":")
        found = [
            row[3] for (path, _, called), row in stats.items()
            if called == (function or name) and path.endswith(file)
        ]  # fmt: skip
        if found:
            print(f"    {label:28s} {1000 * max(found) / images:6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--takes", type=int, default=5)
    parser.add_argument("--no-shares", action="store_true", help="only the rates")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tree"
        base = Ho3dSynthOptions(
            takes=args.takes, eval_takes=0, frames=args.frames, cameras=args.cameras, flow=False
        )
        generate_ho3d(root, Ho3dSynthOptions(takes=1, eval_takes=0, frames=4, cameras=1), 0, quiet=True)
        for stratum in () if args.no_shares else STRATA:
            profile(root, stratum, args.frames, args.cameras, False)
        if not args.no_shares:
            profile(root, "plain", args.frames, args.cameras, True)
        for workers in (1, 2):
            print(f"{workers} worker(s): {rate(root, base, workers)} (bar: 100 a second with 2)", flush=True)


if __name__ == "__main__":
    main()
