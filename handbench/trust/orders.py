"""Recognises joints in another order: only the right order gives a hand's bones and knuckles."""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple

import numpy as np

from handbench.arrays import FloatArray, IndexArray
from handbench.datasets import Finding
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward
from handbench.skeleton import FINGERS, OPENPOSE21, ORDERS
from handbench.trust.rows import HandRows

HANDS = 200
"""Hands that are tried in every order."""

LEAST_COST, BETTER = 0.05, 0.75
"""Below this cost an order is right; above, another is named when its cost is below this share of it. Four
real InterHand2.6M frames cost 0.09; the procedural hand costs 0.03, with ring and little exchanged 0.11."""

NO_HAND = 0.35
"""Above this cost the joints are no hand's in any order."""

_NAMED = [name for name, order in ORDERS.items() if len(order) == 21]


class Guess(NamedTuple):
    """One order that the joints may really have.

    Attributes:
        words: how it is told.
        gather: (21,) where OPENPOSE21's joints lie then.
    """

    words: str
    gather: IndexArray


def check_order(rows: HandRows) -> tuple[list[Finding], HandRows, int]:
    """Finds joints in another order than OPENPOSE21 and names it.

    Every guess is judged by the lengths of 20 bones and four spans of the palm, which no pose changes much:
    the mean of |log(length / a hand's)| after the hand's size is taken out, as a median over hands.

    Returns:
        The findings, the rows with the joints brought into OPENPOSE21 for later checks, and how many hands
        have enough joints to tell.
    """
    whole = rows.known.sum(axis=1) >= 15
    judged = int(whole.sum())
    if not judged:
        return [], rows, 0
    tried = rows.joints[whole]
    tried = tried[:: max(1, len(tried) // HANDS)]
    given = _cost(tried, np.arange(21))
    if given < LEAST_COST:
        return [], rows, judged
    costs = [_cost(tried, guess.gather) for guess in guesses()]
    best = int(np.argmin(costs))
    if costs[best] > BETTER * given:
        if given < NO_HAND:
            return [], rows, judged
        finding = Finding(
            "fault",
            rows.first(whole),
            f"the bones are no hand's in any known order (mean error of their lengths {100 * given:.0f} %)",
            "compare with `handbench data orders`",
        )
        return [finding], rows, judged
    guess = guesses()[best]
    finding = Finding(
        "fault",
        rows.first(whole),
        f"the bones are no hand's in OPENPOSE21 (mean error of their lengths {100 * given:.0f} %) but are "
        f"({100 * costs[best]:.0f} %) when {guess.words}",
        "convert the joints to OPENPOSE21: `handbench data orders` shows both",
    )
    sorted_rows = rows.replace(
        joints=rows.joints[:, guess.gather],
        valid=rows.valid[:, guess.gather],
        labels=rows.labels[:, guess.gather],
    )
    return [finding], sorted_rows, judged


@functools.cache
def guesses() -> tuple[Guess, ...]:
    """Returns the orders that are tried: first those with a name, then all orders of the fingers."""
    found: dict[bytes, Guess] = {np.arange(21).tobytes(): Guess("they are OPENPOSE21", np.arange(21))}

    def add(words: str, index: IndexArray) -> None:
        found.setdefault(index.tobytes(), Guess(words, index))

    for name in _NAMED:
        words = "MANO16 and tips, HO-3D's order (HO3D21)" if name == "HO3D21" else name
        add(f"they are read as {words}", ORDERS[name].index_to(OPENPOSE21))
    for read, real in itertools.permutations(_NAMED, 2):
        undo = np.argsort(ORDERS[read].index_to(OPENPOSE21))
        add(f"the file's joints, read as {read}, are read as {real}", undo[ORDERS[real].index_to(OPENPOSE21)])
    for fingers in itertools.permutations(FINGERS):
        told = ", ".join(fingers)
        for way, numbers in (("base to tip", "1234"), ("tip to base", "4321")):
            chains = [finger + number for finger in fingers for number in numbers]
            add(f"they are read as wrist, {told}, each from {way}", _index(["wrist", *chains]))
            add(f"they are read as {told}, each from {way}, then the wrist", _index([*chains, "wrist"]))
        inner = ["wrist", *(finger + number for finger in fingers for number in "123")]
        for tips in (FINGERS, fingers):
            add(
                f"they are read as wrist, {told}, each from base, then the tips ({', '.join(tips)})",
                _index([*inner, *(finger + "4" for finger in tips)]),
            )
    return tuple(found.values())


def _index(names: list[str]) -> IndexArray:
    return np.array([names.index(name) for name in OPENPOSE21.names], dtype=np.int64)


def _pairs() -> IndexArray:
    spans = (("thumb1", "index1"), ("index1", "middle1"), ("middle1", "ring1"), ("ring1", "little1"))
    palm = [(OPENPOSE21.index(a), OPENPOSE21.index(b)) for a, b in spans]
    return np.array([*OPENPOSE21.bones, *palm], dtype=np.int64)


@functools.cache
def _expected() -> FloatArray:
    """Returns (24,) log lengths of the rest hand."""
    model = load_hand_model()
    joints = forward(model, np.zeros((1, 48)), np.zeros(10), np.zeros(3)).joints21[0]
    pairs = _pairs()
    return np.asarray(np.log(np.linalg.norm(joints[pairs[:, 0]] - joints[pairs[:, 1]], axis=1)))


def _cost(joints: FloatArray, index: IndexArray) -> float:
    pairs = index[_pairs()]
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(joints[:, pairs[:, 0]] - joints[:, pairs[:, 1]], axis=2)
        error = np.log(np.where(lengths > 0, lengths, np.nan)) - _expected()
    error -= np.nanmedian(error, axis=1, keepdims=True)
    return float(np.median(np.nanmean(np.abs(error), axis=1)))
