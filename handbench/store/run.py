"""The engine: makes the shards of a dataset with worker processes, from wherever an earlier run stopped."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from handbench.errors import HandbenchError, PartialError
from handbench.interrupts import StopSignals, stop_signals
from handbench.progress import Progress
from handbench.store.existing import OnExisting, Survey, prepare_folder, remove_leftovers, survey
from handbench.store.files import fail_writing, remove
from handbench.store.job import Job, make_shard
from handbench.store.lock import RunLock
from handbench.store.manifest import (
    MANIFEST,
    Manifest,
    make_manifest,
    published_shards,
    read_shards,
    write_manifest,
)
from handbench.store.plan import DatasetSpec, Plan
from handbench.store.pool import Pool
from handbench.store.shardinfo import ShardInfo
from handbench.store.worker import Made, Setup, Task

_NOTICE = "stopping: the unfinished shards are dropped, the others are kept"


@dataclass(frozen=True)
class RunReport:
    """What a run did.

    Attributes:
        manifest: of the dataset; None while other shards are still to be made.
        made: samples made by this run.
        kept: samples that an earlier run had made.
        seconds: time this run took.
    """

    manifest: Manifest | None
    made: int
    kept: int
    seconds: float


def run_shards(
    root: Path,
    plan: Plan,
    spec: DatasetSpec,
    job: Job,
    workers: int = 1,
    on_existing: OnExisting = "resume",
    label: str = "synthesis",
    quiet: bool = False,
) -> RunReport:
    """Makes the shards of a plan; killed at any instant, the same call continues.

    The digest of the result depends on ``spec`` and the number of samples alone: not on workers, kills,
    restarts, or the order in which shards were made.

    Args:
        root: the dataset's folder; made where it is missing.
        plan: which samples and shards.
        spec: what decides the samples; shards made from another are refused.
        job: called once in each worker, gives the function that makes samples.
        workers: processes; 0 works in this process, which is for profilers and debuggers.
        on_existing: what to do where there are shards: keep them, refuse, or start anew.
        label: what the work is, for the progress line.
        quiet: print no progress.

    Raises:
        HandbenchError: bad input, before any work is done; an error of the job.
        PartialError: the disk is full, or a shard kills its workers; published shards stay.
        CorruptError: a published shard differs from what was written.
        Stopped: after SIGINT or SIGTERM, within five seconds.
    """
    started = time.monotonic()
    if workers < 0:
        raise HandbenchError(f"--workers {workers}", "give 1 or more")
    if type(job).__module__ == "__main__" and workers:
        raise HandbenchError("workers cannot import a job of the main script", "move its class to a module")
    prepare_folder(root)
    with RunLock(root, plan) as lock:
        found = survey(root, plan, spec, on_existing)
        infos = dict(found.kept)
        kept = sum(info.n for info in infos.values())
        if found.missing:
            # A manifest says that the dataset is whole.
            remove(root / MANIFEST)
            total = sum(len(plan.ids(shard)) for shard in plan.shards)
            with (
                stop_signals(notice=_NOTICE) as signals,
                Progress(total, label, done=kept, quiet=quiet) as progress,
            ):
                engine = _Engine(root, spec, job, lock.descriptor, progress, signals)
                infos |= engine.make(plan, found, workers)
        made = sum(info.n for info in infos.values()) - kept
        with lock.manifest():
            manifest = _conclude(root, plan, infos)
    return RunReport(manifest, made, kept, time.monotonic() - started)


class _Engine:
    def __init__(
        self,
        root: Path,
        spec: DatasetSpec,
        job: Job,
        lock: int,
        progress: Progress,
        signals: StopSignals,
    ) -> None:
        self.root, self.spec, self.job, self.lock = root, spec, job, lock
        self.progress, self.signals = progress, signals
        self.abandoned: list[Task] = []

    def make(self, plan: Plan, found: Survey, workers: int) -> dict[int, ShardInfo]:
        """Makes the missing shards.

        Raises:
            Stopped: after a signal.
            PartialError: when the disk is full, or a shard kills its workers.
        """
        tasks = [Task(shard, plan.ids(shard), shard in found.smaller) for shard in found.missing]
        try:
            published = self.run_here(tasks) if workers == 0 else self.run_pool(tasks, workers)
        finally:
            remove_leftovers(self.root, plan.shards)
        if self.signals.stopped():
            there = len(set(published_shards(self.root)) & set(plan.shards))
            message = f"stopped with {there} of {len(plan.shards)} shards"
            raise self.signals.error(message, "the same command continues")
        if self.abandoned:
            raise _abandoned(self.abandoned)
        return published

    def run_pool(self, tasks: list[Task], workers: int) -> dict[int, ShardInfo]:
        """Makes shards in worker processes."""
        published: dict[int, ShardInfo] = {}

        def dropped(task: Task) -> None:
            remove_leftovers(self.root, [task.shard])
            print(f"a worker died: shard {task.shard} starts again", file=sys.stderr, flush=True)

        setup = Setup(self.root, self.spec, self.job)
        with Pool(setup, min(workers, len(tasks)), (self.lock,), dropped) as pool:
            for report in pool.run(tasks, self.signals.stopped):
                if isinstance(report, Made):
                    self.progress.advance(report.samples)
                elif report.info is not None:
                    published[report.info.shard] = report.info
            self.abandoned = pool.abandoned
        return published

    def run_here(self, tasks: list[Task]) -> dict[int, ShardInfo]:
        """Makes shards in this process."""
        published: dict[int, ShardInfo] = {}
        produce = self.job()
        for task in tasks:
            info = make_shard(
                self.root,
                task.shard,
                task.ids,
                self.spec,
                produce,
                task.replaces,
                self.signals.stopped,
                self.progress.advance,
            )
            if info is None:
                break
            published[info.shard] = info
        return published


def _conclude(root: Path, plan: Plan, infos: dict[int, ShardInfo]) -> Manifest | None:
    """Writes the manifest once every shard of the dataset is there, also those of other runs."""
    whole = len(infos) == plan.count
    shards = list(infos.values()) if whole else read_shards(root)
    if len(shards) != plan.count or any(info.ids != plan.ids(info.shard) for info in shards):
        return None
    manifest = make_manifest(shards)
    try:
        write_manifest(root, manifest)
    except OSError as error:
        fail_writing(root / MANIFEST, error)
    return manifest


def _abandoned(tasks: list[Task]) -> PartialError:
    names = ", ".join(f"{task.shard} (samples {task.ids[0]} to {task.ids[-1]})" for task in tasks)
    return PartialError(
        f"these shards killed their worker three times: {names}; all others are done",
        "is there memory enough? use fewer workers, then run the same command again",
    )
