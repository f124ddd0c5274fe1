"""What a run says: a CSV row every few steps, TensorBoard where it is installed, lines of progress."""

from __future__ import annotations

import csv
import math
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from handbench.store.files import replace_durably
from handbench.train.meter import Reading

LOG = "log.csv"
FIRST = ("step", "epoch", "lr")
LAST = ("samples_per_second", "memory_mb")
_LINE_SECONDS, _LINE_SHARE = 60.0, 0.05


class Log:
    """Writes ``log.csv`` and TensorBoard's files.

    Columns are ``step`` (steps done), ``epoch``, ``lr``, each term of the loss, ``total``, ``grad_norm``,
    ``samples_per_second`` since the row before and ``memory_mb`` (the greatest so far: of the GPU, else of
    the process). A row is of its step, not a mean.

    Args:
        folder: of the run.
        step: the step that the run goes on from; rows after it, which a killed run left, are dropped.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / LOG
        keep_rows(self.path, step)
        self._file = self.path.open("a", newline="")
        self._fresh = self._file.tell() == 0
        self._board = _open_board(folder / "tensorboard", step)

    def write(self, reading: Reading, about: Mapping[str, float], speed: Mapping[str, float]) -> None:
        """Writes the row of a step.

        Args:
            reading: losses.
            about: ``epoch`` and ``lr``.
            speed: ``samples_per_second`` and ``memory_mb``.
        """
        row = {"step": reading.step, **about, **reading.values, **speed}
        writer = csv.writer(self._file, lineterminator="\n")
        if self._fresh:
            writer.writerow(row)
            self._fresh = False
        writer.writerow(row.values())
        self._file.flush()
        if self._board is not None:
            for name, value in {**about, **speed}.items():
                self._board.add_scalar(f"run/{name}", value, reading.step)
            for name, value in reading.values.items():
                self._board.add_scalar(f"loss/{name}", value, reading.step)

    def picture(self, name: str, image: Any, step: int) -> None:
        """Shows a picture (h, w, 3) uint8 in TensorBoard."""
        if self._board is not None:
            self._board.add_image(name, image, step, dataformats="HWC")

    def close(self) -> None:
        """Closes all files."""
        self._file.close()
        if self._board is not None:
            self._board.close()


def keep_rows(path: Path, step: int) -> None:
    """Drops the rows of a log after a step, and what a kill left of a row."""
    if not path.is_file():
        return
    lines = path.read_text().splitlines(keepends=True)
    kept = [line for line in lines[1:] if line.endswith("\n") and int(line.partition(",")[0]) <= step]
    replace_durably(path, "".join([*lines[:1], *kept] if kept else []).encode())


def last_losses(path: Path) -> dict[str, float]:
    """Returns the losses of a log's last row by name; empty where there is none."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    skipped = (*FIRST, *LAST)
    return {name: float(value) for name, value in rows[-1].items() if name not in skipped} if rows else {}


def _open_board(folder: Path, step: int) -> Any:
    """Returns TensorBoard's writer, None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)


def memory_mb(device: torch.device) -> float:
    """Returns the greatest memory so far [MB]: of the GPU, or of this process."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 1e6, 1)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1e6 if sys.platform == "darwin" else 1e3), 1)


class Speaker:
    """Says how far a run is: every 5 % or once a minute; on a terminal in one line that changes.

    Args:
        total: steps of the run.
        quiet: say nothing.
    """

    def __init__(self, total: int, quiet: bool) -> None:
        self._total, self._quiet, self._tty = total, quiet, sys.stderr.isatty()
        self._started = self._said = time.monotonic()
        self._begun: float | None = None
        self._next = 0.0

    def say(self, reading: Reading, about: Mapping[str, float], rate: float, progress: float) -> None:
        """Says it when it is time."""
        now = time.monotonic()
        if self._begun is None:
            self._begun, self._started = progress, now
        waited = now - self._said
        due = waited >= (0.5 if self._tty else _LINE_SECONDS) or (progress >= self._next and waited >= 2)
        if self._quiet or not due:
            return
        self._said, self._next = now, progress + _LINE_SHARE
        line = (
            f"step {reading.step}/{self._total} ({100 * progress:.0f} %), epoch {about['epoch']:.0f},"
            f" loss {reading.values['total']:.4g}, {rate:.0f} samples a second"
        )
        if progress > self._begun:
            left = (now - self._started) * (1 - progress) / (progress - self._begun)
            line += f", {duration(left)} left"
        end = "\r" if self._tty else "\n"
        print(f"{line:<100}" if self._tty else line, file=sys.stderr, end=end, flush=True)

    def close(self) -> None:
        """Leaves the line that changes."""
        if self._tty and not self._quiet:
            print(file=sys.stderr)


def duration(seconds: float) -> str:
    """Returns a time in words: ``40 s``, ``12 min``, ``3.5 h``."""
    if not math.isfinite(seconds) or seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
