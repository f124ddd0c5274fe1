"""The loop: a step after the other, with what is due between them, until the run is over."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from torch import nn

from handbench.errors import PartialError
from handbench.predict.pictures import out_of_memory
from handbench.train.ddp import Ranks
from handbench.train.failures import does_not_fit, not_finite, save_batch
from handbench.train.feed import Feed
from handbench.train.logs import Log, Speaker, memory_mb
from handbench.train.meter import Meter, Reading
from handbench.train.options import SAVE_SECONDS, TrainOptions
from handbench.train.previews import Previews
from handbench.train.schedule import Schedule
from handbench.train.state import Checkpoint, Checkpoints, random_state
from handbench.train.step import Stepper

_PREVIEWS = 10


@dataclass(frozen=True)
class Parts:
    """What a loop is made of.

    Attributes:
        options: what the user asked.
        identity: hash of what the run is.
        ranks: this process among those of the run.
        feed: the batches.
        again: makes the batch of a step (from 0) anew, in this process's memory.
        network: on its device.
        stepper: trains it.
        schedule: progress and rate.
        checkpoints: where its state goes.
        log: rows; None in a process that does not write.
        previews: drawn predictions, or None.
        speaker: lines of progress.
    """

    options: TrainOptions
    identity: str
    ranks: Ranks
    feed: Feed
    again: Callable[[int], Any]
    network: nn.Module
    stepper: Stepper
    schedule: Schedule
    checkpoints: Checkpoints
    log: Log | None
    previews: Previews | None
    speaker: Speaker


class Loop:
    """Runs a training.

    Args:
        parts: what it is made of.
        done: steps that are done already.

    Attributes:
        done: steps done.
        rate: samples a second, between the last rows of the log.
    """

    def __init__(self, parts: Parts, done: int) -> None:
        self.parts, self.done, self.rate = parts, done, 0.0
        self._meter = Meter()
        self._about: dict[int, tuple[dict[str, float], float]] = {}
        self._saved: Path | None = next(iter(parts.checkpoints.paths()), None)
        self._saved_at = self._row_at = time.monotonic()
        self._row_step, self._spent, self._begun = done, parts.schedule.spent, done
        self._tenth = int(_PREVIEWS * parts.schedule.progress(done, self._spent))

    def run(self) -> None:
        """Trains to the end, or until the process is asked to stop.

        Raises:
            HandbenchError: for a loss that is not finite, or a batch that does not fit the memory.
            PartialError: when it was asked to stop; the state is kept.
        """
        parts = self.parts
        parts.network.train()
        batches = parts.feed.batches(self.done)
        with stopping() as stop:
            while self._goes_on(stop):
                batch = next(batches)
                self._step(batch)
                del batch
                self._read()
                self._preview()
        self._read(wait=True)
        self.save(finished=True)
        parts.speaker.close()

    def _goes_on(self, stop: threading.Event) -> bool:
        """Tells whether another step is due; saves where that is due. The same in all processes."""
        parts, save_every = self.parts, self.parts.options.save_every
        late = time.monotonic() - self._saved_at > SAVE_SECONDS
        self._spent, asked, overdue = parts.ranks.greatest(
            parts.schedule.spent, float(stop.is_set()), float(late)
        )
        if parts.schedule.progress(self.done, self._spent) >= 1:
            return False
        if asked:
            self.save()
            parts.speaker.close()
            raise PartialError(
                f"stopped after step {self.done} of {parts.schedule.total}", "the same command goes on"
            )
        due = overdue if save_every is None else self.done % save_every == 0
        if due and self.done > self._begun:
            self.save()
        return True

    def _step(self, batch: Any) -> None:
        parts = self.parts
        progress = parts.schedule.progress(self.done, self._spent)
        rate = parts.schedule.rate(progress)
        full = False
        try:
            names, values = parts.stepper(batch, rate)
        except Exception as error:
            if not out_of_memory(error):
                raise
            full = True
        if full:
            # Outside of the handler: the error holds the tensors that filled the memory.
            raise does_not_fit(parts.stepper, batch, parts.ranks.device, parts.ranks.count)
        epoch = self.done // parts.feed.steps_per_epoch
        self.done += 1
        if self.done % parts.options.log_every == 0 or self.done in (1, parts.schedule.total):
            self._about[self.done] = ({"epoch": epoch, "lr": rate}, progress)
        self._meter.add(self.done, names, values)

    def _read(self, wait: bool = False) -> None:
        """Takes what the steps gave; rows of the log are of the first, every k-th and the last.

        Raises:
            HandbenchError: when it is not finite.
        """
        for reading in self._meter.ready(wait):
            if reading.wrong:
                parts = self.parts
                batch = parts.again(reading.step - 1)
                saved = save_batch(parts.options.out / "failed", batch, reading, parts.ranks.rank)
                raise not_finite(reading, batch, saved, self._saved)
            about = self._about.pop(reading.step, None)
            if about is not None:
                self._row(reading, *about)

    def _row(self, reading: Reading, about: dict[str, float], progress: float) -> None:
        parts, now = self.parts, time.monotonic()
        items = (reading.step - self._row_step) * parts.feed.batch_size
        self.rate = items / max(now - self._row_at, 1e-9)
        self._row_at, self._row_step = now, reading.step
        if parts.log is not None:
            speed = {
                "samples_per_second": round(self.rate, 2),
                "memory_mb": memory_mb(parts.ranks.device),
            }
            parts.log.write(reading, about, speed)
            parts.speaker.say(reading, about, self.rate, progress)

    def _preview(self) -> None:
        parts, every = self.parts, self.parts.options.preview_every
        if parts.previews is None or every == 0:
            return
        tenth = int(_PREVIEWS * parts.schedule.progress(self.done, self._spent))
        due = tenth > self._tenth if every is None else self.done % every == 0
        self._tenth = tenth
        if due:
            started = time.monotonic()
            sheet = parts.previews.draw(parts.network, self.done)
            if parts.log is not None:
                parts.log.picture("predictions", sheet, self.done)
            self._row_at += time.monotonic() - started

    def save(self, finished: bool = False) -> None:
        """Writes a checkpoint, once all losses before it are known to be finite."""
        self._read(wait=True)
        parts, started = self.parts, time.monotonic()
        states = parts.ranks.gathered(random_state(parts.ranks.device))
        if parts.ranks.first:
            self._saved = parts.checkpoints.save(
                Checkpoint(
                    self.done, parts.schedule.spent, finished, parts.identity, parts.network.state_dict(),
                    parts.stepper.optimiser.state_dict(), states,
                )
            )  # fmt: skip
        self._saved_at = time.monotonic()
        self._row_at += self._saved_at - started


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Gives an event that Ctrl-C or SIGTERM sets, so that a step is not left half done; a second one ends."""
    event, owner = threading.Event(), os.getpid()

    def handle(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:
            # A worker, which inherits this: it is not its business to finish a step.
            os._exit(128 + number)
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
