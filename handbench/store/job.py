"""What a run asks of its caller: a job that makes samples, one a call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from handbench.store.plan import DatasetSpec
from handbench.store.shard import ShardWriter
from handbench.store.shardinfo import ShardInfo
from handbench.store.statistics import Statistics


class Produce(Protocol):
    """Makes one sample; the result depends on the id alone."""

    def __call__(self, sample_id: int) -> tuple[bytes, Statistics]:
        """Returns the record (``encode_record``) of a sample and what it adds to the histograms."""
        ...


class Job(Protocol):
    """Opens models, data and renderer once a process; picklable, its class importable by name."""

    def __call__(self) -> Produce:
        """Returns the function that makes the samples of this process."""
        ...


def make_shard(
    root: Path,
    shard: int,
    ids: range,
    spec: DatasetSpec,
    produce: Produce,
    replaces: bool = False,
    stopped: Callable[[], bool] = lambda: False,
    tick: Callable[[], None] = lambda: None,
) -> ShardInfo | None:
    """Makes and publishes one shard; needs no driver, so any engine can call it.

    Args:
        root: the dataset's folder.
        shard: its number.
        ids: its samples.
        spec: what decides its samples.
        produce: makes them.
        replaces: put it in the place of a smaller shard of an older run.
        stopped: asked before each sample; True drops the shard.
        tick: called after each sample.

    Returns:
        What is published, or None when stopped.

    Raises:
        PartialError: when the disk is full or refuses to write.
    """
    with ShardWriter(root, shard, ids, spec) as writer:
        for sample_id in ids:
            if stopped():
                return None
            writer.add(sample_id, *produce(sample_id))
            tick()
        return writer.publish(replaces)
