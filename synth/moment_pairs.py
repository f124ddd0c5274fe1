"""The moments of a recording that show two hands, as frames of motion: fitted, taken apart, chosen.

Joints tell nothing about how thick a hand is. Where the fitted hands stay deeper in each other than allowed,
they are made leaner, which keeps the joints; what is still too deep is left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from handbench.arrays import FloatArray
from handbench.hands.contact import min_distance
from handbench.hands.model import N_BETAS, HandMesh, HandModel
from handbench.hands.rotations import dot
from handbench.moments import SIDES, HandsOfMoments, Moments
from handbench.progress import Progress
from handbench.skeleton import OPENPOSE21, tip_vertices
from handbench.synth.arms import choose_arms
from handbench.synth.frames import hand_frame
from handbench.synth.moment_fit import FEWEST_JOINTS, hands_of_moments
from handbench.synth.motion_fit import MAX_PENETRATION, MAX_SHIFT, settle
from handbench.synth.recorded_motion import FittedMotion
from handbench.synth.recorded_pairs import reshaped, shifted
from handbench.types import HandParams, Side

WORST_FIT = 0.008
"""A moment is left out where the mean distance of a hand's joints to the annotated ones is larger [m]."""

LEANER = (0.0, 0.0005, 0.001)
"""How much flesh is taken off both hands, in the order in which it is tried: mean depth over the skin [m]."""

WELL_APART = 0.002
"""Hands that lie no deeper in each other are left as they are: a drawn person may be stouter [m]."""

JOINT_CARE = 0.0005
"""By how much joints may move against a unit of shape when flesh is taken off [m]."""

_BASES = [OPENPOSE21.index(f"{finger}1") for finger in ("index", "middle", "ring", "little")]
# Flexion and sideways bending of the two wrists, in the units of `choose_arms`, least first.
_BENDS = sorted(
    itertools.product((0, 0.8, -0.8, 1.6, -1.6, 2.4, -2.4), (0, 1, -1, 2, -2)),
    key=lambda bend: abs(bend[0]) + 0.5 * abs(bend[1]),
)
_RINGS = (1, 7, 17, len(_BENDS))


@dataclass(frozen=True)
class PartedHands:
    """Two hands of one moment that overlap little.

    Attributes:
        params: of each side.
        meshes: of each side.
        depth: of the deepest vertex of one hand in the other [m].
    """

    params: Mapping[Side, HandParams]
    meshes: Mapping[Side, HandMesh]
    depth: float

    def gap(self, models: Mapping[Side, HandModel]) -> float:
        """Returns the least distance of the two surfaces [m], 0 where they pass through each other."""
        if self.depth > 0.0:
            return 0.0
        faces = {side: models[side].closed_faces for side in Side}
        a, b = self.meshes[Side.RIGHT].vertices, self.meshes[Side.LEFT].vertices
        return min_distance(a, faces[Side.RIGHT], b, faces[Side.LEFT])


def two_hand_moments(moments: Moments) -> Moments:
    """Returns the moments that samples show and that have, or are said to have, both hands.

    Their ``of`` and ``shown`` are empty: samples are no longer asked for.
    """
    counts = moments.valid.sum(axis=2)
    both = (counts[:, 0] > 0) & (counts[:, 1] > 0)
    both[moments.of[(moments.of >= 0) & (moments.shown == 2)]] = True
    seen = np.zeros(len(moments), dtype=np.bool_)
    seen[moments.of[moments.of >= 0]] = True
    rows = np.flatnonzero(both & seen)
    params = moments.params
    if params is not None:
        params = HandsOfMoments(params.pose[rows], params.betas[rows], params.transl[rows], params.sha256)
    valid = moments.valid[rows] & np.isfinite(moments.joints[rows]).all(axis=-1)
    return Moments(
        of=np.empty(0, dtype=np.int64),
        shown=np.empty(0, dtype=np.int8),
        joints=np.where(valid[..., None], moments.joints[rows], np.nan),
        valid=valid,
        tips=moments.tips,
        recording=[moments.recording[i] for i in rows.tolist()],
        capture=[moments.capture[i] for i in rows.tolist()],
        person=[moments.person[i] for i in rows.tolist()],
        frame=moments.frame[rows],
        params=params,
    )


def fit_pairs(moments: Moments, models: Mapping[Side, HandModel], quiet: bool = False) -> FittedMotion:
    """Returns the usable moments as motion, and how many were left out and why.

    Args:
        moments: see :func:`two_hand_moments`.
        models: the right and the left hand model.
        quiet: print no progress.

    Returns:
        Motion of no frames where no moment is usable. Reasons: ``joints`` (a hand has fewer than 10), ``fit``
        (joints further off than 8 mm in the mean, or no hand at all), ``penetration``.
    """
    fitted = hands_of_moments(moments, {side: models[side] for side in Side})
    has = fitted.has.all(axis=1)
    few = ~has & (moments.valid.sum(axis=2) < FEWEST_JOINTS).any(axis=1)
    # Annotated parameters have no error where no joint is annotated: NaN is no reason.
    good = has & ~(fitted.error > WORST_FIT).any(axis=1)
    lean = {side: leaner(models[side]) for side in Side}
    rows, pairs, arms, gaps = [], [], [], []
    with Progress(int(good.sum()), "taking hands apart", "moments", quiet=quiet) as progress:
        for i in np.flatnonzero(good).tolist():
            hands = {
                side: HandParams(side, fitted.pose[i, s], fitted.betas[i, s], fitted.transl[i, s])
                for s, side in enumerate(SIDES)
            }
            parted = take_apart(hands, models, lean)
            if parted is not None:
                rows.append(i)
                pairs.append(parted.params)
                arms.append(clear_arms(*(parted.meshes[side].joints21 for side in SIDES)))
                gaps.append(parted.gap(models))
            progress.advance()
    dropped = {
        "joints": int(few.sum()),
        "fit": int((~few & ~good).sum()),
        "penetration": int(good.sum()) - len(rows),
    }
    return _as_motion(moments, rows, pairs, arms, gaps, dropped)


def _as_motion(
    moments: Moments,
    rows: list[int],
    pairs: list[Mapping[Side, HandParams]],
    arms: list[FloatArray],
    gaps: list[float],
    dropped: dict[str, int],
) -> FittedMotion:
    names = recordings_of(moments)
    number = {name: i for i, name in enumerate(names)}

    def columns(field: str, width: int) -> dict[Side, FloatArray]:
        values = {side: [getattr(pair[side], field) for pair in pairs] for side in Side}
        return {side: np.array(values[side], dtype=np.float64).reshape(-1, width) for side in Side}

    return FittedMotion(
        columns("pose", 48),
        columns("transl", 3),
        columns("betas", N_BETAS),
        {side: np.array([pair[s] for pair in arms]).reshape(-1, 3) for s, side in enumerate(SIDES)},
        np.array([number[moments.recording[i]] for i in rows], dtype=np.int64),
        np.array([moments.frame[i] for i in rows], dtype=np.int64),
        np.array(gaps, dtype=np.float64),
        names,
        dropped,
    )


def recordings_of(moments: Moments) -> tuple[str, ...]:
    """Returns the names of the recordings, each once, in order."""
    return tuple(dict.fromkeys(moments.recording))


def take_apart(
    hands: Mapping[Side, HandParams], models: Mapping[Side, HandModel], lean: Mapping[Side, FloatArray]
) -> PartedHands | None:
    """Moves and thins two hands until they lie little in each other; None where they stay too deep.

    Args:
        hands: the fitted hands of one moment.
        models: the right and the left hand model.
        lean: for each side, see :func:`leaner`.
    """
    right, left = models[Side.RIGHT], models[Side.LEFT]
    best: PartedHands | None = None
    for flesh in LEANER:
        (a, mesh_a), (b, mesh_b) = (
            reshaped(models[side], hands[side], flesh * lean[side]) for side in (Side.RIGHT, Side.LEFT)
        )
        shift, depth = settle(mesh_a.vertices, mesh_b.vertices, right, left, MAX_SHIFT)
        if best is None or depth < best.depth:
            a, mesh_a = shifted(a, mesh_a, shift)
            best = PartedHands({Side.RIGHT: a, Side.LEFT: b}, {Side.RIGHT: mesh_a, Side.LEFT: mesh_b}, depth)
        if depth <= WELL_APART:
            break
    return None if best is None or best.depth > MAX_PENETRATION else best


def leaner(model: HandModel) -> FloatArray:
    """Returns the change of shape (10,) that takes a metre of flesh off the skin and keeps the joints.

    It is a direction, and the flesh a mean over the skin: tenths of a millimetre are meant to be asked for.
    """
    corners = model.v_template[model.closed_faces]
    areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(model.v_template)
    for corner in range(3):
        np.add.at(normals, model.closed_faces[:, corner], areas)
    outward = np.einsum("vc,vcb->b", normals, model.shapedirs) / np.linalg.norm(normals, axis=1).sum()
    tips = model.shapedirs[tip_vertices("smplx", model.side)]
    joints = np.concatenate([model.joint_shapedirs, tips])
    joints = (joints - joints.mean(axis=0)).reshape(-1, N_BETAS)
    moves = joints.T @ joints / (len(joints) / 3) + JOINT_CARE**2 * np.eye(N_BETAS)
    way = np.linalg.solve(moves, outward)
    # Rounded, because a solver's last bits differ between machines.
    return np.asarray(np.round(-way / (outward @ way)))


def clear_arms(right: FloatArray, left: FloatArray) -> FloatArray:
    """Chooses two forearms: straight on from the hands where they are clear of all else, else bent least.

    Args:
        right: (21, 3) joints of the right hand [m], OPENPOSE21.
        left: (21, 3) of the left hand.

    Returns:
        (2, 3) unit vectors from wrist to elbow, right hand first.
    """
    frames = [_straight_frame(joints, is_right) for joints, is_right in ((right, True), (left, False))]
    draws = np.repeat(np.array(_BENDS, dtype=np.float64)[:, None], 2, axis=1)
    arms = np.zeros((2, 3))
    for count in _RINGS:
        arms, clearance = choose_arms(right, frames[0], left, frames[1], draws[:count])
        if clearance >= 0.0:
            break
    return np.asarray(arms)


def _straight_frame(joints: FloatArray, right: bool) -> FloatArray:
    """Returns the hand's frame (3, 3) with its first column from the wrist to the middle of the knuckles."""
    f = joints[_BASES].mean(axis=0) - joints[0]
    f /= np.sqrt(dot(f, f))
    n = hand_frame(joints, right)[:, 1].copy()
    n -= dot(n, f) * f
    n /= np.sqrt(dot(n, n))
    return np.stack([f, n, np.cross(f, n) * (1.0 if right else -1.0)], axis=1)
