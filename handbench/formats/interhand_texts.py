"""Reads the text files beside InterHand2.6M's json: skeleton.txt and the lists of annotation ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from handbench.errors import HandbenchError
from handbench.formats.interhand_write import official_joint_name
from handbench.skeleton import INTERHAND42

_MOST_BYTES = 1 << 20


def read_skeleton(path: Path) -> list[tuple[str, int, int]]:
    """Reads ``skeleton.txt``: lines ``name id parent``, with ``#`` before comments.

    Returns:
        (name, id, parent) of each joint, in the file's order.

    Raises:
        HandbenchError: when a line is something else.
    """
    joints = []
    text = path.read_bytes()[:_MOST_BYTES].decode("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            name, id, parent = words
            joints.append((name, int(id), int(parent)))
        except ValueError:
            raise HandbenchError(
                f"{path}: line {number} is {line!r:.60}, expected 'name id parent'", "copy it again"
            ) from None
    return joints


def skeleton_difference(path: Path) -> str:
    """Tells in one line how a ``skeleton.txt`` differs from the official order; empty where it does not.

    Raises:
        HandbenchError: when the file makes no sense.
    """
    found = {id: (name, parent) for name, id, parent in read_skeleton(path)}
    for id, (name, parent) in enumerate(zip(INTERHAND42.names, INTERHAND42.parents, strict=True)):
        wanted = (official_joint_name(name), parent)
        if found.get(id) != wanted:
            here = "missing" if id not in found else f"{found[id][0]} with parent {found[id][1]}"
            return f"joint {id} is {here}, expected {wanted[0]} with parent {wanted[1]}"
    return f"{len(found)} joints, expected {len(INTERHAND42)}" if len(found) != len(INTERHAND42) else ""


def read_ids(path: Path) -> npt.NDArray[np.int64]:
    """Reads a list of annotation ids, one a line.

    Raises:
        HandbenchError: when a line is no number.
    """
    try:
        return np.array(path.read_bytes().split(), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise HandbenchError(f"{path}: a line is no annotation id: {error}", "copy it again") from None
