"""Which person is in which split: no person, picture, background family or light rig is in two of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from handbench.errors import HandbenchError
from handbench.synth.backgrounds import TEST_FAMILIES, TRAIN_FAMILIES
from handbench.synth.lights import TEST_RIGS, TRAIN_RIGS

SPLITS = ("train", "val", "test")
FEWEST_PEOPLE = 4
"""With fewer people there is no val and no test."""

_VAL_FAMILIES, _VAL_RIGS = ("carpet", "screen"), ("window",)

FAMILIES: dict[str, tuple[str, ...]] = {
    "train": tuple(name for name in TRAIN_FAMILIES if name not in _VAL_FAMILIES),
    "val": _VAL_FAMILIES,
    "test": TEST_FAMILIES,
}
"""The painted background families of each split."""

RIGS: dict[str, tuple[str, ...]] = {
    "train": tuple(name for name in TRAIN_RIGS if name not in _VAL_RIGS),
    "val": _VAL_RIGS,
    "test": TEST_RIGS,
}
"""The light rigs of each split."""


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """Keys of the splits: shares of the samples, and of the people where they are divided here.

    Attributes:
        train: share of train.
        val: share of val.
        test: share of test.
        shared_people: what to do with a person who is in two official splits: ``drop`` leaves him or her in
            the split with most of the pictures, ``keep`` trusts the official splits.
    """

    train: float = 0.8
    val: float = 0.1
    test: float = 0.1
    shared_people: str = "drop"

    def share(self, split: str) -> float:
        """Returns the share of one split."""
        return {"train": self.train, "val": self.val, "test": self.test}[split]


def divide_people(pictures: Mapping[str, int], settings: SplitSettings) -> dict[str, str]:
    """Divides people into splits, each whole; below four people all are ``train``.

    Args:
        pictures: person -> number of pictures.
        settings: the shares.

    Returns:
        Person -> split. It depends on the names alone: pictures decide nothing but who has none.
    """
    people = sorted((name for name, count in pictures.items() if count), key=_order)
    if len(people) < FEWEST_PEOPLE:
        return dict.fromkeys(people, "train")
    wanted = {s: settings.share(s) / sum(map(settings.share, SPLITS)) for s in ("val", "test")}
    found: dict[str, str] = {}
    for split, share in wanted.items():
        count = max(1, round(share * len(people))) if share > 0 else 0
        found |= dict.fromkeys(people[len(found) : len(found) + count], split)
    return {name: found.get(name, "train") for name in people}


def divide_shared(pictures: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """Decides where people belong who are in several official splits: where most of their pictures are.

    Args:
        pictures: split -> person -> number of pictures.
    """
    people = sorted({person for found in pictures.values() for person in found})
    return {
        person: max(reversed(SPLITS), key=lambda split: pictures.get(split, {}).get(person, 0))
        for person in people
    }


def divide_samples(num: int, splits: tuple[str, ...], settings: SplitSettings) -> dict[str, int]:
    """Returns how many of ``num`` samples each split gets, by its share; they sum to ``num``.

    Raises:
        HandbenchError: when a split would get none.
    """
    total = sum(settings.share(split) for split in splits)
    if total <= 0:
        raise HandbenchError(f"the shares of {', '.join(splits)} are 0", "set splits.train above 0")
    counts = {split: round(num * settings.share(split) / total) for split in splits}
    counts[splits[0]] += num - sum(counts.values())
    empty = [split for split, count in counts.items() if count < 1]
    if empty:
        raise HandbenchError(
            f"--num {num} leaves nothing for {', '.join(empty)}",
            "give more, or make one split: --split train",
        )
    return counts


def _order(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
