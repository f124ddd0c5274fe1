"""Recognises joints in another order: only the right order gives a hand's bones and knuckles."""

from __future__ import annotations

import numpy as np

from handbench.arrays import FloatArray, IndexArray
from handbench.datasets import Finding
from handbench.metrics.joint_orders import HAND_LENGTHS, PAIRS, guesses
from handbench.trust.rows import HandRows

HANDS = 200
"""Hands that are tried in every order."""

LEAST_COST, BETTER = 0.05, 0.75
"""Below this cost an order is right; above, another is named when its cost is below this share of it. Four
real InterHand2.6M frames cost 0.09; the procedural hand costs 0.03, with ring and little exchanged 0.11."""

NO_HAND = 0.35
"""Above this cost the joints are no hand's in any order."""


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
        f"({100 * costs[best]:.0f} %) when they are read as {guess.words}",
        "convert the joints to OPENPOSE21: `handbench data orders` shows both",
    )
    sorted_rows = rows.replace(
        joints=rows.joints[:, guess.gather],
        valid=rows.valid[:, guess.gather],
        labels=rows.labels[:, guess.gather],
    )
    return [finding], sorted_rows, judged


def _cost(joints: FloatArray, index: IndexArray) -> float:
    pairs = index[PAIRS]
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(joints[:, pairs[:, 0]] - joints[:, pairs[:, 1]], axis=2)
        error = np.log(np.where(lengths > 0, lengths, np.nan)) - np.log(HAND_LENGTHS)
    error -= np.nanmedian(error, axis=1, keepdims=True)
    return float(np.median(np.nanmean(np.abs(error), axis=1)))
