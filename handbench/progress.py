"""One way to say how far long work has come: a bar on a terminal, a line every few per cent elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any


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
        self._said = int(20 * done / total) if total else 0

    def __enter__(self) -> Progress:
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
        if not self.quiet and step > self._said:
            self._said = step
            print(self._line(), file=sys.stderr, flush=True)

    def _line(self) -> str:
        seconds = time.monotonic() - (self.started or 0.0)
        rate = (self.done - self.first) / seconds if seconds > 0 else 0.0
        left = (self.total - self.done) / rate if rate > 0 else 0.0
        share = 100 * self.done / self.total
        counts = f"{self.done}/{self.total} {self.unit} ({share:.0f} %)"
        return f"{self.label}: {counts}, {rate:.0f} a second, {left:.0f} s left"

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
