"""MANO parameters against the joints: residuals, and the ways in which parameters are misread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.datasets import Finding
from handbench.hands.library import load_hand_model
from handbench.hands.model import OPENPOSE21_FROM_MANO, HandModel, forward
from handbench.skeleton import OPENPOSE21, TIP_SETS, tip_vertices
from handbench.trust.rows import HandRows
from handbench.types import Side

OUTLIER = 0.025
"""A hand whose mean residual [m] is larger has parameters of another hand or frame (a fit to good joints has
about 5 mm; InterHand2.6M issue 104 reports frames with 41 mm)."""

NAMED, BETTER = 0.0015, 0.6
"""A misreading is named where the median residual [m] is above the first, and the misreading's below the
second as a share of it."""

_INNER = np.array([i for i, name in enumerate(OPENPOSE21.names) if name[-1] != "4"])
_TIPS = np.array([i for i, name in enumerate(OPENPOSE21.names) if name[-1] == "4"])
_FLIP = np.array([1.0, -1.0, -1.0])


@dataclass(frozen=True)
class Params:
    """Parameters of N hands of one side, with what may have been done to them.

    Attributes:
        pose: (N, 48) [rad].
        betas: (N, 10).
        transl: (N, 3) [m].
        R: (N, 3, 3) world to camera.
    """

    pose: FloatArray
    betas: FloatArray
    transl: FloatArray
    R: FloatArray


_Joints = Callable[[HandModel, HandModel, Params], FloatArray]


@dataclass(frozen=True)
class Misreading:
    """One way to misread parameters.

    Attributes:
        words: how it is told.
        remedy: what to do.
        joints: gives the (N, 16, 3) joints MANO16 if it is so, from the model, the other side's, parameters.
    """

    words: str
    remedy: str
    joints: _Joints


def _posed(
    model: HandModel, params: Params, pose: FloatArray | None = None, shift: FloatArray | None = None
) -> FloatArray:
    transl = params.transl if shift is None else params.transl + shift
    return forward(model, params.pose if pose is None else pose, params.betas, transl).joints16


def _with_mean(model: HandModel, params: Params, sign: float) -> FloatArray:
    pose = params.pose.copy()
    pose[:, 3:] += sign * model.hands_mean
    return _posed(model, params, pose)


def _rest_wrist(model: HandModel, params: Params) -> FloatArray:
    """Returns (N, 3) J0(betas) [m]."""
    return np.asarray(model.rest_joints[0] + params.betas @ model.joint_shapedirs[0].T)


def _turned(model: HandModel, params: Params) -> FloatArray:
    wrist = _rest_wrist(model, params)
    return _posed(model, params, shift=np.einsum("nij,nj->ni", params.R, wrist) - wrist)


def _other_shapes(model: HandModel, params: Params) -> FloatArray:
    return _posed(model.with_left_shapedirs("keep" if model.left_shapedirs == "fixed" else "fix"), params)


MISREADINGS: tuple[Misreading, ...] = (
    Misreading(
        "the pose lacks the mean pose (written for flat_hand_mean=False)",
        "add hands_mean to pose[3:]",
        lambda model, other, params: _with_mean(model, params, 1.0),
    ),
    Misreading(
        "the mean pose was added although it was there (written for flat_hand_mean=True)",
        "do not add hands_mean",
        lambda model, other, params: _with_mean(model, params, -1.0),
    ),
    Misreading(
        "they are the other hand's",
        "exchange left and right",
        lambda model, other, params: _posed(other, params),
    ),
    Misreading(
        "the translation is in millimetres",
        "divide transl by 1000",
        lambda model, other, params: _posed(model, params, shift=-0.999 * params.transl),
    ),
    Misreading(
        "they are in an OpenGL camera frame, the joints are not",
        "root' = F root, transl' = F (J0 + transl) - J0 with F = diag(1, -1, -1)",
        lambda model, other, params: _posed(model, params) * _FLIP,
    ),
    Misreading(
        "the translation was flipped from OpenGL without the J0 term",
        "transl' = F (J0 + transl) - J0 with F = diag(1, -1, -1)",
        lambda model, other, params: _posed(model, params, shift=_rest_wrist(model, params) * (_FLIP - 1.0)),
    ),
    Misreading(
        "the translation was turned from world to camera without the J0 term",
        "transl' = R (J0 + transl) + t - J0",
        lambda model, other, params: _turned(model, params),
    ),
    Misreading(
        "the translation is the wrist's (a layer that centres the hand on its wrist)",
        "subtract the rest wrist J0(betas)",
        lambda model, other, params: _posed(model, params, shift=-_rest_wrist(model, params)),
    ),
    Misreading(
        "the left hand's shape directions are the other kind (smplx issue 48)",
        "load MANO with left_shapedirs=fix or =keep, as the fits were made",
        lambda model, other, params: _other_shapes(model, params),
    ),
)


def check_mano(rows: HandRows, spec: str | None) -> tuple[list[Finding], int]:
    """Compares the joints of the parameters with the annotated ones.

    Args:
        rows: hands, in the camera frame.
        spec: the hand model, or None: the procedural one, and a misfit is no fault then.

    Returns:
        The findings, and how many hands were looked at.
    """
    findings: list[Finding] = []
    looked = 0
    params = np.concatenate([rows.pose, rows.betas, rows.transl], axis=1)
    whole = np.isfinite(params).all(axis=1) & (rows.known[:, _INNER].sum(axis=1) >= 8)
    for side in Side:
        some = rows.take(whole & (rows.right == (side is Side.RIGHT)))
        if len(some):
            looked += len(some)
            findings.extend(_check_side(some, side, spec))
    return findings, looked


def _check_side(rows: HandRows, side: Side, spec: str | None) -> Iterator[Finding]:
    model, other = (load_hand_model(spec or "procedural", s) for s in (side, side.other))
    params = Params(rows.pose, rows.betas, rows.transl, rows.R)
    away = _residual(rows, _posed(model, params))
    median = float(np.median(away))
    if median > NAMED:
        tried = [np.asarray(_residual(rows, way.joints(model, other, params))) for way in MISREADINGS]
        medians = [float(np.median(each)) for each in tried]
        best = int(np.argmin(medians))
        if medians[best] < BETTER * median and medians[best] < 0.5 * OUTLIER:
            way = MISREADINGS[best]
            words = (
                f"MANO parameters of {len(rows)} {side.value} hands lie {_mm(median)} mm from the joints "
                f"(median), {_mm(medians[best])} mm when {way.words}"
            )
            yield Finding("fault", rows.keys[0], words, way.remedy)
            return
    if spec is None and median > 0.5 * OUTLIER:
        words = (
            f"MANO parameters of {len(rows)} {side.value} hands lie {_mm(median)} mm (median) from the "
            "joints with the procedural hand: they are of another model"
        )
        yield Finding("note", rows.keys[0], words, "compare with theirs: --hand-model mano:DIR")
        return
    words = (
        f"{len(rows)} {side.value} hands, {model.name} model: residual median {_mm(median)} mm, "
        f"95 % {_mm(np.percentile(away, 95))}, most {_mm(away.max())}"
    )
    yield Finding("note", rows.keys[int(np.argmax(away))], words)
    yield from _outliers(rows, away)
    yield from _tips(rows, model, params)


def _outliers(rows: HandRows, away: FloatArray) -> Iterator[Finding]:
    for row in np.argsort(-away):
        if away[row] <= OUTLIER:
            return
        words = f"MANO parameters lie {_mm(away[row])} mm from the joints"
        yield Finding("fault", rows.keys[row], words, "leave this frame out")


def _tips(rows: HandRows, model: HandModel, params: Params) -> Iterator[Finding]:
    """Tells which fingertip set the joints were made with."""
    tips = rows.joints[:, _TIPS]
    known = np.isfinite(tips).all(axis=2)
    if known.sum() < 10:
        return
    vertices = forward(model, params.pose, params.betas, params.transl).vertices
    means = {
        name: float(
            np.mean(np.linalg.norm(vertices[:, tip_vertices(name, model.side)] - tips, axis=2)[known])
        )
        for name in TIP_SETS
    }
    order = sorted(means, key=means.__getitem__)
    told = ", ".join(f"{name} {_mm(means[name])} mm" for name in order)
    # Two sets may be the same on one side.
    best = " and ".join(repr(name) for name in order if means[name] < means[order[0]] + 1e-6)
    yield Finding("note", rows.keys[0], f"{model.side.value} fingertips fit the set {best} best: {told}")


def _residual(rows: HandRows, joints16: FloatArray) -> FloatArray:
    """Returns (N,) mean distance [m] of the joints that are not tips."""
    inner = OPENPOSE21_FROM_MANO[_INNER]
    away = np.linalg.norm(joints16[:, inner] - rows.joints[:, _INNER], axis=2)
    known: BoolArray = np.isfinite(away)
    return np.asarray(np.where(known, away, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1))


def _mm(metres: float) -> str:
    return f"{1000 * metres:.2f}" if metres < 0.01 else f"{1000 * metres:.1f}"
