"""What a data command is given: the folder of a store, a reference, or a name and a root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from handbench.datasets import DATASETS, DataRef
from handbench.errors import HandbenchError
from handbench.store.kinds import CUTOUTS, PACKED, SAMPLES

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


def find_target(words: Sequence[str], settings: Sequence[str] = (), drawn: bool = False) -> Path | DataRef:
    """Tells a store's folder from a reference to data, and says what to write where it is neither.

    Args:
        words: one or two arguments as typed.
        settings: ``key=value`` that are added to a reference.
        drawn: samples are looked at: a pack is opened as a dataset, and other stores must hold AIH records or
            cut-outs.

    Raises:
        HandbenchError: for no store, a store that cannot be drawn, or settings that have no reference.
    """
    found = parse_target(words, settings if len(words) == 2 else ())
    if not isinstance(found, Path):
        return found if len(words) == 2 else parse_target(words, settings)
    if not (found / "manifest.json").is_file() and not (found / "shards").is_dir():
        raise _no_store(found)
    if drawn:
        kind = store_kind(found)
        if kind == PACKED:
            return _with(DataRef("packed", str(found)), settings)
        if kind not in (*SAMPLES, CUTOUTS):
            raise HandbenchError(
                f"{found} is a store of {kind!r}, which is not known here", "`data verify` checks its bytes"
            )
    return parse_target(words, settings)


def store_kind(folder: Path) -> str:
    """Returns the kind of a finished store.

    Raises:
        HandbenchError: when it is unfinished, or no store.
    """
    from handbench.store import manifest

    return manifest.read_manifest(folder).spec.kind


def _no_store(folder: Path) -> HandbenchError:
    """Returns the error that says what to write instead."""
    text, names = str(folder), DATASETS.names()
    if not folder.exists():
        if text in names:
            return HandbenchError(
                f"{text} names a dataset, but not where it lies", f"write {text} ROOT or {text}:ROOT"
            )
        return HandbenchError(f"no folder {text}", USAGE)
    name = _looks_like(folder)
    if name:
        return HandbenchError(
            f"{text} holds no dataset of handbench, it looks like {name}",
            f"write {name} {text} or {name}:{text}",
        )
    return HandbenchError(
        f"{text} holds no dataset of handbench",
        f"check the path, or write NAME:{text} with NAME one of {', '.join(names)}",
    )


def _looks_like(folder: Path) -> str:
    """Guesses the name of a known tree by files that only it has; empty where none is there."""
    if any((folder / split / "manifest.json").is_file() for split in ("train", "val", "test")):
        return "aih"
    if any((folder / name).is_file() for name in ("train.txt", "evaluation.txt")):
        return "ho3d"
    if (folder / "annotations").is_dir():
        return "interhand"
    tracked = ("[0-9][0-9]/*.MOTION", "[0-9][0-9]/1/rgb")
    if any(next(folder.glob(pattern), None) is not None for pattern in tracked):
        return "hic"
    voc = ("ImageSets", "*/ImageSets", "*/*/ImageSets")
    if any(next(folder.glob(pattern), None) is not None for pattern in voc):
        return "100doh"
    return ""


def _with(ref: DataRef, settings: Sequence[str]) -> DataRef:
    added = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise HandbenchError(f"cannot read --set {setting}", "write --set key=value")
        added[key.strip()] = value.strip()
    return DataRef(ref.name, ref.path, {**ref.options, **added})
