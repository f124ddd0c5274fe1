"""Fits pose, shape and translation to 3D joints, many hands at once, inside the joints' limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from handbench.arrays import BoolArray, FloatArray
from handbench.errors import HandbenchError
from handbench.hands.anatomy import IS_KNUCKLE, anatomy
from handbench.hands.fit_algebra import bounded_step, root_pose
from handbench.hands.fit_kernel import (
    N_POINTS,
    FitArrays,
    copy_row,
    copy_rows,
    evaluate,
    fit_arrays,
    new_state,
)
from handbench.hands.fit_solver import Prior, shape_equations, solve_frame
from handbench.hands.fit_start import best_start, start_angles
from handbench.hands.model import N_BETAS, HandModel
from handbench.skeleton import HO3D21, MANO16, OPENPOSE21, bone_lengths
from handbench.types import HandParams, Side

SIGMA = 2e-3
"""How far a joint is expected to be off [m]: sets the joints' weight against the priors'."""

_FLEXION_SIGMA, _SIDEWAYS_SIGMA, _TWIST_SIGMA = np.deg2rad(60.0), np.deg2rad(20.0), np.deg2rad(8.0)
_BETA_LIMIT = 3.0
_SHAPE_FRAMES, _SHAPE_ROUNDS = 64, 12
_TO_POINTS, _FROM_POINTS = OPENPOSE21.index_to(HO3D21), HO3D21.index_to(OPENPOSE21)


@dataclass(frozen=True)
class FitResult:
    """Fitted hands and how well they fit.

    Attributes:
        side: which hand.
        pose: (N, 48) axis-angle [rad], root first, ``flat_hand_mean=True``.
        betas: (N, 10).
        transl: (N, 3) [m].
        joints: (N, 21, 3) [m] the fitted joints, OPENPOSE21.
        errors: (N, 21) [m] distance to the given joints, NaN where none was given.
    """

    side: Side
    pose: FloatArray
    betas: FloatArray
    transl: FloatArray
    joints: FloatArray
    errors: FloatArray

    def __len__(self) -> int:
        return len(self.pose)

    @property
    def mean_errors(self) -> FloatArray:
        """(N,) [m] the mean over the given joints of each hand."""
        return np.asarray(np.nanmean(self.errors, axis=1))

    def params(self, index: int) -> HandParams:
        """Returns the parameters of one hand."""
        return HandParams(self.side, self.pose[index], self.betas[index], self.transl[index])


def fit_hands(
    model: HandModel,
    joints: FloatArray,
    valid: BoolArray | None = None,
    *,
    shared_betas: bool = True,
    betas: FloatArray | None = None,
    tips: str = "smplx",
) -> FitResult:
    """Fits N hands to their joints: least squares with limits on every angle and weak priors.

    Each hand is fitted by itself, from the best of a few hand shapes; with ``shared_betas`` the shape
    is found first, from up to 64 of the hands together.

    Args:
        model: the hand model.
        joints: (N, 21, 3) [m], OPENPOSE21, any frame.
        valid: (21,) or (N, 21), the joints that count; all by default. At least three a hand.
        shared_betas: all hands are the same person's.
        betas: (10,) a known shape, kept as it is.
        tips: the fingertip set that the joints use.

    Raises:
        HandbenchError: when a joint that counts is not finite, a hand has too few joints, or the joints seem
            not to be in metres.
    """
    target, weight = _check_joints(joints, valid)
    arrays, prior = fit_arrays(model, tips), _prior(model)
    if betas is None and shared_betas:
        betas = _estimate(model, arrays, prior, target, weight)
    fits = _fit(model, arrays, prior, target, weight, betas, np.empty((0, 0)), np.empty(0))
    fingers = anatomy(model).pose_from_angles(fits.angles)
    errors = np.where(weight > 0, np.linalg.norm(fits.points - target, axis=-1), np.nan)
    return FitResult(
        side=model.side,
        pose=np.concatenate([fits.root, fingers], axis=1),
        betas=fits.betas,
        transl=fits.transl,
        joints=fits.points[:, _FROM_POINTS],
        errors=errors[:, _FROM_POINTS],
    )


def estimate_betas(
    model: HandModel, joints: FloatArray, valid: BoolArray | None = None, tips: str = "smplx"
) -> FloatArray:
    """Finds the one shape (10,) that fits all of a person's hands of one side (see :func:`fit_hands`)."""
    target, weight = _check_joints(joints, valid)
    return _estimate(model, fit_arrays(model, tips), _prior(model), target, weight)


class Fits(NamedTuple):
    """Arrays that receive the fits of N hands."""

    root: FloatArray
    transl: FloatArray
    angles: FloatArray
    betas: FloatArray
    points: FloatArray


def _estimate(
    model: HandModel, arrays: FitArrays, prior: Prior, target: FloatArray, weight: FloatArray
) -> FloatArray:
    chosen = np.unique(np.linspace(0, len(target) - 1, min(_SHAPE_FRAMES, len(target))).round().astype(int))
    target, weight = np.ascontiguousarray(target[chosen]), np.ascontiguousarray(weight[chosen])
    betas = np.zeros(N_BETAS)
    for _ in range(_SHAPE_ROUNDS):
        matrix, vector = np.zeros((N_BETAS, N_BETAS)), np.zeros(N_BETAS)
        _fit(model, arrays, prior, target, weight, betas, matrix, vector)
        step = bounded_step(matrix, vector, betas, _BETA_LIMIT)
        betas = betas + step
        if np.abs(step).max() < 1e-3:
            break
    return betas


def _check_joints(joints: FloatArray, valid: BoolArray | None) -> tuple[FloatArray, FloatArray]:
    """Returns targets (N, 21, 3) and weights (N, 21) in the order of the fit's points."""
    joints = np.asarray(joints, dtype=np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (N_POINTS, 3):
        raise HandbenchError(f"joints have shape {joints.shape}, expected (N, {N_POINTS}, 3) in OPENPOSE21")
    mask = np.ones(joints.shape[:2], bool) if valid is None else np.broadcast_to(valid, joints.shape[:2])
    bad = np.argwhere(mask & ~np.isfinite(joints).all(axis=-1))
    if len(bad):
        hand, joint = (int(i) for i in bad[0])
        raise HandbenchError(
            f"joint {OPENPOSE21.names[joint]} of hand {hand} is not finite: {joints[hand, joint]}",
            "mask it with valid=False",
        )
    few = np.flatnonzero(mask.sum(axis=1) < 3)
    if len(few):
        raise HandbenchError(
            f"hand {few[0]} has {int(mask[few[0]].sum())} valid joints, expected at least 3", "leave it out"
        )
    masked = np.where(mask[..., None], joints, np.nan)
    lengths = bone_lengths(masked)
    if np.isfinite(lengths).any() and not 0.005 < np.nanmedian(lengths) < 0.2:
        raise HandbenchError(
            f"the median bone is {np.nanmedian(lengths):.4g} long, expected 0.005 to 0.2 m",
            "joints are in metres: divide millimetres by 1000",
        )
    target = np.nan_to_num(masked)[:, _TO_POINTS]
    return np.ascontiguousarray(target), np.where(mask, SIGMA**-2, 0.0)[:, _TO_POINTS].copy()


def _prior(model: HandModel) -> Prior:
    sigma = np.empty((15, 3))
    sigma[:] = _FLEXION_SIGMA, _SIDEWAYS_SIGMA, _TWIST_SIGMA
    thumb = MANO16.index("thumb1") - 1
    sigma[thumb] = np.deg2rad([30.0, 30.0, 20.0])
    mean = np.zeros((15, 3))
    return Prior(mean, sigma**-2.0, 0.3, _BETA_LIMIT)


def _fit(
    model: HandModel, arrays: FitArrays, prior: Prior, target: FloatArray, weight: FloatArray,
    betas: FloatArray | None, matrix: FloatArray, vector: FloatArray,
) -> Fits:  # fmt: skip
    n = len(target)
    fits = Fits(*(np.empty((n, *shape)) for shape in ((3,), (3,), (15, 3), (N_BETAS,), (N_POINTS, 3))))
    shape = np.zeros(N_BETAS) if betas is None else np.array(betas, dtype=np.float64)
    starts = start_angles(anatomy(model))
    shapes = _shape_points(arrays, starts, shape)
    _fit_all(
        arrays, IS_KNUCKLE, prior, target, weight, shapes, starts, shape, betas is None, fits, matrix, vector
    )
    return fits


@njit(cache=True, nogil=True)
def _shape_points(arrays: FitArrays, angles: FloatArray, betas: FloatArray) -> FloatArray:
    out = np.empty((len(angles), N_POINTS, 3))
    state = new_state()
    copy_row(betas, state.betas)
    for k in range(len(angles)):
        copy_rows(angles[k], state.angles)
        evaluate(state, arrays)
        copy_rows(state.points, out[k])
    return out


@njit(cache=True, nogil=True)
def _fit_all(
    arrays: FitArrays, is_knuckle: BoolArray, prior: Prior, target: FloatArray, weight: FloatArray,
    shapes: FloatArray, starts: FloatArray, betas: FloatArray, with_betas: bool, fits: Fits,
    matrix: FloatArray, vector: FloatArray,
) -> None:  # fmt: skip
    """Fits every hand; sums up the equations of their betas where ``matrix`` (10, 10) is not empty."""
    state = new_state()
    for n in range(len(target)):
        k = best_start(shapes, target[n], weight[n], state.rotation, state.transl)
        # The rest wrist is not at the origin, and the root turns about it.
        for c in range(3):
            w, rest = state.rotation[c], shapes[k, 0]
            state.transl[c] += w[0] * rest[0] + w[1] * rest[1] + w[2] * rest[2] - rest[c]
        copy_rows(starts[k], state.angles)
        copy_row(betas, state.betas)
        solve_frame(state, arrays, is_knuckle, target[n], weight[n], prior, with_betas)
        if len(matrix) > 0:
            shape_equations(state, arrays, is_knuckle, target[n], weight[n], prior, matrix, vector)
        copy_row(root_pose(state.rotation), fits.root[n])
        copy_row(state.transl, fits.transl[n])
        copy_rows(state.angles, fits.angles[n])
        copy_row(state.betas, fits.betas[n])
        copy_rows(state.points, fits.points[n])
