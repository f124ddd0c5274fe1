"""Cut-outs beside the truth: how well masks fit with and without refinement, and how fast they are made.

    python benchmarks/cutouts.py [--takes 20] [--cameras 5] [--frames 3] [--noise 4]

A studio of our own with exact masks is photographed; its MANO records are taken away, so that hands are
fitted to joints as for InterHand2.6M without a licence, and the joints get noise [mm], since here the hands
are the very model that is fitted. Bars: refined masks better than rendered ones.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from handbench.compose import Cutout, cutout_of
from handbench.formats.interhand import FILLER_MM
from handbench.store.dataset import Store
from handbench.synth.cutout_job import CutoutJob
from handbench.synth.cutout_recipe import CutoutSettings
from handbench.synth.cutout_stores import RunOptions, counts, cut_dataset
from handbench.synth.interhand_plan import InterhandPlan
from handbench.synth.interhand_tree import synth_interhand
from handbench.synth.photographs import plan_photographs
from handbench.synth.splits import SplitSettings

ONE_SPLIT = ("splits.val=0", "splits.test=0")


def cut(tree: Path, out: Path, *keys: str) -> Store:
    """Makes the cut-outs of a tree."""
    keys = (*ONE_SPLIT, *keys)
    return cut_dataset(f"interhand:{tree}", out, keys, "procedural", RunOptions(2, quiet=True))[0]["train"]


def rate(tree: Path) -> float:
    """Returns pictures a second of a worker that is set up: the median of three rounds."""
    cv2.setNumThreads(1)
    photos = plan_photographs(f"interhand:{tree}", SplitSettings(val=0.0, test=0.0)).sets["train"]
    produce = CutoutJob(photos, CutoutSettings(), "procedural")()
    produce(0)
    rates = []
    for _ in range(3):
        start = time.perf_counter()
        for i in range(len(photos.rows)):
            produce(i)
        rates.append(len(photos.rows) / (time.perf_counter() - start))
    return float(np.median(rates))


def good(store: Store) -> dict[str, Cutout]:
    """Returns the good cut-outs by the key of their picture."""
    return {r.fields["key"]: cutout_of(r) for r in store if "bad" not in r.fields}


def overlaps(found: dict[str, Cutout], exact: dict[str, Cutout]) -> list[float]:
    """Returns the intersection over union of each mask with the exact one, moved into its square."""
    shares = []
    for key in found.keys() & exact.keys():
        old, new = exact[key].annotation()["K"], found[key].annotation()["K"]
        mask = found[key].mask
        moved = np.asarray(
            cv2.warpAffine(exact[key].mask, (new @ np.linalg.inv(old))[:2], mask.shape), np.uint8
        )
        shares.append(float((mask & moved).sum() / (mask | moved).sum()))
    return shares


def blur_joints(tree: Path, noise: float) -> None:
    """Adds noise [mm] to the annotated joints; the filler of joints that are not there stays."""
    rng = np.random.default_rng(0)
    for path in tree.glob("annotations/**/*_joint_3d.json"):
        content = json.loads(path.read_bytes())
        for capture in content.values():
            for moment in capture.values():
                world = np.array(moment["world_coord"], dtype=np.float64)
                there = ~(world == FILLER_MM).all(axis=1)
                world[there] += rng.normal(0.0, noise, (int(there.sum()), 3))
                moment["world_coord"] = world.tolist()
        path.write_text(json.dumps(content))


def line(name: str, shares: list[float]) -> None:
    """Prints one line of the table of masks."""
    low, middle = np.percentile(shares, 5), np.median(shares)
    print(f"| {name} | {np.mean(shares):.3f} | {middle:.3f} | {low:.3f} | {len(shares)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--takes", type=int, default=20)
    parser.add_argument("--cameras", type=int, default=5)
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--noise", type=float, default=4.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        plan = InterhandPlan(frames=chosen.frames, cameras=chosen.cameras, fps=5, renderer="raster")
        synth_interhand(root / "exact", plan, f"train={chosen.takes}", workers=2, quiet=True)
        shutil.copytree(root / "exact", root / "bare")
        for path in (root / "bare").glob("annotations/**/*MANO_NeuralAnnot.json"):
            path.unlink()
        blur_joints(root / "bare", chosen.noise)
        exact = good(cut(root / "exact", root / "a", "cutouts.outline.rounds=0"))
        rendered = good(cut(root / "bare", root / "b", "cutouts.outline.rounds=0"))
        store = cut(root / "bare", root / "c")
        refined = good(store)
        print("| mask | mean IoU | median | 5 % | pictures |\n| --- | --- | --- | --- | --- |")
        line("rendered fit", overlaps(rendered, exact))
        line("refined", overlaps(refined, exact))
        errors = [1000 * c.fields["quality"]["fit_error"] for c in refined.values()]
        print(f"fits: {np.mean(errors):.2f} mm mean, {max(errors):.2f} mm most; {dict(counts(store))}")
        print(f"{rate(root / 'bare'):.1f} pictures a second on one core, decoding and encoding included")


if __name__ == "__main__":
    main()
