"""Recognises left hands that are called right: fingers bend towards the palm only."""

from __future__ import annotations

import numpy as np

from handbench.arrays import FloatArray
from handbench.datasets import Finding
from handbench.skeleton import FINGERS, OPENPOSE21
from handbench.trust.rows import HandRows

CLEAR = 0.6
"""Mean bend [rad] of the four long fingers that tells a hand's side: no hand bends that far backwards."""

_WRIST = 0
_INDEX, _LITTLE = OPENPOSE21.index("index1"), OPENPOSE21.index("little1")
_CHAINS = np.array(
    [[_WRIST, *(OPENPOSE21.index(f"{finger}{number}") for number in "1234")] for finger in FINGERS[1:]]
)


def bend(joints: FloatArray) -> FloatArray:
    """Returns (N,) mean bend [rad] of the four long fingers, as seen by a right hand.

    With the knuckles of index and little finger the wrist spans the palm's plane; its normal, wrist to index
    times wrist to little, leaves a right hand at the palm and a left hand at the back. So fingers that bend
    towards it belong to a right hand. Positive: right; negative: left; about 0: a flat hand of either side.

    Args:
        joints: (N, 21, 3) OPENPOSE21; where a joint is NaN its finger is left out.
    """
    normal = np.cross(joints[:, _INDEX] - joints[:, _WRIST], joints[:, _LITTLE] - joints[:, _WRIST])
    bones = np.diff(joints[:, _CHAINS], axis=2)
    axis = np.cross(bones[:, :, 0], normal[:, None])
    with np.errstate(all="ignore"):
        axis /= np.linalg.norm(axis, axis=2, keepdims=True)
        turn = np.cross(bones[:, :, :-1], bones[:, :, 1:])
        sine = np.einsum("nfbi,nfi->nfb", turn, axis)
        cosine = np.einsum("nfbi,nfbi->nfb", bones[:, :, :-1], bones[:, :, 1:])
        angles = np.arctan2(sine, cosine).sum(axis=2)
    some = np.isfinite(angles).any(axis=1)
    out = np.full(len(joints), np.nan)
    if some.any():
        out[some] = np.nanmean(angles[some], axis=1)
    return out


def check_sides(rows: HandRows) -> tuple[list[Finding], HandRows, int]:
    """Finds hands whose fingers bend clearly towards what would be their back.

    Returns:
        The findings, the rows with the sides exchanged for later checks where that is what it looks like, and
        how many hands have the joints that tell.
    """
    measured = bend(rows.joints)
    judged = int(np.isfinite(measured).sum())
    clear = np.abs(measured) > CLEAR
    wrong = clear & ((measured > 0) != rows.right)
    if not clear.any():
        words = "every hand is too flat to tell its side from its joints"
        return [Finding("note", rows.keys[0], words)] if judged else [], rows, judged
    if not wrong.any():
        return [], rows, judged
    all_of_them = bool(wrong.sum() > 0.5 * clear.sum())
    words = (
        f"{int(wrong.sum())} of {int(clear.sum())} hands that are clearly bent bend towards their back: "
        "left and right are exchanged, or one axis is mirrored"
    )
    finding = Finding("fault", rows.first(wrong), words, "exchange the sides, or mirror the axis back")
    return [finding], rows.replace(right=~rows.right if all_of_them else rows.right ^ wrong), judged
