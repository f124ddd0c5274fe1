"""Prints time and memory of scoring InterHand2.6M's whole test split, beside the bar.

    python benchmarks/score_interhand.py [--samples 849160]

Annotation and predictions are made in memory, as wide as the real ones: 53 % interacting hands, some joints
and wrists not annotated, float64 annotation and float32 predictions. The code is compiled before the clock
starts. Bar: 10 s on two cores.
"""

from __future__ import annotations

import resource
import time

import click
import numpy as np

from handbench.ground_truth import GroundTruth, HandTruth
from handbench.metrics.protocols import open_protocol
from handbench.metrics.score import Score
from handbench.predictions import HandPredictions, Predictions
from handbench.types import Side

TEST, BAR_S = 849_160, 10.0
TAKES = 240


def make(samples: int) -> tuple[GroundTruth, Predictions]:
    """Makes annotation and predictions: 12 mm of noise on hands of 0.1 m, a metre away."""
    rng = np.random.default_rng(0)
    kinds = np.array(["right", "left", "interacting"])[
        np.searchsorted([0.235, 0.47], rng.random(samples), "right")
    ]
    keys = [f"interhand/test/{i}" for i in range(samples)]
    truths, found = {}, {}
    for side in Side:
        joints = rng.normal((0, 0, 1), 0.05, (samples, 21, 3))
        valid = rng.random((samples, 21)) < 0.97
        valid[:, 0] |= rng.random(samples) < 0.7
        valid &= np.isin(kinds, [side.value, "interacting"])[:, None] & valid[:, :1]
        noisy = joints + rng.normal(0, 0.012, joints.shape)
        joints[~valid] = np.nan
        truths[side] = HandTruth(joints, valid)
        found[side] = HandPredictions(joints=noisy.astype(np.float32))
    recordings = [f"{i * TAKES // samples}" for i in range(samples)]
    truth = GroundTruth(
        "interhand", "test", keys, recordings, np.tile(np.eye(3), (samples, 1, 1)), truths,
        hand_type=kinds.tolist(), hand_type_valid=np.ones(samples, bool), tips="interhand",
    )  # fmt: skip
    predictions = Predictions(
        keys, found, root_source="gt", tips="interhand",
        relative_root=rng.normal(0, 0.1, (samples, 3)).astype(np.float32),
        handedness=rng.random((samples, 2)).astype(np.float32),
    )  # fmt: skip
    return truth, predictions


def run(truth: GroundTruth, predictions: Predictions) -> tuple[Score, float, float]:
    """Scores once; returns the score, the seconds it took, and those of processor time."""
    start, busy = time.perf_counter(), time.process_time()
    protocol = open_protocol("interhand").resolve(truth, predictions)
    score = protocol.score(truth, predictions)
    return score, time.perf_counter() - start, time.process_time() - busy


def peak_gb() -> float:
    """Returns the peak resident memory of the process [GB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


@click.command(help=__doc__)
@click.option("--samples", default=TEST, show_default=True)
def main(samples: int) -> None:
    run(*make(64))
    truth, predictions = make(samples)
    before = peak_gb()
    score, seconds, busy = run(truth, predictions)
    print(f"{samples:,} samples: {seconds:.1f} s (bar {BAR_S:.0f} s on two cores; {busy:.1f} s of processor)")
    print(f"peak memory {peak_gb():.1f} GB, of which {before:.1f} GB are annotation and predictions")
    for figure in score.figures[:6]:
        print(f"  {figure.metric.name} {figure.subset}: {figure.value:.3f} {figure.metric.unit}")
    raise SystemExit(seconds > BAR_S)


if __name__ == "__main__":
    main()
