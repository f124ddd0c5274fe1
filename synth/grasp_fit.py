"""The grasp fit: damped least squares over the wrist's pose and 21 joint angles, on the skin itself."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from handbench.arrays import FloatArray, IndexArray
from handbench.hands.anatomy import FLEXED_SHARE, FULL_FLEXION
from handbench.synth.grasp_hand import FREE, GraspHand
from handbench.synth.grasp_kernel import (
    SPHERE_FREE,
    SPHERE_SIGMA,
    Goal,
    measure,
    moved_root,
    pose_hand,
    residuals,
    spread,
)
from handbench.synth.grasp_solid import Field

ROOT = 6
"""The first columns turn and shift the wrist."""


@dataclass(frozen=True)
class HandState:
    """A hand in an object's rest frame.

    Attributes:
        rotation: (3, 3) of the root.
        wrist: (3,) [m].
        angles: (15, 3) [rad].
    """

    rotation: FloatArray
    wrist: FloatArray
    angles: FloatArray


@dataclass(frozen=True)
class Fitted:
    """A fitted hand and how it touches.

    Attributes:
        state: the hand.
        vertices: (778, 3) [m], object's rest frame.
        signed: (778,) signed distances to the object [m].
        cost: sum of squared residuals.
        self_cost: what of it comes from fingers inside fingers.
        overlap: how deep the object enters the spheres inside the hand at most [m]: thin things pass between
            vertices, but not between spheres.
    """

    state: HandState
    vertices: FloatArray
    signed: FloatArray
    cost: float
    self_cost: float
    overlap: float


def fit_hand(
    hand: GraspHand, field: Field, start: HandState, goal: Goal, rounds: int = 14, free_root: bool = True
) -> Fitted:
    """Fits a hand to an object.

    Args:
        hand: whose.
        field: the object.
        start: where to start.
        goal: what is wanted.
        rounds: most steps.
        free_root: whether the wrist may move.
    """
    rotation, wrist, angles = start.rotation.copy(), start.wrist.copy(), start.angles.copy()
    pivot = start.wrist + start.rotation @ (hand.palm - hand.wrist)
    vertices, signed, out = _fit(
        rotation, wrist, angles, pivot, hand.axes, hand.low, hand.high, FREE,
        tuple(hand.skinning), tuple(hand.skin), tuple(field), tuple(goal), rounds, 0 if free_root else ROOT,
    )  # fmt: skip
    at = len(out) - 6 - 15
    return Fitted(
        HandState(rotation, wrist, angles), vertices, signed, float(out @ out),
        float(np.sum(out[at : at + 15] ** 2)), _overlap(out[778 : 778 + len(hand.skin.anchors)]),
    )  # fmt: skip


def _overlap(rows: FloatArray) -> float:
    worst = float(rows.max())
    return worst * SPHERE_SIGMA + SPHERE_FREE if worst > 0.0 else 0.0


@numba.njit(cache=True, nogil=True)
def _solve(normal: FloatArray, right: FloatArray) -> FloatArray:
    """Solves a symmetric positive system by Cholesky's factors, in plain arithmetic."""
    n = len(right)
    low = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            value = normal[i, j]
            for k in range(j):
                value -= low[i, k] * low[j, k]
            low[i, j] = np.sqrt(max(value, 1e-12)) if i == j else value / low[j, j]
    out = right.copy()
    for i in range(n):
        for k in range(i):
            out[i] -= low[i, k] * out[k]
        out[i] /= low[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            out[i] -= low[k, i] * out[k]
        out[i] /= low[i, i]
    return out


@numba.njit(cache=True, nogil=True)
def _stepped(
    step: FloatArray, rotation: FloatArray, wrist: FloatArray, values: FloatArray, pivot: FloatArray,
    low: FloatArray, high: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:  # fmt: skip
    """Returns rotation, wrist and values after a step, the values inside their limits."""
    new_rotation, new_wrist = moved_root(rotation, wrist, step[:ROOT], pivot)
    new_values = values.copy()
    for n in range(len(values)):
        new_values[n] = min(max(values[n] + step[ROOT + n], low[n]), high[n])
    for f in range(4):
        # A bent knuckle moves less sideways.
        bent = min(max(new_values[4 * f] / FULL_FLEXION, 0.0), 1.0)
        share, n = 1.0 - (1.0 - FLEXED_SHARE) * bent, 4 * f + 1
        new_values[n] = min(max(new_values[n], share * low[n]), share * high[n])
    return new_rotation, new_wrist, new_values


@numba.njit(cache=True, nogil=True)
def _fit(
    rotation: FloatArray, wrist: FloatArray, angles: FloatArray, pivot: FloatArray, axes: FloatArray,
    low_table: FloatArray, high_table: FloatArray, free: IndexArray,
    skinning: tuple, skin: tuple, field: tuple, goal: tuple, rounds: int, first: int,  # type: ignore[type-arg]
) -> tuple[FloatArray, FloatArray, FloatArray]:  # fmt: skip
    """Changes rotation, wrist and angles in place; returns vertices, signed distances and residuals."""
    n_free, n_spheres = len(free), len(skin[2])
    n_out = 778 + n_spheres + len(goal[0]) + n_free + 4 + 15 + 6
    n_columns = ROOT + n_free
    values, low, high = np.empty(n_free), np.empty(n_free), np.empty(n_free)
    for n in range(n_free):
        values[n] = angles[free[n, 0], free[n, 1]]
        low[n], high[n] = low_table[free[n, 0], free[n, 1]], high_table[free[n, 0], free[n, 1]]
    vertices, trial_vertices = np.empty((778, 3)), np.empty((778, 3))
    signed, trial_signed = np.empty(778), np.empty(778)
    spheres, out, trial_out = np.empty((n_spheres, 4)), np.empty(n_out), np.empty(n_out)
    jacobian = np.zeros((n_out, n_columns))
    none = np.full((778, 3), np.inf)
    # A derivative may look beyond the limits.
    wide_low, wide_high = np.full(n_free, -9.0), np.full(n_free, 9.0)
    pose_hand(rotation, wrist, angles, axes, skinning, vertices)
    measure(vertices, field, skin, none, signed, signed, spheres)
    cost = residuals(values, rotation, wrist, vertices, signed, spheres, field, skin, goal, out)
    damping = 0.03
    for _ in range(rounds):
        for c in range(first, n_columns):
            step = np.zeros(n_columns)
            size = 1e-4 if c >= ROOT or c < 3 else 1e-5
            step[c] = size
            r, w, v = _stepped(step, rotation, wrist, values, pivot, wide_low, wide_high)
            spread(free, v, angles)
            pose_hand(r, w, angles, axes, skinning, trial_vertices)
            measure(trial_vertices, field, skin, vertices, signed, trial_signed, spheres)
            residuals(v, r, w, trial_vertices, trial_signed, spheres, field, skin, goal, trial_out)
            for i in range(n_out):
                jacobian[i, c] = (trial_out[i] - out[i]) / size
        normal, right = np.zeros((n_columns, n_columns)), np.zeros(n_columns)
        for i in range(n_out):
            for a in range(first, n_columns):
                ja = jacobian[i, a]
                if ja != 0.0:
                    right[a] -= ja * out[i]
                    for b in range(first, a + 1):
                        normal[a, b] += ja * jacobian[i, b]
        before = cost
        for _ in range(5):
            damped = normal.copy()
            for a in range(n_columns):
                scale = 1.0 if a >= ROOT or a < 3 else 1e4
                damped[a, a] += damping * (normal[a, a] + 10.0 * scale) + (1.0 if a < first else 0.0)
            step = _solve(damped, right)
            r, w, v = _stepped(step, rotation, wrist, values, pivot, low, high)
            spread(free, v, angles)
            pose_hand(r, w, angles, axes, skinning, trial_vertices)
            measure(trial_vertices, field, skin, vertices, signed, trial_signed, spheres)
            new = residuals(v, r, w, trial_vertices, trial_signed, spheres, field, skin, goal, trial_out)
            if new < cost:
                cost, damping = new, max(damping * 0.3, 1e-4)
                rotation[:], wrist[:], values[:] = r, w, v
                vertices[:], signed[:], out[:] = trial_vertices, trial_signed, trial_out
                break
            damping = min(damping * 4.0, 1e4)
        if before - cost < 1e-3 * cost:
            break
    spread(free, values, angles)
    return vertices, signed, out
