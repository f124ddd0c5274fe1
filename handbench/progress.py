"""One way to say how far long work has come: a bar on a terminal, a line every few per cent elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

WAIT = 2.0
"""Where output is no terminal: nothing is said before this [s], and no two lines are nearer to each other."""


class Progress:
    """Counts work done out of a total; a context manager.

    Args:
        total: how many units there are.
        label: what the work is.
        unit: what is counted.
        done: units that an earlier run already did; they do not count in the rate.
        quiet: say nothing.
    """

    def __init__(
        self, total: int, label: str, unit: str = "samples", done: int = 0, quiet: bool = False
    ) -> None:
        self.total, self.label, self.unit = total, label, unit
        self.done, self.first = done, done
        self.started: float | None = None
        self.quiet = quiet
        self._bar: Any = None
        self._said, self._quiet_until = (int(20 * done / total) if total else 0), 0.0

    def __enter__(self) -> Progress:
        self._quiet_until = time.monotonic() + WAIT
        if not self.quiet and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=self.total, initial=self.done, desc=self.label, unit=f" {self.unit}")
        return self

    def advance(self, count: int = 1) -> None:
        """Adds finished units and says so when it is time."""
        if self.started is None:
            # The clock starts with the first units: start-up and compilation are no part of the rate.
            self.started, self.first = time.monotonic(), self.done + count
        self.done += count
        if self._bar is not None:
            self._bar.update(count)
            return
        step = int(20 * self.done / self.total) if self.total else 20
        if self.quiet or step <= self._said:
            return
        now = time.monotonic()
        if now >= self._quiet_until:
            self._said, self._quiet_until = step, now + WAIT
            print(self._line(now - self.started), file=sys.stderr, flush=True)

    def _line(self, seconds: float) -> str:
        """Returns what is done, and rate and time left where there was time to measure them [s]."""
        share = 100 * self.done / self.total if self.total else 100.0
        line = f"{self.label}: {self.done}/{self.total} {self.unit} ({share:.0f} %)"
        counted = self.done - self.first
        if counted <= 0 or seconds < WAIT / 2 or seconds <= 0:
            return line
        rate = counted / seconds
        line += f", {rate:.0f} a second" if rate >= 10 else f", {rate:.2g} a second"
        left = self.total - self.done
        return line + (f", {left / rate:.0f} s left" if left > 0 else "")

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
