"""SIGINT and SIGTERM as a flag that work looks at: Python drops an exception that a signal raises in a
weak reference's callback or in ``__del__``, and the run would go on.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, ClassVar, TypeVar

from handbench.errors import HandbenchError, PartialError

T = TypeVar("T")

_AGAIN = 1.0
"""Where the first exception was dropped, another is raised after this [s]."""


class Stopped(PartialError):
    """The user or the system asked the work to stop; what is done is kept.

    Args:
        message: how far it came.
        hint: how it goes on.
        exit_code: 130 after SIGINT, 143 after SIGTERM.
    """

    def __init__(self, message: str, hint: str = "", exit_code: int = 130) -> None:
        super().__init__(message, hint)
        self.exit_code = exit_code


class StopSignals:
    """What has come of SIGINT and SIGTERM; the second one ends the process at once.

    Made by :func:`stop_signals`; one that is made otherwise is never told of a signal.
    """

    active: ClassVar[StopSignals | None] = None

    def __init__(self) -> None:
        self.number, self._raises, self._notice = 0, False, ""
        self._process = os.getpid()

    def stopped(self) -> bool:
        """Whether a signal has come."""
        return self.number != 0

    def error(self, message: str, hint: str = "the same command goes on") -> Stopped:
        """Returns what is raised after a signal."""
        return Stopped(message, hint, 128 + (self.number or signal.SIGINT))

    def each(self, items: Iterable[T]) -> Iterator[T]:
        """Gives items until a signal has come; it breaks off the making of one, never the use of one.

        Args:
            items: made while they are iterated.
        """
        source = iter(items)
        while not self.stopped():
            try:
                with self.mode(raises=True):
                    item = next(source)
            except StopIteration:
                return
            except (KeyboardInterrupt, HandbenchError):
                # Workers that Ctrl-C reached as well are reported as an error.
                if not self.stopped():
                    raise
                return
            yield item

    @contextmanager
    def mode(self, raises: bool, notice: str = "") -> Iterator[StopSignals]:
        """Sets what a signal does meanwhile.

        Args:
            raises: raise KeyboardInterrupt where the work is; else only set the flag.
            notice: what is said when a signal comes.
        """
        before = self._raises, self._notice
        self._raises, self._notice = raises, notice
        try:
            if raises and self.stopped():
                raise KeyboardInterrupt
            yield self
        finally:
            self._raises, self._notice = before

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Takes a signal."""
        if os.getpid() != self._process:
            # A forked worker, which has its parent's handlers.
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            os._exit(128 + number)
        if self.stopped():
            os._exit(128 + number)
        self.number = number
        if self._notice:
            # Not print: the signal may have come in the middle of one.
            os.write(2, f"{self._notice}\n".encode())
        if self._raises:
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)
            raise KeyboardInterrupt

    def again(self, number: int, frame: FrameType | None) -> None:
        """Raises once more, where that still breaks something off."""
        if self._raises and os.getpid() == self._process:
            raise KeyboardInterrupt


@contextmanager
def stop_signals(raises: bool = False, notice: str = "") -> Iterator[StopSignals]:
    """Takes SIGINT and SIGTERM; within another ``stop_signals`` it shares what that has been told.

    Outside of the main thread no signal is taken.

    Args:
        raises: as :meth:`StopSignals.mode`.
        notice: what is said when a signal comes.

    Raises:
        Stopped: for a KeyboardInterrupt of a signal.
    """
    if StopSignals.active is not None:
        with StopSignals.active.mode(raises, notice) as signals:
            yield signals
        return
    signals = StopSignals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before: dict[signal.Signals, Any] = {}
    StopSignals.active = signals
    try:
        for name, handler in (
            (signal.SIGALRM, signals.again), (signal.SIGINT, signals.handle), (signal.SIGTERM, signals.handle)
        ):  # fmt: skip
            before[name] = signal.signal(name, handler)
        with signals.mode(raises, notice):
            yield signals
    except KeyboardInterrupt:
        if not signals.stopped():
            raise
        raise signals.error("stopped") from None
    finally:
        if signals.stopped():
            signal.setitimer(signal.ITIMER_REAL, 0)
        for name, handler in before.items():
            signal.signal(name, handler)
        StopSignals.active = None
