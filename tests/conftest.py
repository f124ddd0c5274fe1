"""What tests share: the real data beside the checkout, and what may be missing on a machine.

A test that needs EGL or the real data skips by name where it is missing. With HANDBENCH_REQUIRE=all
(CI) the same test fails instead.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeAlias

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
REAL_DATA = Path(os.environ.get("HANDBENCH_REAL_DATA", ROOT.parent / "shared" / "data"))

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
"""What the fixture ``handbench`` gives."""

# On a busy machine any example may take long: no test is judged by the clock.
settings.register_profile("patient", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("patient")

# What a user's cache would keep (painted backgrounds, fitted motion) is made anew, once a test process.
_CACHE = tempfile.TemporaryDirectory(prefix="handbench-tests-")
os.environ["HANDBENCH_CACHE"] = _CACHE.name

# Numba and BLAS pools would fight for the two cores that pytest-xdist already uses.
for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")


def missing(what: str) -> NoReturn:
    """Skips the running test, or fails it where everything is required."""
    if os.environ.get("HANDBENCH_REQUIRE") == "all":
        pytest.fail(f"{what} is missing, and HANDBENCH_REQUIRE=all")
    pytest.skip(f"{what} is missing")


@pytest.fixture
def tzionas() -> Path:
    """The folder of the real tracked motion."""
    folder = REAL_DATA / "tzionas_hands"
    if not folder.is_dir():
        missing("the real motion (set HANDBENCH_REAL_DATA)")
    return folder


@pytest.fixture(scope="session")
def real_frames() -> Path:
    """The folder of the four real frames of InterHand2.6M."""
    folder = REAL_DATA / "interhand2.6m_real4"
    if not folder.is_dir():
        missing("the real InterHand2.6M frames (set HANDBENCH_REAL_DATA)")
    return folder


@pytest.fixture(scope="module")
def composites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AIH of both parts, kept as composites (aih_parts.py)."""
    from aih_parts import make_parts

    return make_parts(tmp_path_factory.mktemp("composites"), "composites")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same samples, kept as a table of recipes."""
    from aih_parts import make_parts

    return make_parts(tmp_path_factory.mktemp("table"), "table")


@functools.cache
def has_egl() -> bool:
    code = (
        "import os; os.environ['PYOPENGL_PLATFORM'] = 'egl'\n"
        "import pyrender; pyrender.OffscreenRenderer(8, 8).delete()"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.fixture
def egl() -> None:
    """Asks for a working EGL."""
    if not has_egl():
        missing("EGL (libegl1, libegl-mesa0)")


@pytest.fixture
def handbench() -> Run:
    """Runs the command line as a user types it: ``handbench("data", "verify", path)``."""

    def run(*words: object, check: int | None = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "handbench.cli.main", *map(str, words)],
            capture_output=True, text=True, check=False, env={**os.environ, **environment},
        )  # fmt: skip
        assert check is None or done.returncode == check, done.stdout + done.stderr
        return done

    return run
