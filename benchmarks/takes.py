"""Grasps and motion of takes beside their bars, for training and for test objects with their own grasps.

    python benchmarks/takes.py [--takes 16] [--frames 300]

Bars: while held, three fingers within 4 mm in 90 % of the frames and nothing more than 5 mm inside; plain
motion a frame within 20 % of 1.6 / 3.9 / 6.9 mm (median, 90 %, 99 %); fast 3 to 5 times that.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from handbench.arrays import FloatArray
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward
from handbench.synth.grasp_families import TEST_FAMILIES, TRAIN_FAMILIES
from handbench.synth.occluders import TEST_OBJECTS, TRAIN_OBJECTS
from handbench.synth.take import TakeSettings
from handbench.synth.take_contact import contact_report
from handbench.synth.takes import make_take
from handbench.types import Side


def percentiles(values: list[FloatArray]) -> str:
    """Returns the median, 90th and 99th percentile in millimetres."""
    return " / ".join(f"{1000 * v:.2f}" for v in np.percentile(np.concatenate(values), (50, 90, 99)))


def measure(label: str, stratum: str, settings: TakeSettings, takes: int, frames: int) -> None:
    """Prints the numbers of one stratum."""
    models = {side: load_hand_model("procedural", side) for side in Side}
    step: dict[int, list[FloatArray]] = {1: [], 5: [], 10: []}
    relative, shares, deepest, seconds = [], [], [], []
    for index in range(takes):
        start = time.perf_counter()
        take = make_take(0, index, stratum, frames, models, settings)
        seconds.append(time.perf_counter() - start)
        right = take.right
        joints = forward(models[Side.RIGHT], right.pose, right.betas, right.transl).joints21
        for gap, found in step.items():
            found.append(np.linalg.norm(joints[gap:] - joints[:-gap], axis=-1).ravel())
        local = joints[:, 1:] - joints[:, :1]
        relative.append(np.linalg.norm(np.diff(local, axis=0), axis=-1).ravel())
        report = contact_report(take, models[Side.RIGHT])
        shares.append(float((report.fingers[take.held] >= 3).mean()))
        deepest.append(float(report.depth.max()))
    middle, most = np.median(seconds), max(seconds)
    print(f"{label}: {takes} takes of {frames} frames, {middle:.2f} s each (most {most:.1f})")
    print(f"    held frames with three fingers within 4 mm: least {min(shares):.3f} of a take (bar 0.9)")
    print(f"    deepest inside: {1000 * max(deepest):.2f} mm (bar 5)")
    print(f"    motion a frame {percentiles(step[1])} mm; root-relative {percentiles(relative)}")
    medians = " / ".join(f"{1000 * float(np.median(np.concatenate(step[gap]))):.1f}" for gap in (5, 10))
    print(f"    median over 5 / 10 frames {medians} mm", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--takes", type=int, default=16)
    parser.add_argument("--frames", type=int, default=300)
    args = parser.parse_args()
    train = TakeSettings(objects=TRAIN_OBJECTS, families=TRAIN_FAMILIES)
    test = TakeSettings(objects=TEST_OBJECTS, families=TEST_FAMILIES)
    for label, stratum, settings in (
        ("plain, training", "plain", train),
        ("plain, evaluation", "plain", test),
        ("fast, training", "fast", train),
        ("second-hand, training", "second-hand", train),
    ):
        measure(label, stratum, settings, args.takes, args.frames)


if __name__ == "__main__":
    main()
