"""Where a result came from: versions, commit, machine."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from handbench.version import __version__

_PACKAGES = ("numpy", "numba", "opencv-python", "torch", "lmdb", "pyrender", "scipy")


@dataclass(frozen=True)
class Provenance:
    """Describes the code and the machine that made something.

    Attributes:
        handbench: version.
        commit: git commit of the checkout, or "" for an installed copy.
        dirty: whether the checkout had uncommitted changes.
        python: version.
        packages: versions of the packages whose results matter here.
        machine: processor architecture and system.
        cpu_class: which SIMD widths numpy, BLAS and cv2 find; results are bit-identical within one class.
        cores: usable processors.
        date: UTC, ISO 8601.
    """

    handbench: str
    commit: str
    dirty: bool
    python: str
    packages: dict[str, str]
    machine: str
    cpu_class: str
    cores: int
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return asdict(self)


def collect() -> Provenance:
    """Describes the running process."""
    commit, dirty = _git_state()
    return Provenance(
        handbench=__version__,
        commit=commit,
        dirty=dirty,
        python=platform.python_version(),
        packages=package_versions(),
        machine=f"{platform.machine()} {sys.platform}",
        cpu_class=cpu_class(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    )


def package_versions() -> dict[str, str]:
    """Returns the versions of the installed packages whose results matter here."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def cpu_class() -> str:
    """Returns ``avx512``, ``avx2``, ``baseline`` or another architecture's name.

    numpy, BLAS and cv2 pick kernels by these features and give other last bits without them (measured).
    """
    if platform.machine() not in ("x86_64", "AMD64"):
        return platform.machine()
    try:
        flags = Path("/proc/cpuinfo").read_text().partition("flags")[2].partition("\n")[0].split()
    except OSError:
        return "unknown"
    if {"avx512f", "avx512bw", "fma"} <= set(flags):
        return "avx512"
    return "avx2" if {"avx2", "fma"} <= set(flags) else "baseline"


def _git_state() -> tuple[str, bool]:
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return "", False

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, timeout=10, check=False
        )
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.TimeoutExpired):
        return "", False
