"""Which takes an HO-3D tree has, what they are called, and which of their frames are annotated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handbench.arrays import BoolArray
from handbench.errors import HandbenchError
from handbench.synth.video_recipe import check_strata

FIRST_TEST = 50_000
"""Number of the first evaluation take: takes of the two splits share no random stream."""

MOST_CAMERAS = 10
_LETTERS = {"plain": "PLN", "fast": "FST", "low-light": "LOW", "second-hand": "SEC", "occlusion": "OCC"}


@dataclass(frozen=True)
class PlannedTake:
    """One take of the tree.

    Attributes:
        base: its name; a camera's digit behind it gives a sequence (``PLN1`` has ``PLN10``, ``PLN11`` ...).
        index: its number, the same in trees with more takes.
        split: ``train`` or ``evaluation``.
        stratum: what is special about it.
        cameras: how many see it.
    """

    base: str
    index: int
    split: str
    stratum: str
    cameras: int

    @property
    def sequences(self) -> tuple[str, ...]:
        """Names of its sequences, one a camera."""
        return tuple(f"{self.base}{digit}" for digit in range(self.cameras))


def plan_takes(takes: int, eval_takes: int, cameras: int, strata: tuple[str, ...]) -> list[PlannedTake]:
    """Plans the takes: the strata in turn, first those of training.

    Raises:
        HandbenchError: for a number out of range or an unknown stratum.
    """
    check_strata(strata)
    for name, value in (("--takes", takes), ("--eval-takes", eval_takes)):
        if not 0 <= value < FIRST_TEST:
            raise HandbenchError(f"{name} {value}", f"give 0 to {FIRST_TEST - 1}")
    if takes + eval_takes == 0:
        raise HandbenchError("--takes 0 --eval-takes 0", "ask for at least one take")
    if not 1 <= cameras <= MOST_CAMERAS:
        raise HandbenchError(
            f"--cameras {cameras}", f"give 1 to {MOST_CAMERAS}: a sequence's name ends in its camera's digit"
        )
    planned = []
    for split, count, first in (("train", takes, 0), ("evaluation", eval_takes, FIRST_TEST)):
        for k in range(count):
            stratum = strata[k % len(strata)]
            mark = _LETTERS[stratum] + ("X" if split == "evaluation" else "")
            planned.append(PlannedTake(f"{mark}{k + 1}", first + k, split, stratum, cameras))
    return planned


@dataclass(frozen=True)
class FrameSet:
    """Which ids of a take exist, and which of them are annotated.

    Attributes:
        exists: (T,) bool.
        annotated: (T,) bool; False as well where a frame does not exist.
    """

    exists: BoolArray
    annotated: BoolArray


def draw_frames(rng: np.random.Generator, count: int, missing: float, unannotated: float) -> FrameSet:
    """Draws short runs of ids that do not exist, and runs of frames without annotation.

    Args:
        rng: the take's stream.
        count: number of frames.
        missing: share of ids that do not exist.
        unannotated: share of frames without annotation.
    """
    gone = _runs(rng, count, missing)
    bare = _runs(rng, count, unannotated)
    return FrameSet(~gone, ~(gone | bare))


def _runs(rng: np.random.Generator, count: int, share: float) -> BoolArray:
    """Marks about that share of frames, in runs of one to four."""
    marked = np.zeros(count, bool)
    wanted = int(np.floor(share * count + rng.random()))
    while marked.sum() < wanted:
        length = min(int(rng.integers(1, 5)), wanted - int(marked.sum()))
        first = int(rng.integers(0, max(count - length, 1)))
        marked[first : first + length] = True
    return marked
