"""How much memory a process may still take."""

from __future__ import annotations

from pathlib import Path

_UNKNOWN = 2 << 30


def available_memory() -> int:
    """Returns bytes that can be taken without swapping: of the machine, or of the container's limit.

    2 GB where the system does not say.
    """
    found = [value for value in (_machine(), _container()) if value is not None]
    return max(min(found), 0) if found else _UNKNOWN


def _machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    words = next((line.split() for line in lines if line.startswith("MemAvailable:")), None)
    return None if words is None else int(words[1]) * 1024


def _container() -> int | None:
    """Returns what a cgroup's limit leaves; page cache that it counts is given back when needed."""
    for limit, used, stat, inactive in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "memory/memory.stat",
            "total_inactive_file",
        ),
    ):
        root = Path("/sys/fs/cgroup")
        try:
            most, now = int((root / limit).read_text()), int((root / used).read_text())
            counts = dict(line.split() for line in (root / stat).read_text().splitlines())
        except (OSError, ValueError):
            continue
        return most - now + int(counts.get(inactive, 0))
    return None
