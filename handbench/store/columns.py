"""Annotations as columns: built once from the official files, kept in the cache, mapped when opened again."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from handbench.cache import cache_folder

Columns = Mapping[str, npt.NDArray[Any]]

_EDGE = 1 << 20


def stamp(paths: Iterable[Path], *words: object) -> str:
    """Returns a hash of what files are without reading them whole: path, size, time, first and last MiB.

    It names a cache entry. A dataset's fingerprint is of the content: :func:`content_fingerprint`.

    Args:
        paths: files that exist.
        words: whatever else the columns depend on (options, a schema number).
    """
    digest = xxhash.xxh3_128(repr(words).encode())
    for path in paths:
        status = path.stat()
        digest.update(f"{path.resolve()} {status.st_size} {status.st_mtime_ns}".encode())
        with path.open("rb") as file:
            digest.update(file.read(_EDGE))
            if status.st_size > 2 * _EDGE:
                file.seek(-_EDGE, os.SEEK_END)
            digest.update(file.read(_EDGE))
    return digest.hexdigest()


def content_fingerprint(paths: Iterable[Path], root: Path) -> str:
    """Returns 32 hex digits of the names (below ``root``) and the whole content of files."""
    digest = xxhash.xxh3_128()
    for path in sorted(paths):
        digest.update(path.relative_to(root).as_posix().encode())
        with path.open("rb") as file:
            while block := file.read(1 << 24):
                digest.update(block)
    return digest.hexdigest()


def cached_columns(kind: str, key: str, build: Callable[[], Columns]) -> Columns:
    """Returns columns from the cache, memory-mapped and read-only, building them where they are not there.

    Where the cache is off, full or read-only they are built in memory.

    Args:
        kind: folder of the cache, e.g. ``interhand``.
        key: names the entry, see :func:`stamp`.
        build: makes the columns: numeric, bool or fixed-width text arrays; no objects.
    """
    folder = cache_folder("columns")
    if folder is None:
        return build()
    entry = folder / kind / key
    found = _open(entry)
    if found is not None:
        return found
    columns = build()
    _keep(entry, columns)
    return _open(entry) or columns


def _open(entry: Path) -> Columns | None:
    if not (entry / "complete").is_file():
        return None
    try:
        return {path.stem: _map(path) for path in sorted(entry.glob("*.npy"))}
    except (OSError, ValueError):
        return None


def _map(path: Path) -> npt.NDArray[Any]:
    # An empty array cannot be mapped.
    small = path.stat().st_size < 4096
    return np.asarray(np.load(path, mmap_mode=None if small else "r", allow_pickle=False))


def _keep(entry: Path, columns: Columns) -> None:
    """Publishes an entry whole or not at all, whoever else does so; a full disk costs only time."""
    temporary = None
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=entry.parent, prefix=f"{entry.name}.tmp."))
        for name, column in columns.items():
            np.save(temporary / f"{name}.npy", column, allow_pickle=False)
        (temporary / "complete").touch()
        temporary.rename(entry)
    except OSError:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
