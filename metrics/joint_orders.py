"""The orders that 21 joints of a file may be in, and how well a hand's bones fit each."""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple

import numpy as np

from handbench.arrays import FloatArray, IndexArray
from handbench.predictions import PRED_JSON
from handbench.skeleton import FINGERS, HO3D21, OPENPOSE21, ORDERS

_PALM = (("thumb1", "index1"), ("index1", "middle1"), ("middle1", "ring1"), ("ring1", "little1"))
PAIRS: IndexArray = np.array(
    [*OPENPOSE21.bones, *((OPENPOSE21.index(a), OPENPOSE21.index(b)) for a, b in _PALM)], dtype=np.int64
)

"""The spans that no pose changes much: the 20 bones of OPENPOSE21, and four between neighbouring knuckles."""

HAND_LENGTHS = (
    30.1, 46.0, 33.0, 26.9, 91.6, 39.5, 23.5, 22.7, 91.0, 43.8, 27.0, 23.6,
    87.1, 40.3, 25.5, 23.6, 84.0, 31.8, 18.8, 20.4, 69.9, 22.0, 20.2, 20.5,
)  # fmt: skip
"""Lengths of :data:`PAIRS` [mm], of the procedural hand."""


class Guess(NamedTuple):
    """One order that the joints of a file may really be in.

    Attributes:
        words: how it is told.
        gather: (21,) where OPENPOSE21's joints lie then, in the joints as they were read.
    """

    words: str
    gather: IndexArray


@functools.cache
def guesses(form: str = "") -> tuple[Guess, ...]:
    """Returns the orders that are tried; the first is the one that the file should have.

    The named orders of :mod:`handbench.skeleton`; a conversion between two of them that was done once too
    often or the wrong way; then the fingers in any order, from base or from tip, the wrist first or last, the
    tips in their fingers or at the end.

    Args:
        form: of the file: an empty text for OPENPOSE21; ``pred.json`` for HO3D21, which was turned into
            OPENPOSE21 as it was read. Words are of the order in the file.
    """
    wanted = HO3D21 if form == PRED_JSON else OPENPOSE21
    read_as = OPENPOSE21.index_to(wanted)
    found: dict[bytes, Guess] = {}

    def add(words: str, gather: IndexArray) -> None:
        found.setdefault(gather.tobytes(), Guess(words, gather))

    add(wanted.name, np.arange(21))
    named = {name: order.index_to(OPENPOSE21) for name, order in ORDERS.items() if len(order) == 21}
    for name, gather in named.items():
        add("HO3D21, MANO's 16 joints and the tips" if name == "HO3D21" else name, read_as[gather])
    for name, gather in named.items():
        add(f"OPENPOSE21 taken for {name} and converted", np.argsort(gather))
    for (read, undo), (real, gather) in itertools.permutations(named.items(), 2):
        add(f"{real} taken for {read} and converted", np.argsort(undo)[gather])
    for fingers in itertools.permutations(FINGERS):
        told = ", ".join(fingers)
        for way, numbers in (("base to tip", "1234"), ("tip to base", "4321")):
            chains = [finger + number for finger in fingers for number in numbers]
            add(f"wrist, {told}, each from {way}", read_as[_gather(["wrist", *chains])])
            add(f"{told}, each from {way}, then the wrist", read_as[_gather([*chains, "wrist"])])
        inner = ["wrist", *(finger + number for finger in fingers for number in "123")]
        for tips in (FINGERS, fingers):
            words = f"wrist, {told}, each from base, then the tips ({', '.join(tips)})"
            add(words, read_as[_gather([*inner, *(finger + "4" for finger in tips)])])
    return tuple(found.values())


def joint_distances(joints: FloatArray) -> FloatArray:
    """Returns (21, 21) the median distances between joints over hands (N, 21, 3); NaN where never known."""
    table = np.full((21, 21), np.nan)
    for i, j in itertools.combinations(range(21), 2):
        apart = np.linalg.norm(joints[:, i] - joints[:, j], axis=1)
        if np.isfinite(apart).any():
            table[i, j] = table[j, i] = np.nanmedian(apart)
    return table


def bone_cost(distances: FloatArray, gather: IndexArray) -> float:
    """Returns how far the bones are from a hand's: the mean |log(length / a hand's)|, its size taken out.

    Lengths are medians over hands, so that no pose and little noise enter. The right order of a real hand
    costs below 0.1; NaN where no bone is known.

    Args:
        distances: of :func:`joint_distances`, in any unit.
        gather: (21,) where OPENPOSE21's joints lie in them.
    """
    lengths = distances[gather[PAIRS[:, 0]], gather[PAIRS[:, 1]]]
    known = np.isfinite(lengths)
    if not known.any():
        return float("nan")
    error = np.log(np.maximum(lengths[known], 1e-9)) - np.log(np.array(HAND_LENGTHS)[known])
    return float(np.abs(error - np.median(error)).mean())


def _gather(names: list[str]) -> IndexArray:
    return np.array([names.index(name) for name in OPENPOSE21.names], dtype=np.int64)
