"""Levenberg-Marquardt over the 61 parameters of a hand, inside the joint limits, one frame at a time.

Plain compiled arithmetic (own Cholesky, no BLAS), so a frame's fit depends neither on the machine nor on the
frames beside it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from handbench.arrays import BoolArray, FloatArray, IndexArray
from handbench.hands.anatomy import FLEXED_SHARE, FULL_FLEXION
from handbench.hands.fit_algebra import cholesky, cholesky_solve
from handbench.hands.fit_kernel import (
    FIRST_ANGLE,
    FIRST_BETA,
    N_PARAMETERS,
    N_POINTS,
    FitArrays,
    State,
    copy_parameters,
    evaluate,
    new_state,
    point_jacobian,
    shape_motion,
)

_MAX_STEPS = 30
_ENOUGH = 1e-5


class Prior(NamedTuple):
    """What is likely before a joint is seen, and how far a beta may go.

    Attributes:
        mean: (15, 3) [rad].
        weight: (15, 3), 1 / variance, in units of the points' variance.
        beta_weight: 1 / variance of a beta, in the same units.
        beta_limit: the greatest absolute value of a beta.
    """

    mean: FloatArray
    weight: FloatArray
    beta_weight: float
    beta_limit: float


@njit(cache=True, nogil=True)
def cost(state: State, target: FloatArray, weight: FloatArray, prior: Prior) -> float:
    """Returns half the weighted sum of squares of an evaluated state."""
    total = 0.0
    for p in range(N_POINTS):
        if weight[p] > 0.0:
            for c in range(3):
                difference = state.points[p, c] - target[p, c]
                total += weight[p] * difference * difference
    for j in range(15):
        for k in range(3):
            difference = state.angles[j, k] - prior.mean[j, k]
            total += prior.weight[j, k] * difference * difference
    for b in range(10):
        total += prior.beta_weight * state.betas[b] * state.betas[b]
    return 0.5 * total


@njit(cache=True, nogil=True)
def normal_equations(
    state: State, arrays: FitArrays, target: FloatArray, weight: FloatArray, prior: Prior,
    with_betas: bool, hessian: FloatArray, gradient: FloatArray,
) -> None:  # fmt: skip
    """Writes the Gauss-Newton matrix (61, 61), lower half, and gradient (61,) of an evaluated state."""
    for i in range(N_PARAMETERS):
        gradient[i] = 0.0
        for k in range(N_PARAMETERS):
            hessian[i, k] = 0.0
    jacobian, columns = np.zeros((3, N_PARAMETERS)), np.empty(N_PARAMETERS, np.int64)
    by_shape = np.empty((N_POINTS, 3, 10))
    if with_betas:
        shape_motion(state, arrays, by_shape)
    for p in range(N_POINTS):
        if weight[p] <= 0.0:
            continue
        count = point_jacobian(state, p, jacobian, columns)
        if with_betas:
            for b in range(10):
                for c in range(3):
                    jacobian[c, FIRST_BETA + b] = by_shape[p, c, b]
                columns[count] = FIRST_BETA + b
                count += 1
        r0 = weight[p] * (state.points[p, 0] - target[p, 0])
        r1 = weight[p] * (state.points[p, 1] - target[p, 1])
        r2 = weight[p] * (state.points[p, 2] - target[p, 2])
        for i in range(count):
            a = columns[i]
            gradient[a] += jacobian[0, a] * r0 + jacobian[1, a] * r1 + jacobian[2, a] * r2
            w0, w1, w2 = weight[p] * jacobian[0, a], weight[p] * jacobian[1, a], weight[p] * jacobian[2, a]
            for k in range(count):
                b = columns[k]
                if b <= a:
                    hessian[a, b] += w0 * jacobian[0, b] + w1 * jacobian[1, b] + w2 * jacobian[2, b]
    for j in range(15):
        for k in range(3):
            column = FIRST_ANGLE + 3 * j + k
            hessian[column, column] += prior.weight[j, k]
            gradient[column] += prior.weight[j, k] * (state.angles[j, k] - prior.mean[j, k])
    for b in range(10):
        hessian[FIRST_BETA + b, FIRST_BETA + b] += prior.beta_weight
        gradient[FIRST_BETA + b] += prior.beta_weight * state.betas[b]


@njit(cache=True, nogil=True)
def angle_bounds(
    state: State, arrays: FitArrays, is_knuckle: BoolArray, low: FloatArray, high: FloatArray
) -> None:
    """Writes the least and greatest angle (15, 3) at the present flexion."""
    for j in range(15):
        share = 1.0
        if is_knuckle[j]:
            bent = min(max(state.angles[j, 0] / FULL_FLEXION, 0.0), 1.0)
            share = 1.0 - (1.0 - FLEXED_SHARE) * bent
        for k in range(3):
            scale = share if k == 1 else 1.0
            low[j, k], high[j, k] = scale * arrays.limits[j, k, 0], scale * arrays.limits[j, k, 1]


@njit(cache=True, nogil=True)
def free_parameters(
    state: State, prior: Prior, low: FloatArray, high: FloatArray, gradient: FloatArray,
    with_betas: bool, free: IndexArray,
) -> int:  # fmt: skip
    """Lists the parameters that may move: those at a limit and pushed beyond it stay."""
    count = 0
    for i in range(N_PARAMETERS if with_betas else FIRST_BETA):
        if i >= FIRST_BETA:
            value, least, most = state.betas[i - FIRST_BETA], -prior.beta_limit, prior.beta_limit
        elif i >= FIRST_ANGLE:
            j, k = (i - FIRST_ANGLE) // 3, (i - FIRST_ANGLE) % 3
            value, least, most = state.angles[j, k], low[j, k], high[j, k]
        else:
            value, least, most = 0.0, -1.0, 1.0
        if (value <= least and gradient[i] > 0.0) or (value >= most and gradient[i] < 0.0):
            continue
        free[count] = i
        count += 1
    return count


@njit(cache=True, nogil=True)
def _move(
    state: State, step: FloatArray, low: FloatArray, high: FloatArray, limit: float, out: State
) -> None:
    """Writes the state after a step (61,), brought back inside the limits."""
    angle = np.sqrt(step[0] * step[0] + step[1] * step[1] + step[2] * step[2])
    first = 1.0 if angle < 1e-9 else np.sin(angle) / angle
    second = 0.5 if angle < 1e-4 else (1.0 - np.cos(angle)) / (angle * angle)
    turn, cross = np.empty((3, 3)), np.zeros((3, 3))
    cross[0, 1], cross[0, 2], cross[1, 2] = -step[2], step[1], -step[0]
    cross[1, 0], cross[2, 0], cross[2, 1] = step[2], -step[1], step[0]
    for a in range(3):
        for b in range(3):
            square = cross[a, 0] * cross[0, b] + cross[a, 1] * cross[1, b] + cross[a, 2] * cross[2, b]
            turn[a, b] = (1.0 if a == b else 0.0) + first * cross[a, b] + second * square
    for a in range(3):
        for b in range(3):
            out.rotation[a, b] = (
                turn[a, 0] * state.rotation[0, b]
                + turn[a, 1] * state.rotation[1, b]
                + turn[a, 2] * state.rotation[2, b]
            )
        out.transl[a] = state.transl[a] + step[3 + a]
    for j in range(15):
        for k in range(3):
            value = state.angles[j, k] + step[FIRST_ANGLE + 3 * j + k]
            out.angles[j, k] = min(max(value, low[j, k]), high[j, k])
    for b in range(10):
        out.betas[b] = min(max(state.betas[b] + step[FIRST_BETA + b], -limit), limit)


@njit(cache=True, nogil=True)
def solve_frame(
    state: State, arrays: FitArrays, is_knuckle: BoolArray, target: FloatArray, weight: FloatArray,
    prior: Prior, with_betas: bool,
) -> float:  # fmt: skip
    """Improves one state until it changes no more; returns its cost."""
    trial = new_state()
    hessian, gradient = np.empty((N_PARAMETERS, N_PARAMETERS)), np.empty(N_PARAMETERS)
    system = np.empty((N_PARAMETERS, N_PARAMETERS))
    vector, step = np.empty(N_PARAMETERS), np.zeros(N_PARAMETERS)
    low, high, free = np.empty((15, 3)), np.empty((15, 3)), np.empty(N_PARAMETERS, np.int64)
    angle_bounds(state, arrays, is_knuckle, low, high)
    _move(state, step, low, high, prior.beta_limit, trial)
    copy_parameters(trial, state)
    evaluate(state, arrays)
    now, damping = cost(state, target, weight, prior), 1e-3
    for _ in range(_MAX_STEPS):
        angle_bounds(state, arrays, is_knuckle, low, high)
        normal_equations(state, arrays, target, weight, prior, with_betas, hessian, gradient)
        count = free_parameters(state, prior, low, high, gradient, with_betas, free)
        before = now
        for _attempt in range(8):
            for i in range(count):
                for k in range(i + 1):
                    system[i, k] = hessian[free[i], free[k]]
                system[i, i] += damping * hessian[free[i], free[i]] + 1e-9
                vector[i] = -gradient[free[i]]
            for i in range(N_PARAMETERS):
                step[i] = 0.0
            if cholesky(system, count):
                cholesky_solve(system, count, vector)
                for i in range(count):
                    step[free[i]] = vector[i]
            _move(state, step, low, high, prior.beta_limit, trial)
            evaluate(trial, arrays)
            after = cost(trial, target, weight, prior)
            if after < now:
                copy_parameters(trial, state)
                evaluate(state, arrays)
                now, damping = after, max(damping * 0.2, 1e-7)
                break
            damping *= 10.0
        if before - now <= _ENOUGH * before:
            break
    # The last step may have bent a knuckle, which narrows its sideways range.
    angle_bounds(state, arrays, is_knuckle, low, high)
    for i in range(N_PARAMETERS):
        step[i] = 0.0
    _move(state, step, low, high, prior.beta_limit, trial)
    copy_parameters(trial, state)
    evaluate(state, arrays)
    return cost(state, target, weight, prior)


@njit(cache=True, nogil=True)
def shape_equations(
    state: State, arrays: FitArrays, is_knuckle: BoolArray, target: FloatArray, weight: FloatArray,
    prior: Prior, matrix: FloatArray, vector: FloatArray,
) -> None:  # fmt: skip
    """Adds a solved frame's equations for the betas (10, 10), (10,), its pose eliminated (Schur)."""
    hessian, gradient = np.empty((N_PARAMETERS, N_PARAMETERS)), np.empty(N_PARAMETERS)
    low, high, free = np.empty((15, 3)), np.empty((15, 3)), np.empty(N_PARAMETERS, np.int64)
    normal_equations(state, arrays, target, weight, prior, True, hessian, gradient)
    angle_bounds(state, arrays, is_knuckle, low, high)
    count = free_parameters(state, prior, low, high, gradient, False, free)
    factor, column = np.empty((count, count)), np.empty(count)
    for i in range(count):
        for k in range(i + 1):
            factor[i, k] = hessian[free[i], free[k]]
        factor[i, i] += 1e-9
    if not cholesky(factor, count):
        return
    for b in range(11):
        for i in range(count):
            column[i] = hessian[FIRST_BETA + b, free[i]] if b < 10 else gradient[free[i]]
        cholesky_solve(factor, count, column)
        for a in range(10):
            reduced = 0.0
            for i in range(count):
                reduced += hessian[FIRST_BETA + a, free[i]] * column[i]
            if b == 10:
                vector[a] += gradient[FIRST_BETA + a] - reduced
            else:
                matrix[a, b] += hessian[FIRST_BETA + max(a, b), FIRST_BETA + min(a, b)] - reduced
