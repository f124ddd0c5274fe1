"""Files that are whole or absent: fsync, rename, and JSON that carries its own checksum."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import lmdb
import orjson
import xxhash

from handbench.errors import CorruptError, HandbenchError, PartialError

_SEAL = "checksum"
_LITTLE = 16 << 20


def sync_folder(path: Path) -> None:
    """Makes the names inside a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, data: bytes) -> None:
    """Writes a file and waits until it is on disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_durably(path: Path, data: bytes) -> None:
    """Writes a file beside the old one and puts it in its place: a reader sees the old or the new, whole."""
    fresh = path.with_name(f"{path.name}.tmp.{os.getpid()}")
    try:
        write_durably(fresh, data)
        fresh.rename(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def seal(content: Mapping[str, Any]) -> bytes:
    """Writes content as JSON with a checksum of itself.

    Returns:
        Indented JSON with sorted keys; ``checksum`` is the xxh3_64 (16 hex digits) of the same text
        without that key.
    """
    body = {key: value for key, value in content.items() if key != _SEAL}
    return _dump({**body, _SEAL: xxhash.xxh3_64_hexdigest(_dump(body))})


def read_sealed(path: Path, schema: str) -> dict[str, Any]:
    """Reads what ``seal`` wrote.

    Args:
        path: the file.
        schema: the value that its key ``schema`` must have.

    Raises:
        CorruptError: when a byte differs from what was written.
        HandbenchError: when the file is of another schema.
        FileNotFoundError: when there is none.
    """
    raw = path.read_bytes()
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise CorruptError(f"{path} is damaged: it is no JSON") from None
    # Compared as text: a flip that JSON reads as the same value is found too.
    if not isinstance(content, dict) or seal(content) != raw:
        raise CorruptError(f"{path} is damaged: it differs from its checksum")
    if content.get("schema") != schema:
        raise HandbenchError(
            f"{path} has schema {content.get('schema')!r}, expected {schema!r}",
            "it was written by another version of handbench",
        )
    return content


def remove(path: Path) -> None:
    """Removes a folder or a file; it is no error when it is gone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def fail_writing(path: Path, error: OSError | lmdb.Error) -> NoReturn:
    """Turns a failed write into one line for the user.

    LMDB reports a full disk as EIO (measured), so the free space decides what the line says.

    Raises:
        PartialError: always.
    """
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    try:
        free = shutil.disk_usage(path if path.exists() else path.parent).free
    except OSError:
        free = _LITTLE
    if error.errno in (errno.ENOSPC, errno.EDQUOT) if isinstance(error, OSError) else free < _LITTLE:
        reason = f"the disk is full, {free / 1e6:.1f} MB left"
    raise PartialError(
        f"cannot write {path}: {reason}",
        "published shards are kept: make room and run the same command again",
    ) from error


def _dump(content: Mapping[str, Any]) -> bytes:
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(content, option=options)
