"""The moments of a recording by several cameras: what all pictures of one instant share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray
from handbench.types import Side

SIDES = (Side.RIGHT, Side.LEFT)
"""The order of the two hands on every side axis."""


@dataclass(frozen=True, slots=True)
class HandsOfMoments:
    """Annotated hand parameters of M moments, world frame; NaN where a hand has none.

    Attributes:
        pose: (M, 2, 48) axis-angle [rad], ``flat_hand_mean=True``.
        betas: (M, 2, 10).
        transl: (M, 2, 3) [m].
        sha256: of the right hand's model that they are for.
    """

    pose: FloatArray
    betas: FloatArray
    transl: FloatArray
    sha256: str


@dataclass(frozen=True, slots=True)
class Moments:
    """M moments, and which of them each of N samples shows.

    Attributes:
        of: (N,) moment of each sample, -1 where its joints are not annotated.
        shown: (N,) int8: 0 the right hand, 1 the left, 2 both, -1 unknown, as the dataset says.
        joints: (M, 2, 21, 3) [m], world frame, OPENPOSE21, right hand first; NaN where not annotated.
        valid: (M, 2, 21) bool.
        tips: the fingertip set of the joints.
        recording: (M,) names of the takes.
        capture: (M,) names of the sessions; one person each.
        person: (M,) who it is.
        frame: (M,) number of the moment in its take.
        params: annotated parameters, or None.
    """

    of: npt.NDArray[np.int64]
    shown: npt.NDArray[np.int8]
    joints: FloatArray
    valid: BoolArray
    tips: str
    recording: Sequence[str]
    capture: Sequence[str]
    person: Sequence[str]
    frame: npt.NDArray[np.int64]
    params: HandsOfMoments | None = None

    def __len__(self) -> int:
        return len(self.frame)
