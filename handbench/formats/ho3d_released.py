"""The released ground truth of HO-3D's evaluation split: two JSON files of up to a gigabyte.

``evaluation_xyz.json`` (N x 21 x 3) and ``evaluation_verts.json`` (N x 778 x 3): metres, OpenGL camera
frame, HO3D21, row i = line i of ``evaluation.txt``. Public since November 2024 (the repository's README).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import orjson

from handbench.errors import HandbenchError
from handbench.formats.ho3d_tree import OFFICIAL_COUNTS

XYZ, VERTS = "evaluation_xyz.json", "evaluation_verts.json"
_BLOCK, _ROW_LIMIT = 1 << 22, 1 << 26
_NUMERALS = b"0123456789.eE+- \t\r\n"
_ROW_END = re.compile(rb"\]\s*\]")


def write_released_gt(root: Path, xyz: npt.ArrayLike, verts: npt.ArrayLike) -> None:
    """Writes both files.

    Args:
        root: the tree's folder.
        xyz: (N, 21, 3) [m], OpenGL, HO3D21.
        verts: (N, 778, 3) [m], OpenGL.

    Raises:
        ValueError: when a shape differs.
    """
    for name, value, width in ((XYZ, xyz, 21), (VERTS, verts, 778)):
        rows = np.asarray(value, dtype=np.float64)
        if rows.ndim != 3 or rows.shape[1:] != (width, 3):
            raise ValueError(f"{name}: shape {rows.shape}, expected (N, {width}, 3)")
        with (root / name).open("wb") as file:
            for i, row in enumerate(rows):
                file.write(b"[" if i == 0 else b", ")
                file.write(orjson.dumps(np.ascontiguousarray(row), option=orjson.OPT_SERIALIZE_NUMPY))
            file.write(b"]" if len(rows) else b"[]")


def read_released_gt(root: Path, n: int, version: str = "") -> dict[str, npt.NDArray[np.float32]]:
    """Reads what is there of both files, with memory for the result and a block of text.

    Args:
        root: the tree's folder.
        n: rows expected: lines of ``evaluation.txt``.
        version: ``v2`` or ``v3``, for the error.

    Returns:
        ``xyz`` (n, 21, 3) and ``verts`` (n, 778, 3) float32 [m], OpenGL, HO3D21; a key is absent where its
        file is.

    Raises:
        HandbenchError: when a file is damaged, or has another number of rows, joints or vertices.
    """
    files = (("xyz", root / XYZ, 21), ("verts", root / VERTS, 778))
    return {key: read_rows(path, n, width, version) for key, path, width in files if path.is_file()}


def read_rows(path: Path, n: int, width: int, version: str = "") -> npt.NDArray[np.float32]:
    """Reads a JSON list of n x width x 3 numbers as float32; raises as :func:`read_released_gt`."""
    rows = np.empty((n, width, 3), dtype=np.float32)
    filled = 0
    for part in _samples(path):
        block = _block(part, width)
        if block is None:
            raise HandbenchError(
                f"{path}: rows {filled} and on are {_shape(part)}, expected {width} x 3 numbers",
                "download it again",
            )
        if not np.isfinite(block).all():
            raise HandbenchError(f"{path}: row {filled} or later is not finite", "download it again")
        end = min(filled + len(block), n)
        rows[filled:end] = block[: end - filled] if end > filled else block[:0]
        filled += len(block)
    if filled != n:
        raise HandbenchError(
            f"{path}: {filled} rows, but evaluation.txt lists {n}{_versions(filled, n)}",
            f"take list and file of the same version, {version or 'v2 or v3'}",
        )
    return rows


def _block(text: bytes, width: int) -> npt.NDArray[np.float64] | None:
    """Returns rows (k, width, 3) of their JSON text, or None where it is anything else.

    What is left without digits tells whether the lists are nested as they should be; the numbers are then
    parsed as one flat list, in half the time of nested ones.
    """
    row = b"[" + b",".join([b"[,,]"] * width) + b"]"
    skeleton = text.translate(None, _NUMERALS)
    k = (len(skeleton) + 1) // (len(row) + 1)
    if not k or skeleton != b",".join([row] * k):
        return None
    try:
        values = orjson.loads(b"[" + text.translate(None, b"[]") + b"]")
    except orjson.JSONDecodeError:
        return None
    return np.array(values, dtype=np.float64).reshape(k, width, 3) if len(values) == k * width * 3 else None


def _shape(text: bytes) -> str:
    """Says what rows are that are not as they should be."""
    try:
        found = np.array(orjson.loads(b"[" + text + b"]"), dtype=np.float64)
    except (orjson.JSONDecodeError, ValueError, TypeError):
        return "something else"
    return f"{found.shape[1:]}" if found.ndim == 3 else "something else"


def _versions(found: int, expected: int) -> str:
    """Names the versions that two counts belong to, where they are the official ones."""
    known = {count: version for (version, split), count in OFFICIAL_COUNTS.items() if split == "evaluation"}
    names = [f"{count:,} rows are HO-3D {known[count]}" for count in (found, expected) if count in known]
    return f" ({', '.join(names)})" if names else ""


def _samples(path: Path) -> Iterator[bytes]:
    """Gives the text of whole rows, many at a time, without the outer brackets."""
    try:
        with path.open("rb") as file:
            start, end = _inner(file, path)
            file.seek(start)
            rest = b""
            while start < end:
                block = file.read(min(_BLOCK, end - start))
                start += len(block)
                text = (rest + block).lstrip(b", \r\n\t")
                if start >= end:
                    if text:
                        yield text
                    return
                cut = max((match.end() for match in _ROW_END.finditer(text)), default=0)
                if cut == 0 and len(text) > _ROW_LIMIT:
                    raise HandbenchError(f"{path}: no row ends in {len(text)} bytes", "download it again")
                if cut:
                    yield text[:cut]
                rest = text[cut:]
    except OSError as error:
        raise HandbenchError(f"{path}: {error.strerror or error}", "download it again") from None


def _inner(file: IO[bytes], path: Path) -> tuple[int, int]:
    """Returns where the text between the outer brackets starts and ends."""
    head = file.read(256)
    size = file.seek(0, 2)
    at = max(0, size - 256)
    file.seek(at)
    tail = file.read().rstrip()
    start = len(head) - len(head.lstrip())
    if not head.lstrip().startswith(b"[") or not tail.endswith(b"]") or size < 2:
        raise HandbenchError(f"{path}: not a JSON list that is whole", "download it again")
    return start + 1, at + len(tail) - 1
