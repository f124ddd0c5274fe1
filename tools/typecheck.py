"""Checks types in an installed copy: mypy does not follow the package mapping of an editable install.

It installs the checkout into a temporary folder, checks all of it strictly, and fails when mypy read
fewer files than the checkout holds.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("handbench", "synth", "loaders", "metrics", "baselines", "leaderboard")


def main() -> int:
    """Runs mypy over the installed copy, tools, tests and benchmarks; returns its exit status."""
    expected = sum(len(list((ROOT / folder).rglob("*.py"))) for folder in FOLDERS)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "site"
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        build = Path(folder) / "source"
        copy = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(copy, capture_output=True, check=True).stdout.split(b"\0")
        for name in filter(None, names):
            source, goal = ROOT / name.decode(), build / name.decode()
            if source.is_file():
                goal.parent.mkdir(parents=True, exist_ok=True)
                goal.write_bytes(source.read_bytes())
        subprocess.run(
            [*pip, "--no-deps", "--no-build-isolation", "--target", str(target), str(build)], check=True
        )
        settings = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
        mypy = [sys.executable, "-m", "mypy", *settings]
        done = subprocess.run([*mypy, "handbench"], cwd=target, capture_output=True, text=True, check=False)
        paths = {**os.environ, "MYPYPATH": str(target)}
        beside = subprocess.run([*mypy, "tools", "tests", "benchmarks"], cwd=ROOT, env=paths, check=False)
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    read = re.search(r"(\d+) source file", done.stdout)
    if done.returncode == 0 and (read is None or int(read[1]) != expected):
        print(f"mypy read {read[1] if read else 0} files, the checkout holds {expected}", file=sys.stderr)
        return 1
    return done.returncode or beside.returncode


if __name__ == "__main__":
    raise SystemExit(main())
