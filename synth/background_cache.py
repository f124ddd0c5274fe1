"""Painted backgrounds kept in the user's cache: a worker then reads them in a hundredth of the time.

A picture is the same bits whether it is read or painted, so nothing depends on what the cache holds. It is
kept apart by everything that may change a bit: the painters' own text, numpy, OpenCV and the processor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import xxhash

from handbench.arrays import ImageArray
from handbench.cache import cache_folder, keep_file
from handbench.config import content_hash

_SUM_BYTES = 8


@cache
def _folder() -> Path | None:
    """Returns where pictures are kept, or None where ``HANDBENCH_CACHE`` is ``off``."""
    base = cache_folder("backgrounds")
    if base is None:
        return None
    painters = sorted(Path(__file__).parent.glob("background*.py"))
    texts = [hashlib.blake2b(path.read_bytes()).hexdigest() for path in painters]
    key = content_hash([texts, np.__version__, cv2.__version__, cv2.getCPUFeaturesLine()])
    return base / key


def kept(name: str, side: int, make: Callable[[], ImageArray]) -> ImageArray:
    """Returns a picture from the cache, or makes it and keeps it.

    Args:
        name: of the picture, unique among those of its side.
        side: of the picture [px].
        make: gives the picture, (side, side, 3) uint8.
    """
    folder = _folder()
    if folder is None:
        return make()
    path = folder / f"{name}-{side}.rgb"
    found = _read(path, side)
    if found is None:
        found = make()
        _write(path, found)
    return found


def _read(path: Path, side: int) -> ImageArray | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    body, check = data[:-_SUM_BYTES], data[-_SUM_BYTES:]
    if len(body) != side * side * 3 or xxhash.xxh3_64_digest(body) != check:
        return None
    return np.frombuffer(body, np.uint8).reshape(side, side, 3)


def _write(path: Path, picture: ImageArray) -> None:
    body = picture.tobytes()
    keep_file(path, lambda file: file.write(body + xxhash.xxh3_64_digest(body)))
