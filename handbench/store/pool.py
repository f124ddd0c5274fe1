"""Worker processes as a driver sees them: started, fed, watched, replaced when dead, never left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from types import TracebackType
from typing import Any

from handbench.errors import HandbenchError, PartialError
from handbench.store.worker import Failed, Made, Published, Ready, Report, Setup, Task

_TRIES = 3
_POLL, _GRACE = 0.25, 3.0
# Of every worker process: one is one core; PYTHONHASHSEED so that no order of a set can enter a sample;
# malloc keeps what is freed: the next sample needs it (page faults cost up to 60 us a record: measured).
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
    "LP_NUM_THREADS": "0",
    "PYTHONHASHSEED": "0",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    connection: Connection[Any, Any]
    ready: bool = False
    task: Task | None = None
    made: int = 0


class Pool:
    """Runs tasks in worker processes; a context manager that ends with no worker alive.

    Workers are fresh interpreters (nothing is forked), in a process group of their own, so that Ctrl-C
    reaches the driver alone. When the driver dies in any way their pipe closes and they exit.

    Args:
        setup: what every worker gets.
        workers: how many processes.
        inherit: file descriptors that they keep open.
        dropped: called with a task whose worker died, before it is given out again.
    """

    def __init__(
        self, setup: Setup, workers: int, inherit: tuple[int, ...], dropped: Callable[[Task], None]
    ) -> None:
        self._setup, self._count, self._inherit, self._dropped = setup, workers, inherit, dropped
        self._workers: list[_Worker] = []
        self._stillborn = 0
        self._deaths: dict[int, int] = {}
        self.abandoned: list[Task] = []

    def __enter__(self) -> Pool:
        return self

    def run(self, tasks: list[Task], stopped: Callable[[], bool]) -> Iterator[Made | Published]:
        """Runs all tasks and gives reports as they come; a shard whose worker died is made again.

        A shard that kills its worker three times is left out and listed in ``abandoned``.

        Args:
            tasks: what to make, given out in order.
            stopped: asked several times a second; True ends the iteration.

        Yields:
            ``Made`` (negative where a worker died and its samples are lost) and ``Published``.

        Raises:
            HandbenchError: the error of a worker, or that workers die before they begin.
            RuntimeError: an unexpected error of a worker, with its traceback.
        """
        waiting = list(reversed(tasks))
        while waiting or any(worker.task for worker in self._workers):
            busy = sum(worker.task is not None for worker in self._workers)
            while len(self._workers) < min(self._count, busy + len(waiting)):
                self._workers.append(self._start())
            for worker in self._workers:
                if worker.ready and worker.task is None and waiting:
                    self._give(worker, waiting.pop())
            ready = wait([worker.connection for worker in self._workers], _POLL)
            if stopped():
                return
            for worker in [worker for worker in self._workers if worker.connection in ready]:
                report = self._receive(worker)
                if isinstance(report, (Made, Published)):
                    yield report
                elif report is None:
                    yield Made(-worker.made)
                    waiting.extend(self._bury(worker))

    def _start(self) -> _Worker:
        ours, theirs = Pipe()
        # Workers import what this process can import.
        code = f"import sys; sys.path[:] = {sys.path!r}; from handbench.store.worker import main; "
        code += f"main({theirs.fileno()})"
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            pass_fds=(theirs.fileno(), *self._inherit),
            env={**os.environ, **WORKER_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            # What a job prints must not mix with a command's result.
            stdout=2,
            process_group=0,
        )
        theirs.close()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            ours.send(self._setup)
        return _Worker(process, ours)

    def _give(self, worker: _Worker, task: Task) -> None:
        worker.task, worker.made = task, 0
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            worker.connection.send(task)

    def _receive(self, worker: _Worker) -> Report | None:
        """Takes in one report; None when the worker is dead."""
        try:
            report: Report = worker.connection.recv()
        except (EOFError, OSError):
            return None
        match report:
            case Ready():
                worker.ready = True
            case Made(samples):
                worker.made += samples
            case Published():
                worker.task, worker.made = None, 0
            case Failed(HandbenchError() as error):
                raise error
            case Failed(text):
                raise RuntimeError(f"a worker failed:\n{text}")
        return report

    def _bury(self, worker: _Worker) -> list[Task]:
        """Removes a dead worker; returns its task where it is to be tried again."""
        self._workers.remove(worker)
        worker.connection.close()
        worker.process.kill()
        status = worker.process.wait()
        task = worker.task
        if task is None:
            self._stillborn += not worker.ready
            if self._stillborn >= _TRIES:
                raise PartialError(f"workers die at their start ({_ending(status)})", "is there memory left?")
            return []
        self._dropped(task)
        self._deaths[task.shard] = self._deaths.get(task.shard, 0) + 1
        if self._deaths[task.shard] < _TRIES:
            return [task]
        self.abandoned.append(task)
        return []

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            try:
                worker.connection.send(None)
            except (BrokenPipeError, ConnectionResetError):
                continue
        deadline = time.monotonic() + _GRACE
        for worker in self._workers:
            # Emptied, or a worker could wait for room in the pipe.
            while worker.process.poll() is None and time.monotonic() < deadline:
                try:
                    if worker.connection.poll(0.02):
                        worker.connection.recv()
                except (EOFError, OSError):
                    time.sleep(0.01)
            worker.process.kill()
            worker.process.wait()
            worker.connection.close()


def _ending(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
