"""``train(...)``: opens data and model, goes on where a run stopped, trains, writes weights, evaluates."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from handbench.allocator import keep_freed_memory
from handbench.baselines.trainable import Trainable
from handbench.baselines.weights import load_state, save_weights
from handbench.config import to_dict
from handbench.datasets import DataRef, Dataset
from handbench.loaders import batches
from handbench.train.checks import check_frames, identity_of, open_trainable, train_data
from handbench.train.ddp import Ranks, joined_ranks
from handbench.train.feed import Feed, Share
from handbench.train.folder import locked, prepare
from handbench.train.hand_check import warn_of_other_hand
from handbench.train.logs import LOG, Log, Speaker, last_losses
from handbench.train.loop import Loop, Parts
from handbench.train.options import Optimisation, Precision, TrainOptions, resolve
from handbench.train.precision import choose_compile, choose_precision, set_precision, to_device
from handbench.train.previews import ITEMS, Previews
from handbench.train.schedule import Schedule
from handbench.train.state import Checkpoint, Checkpoints, seed_everything, set_random_state
from handbench.train.step import Stepper
from handbench.train.workers import choose_workers

WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Report:
    """What a training gave.

    Attributes:
        out: its folder.
        model: the full name.
        weights: the file of weights.
        steps: steps done.
        seconds: time that training took, over all its parts.
        rate: samples a second, at the end; 0 where nothing was left to do.
        losses: of the last row of the log.
        validation: name of a metric -> number, where there was something to evaluate on.
        units: name of a metric -> unit.
    """

    out: Path
    model: str
    weights: Path
    steps: int
    seconds: float
    rate: float
    losses: dict[str, float]
    validation: dict[str, float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A run, ready to begin.

    Attributes:
        options: what the user asked.
        name: full name of the model.
        trainable: the model.
        datasets: opened, in the order of the references.
        how: the optimisation.
        precision: of the forward pass.
        ranks: this process among those of the run.
    """

    options: TrainOptions
    name: str
    trainable: Trainable
    datasets: Sequence[Dataset]
    how: Optimisation
    precision: Precision
    ranks: Ranks

    def feed(self, here: bool = False) -> Feed:
        """Makes the batches; ``here``: without workers, in this process's memory."""
        options, ranks = self.options, self.ranks
        mix = options.mix or (None,) * len(self.datasets)
        shares = [Share(*pair) for pair in zip(self.datasets, mix, strict=True)]
        workers = 0 if here else choose_workers(options.workers, ranks)
        return Feed(
            shares, self.trainable, self.how.batch_size, self.how.augment, options.seed, workers,
            None if here else str(ranks.device), (ranks.rank, ranks.count),
        )  # fmt: skip

    def batch_of(self, step: int) -> Any:
        """Makes the batch of a step (from 0) anew."""
        return next(self.feed(here=True).batches(step))


def train(options: TrainOptions) -> Report:
    """Trains a model; the same call goes on after a kill.

    Under ``torchrun`` each process calls it; the first one writes, and returns the evaluation.

    Args:
        options: what is asked.

    Raises:
        HandbenchError: for a model, data, or a folder that cannot be used; for a loss that is not finite
            and a batch that does not fit the memory.
        PartialError: when it was asked to stop, or the disk is full; what is done is kept.
    """
    # Before anything else: the time that is given is that of the user's clock.
    begun = time.monotonic()
    with joined_ranks(options.device) as ranks:
        job = _open(options, ranks)
        with locked(options.out) if ranks.first else contextlib.nullcontext():
            report, network = _train(job, begun)
            data = train_data(job.datasets)
            if ranks.first:
                _export(job, network, report, data)
            ranks.wait()
    if not ranks.first or not options.val:
        return report
    from handbench.train.validate import validate

    report = dataclasses.replace(report, **validate(report, options, str(ranks.device)))
    _export(job, network, report, data)
    return report


def _open(options: TrainOptions, ranks: Ranks) -> Job:
    name, trainable = open_trainable(options)
    how, precision = resolve(options, trainable.recipe), choose_precision(options.precision, ranks.device)
    quiet = options.quiet or not ranks.first
    datasets = [DataRef.parse(text).open(quiet) for text in options.data]
    for dataset in datasets:
        check_frames(dataset, trainable, quiet)
    if options.val:
        DataRef.parse(options.val).open(quiet=True)
    return Job(options, name, trainable, datasets, how, precision, ranks)


def _train(job: Job, begun: float) -> tuple[Report, nn.Module]:
    options, ranks, trainable = job.options, job.ranks, job.trainable
    feed = job.feed()
    network = trainable.build(options.seed, options.pretrained)
    identity = identity_of(job.name, trainable, job.datasets, options, job.how, job.precision)
    hashed = ranks.gathered(
        prepare(options.out, identity, options.on_existing) if ranks.first else ""
    )[0]  # fmt: skip
    checkpoints = Checkpoints(options.out / "checkpoints", hashed)
    state = checkpoints.latest()
    if state is not None:
        load_state(network, state.network, checkpoints.paths()[0])
    network = to_device(network, ranks.device)
    total = job.how.total_steps(feed.steps_per_epoch)
    if state is not None and state.finished:
        return _report(job, state.step, state.spent), network
    seconds = None if options.max_minutes is None else 60 * options.max_minutes
    schedule = Schedule(job.how, total, seconds, 0.0 if state is None else state.spent, begun)
    done = 0 if state is None else state.step
    loop = Loop(_parts(job, feed, network, hashed, schedule, checkpoints, state), done)
    try:
        loop.run()
    finally:
        if loop.parts.log is not None:
            loop.parts.log.close()
    return _report(job, loop.done, schedule.spent, loop.rate), network


def _report(job: Job, steps: int, spent: float, rate: float = 0.0) -> Report:
    out = job.options.out
    losses = last_losses(out / LOG) if job.ranks.first else {}
    return Report(out, job.name, out / WEIGHTS, steps, spent, rate, losses)


def _parts(
    job: Job, feed: Feed, network: nn.Module, hashed: str, schedule: Schedule, checkpoints: Checkpoints,
    state: Checkpoint | None,
) -> Parts:  # fmt: skip
    options, ranks = job.options, job.ranks
    set_precision(job.precision)
    if ranks.device.type == "cpu":
        keep_freed_memory()
    seed_everything(options.seed, ranks.rank)
    compiled = choose_compile(options.compile, ranks.device)
    stepper = Stepper(network, job.how, ranks, job.precision, compiled, bool(options.compile))
    log = previews = None
    if ranks.first:
        log = Log(options.out, 0 if state is None else state.step)
        few = batches(job.datasets[0], job.trainable.train_inputs, ITEMS, seed=options.seed, shuffle=True)
        batch = next(iter(few))
        if state is None:
            warn_of_other_hand(batch, job.trainable)
        previews = Previews(options.out / "previews", job.trainable, batch, ranks.device)
    if state is not None:
        stepper.optimiser.load_state_dict(state.optimiser)
        # Another number of processes: those without a state keep what their seed gives.
        if ranks.rank < len(state.random):
            set_random_state(state.random[ranks.rank], ranks.device)
    speaker = Speaker(schedule.total, options.quiet or not ranks.first)
    return Parts(
        options, hashed, ranks, feed, job.batch_of, network, stepper, schedule, checkpoints, log, previews,
        speaker,
    )  # fmt: skip


def _export(job: Job, network: nn.Module, report: Report, data: str) -> None:
    """Writes the weights, with what they are and how they came about beside them."""
    how = to_dict(job.how)
    more = {
        "recipe": how, "recipe_source": job.trainable.recipe.source, "steps": report.steps,
        "seconds": round(report.seconds, 1), "seed": job.options.seed, "precision": job.precision,
        "processes": job.ranks.count,
    }  # fmt: skip
    save_weights(
        report.weights,
        network.state_dict(),
        job.options.model,
        job.trainable.config,
        data,
        report.validation,
        more=more,
    )
