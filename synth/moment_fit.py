"""The hands of a recording's moments as parameters: annotated ones, or the hand model fitted to the joints.

A moment is fitted once, in the world frame, so all its cameras share the fit; a person's shape is found once
from many of his or her moments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.errors import HandbenchError
from handbench.hands.fitting import estimate_betas, fit_hands
from handbench.hands.model import HandModel, forward
from handbench.moments import SIDES, Moments
from handbench.types import Side

FEWEST_JOINTS = 10
"""A hand with fewer annotated joints is not fitted."""


@dataclass(frozen=True)
class FittedMoments:
    """Hands of M moments, world frame, right hand first; NaN where there is none.

    Attributes:
        pose: (M, 2, 48) axis-angle [rad], ``flat_hand_mean=True``.
        betas: (M, 2, 10).
        transl: (M, 2, 3) [m].
        error: (M, 2) [m] mean distance to the annotated joints.
        annotated: whether the parameters are the dataset's own.
    """

    pose: FloatArray
    betas: FloatArray
    transl: FloatArray
    error: FloatArray
    annotated: bool

    @property
    def has(self) -> BoolArray:
        """(M, 2) whether there are parameters."""
        return np.isfinite(self.pose[:, :, 0])


def hands_of_moments(
    moments: Moments, models: Mapping[Side, HandModel], wanted: BoolArray | None = None
) -> FittedMoments:
    """Returns the parameters of all hands: annotated where they are for these models, else fitted.

    Args:
        moments: of a dataset.
        models: the right and the left hand.
        wanted: (M, 2) hands to fit; all by default.
    """
    own = moments.params
    if own is not None and own.sha256 == models[SIDES[0]].sha256:
        fitted = FittedMoments(own.pose, own.betas, own.transl, np.full(own.pose.shape[:2], np.nan), True)
        return replace(fitted, error=_errors(moments, models, fitted))
    count = len(moments)
    pose, betas = np.full((count, 2, 48), np.nan), np.full((count, 2, 10), np.nan)
    transl, error = np.full((count, 2, 3), np.nan), np.full((count, 2), np.nan)
    for s, side in enumerate(SIDES):
        usable = moments.valid[:, s].sum(axis=1) >= FEWEST_JOINTS
        if wanted is not None:
            usable &= wanted[:, s]
        people = np.array(moments.person)
        for person in sorted(set(people[usable].tolist())):
            rows = np.flatnonzero(usable & (people == person))
            joints, valid = moments.joints[rows, s], moments.valid[rows, s]
            try:
                shape = estimate_betas(models[side], joints, valid, moments.tips)
                found = fit_hands(models[side], joints, valid, betas=shape, tips=moments.tips)
            except HandbenchError:
                # Joints that are no hand (e.g. all in one place): each is then counted as not fitted.
                continue
            pose[rows, s], betas[rows, s], transl[rows, s] = found.pose, found.betas, found.transl
            error[rows, s] = found.mean_errors
    return FittedMoments(pose, betas, transl, error, False)


def _errors(moments: Moments, models: Mapping[Side, HandModel], fitted: FittedMoments) -> FloatArray:
    """Returns (M, 2) mean distances [m] of annotated parameters to annotated joints."""
    error = np.full(fitted.pose.shape[:2], np.nan)
    for s, side in enumerate(SIDES):
        rows = np.flatnonzero(fitted.has[:, s] & moments.valid[:, s].any(axis=1))
        for start in range(0, len(rows), 4096):
            part = rows[start : start + 4096]
            mesh = forward(
                models[side],
                fitted.pose[part, s],
                fitted.betas[part, s],
                fitted.transl[part, s],
                moments.tips,
            )
            error[part, s] = np.nanmean(
                np.linalg.norm(mesh.joints21 - moments.joints[part, s], axis=-1), axis=1
            )
    return error
