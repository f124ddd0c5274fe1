"""Which of HIC's sequences a reference names, and how much of them is there."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from handbench.datasets import Coverage
from handbench.errors import HandbenchError
from handbench.store.columns import Columns

_TWO_HANDS = (231, 153, 155, 173, 265, 136, 194)
_ONE_HAND = (106, 138, 139, 134)
_COMPARED = (727, 778, 378)
_OBJECTS = (209, 197, 400, 296, 251, 186, 237)
OFFICIAL_FRAMES = {
    f"{number:02d}": frames
    for number, frames in enumerate((*_TWO_HANDS, *_ONE_HAND, *_COMPARED, *_OBJECTS), start=1)
}
"""Sequence -> its frames (``INDEX_BOUNDS.txt``). 12 to 14 exist for one comparison only, without a motion."""

PROTOCOL = "01-11+15-21"


def parse_sequences(text: str, found: Sequence[str]) -> list[str]:
    """Returns the sequences that ``protocol``, ``all`` or ``01-07+15`` names, sorted.

    Raises:
        HandbenchError: when a word is no number or range.
    """
    if text == "all":
        return list(found)
    numbers: set[int] = set()
    for word in (PROTOCOL if text == "protocol" else text).split("+"):
        match = re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", word.strip())
        if match is None:
            raise HandbenchError(f"sequences={text}: {word!r} is no sequence", "write 01-07 or 01-11+15-21")
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last:
            raise HandbenchError(f"sequences={text}: {word} ends before it begins", f"write {last}-{first}")
        numbers.update(range(first, last + 1))
    return [f"{number:02d}" for number in sorted(numbers)]


def coverage_of(columns: Columns, wanted: Sequence[str], labelled_only: bool) -> Coverage:
    """Compares what is there with the official sequences; a synthetic tree is compared with itself."""
    pictured, sequences = columns["pictured"], columns["sequence"]
    missing: list[str] = []
    if labelled_only:
        labelled = columns["labelled"]
        present, expected = int((labelled & pictured).sum()), int(labelled.sum())
        return Coverage(present, expected, ("labels without a picture",) if present < expected else ())
    if columns["synthetic"].any():
        return Coverage(int(pictured.sum()), len(pictured), ())
    there = pictured if pictured.any() else np.ones_like(pictured)
    if not pictured.any():
        missing.append("no pictures: each is plain grey; joints, meshes and objects are the tracked motion")
    expected = present = 0
    for sequence in wanted:
        here = int(there[sequences == sequence].sum())
        official = OFFICIAL_FRAMES.get(sequence, here)
        present, expected = present + here, expected + max(official, here)
        if here < official:
            missing.append(f"sequence {sequence}: {here} of {official} frames")
    return Coverage(present, expected, tuple(missing))
