"""One run at a time on a dataset's folder, or several on shards that do not overlap."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from handbench.errors import HandbenchError
from handbench.store.files import fail_writing
from handbench.store.plan import Plan

LOCK = ".run.lock"
# struct flock of 64-bit Linux: type, whence, start, length, pid.
_FLOCK = struct.Struct("hhqqi4x")
_MANIFEST_BYTE = 1 << 40
_UNSUPPORTED = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)
# Workers of a killed driver leave within this time [s]; one that is still importing takes longest.
_PATIENCE = 20.0


@dataclass(frozen=True)
class RunNote:
    """Says who runs: the file beside the lock that lets a refusal name the other run.

    Attributes:
        host: machine name.
        pid: of the driver.
        boot: id of the machine's boot; another boot means that the process is gone.
        started: start time of the process in clock ticks, against reused pids.
        since: UTC, ISO 8601.
        first: first shard of the run.
        last: last shard of the run, -1 for no end.
    """

    host: str
    pid: int
    boot: str
    started: int
    since: str
    first: int
    last: int

    @property
    def alive(self) -> bool:
        """Whether that very process still runs on this machine."""
        return self.boot == _boot_id() and _start_ticks(self.pid) == self.started != 0

    @property
    def elsewhere(self) -> bool:
        """Whether it ran on another machine, where nobody here can see if it still does."""
        return self.boot != _boot_id() and self.host != socket.gethostname()

    def overlaps(self, other: RunNote) -> bool:
        """Whether the two runs have a shard in common."""
        return (other.last < 0 or self.first <= other.last) and (self.last < 0 or other.first <= self.last)


class RunLock:
    """Holds the shards of one run; a context manager.

    The kernel's lock decides (byte k of ``.run.lock`` stands for shard k), so a killed run holds nothing.
    Workers inherit the lock with ``descriptor``: it is free only when the last of them is gone. Where a file
    system has no locks, the notes alone decide.

    Args:
        root: the dataset's folder.
        plan: what will be made; a plan of all shards excludes every other run.

    Raises:
        HandbenchError: when another run has one of these shards, naming it.
        PartialError: when the disk is full.
    """

    def __init__(self, root: Path, plan: Plan) -> None:
        whole = len(plan.shards) == plan.count
        host, pid = socket.gethostname(), os.getpid()
        self.root = root
        self.note = RunNote(
            host=host,
            pid=pid,
            boot=_boot_id(),
            started=_start_ticks(pid),
            since=datetime.now(UTC).isoformat(timespec="seconds"),
            first=0 if whole else plan.shards[0],
            last=-1 if whole else plan.shards[-1],
        )
        self._path = root / f".run.{host}.{pid}.json"
        self.descriptor = -1

    def __enter__(self) -> RunLock:
        try:
            self.descriptor = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            self._acquire()
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps(asdict(self.note)))
            fresh.rename(self._path)
        except BaseException as error:
            if self.descriptor >= 0:
                os.close(self.descriptor)
            if isinstance(error, OSError):
                fail_writing(self.root, error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self.descriptor)

    @contextlib.contextmanager
    def manifest(self) -> Iterator[None]:
        """Keeps runs on other shards from writing the manifest at the same time."""
        with (self.root / LOCK).open("rb+") if self.note.last >= 0 else contextlib.nullcontext() as file:
            if file is not None:
                with contextlib.suppress(OSError):
                    fcntl.fcntl(file, fcntl.F_OFD_SETLKW, _flock(_MANIFEST_BYTE, 1))
            yield

    def _acquire(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not self._try_lock():
            others = [note for _, note in self._others()]
            # A lock without a living driver: its workers are on their way out.
            if any(note.alive for note in others) or time.monotonic() > deadline:
                self._refuse(others)
            time.sleep(0.05)
        for path, note in self._others():
            if note.alive or note.elsewhere:
                self._refuse([note], path)
            path.unlink(missing_ok=True)
        for stale in self.root.glob(".run.*.new") if self.note.last < 0 else ():
            stale.unlink(missing_ok=True)

    def _try_lock(self) -> bool:
        length = 0 if self.note.last < 0 else self.note.last - self.note.first + 1
        try:
            fcntl.fcntl(self.descriptor, fcntl.F_OFD_SETLK, _flock(self.note.first, length))
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            if error.errno not in _UNSUPPORTED:
                raise
        return True

    def _others(self) -> list[tuple[Path, RunNote]]:
        found = []
        for path in self.root.glob(".run.*.json"):
            try:
                note = RunNote(**json.loads(path.read_bytes()))
            except (OSError, ValueError, TypeError):
                continue
            if path != self._path and note.overlaps(self.note):
                found.append((path, note))
        return found

    def _refuse(self, others: list[RunNote], path: Path | None = None) -> NoReturn:
        if not others:
            raise HandbenchError(f"{self.root} is being written by another run", "wait for it to end")
        note = min(others, key=lambda note: not note.alive)
        shards = "" if note.last < 0 else f", shards {note.first} to {note.last}"
        elsewhere = f"if that run is over, remove {path}" if path is not None and note.elsewhere else ""
        raise HandbenchError(
            f"{self.root} is being written by process {note.pid} on {note.host} since {note.since}{shards}",
            elsewhere or "wait for it to end, or stop it",
        )


def _flock(start: int, length: int) -> bytes:
    return _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _start_ticks(pid: int) -> int:
    try:
        # The name in parentheses may hold anything, so fields are counted from the last one.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0
