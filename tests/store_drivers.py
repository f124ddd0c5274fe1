"""Runs the engine in a process of its own, for tests that stop it, and watches what it does."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

DRIVER = [sys.executable, str(Path(__file__).with_name("store_jobs.py"))]


def drive(root: Path, num: int, *words: str) -> subprocess.Popen[str]:
    """Starts a driver; ``words`` are the arguments of ``store_jobs.main``."""
    return subprocess.Popen([*DRIVER, str(root), f"--num={num}", *words], stderr=subprocess.PIPE, text=True)


def children(pid: int) -> list[int]:
    """The processes that a driver has started and that live."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def wait_until(condition: Callable[[], object]) -> None:
    """Waits up to a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_until_it_writes(process: subprocess.Popen[str], root: Path) -> None:
    """Waits for a shard in the making, a folder that is new to this run, or for the driver's end."""
    before = set(root.glob("shards/*"))
    wait_until(lambda: set(root.glob("shards/*")) - before or process.poll() is not None)
