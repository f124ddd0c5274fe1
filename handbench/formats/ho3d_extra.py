"""What a synthetic HO-3D tree has beside the official files: ``handbench.json`` and ``extra/SEQUENCE``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from handbench.arrays import BoolArray, FloatArray, IndexArray
from handbench.errors import HandbenchError

ABOUT, SCHEMA = "handbench.json", "handbench.ho3d/"
FOLDER, LABELS, FLOW = "extra", "labels.npz", "flow"


@dataclass(frozen=True, eq=False)
class SequenceLabels:
    """True labels of T frames of one sequence.

    Attributes:
        ids: (T,) frame ids.
        visibility: (T, 21) seen share of each joint, OPENPOSE21.
        seen: (T,) seen share of the hand's area inside the picture.
        held: (T,) bool, the hand carries the object.
        hidden: (T,) bool, something that passes hides the hand.
    """

    ids: IndexArray
    visibility: FloatArray
    seen: FloatArray
    held: BoolArray
    hidden: BoolArray


def read_about(root: Path) -> dict[str, Any] | None:
    """Returns what ``handbench.json`` says of a synthetic tree, or None where the tree is not one.

    Raises:
        HandbenchError: when the file is damaged.
    """
    path = root / ABOUT
    if not path.is_file():
        return None
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise HandbenchError(f"{path}: {error}", "make the tree again") from None
    schema = found.get("schema") if isinstance(found, dict) else None
    return found if isinstance(schema, str) and schema.startswith(SCHEMA) else None


def strata_of(about: Mapping[str, Any]) -> dict[str, str]:
    """Returns the stratum of each take, as ``handbench.json`` names them."""
    takes = about.get("takes")
    named = takes.items() if isinstance(takes, dict) else ()
    return {str(take): str(note.get("stratum", "")) for take, note in named if isinstance(note, dict)}


def read_labels(root: Path, sequence: str) -> SequenceLabels | None:
    """Reads the labels of one sequence, or None where it has none.

    Raises:
        HandbenchError: when the file is damaged, naming it.
    """
    path = root / FOLDER / sequence / LABELS
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            ids = np.asarray(file["id"], dtype=np.int64)
            visibility = np.asarray(file["visibility"], dtype=np.float64)
            seen = np.asarray(file["seen"], dtype=np.float64)
            held, hidden = (np.asarray(file[name], dtype=np.bool_) for name in ("held", "hidden"))
    # A damaged archive raises nearly anything (BadZipFile, zlib.error, NotImplementedError, KeyError ...).
    except Exception as error:
        raise HandbenchError(f"{path}: {error}", "make the tree again") from None
    n = len(ids)
    if visibility.shape != (n, 21) or not seen.shape == held.shape == hidden.shape == (n,):
        raise HandbenchError(f"{path}: {n} ids, visibility {visibility.shape}", "make the tree again")
    return SequenceLabels(ids, visibility, seen, held, hidden)
