"""The user's cache: files that save time and decide nothing, so a failure to keep one is no error."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO


def cache_folder(kind: str) -> Path | None:
    """Returns where files of one kind are kept, or None where ``HANDBENCH_CACHE`` is ``off``.

    ``HANDBENCH_CACHE`` may also name another folder than ``~/.cache/handbench``.

    Args:
        kind: the name of a folder inside the cache.
    """
    chosen = os.environ.get("HANDBENCH_CACHE", "")
    if chosen == "off":
        return None
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return (Path(chosen) if chosen else home / "handbench") / kind


def keep_file(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Writes a file of the cache, whole or not at all, whoever else writes it.

    A cache that cannot be written (full, read-only) costs time and nothing else.

    Args:
        path: of the file; its folder is made.
        write: writes the content.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            temporary = Path(file.name)
            write(file)
        temporary.replace(path)
    except OSError:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
