"""What already lies where a prediction file goes, and whether it is the one that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from handbench.errors import HandbenchError
from handbench.formats.predictions import read_provenance
from handbench.formats.predictions_parts import first_difference, parts_folder
from handbench.store.files import remove

OnExisting = Literal["resume", "error", "overwrite"]


def is_current(path: Path | str, identity: Mapping[str, str]) -> bool:
    """Tells whether a prediction file is there and was made by the same model of the same data.

    Raises:
        HandbenchError: when it is no prediction file.
        CorruptError: where its bytes are damaged.
    """
    return Path(path).is_file() and not difference(Path(path), identity)


def difference(path: Path, identity: Mapping[str, str]) -> str:
    """Returns the first thing in which a file differs from what is asked for; empty where nothing does."""
    found = read_provenance(path).get("identity")
    if not isinstance(found, dict):
        return "it does not say what it was predicted with"
    return first_difference(found, identity)


def survey(path: Path, identity: Mapping[str, str], on_existing: OnExisting) -> bool:
    """Decides whether the file that is there is used; removes what is to be overwritten.

    Returns:
        True when there is nothing to predict.

    Raises:
        HandbenchError: for a file of something else, or any file with ``error``; when the folder is missing.
    """
    if not path.parent.is_dir():
        raise HandbenchError(f"no folder {path.parent}", "make it, or choose another --out")
    if path.is_dir():
        raise HandbenchError(f"{path} is a folder", "name a file, e.g. --out predictions.h5")
    parts = parts_folder(path)
    if on_existing == "overwrite":
        remove(parts)
        return False
    there = path.is_file()
    if on_existing == "error" and (there or parts.exists()):
        raise HandbenchError(f"{path if there else parts} is there", "use --on-existing resume or overwrite")
    if not there:
        return False
    differs = difference(path, identity)
    if differs:
        raise HandbenchError(
            f"{path} holds other predictions: {differs}", "use --on-existing overwrite, or another --out"
        )
    remove(parts)
    return True
