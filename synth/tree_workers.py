"""Worker processes that make the units of a tree: fresh interpreters, fed over a pipe, never left behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any

from handbench.errors import HandbenchError, PartialError
from handbench.store.files import fail_writing, remove
from handbench.store.pool import WORKER_ENVIRONMENT


@dataclass(frozen=True)
class Unit:
    """One piece of a tree that is made in one go.

    Attributes:
        name: unique in the tree, a plain file name.
        folders: relative paths of the folders that it consists of; no other unit writes into them.
        size: how many images it has, for the progress line.
    """

    name: str
    folders: tuple[str, ...]
    size: int = 1


MakeUnit = Callable[[Unit, Path], dict[str, Any]]
UnitJob = Callable[[], MakeUnit]

Report = tuple[Unit, dict[str, Any] | Exception | str | None]
"""A unit with its note, the error that its maker raised, or the text of an unexpected one; None = ready."""


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    connection: Connection[Any, Any]
    unit: Unit | None = None


def unit_reports(
    folder: Path, units: Sequence[Unit], job: UnitJob, workers: int
) -> Generator[tuple[Unit, dict[str, Any]], None, None]:
    """Makes units in worker processes and gives each with its note as they come.

    A unit lies in ``folder/NAME.tmp`` then, its files on disk. Closing the generator kills the workers.

    Args:
        folder: where the temporary folders go.
        units: what to make, given out in order.
        job: see :func:`handbench.synth.trees.make_tree`.
        workers: processes; 0 works in this process.

    Raises:
        HandbenchError, PartialError, RuntimeError: see :func:`handbench.synth.trees.make_tree`.
    """
    if workers == 0:
        make = job()
        for unit in units:
            yield unit, _checked(unit, _attempt(make, unit, folder), folder)
        return
    waiting = list(reversed(units))
    crew: list[_Worker] = []
    try:
        crew += [_start(folder, job) for _ in range(min(workers, len(waiting)))]
        while waiting or any(worker.unit for worker in crew):
            for worker in crew:
                if worker.unit is None and waiting:
                    worker.unit = waiting.pop()
                    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                        worker.connection.send(worker.unit)
            for connection in wait([worker.connection for worker in crew if worker.unit]):
                worker = next(worker for worker in crew if worker.connection is connection)
                assert worker.unit is not None
                unit, result = worker.unit, _receive(worker)
                worker.unit = None
                yield unit, _checked(unit, result, folder)
    finally:
        for worker in crew:
            worker.process.kill()
            worker.process.wait()
            worker.connection.close()


def _start(folder: Path, job: UnitJob) -> _Worker:
    ours, theirs = Pipe()
    # Workers import what this process can import.
    code = f"import sys; sys.path[:] = {sys.path!r}; from handbench.synth.tree_workers import main; "
    code += f"main({theirs.fileno()})"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        pass_fds=(theirs.fileno(),),
        env={**os.environ, **WORKER_ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        # What a job prints must not mix with a command's result.
        stdout=2,
        # A group of its own, so that Ctrl-C reaches the driver alone.
        process_group=0,
    )
    theirs.close()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        ours.send((folder, job))
    return _Worker(process, ours)


def _receive(worker: _Worker) -> Any:
    try:
        return worker.connection.recv()
    except (EOFError, OSError):
        status = worker.process.wait()
        assert worker.unit is not None
        return PartialError(
            f"unit {worker.unit.name}: its worker died (status {status})",
            "is there memory left? use fewer workers; the same command continues",
        )


def _checked(unit: Unit, result: Any, folder: Path) -> dict[str, Any]:
    """Returns a unit's note, or raises its error with its name."""
    if isinstance(result, PartialError):
        raise result
    if isinstance(result, HandbenchError):
        raise HandbenchError(f"unit {unit.name}: {result.message}", result.hint) from None
    if isinstance(result, OSError):
        fail_writing(folder / f"{unit.name}.tmp", result)
    if not isinstance(result, dict):
        raise RuntimeError(f"unit {unit.name} failed:\n{result}")
    missing = [name for name in unit.folders if not (folder / f"{unit.name}.tmp" / name).is_dir()]
    if missing:
        raise RuntimeError(f"unit {unit.name} did not make its folder {missing[0]}")
    return result


def _attempt(make: MakeUnit, unit: Unit, folder: Path) -> dict[str, Any] | Exception | str:
    place = folder / f"{unit.name}.tmp"
    try:
        remove(place)
        for name in unit.folders:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
        note = make(unit, place)
        _sync(place)
        return note
    except (HandbenchError, OSError) as error:
        return error
    except Exception:
        return traceback.format_exc()


def _sync(place: Path) -> None:
    """Waits until the file system that holds a unit has written it: once a unit, not once a file."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    descriptor = os.open(place, os.O_RDONLY)
    try:
        if syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), "the disk did not take the files")
    finally:
        os.close(descriptor)


def main(descriptor: int) -> None:
    """Runs a worker until the driver is gone: it gets (folder, job), then unit after unit."""
    connection: Connection[Any, Any] = Connection(descriptor)
    units: queue.SimpleQueue[Unit] = queue.SimpleQueue()
    try:
        folder, job = connection.recv()
    except (EOFError, OSError):
        return
    threading.Thread(target=_listen, args=(connection, units), daemon=True).start()
    make: MakeUnit | None = None
    while True:
        unit = units.get()
        result: dict[str, Any] | Exception | str
        try:
            if make is None:
                make = job()
                _limit_threads()
        except (HandbenchError, OSError) as error:
            result = error
        except Exception:
            result = traceback.format_exc()
        else:
            result = _attempt(make, unit, folder)
        try:
            connection.send(result)
        except (BrokenPipeError, ConnectionResetError):
            return


def _listen(connection: Connection[Any, Any], units: queue.SimpleQueue[Unit]) -> None:
    try:
        while True:
            units.put(connection.recv())
    except (EOFError, OSError):
        # The driver is gone: whatever happens now, no worker stays behind.
        os._exit(1)


def _limit_threads() -> None:
    """Keeps cv2 to one thread; BLAS and numba take theirs from the environment that the driver sets."""
    cv2 = sys.modules.get("cv2")
    if cv2 is not None:
        cv2.setNumThreads(1)
