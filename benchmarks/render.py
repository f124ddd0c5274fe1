"""Times of each stage of the renderers, and how well they agree: python benchmarks/render.py [--scenes N]."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from handbench.errors import HandbenchError
from handbench.synth import raster, raster_passes, raster_scan, raster_shadow
from handbench.synth.agreement import SMALL, compare_layers
from handbench.synth.raster import RasterRenderer
from handbench.synth.renderers import make_renderer
from handbench.synth.scene import HandScene
from handbench.synth.trial import trial_scene

KERNELS: dict[ModuleType, str] = {
    raster_passes: "draw_part light_part plan_picture shade_part paste",
    raster_scan: "draw_heights",
    raster_shadow: "merge_heights spread_cover plane_shadow",
    raster: "nearest_ids",
}
TARGET = ("right", "right_arm")


def one_record(renderer: RasterRenderer, scene: HandScene) -> None:
    layers = renderer.render(scene)
    layers.compose(scene, layers.names)
    layers.compose(scene, TARGET)
    layers.visible(layers.names)


def whole(scenes: list[HandScene], rounds: int) -> float:
    """Gives the mean over scenes of the least time [us] of a scene with all its outputs."""
    renderer = RasterRenderer()
    best = np.full(len(scenes), np.inf)
    for _ in range(rounds):
        for k, scene in enumerate(scenes):
            start = time.perf_counter()
            one_record(renderer, scene)
            best[k] = min(best[k], time.perf_counter() - start)
    return float(best.mean() * 1e6)


def stages(scenes: list[HandScene], rounds: int) -> dict[str, float]:
    """Gives each kernel's time [us] a scene: the sum over its calls of their least times."""
    least: dict[tuple[str, int, int], float] = defaultdict(lambda: np.inf)
    calls: dict[str, int] = defaultdict(int)
    at = [0]

    def timed(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            start = time.perf_counter()
            result = kernel(*args)
            key = (name, at[0], calls[name])
            least[key] = min(least[key], time.perf_counter() - start)
            calls[name] += 1
            return result

        return call

    plain = [
        (module, name, getattr(module, name)) for module, names in KERNELS.items() for name in names.split()
    ]
    for module, name, kernel in plain:
        setattr(module, name, timed(name, kernel))
    renderer = RasterRenderer()
    for _ in range(rounds):
        for k, scene in enumerate(scenes):
            at[0] = k
            calls.clear()
            one_record(renderer, scene)
    for module, name, kernel in plain:
        setattr(module, name, kernel)
    total: dict[str, float] = defaultdict(float)
    for (name, _, _), seconds in least.items():
        total[name] += seconds * 1e6 / len(scenes)
    return total


def start_up() -> float:
    """Gives the time [s] from nothing to a first picture in a new process, with numba's cache filled."""
    code = (
        "import time; t = time.perf_counter()\n"
        "from handbench.synth.raster import RasterRenderer\n"
        "from handbench.synth.trial import trial_scene\n"
        "s = trial_scene(0); t1 = time.perf_counter(); r = RasterRenderer(); l = r.render(s)\n"
        "l.compose(s, l.names); l.visible(l.names); print(time.perf_counter() - t, time.perf_counter() - t1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    total, kernels = map(float, done.stdout.split())
    print(
        f"start-up with cache: {total:.2f} s, of which loading and running the kernels once {kernels:.2f} s"
    )
    return total


def agreement(count: int) -> None:
    """Prints the worst masks and depths of raster against pyrender."""
    ours, pyrender = make_renderer("raster"), make_renderer("pyrender")
    found, times = [], []
    for seed in range(count):
        scene = trial_scene(seed, spread=0.35 + 0.9 * (seed % 5) / 4)
        start = time.perf_counter()
        layers = pyrender.render(scene)
        times.append(time.perf_counter() - start)
        found += [(a, seed) for a in compare_layers(scene, ours.render(scene), layers)]
    large = [(a, seed) for a, seed in found if a.pixels >= SMALL]
    worst, seed = min(large, key=lambda pair: pair[0].iou)
    print(
        f"agreement over {count} scenes: {len(large)} masks of {SMALL} px or more,"
        f" {len(found) - len(large)} smaller"
    )
    print(f"  least IoU {worst.iou:.5f} (scene {seed}, {worst.part}, {worst.pixels} px; bar 0.995)")
    print(f"  mean IoU {np.mean([a.iou for a, _ in large]):.5f}")
    deepest = float(np.nanmax([a.depth_mm for a, _ in found]))
    print(f"  greatest depth difference {deepest:.3f} mm (bar 0.5)")
    print(f"  pyrender: {1000 * float(np.median(times)):.1f} ms a scene of layers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=200, help="scenes of the agreement")
    parser.add_argument("--rounds", type=int, default=60, help="times that each scene is measured")
    options = parser.parse_args()
    scenes = [trial_scene(seed) for seed in (1, 2, 3, 4, 6)]
    pixels = [int(RasterRenderer().render(scene).mask("right").sum()) for scene in scenes]
    total = whole(scenes, options.rounds)
    print(
        f"raster, 256 x 256, two textured hands (right: {min(pixels)} to {max(pixels)} px), two arms, shadows"
    )
    print(f"  layers, whole picture, target alone, ids: {total:8.1f} us (bar 900, goal 600)")
    parts = stages(scenes, options.rounds)
    for name, time_us in sorted(parts.items(), key=lambda item: -item[1]):
        print(f"    {name:18s} {time_us:8.1f} us")
    print(f"    {'Python around':18s} {total - sum(parts.values()):8.1f} us")
    start_up()
    try:
        agreement(options.scenes)
    except HandbenchError as problem:
        print(f"agreement not measured: {problem}")


if __name__ == "__main__":
    main()
