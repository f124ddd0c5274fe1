"""A small deterministic producer for tests of the store and its engine."""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handbench.errors import HandbenchError
from handbench.store.job import Produce
from handbench.store.masks import encode_mask
from handbench.store.plan import DatasetSpec, make_plan
from handbench.store.record import encode_record
from handbench.store.run import run_shards
from handbench.store.statistics import Statistics

SPEC = DatasetSpec("test/1", "0123456789abcdef", 7, recipe={"size": 64}, renderer={"name": "none"})


def make_sample(sample_id: int, size: int = 600) -> tuple[bytes, Statistics]:
    rng = np.random.default_rng([7, sample_id])
    amodal = np.zeros((24, 40), np.bool_)
    amodal[3 : 5 + sample_id % 15, 4:30] = True
    visible = amodal.copy()
    visible[:, :8] = False
    blobs = {
        "noise": rng.bytes(size + int(rng.integers(size))),
        "target_amodal": encode_mask(amodal),
        "target_visible": encode_mask(visible),
    }
    fields = {"scene_id": sample_id // 3, "right": {"joints": rng.normal(size=(21, 3))}}
    return encode_record(sample_id, blobs, fields), {"kind": {str(sample_id % 3): 1}}


@dataclass(frozen=True)
class RandomJob:
    """Random bytes keyed by the id.

    Attributes:
        pause: seconds a sample takes.
        size: bytes of the smallest record, about.
        gate: a file without which no sample is made.
    """

    pause: float = 0.0
    size: int = 600
    gate: Path | None = None

    def __call__(self) -> Produce:
        def produce(sample_id: int) -> tuple[bytes, Statistics]:
            while self.gate is not None and not self.gate.exists():
                time.sleep(0.01)
            if self.pause:
                time.sleep(self.pause)
            return make_sample(sample_id, self.size)

        return produce


@dataclass(frozen=True)
class KillingJob:
    """Kills its worker at one sample: always, or only the first time (marked by a file)."""

    at: int
    mark: Path | None = None

    def __call__(self) -> Produce:
        def produce(sample_id: int) -> tuple[bytes, Statistics]:
            if sample_id == self.at and (self.mark is None or not self.mark.exists()):
                if self.mark is not None:
                    self.mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return make_sample(sample_id)

        return produce


@dataclass(frozen=True)
class FailingJob:
    """Raises a user's error, or a bug, at one sample or at its start."""

    at: int
    bug: bool = False

    def __call__(self) -> Produce:
        if self.at < 0:
            raise HandbenchError("no such model", "choose another")

        def produce(sample_id: int) -> tuple[bytes, Statistics]:
            if sample_id == self.at:
                raise ZeroDivisionError("bug") if self.bug else HandbenchError("NaN in pose 3", "remove it")
            return make_sample(sample_id)

        return produce


@dataclass(frozen=True)
class SteppingJob:
    """Kills its worker before the n-th step that publishes a shard, once (marked by a file).

    The steps are the calls that order what reaches the disk: each fsync and each rename.
    """

    step: int
    mark: Path

    def __call__(self) -> Produce:
        steps = 0

        def watched(call: Callable[..., Any]) -> Callable[..., Any]:
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                nonlocal steps
                steps += 1
                if steps == self.step and not self.mark.exists():
                    self.mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*args, **kwargs)

            return wrapper

        os.fsync, os.rename = watched(os.fsync), watched(os.rename)
        return make_sample


def main() -> None:
    """Runs the engine as a command does, for tests that kill it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--num", type=int, required=True)
    parser.add_argument("--shards")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--gate", type=Path)
    parser.add_argument("--largest-file", type=int)
    words = parser.parse_args()
    if words.largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (words.largest_file, words.largest_file))
    try:
        plan = make_plan(words.num, words.shards)
        job = RandomJob(words.pause, gate=words.gate)
        run_shards(words.out, plan, SPEC, job, words.workers, quiet=True)
    except HandbenchError as error:
        print(f"handbench: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    import store_jobs

    store_jobs.main()
