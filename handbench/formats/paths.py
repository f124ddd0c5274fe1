"""Paths that annotations name: they stay under the dataset's root."""

from __future__ import annotations

import posixpath
from pathlib import Path

from handbench.errors import BadSampleError


def inside(root: Path, relative: str, where: str) -> Path:
    """Returns ``root / relative``, refusing a name that would leave the root.

    Links that the user put into the tree are followed: only what the annotation says is judged.

    Args:
        root: the dataset's folder.
        relative: what the annotation says, with ``/`` between folders.
        where: annotation file and field, for the error.

    Raises:
        BadSampleError: for an absolute path, a NUL, a backslash, or ``..`` that leads out.
    """
    plain = posixpath.normpath(relative) if relative else ""
    if not plain or plain.startswith(("/", "..")) or "\0" in relative or "\\" in relative:
        raise BadSampleError(
            f"{where}: path {relative!r} leaves {root}", "the annotation is damaged or not to be trusted"
        )
    return root / plain
