"""The photographs of single hands of a dataset: which there are, whose they are, and in which split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from handbench.datasets import DATASETS, DataRef, Dataset
from handbench.errors import HandbenchError
from handbench.moments import Moments
from handbench.synth.splits import FEWEST_PEOPLE, SPLITS, SplitSettings, divide_people, divide_shared


@dataclass(frozen=True)
class PhotoSet:
    """The photographs of one split.

    Attributes:
        ref: of the dataset, with its official split.
        rows: (n,) which of its samples.
        shared: (n,) bool, whether the person belongs to another split: such a picture is not used.
    """

    ref: DataRef
    rows: npt.NDArray[np.int64]
    shared: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PhotoPlan:
    """The photographs of all splits.

    Attributes:
        sets: split -> photographs; only splits that have some.
        people: person -> split, where people were divided here; None where splits are the dataset's own.
        notes: what was decided, one line each.
    """

    sets: dict[str, PhotoSet]
    people: dict[str, str] | None
    notes: tuple[str, ...]


def open_source(ref: DataRef) -> tuple[Dataset, Moments]:
    """Opens a dataset of recordings by several cameras.

    Raises:
        HandbenchError: when it does not open, or its samples are not grouped into moments.
    """
    dataset = ref.open()
    moments = dataset.moments()
    if moments is None:
        raise HandbenchError(
            f"{ref}: this dataset does not say which pictures show the same moment", "take interhand:DIR"
        )
    return dataset, moments


def with_hand_model(reference: str, hand_model: str) -> str:
    """Asks a dataset that can convert its MANO parameters for those of the user's own MANO files.

    A dataset that was made with another hand, or has no option for it, is left as it is: hands are fitted.

    Args:
        reference: to poses or images: ``interhand:DIR[@key=value,...]``, or a source without data.
        hand_model: ``procedural`` or ``mano:DIR``.
    """
    name, colon, _ = reference.partition(":")
    if not colon or not hand_model.startswith("mano:") or name not in DATASETS:
        return reference
    ref = DataRef.parse(reference)
    known = {option.name for option in fields(DATASETS.get(ref.name).options)}
    if "hand_model" not in known - set(ref.options):
        return reference
    asked = _with(ref, hand_model=hand_model)
    try:
        asked.open()
    except HandbenchError:
        return reference
    return str(asked)


def plan_photographs(text: str, settings: SplitSettings) -> PhotoPlan:
    """Finds the photographs of single hands and divides them into splits.

    Several official splits are kept, and so is one that the reference names. Else people are divided.

    Args:
        text: ``NAME:DIR[@key=value,...]``; pictures that are missing are listed too unless ``missing=skip``.
        settings: the shares.

    Raises:
        HandbenchError: when nothing opens, or there is no photograph of a single hand.
    """
    ref = DataRef.parse(text)
    there = _official_splits(ref)
    named = ref.options.get("split")
    refs = {named: ref} if named else {split: _with(ref, split=split) for split in there} or {"": ref}
    found: dict[str, tuple[npt.NDArray[np.int64], list[str]]] = {}
    for split, one in refs.items():
        refs[split] = one = _resolved(one)
        found[split] = _single_hands(one)
    if not any(len(rows) for rows, _ in found.values()):
        raise HandbenchError(f"{text}: no picture of a single hand", "hand_type of right or left is needed")
    if named in SPLITS or len(found) > 1:
        return _keep_official(refs, found, settings)
    (one,) = refs.values()
    (rows, people) = next(iter(found.values()))
    plan = _divide(one, rows, people, settings)
    if not there:
        return plan
    line = f"the only official split is {there[0]}, its people are divided: @split={there[0]} keeps it whole"
    return replace(plan, notes=(line, *plan.notes))


def _keep_official(
    refs: Mapping[str, DataRef], found: Mapping[str, tuple[npt.NDArray[np.int64], list[str]]],
    settings: SplitSettings,
) -> PhotoPlan:  # fmt: skip
    counts = {split: Counter(people) for split, (_, people) in found.items()}
    home = divide_shared(counts)
    sets, notes = {}, ["official splits are kept: " + ", ".join(split for split in SPLITS if split in refs)]
    for split in SPLITS:
        if split not in found or not len(found[split][0]):
            continue
        rows, people = found[split]
        drop = settings.shared_people == "drop"
        shared = np.array([drop and home[person] != split for person in people], dtype=np.bool_)
        sets[split] = PhotoSet(refs[split], rows, shared)
        if shared.any():
            notes.append(
                f"{split}: {int(shared.sum())} pictures left out, their people are in another split"
                " (splits.shared_people=keep trusts the official splits)"
            )
    return PhotoPlan(sets, None, tuple(notes))


def _divide(
    ref: DataRef, rows: npt.NDArray[np.int64], people: list[str], settings: SplitSettings
) -> PhotoPlan:
    home = divide_people(Counter(people), settings)
    parts = sorted(set(home.values()), key=SPLITS.index)
    if len(parts) == 1:
        few = f", fewer than {FEWEST_PEOPLE}" if len(home) < FEWEST_PEOPLE else ""
        notes = [f"{len(home)} people with pictures of a single hand{few}: all of it is train"]
    else:
        numbers = Counter(home.values())
        notes = ["people divided: " + ", ".join(f"{split} {numbers[split]}" for split in parts)]
    whose = np.array([home[person] for person in people])
    sets = {}
    for split in parts:
        own = rows[whose == split]
        sets[split] = PhotoSet(ref, own, np.zeros(len(own), dtype=np.bool_))
    return PhotoPlan(sets, home, tuple(notes))


def _single_hands(ref: DataRef) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Returns which samples show a single hand by their annotation, and whose it is."""
    _, moments = open_source(ref)
    rows = np.flatnonzero((moments.shown == 0) | (moments.shown == 1))
    at = moments.of[rows]
    return rows, [moments.person[m] if m >= 0 else "unknown" for m in at.tolist()]


def _official_splits(ref: DataRef) -> list[str]:
    loader, folder = DATASETS.get(ref.name), Path(ref.path).expanduser()
    if not folder.is_dir():
        raise HandbenchError(f"{ref}: no folder {folder}", f"handbench data howto {ref.name}")
    there = loader.splits(folder) if loader.splits is not None else []
    return [split for split in SPLITS if split in there]


def _with(ref: DataRef, **options: str) -> DataRef:
    return replace(ref, options={**ref.options, **options})


def _resolved(ref: DataRef) -> DataRef:
    """Makes the path absolute, for workers, and lists pictures that are missing."""
    ref = replace(ref, path=str(Path(ref.path).expanduser().resolve()))
    known = {option.name for option in fields(DATASETS.get(ref.name).options)}
    return _with(ref, missing="keep") if "missing" in known - set(ref.options) else ref
