"""The released ground truth of HO-3D's evaluation split: two JSON files of up to a gigabyte.

``evaluation_xyz.json`` (N x 21 x 3) and ``evaluation_verts.json`` (N x 778 x 3): metres, OpenGL camera
frame, HO3D21, row i = line i of ``evaluation.txt``. Public since November 2024 (the repository's README).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from handbench.errors import HandbenchError
from handbench.formats.ho3d_rows import read_rows, whole_list
from handbench.formats.ho3d_tree import OFFICIAL_COUNTS

XYZ, VERTS = "evaluation_xyz.json", "evaluation_verts.json"


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
    return {key: read_released_file(path, n, width, version) for key, path, width in files if path.is_file()}


def read_released_file(path: Path, n: int, width: int, version: str = "") -> npt.NDArray[np.float32]:
    """Reads one file, (n, width, 3) float32; raises as :func:`read_released_gt`."""
    rows: npt.NDArray[np.float32] = read_rows(whole_list(path), width, np.float32, n)
    if len(rows) != n:
        raise HandbenchError(
            f"{path}: {len(rows)} rows, but evaluation.txt lists {n}{count_names(len(rows), n)}",
            f"take list and file of the same version, {version or 'v2 or v3'}",
        )
    return rows


def count_names(found: int, expected: int) -> str:
    """Names the versions that two numbers of frames belong to, where they are the official ones."""
    known = {count: version for (version, split), count in OFFICIAL_COUNTS.items() if split == "evaluation"}
    names = [f"{count:,} rows are HO-3D {known[count]}" for count in (found, expected) if count in known]
    return f" ({', '.join(names)})" if names else ""
