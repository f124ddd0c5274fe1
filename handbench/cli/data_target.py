"""What a data command is given: the folder of a store, a reference, or a name and a root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from handbench.datasets import DATASETS, DataRef
from handbench.errors import HandbenchError

USAGE = "give the folder of a store, NAME:PATH[@key=value,...], or NAME ROOT"


def parse_target(words: Sequence[str], settings: Sequence[str] = ()) -> Path | DataRef:
    """Tells a store's folder from a reference to data.

    Args:
        words: one or two arguments as typed; a folder that exists is a folder, whatever its name.
        settings: ``key=value`` that are added to a reference.

    Raises:
        HandbenchError: for another number of words, or settings that have no reference.
    """
    if len(words) == 2:
        return _with(DataRef.parse(f"{words[0]}:{words[1]}"), settings)
    if len(words) != 1:
        raise HandbenchError(f"{len(words)} names of data, expected one or two", USAGE)
    text = words[0]
    name, colon, _ = text.partition(":")
    if colon and not Path(text).is_dir() and (name in DATASETS or not Path(name).parent.name):
        return _with(DataRef.parse(text), settings)
    if settings:
        raise HandbenchError(f"--set has no meaning for the store {text}", USAGE)
    return Path(text)


def _with(ref: DataRef, settings: Sequence[str]) -> DataRef:
    added = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise HandbenchError(f"cannot read --set {setting}", "write --set key=value")
        added[key.strip()] = value.strip()
    return DataRef(ref.name, ref.path, {**ref.options, **added})
