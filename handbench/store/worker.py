"""A worker process: gets shard numbers from the driver over a pipe and publishes the shards itself."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from handbench.errors import HandbenchError
from handbench.store.job import Job, make_shard
from handbench.store.plan import DatasetSpec
from handbench.store.shardinfo import ShardInfo

_TICK = 0.1


@dataclass(frozen=True)
class Setup:
    """What a worker needs once."""

    root: Path
    spec: DatasetSpec
    job: Job


@dataclass(frozen=True)
class Task:
    """One shard to make."""

    shard: int
    ids: range
    replaces: bool


@dataclass(frozen=True)
class Ready:
    """The worker is set up and waits for its first task."""


@dataclass(frozen=True)
class Made:
    """So many samples more are made."""

    samples: int


@dataclass(frozen=True)
class Published:
    """A shard is published; None when the worker was told to stop."""

    info: ShardInfo | None


@dataclass(frozen=True)
class Failed:
    """The worker ends with an error: the user's, or the text of a traceback."""

    error: HandbenchError | str


Report = Ready | Made | Published | Failed


def main(descriptor: int) -> None:
    """Runs a worker until the driver says stop or is gone.

    The driver sends ``Setup``, then ``Task`` after ``Task``, then None.
    """
    connection: Connection[Any, Any] = Connection(descriptor)
    tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
    stop = threading.Event()
    try:
        setup: Setup = connection.recv()
        threading.Thread(target=_listen, args=(connection, tasks, stop), daemon=True).start()
        produce = setup.job()
        _limit_threads()
        connection.send(Ready())
        while (task := tasks.get()) is not None:
            counter = _Counter(connection)
            info = make_shard(
                setup.root,
                task.shard,
                task.ids,
                setup.spec,
                produce,
                task.replaces,
                stop.is_set,
                counter.tick,
            )
            counter.send()
            connection.send(Published(info))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except HandbenchError as error:
        connection.send(Failed(error))
    except Exception:
        connection.send(Failed(traceback.format_exc()))


def _listen(
    connection: Connection[Any, Any], tasks: queue.SimpleQueue[Task | None], stop: threading.Event
) -> None:
    try:
        while (task := connection.recv()) is not None:
            tasks.put(task)
    except (EOFError, OSError):
        # The driver is gone: whatever happens now, no worker stays behind.
        os._exit(1)
    stop.set()
    tasks.put(None)


def _limit_threads() -> None:
    """Keeps cv2 to one thread; BLAS and numba take theirs from the environment that the driver sets."""
    cv2 = sys.modules.get("cv2")
    if cv2 is not None:
        cv2.setNumThreads(1)


class _Counter:
    """Reports finished samples a few times a second."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        self._connection, self._count, self._due = connection, 0, time.monotonic() + _TICK

    def tick(self) -> None:
        """Counts one sample."""
        self._count += 1
        if time.monotonic() >= self._due:
            self.send()

    def send(self) -> None:
        """Reports what was counted since the last report."""
        self._connection.send(Made(self._count))
        self._count, self._due = 0, time.monotonic() + _TICK
