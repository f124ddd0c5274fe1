"""The moments of InterHand2.6M: every instant is seen by up to 140 cameras and annotated once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from handbench.formats.interhand import HAND_TYPES, SIDES, gate_by_wrist, split_sides
from handbench.formats.interhand_params import add_mean
from handbench.moments import HandsOfMoments, Moments

if TYPE_CHECKING:
    from handbench.loaders.interhand import InterHand

_SHOWN = np.array([("right", "left", "interacting").index(name) for name in HAND_TYPES], dtype=np.int8)


def moments_of(dataset: InterHand) -> Moments:
    """Returns the moments of the samples of a split, in the order in which they are first met."""
    columns, rows = dataset.columns, dataset.rows
    steps = np.asarray(columns["step"][rows], dtype=np.int64)
    known = steps >= 0
    used, first, place = np.unique(steps[known], return_index=True, return_inverse=True)
    of = np.full(len(rows), -1, dtype=np.int64)
    of[known] = place
    lead = rows[known][first]
    joints = split_sides(np.asarray(columns["step_world"][used]))
    valid = split_sides(gate_by_wrist(np.asarray(columns["step_known"][used])))
    valid &= np.isfinite(joints).all(axis=-1)
    recording, capture = columns["recording"][lead], columns["capture"][lead]
    seqs = columns["seq_names"][columns["recording_seq"][recording]]
    return Moments(
        of=of,
        shown=_SHOWN[columns["hand_type"][rows]],
        joints=np.where(valid[..., None], joints, np.nan),
        valid=valid,
        tips="interhand",
        recording=[f"{c}/{seq}" for c, seq in zip(capture.tolist(), seqs.tolist(), strict=True)],
        capture=[f"capture {c}" for c in capture.tolist()],
        person=[f"subject {s}" for s in columns["subject"][lead].tolist()],
        frame=np.asarray(columns["frame"][lead], dtype=np.int64),
        params=_params(dataset, lead),
    )


def _params(dataset: InterHand, lead: Any) -> HandsOfMoments | None:
    columns = dataset.columns
    if "mano" not in columns or not dataset.models:
        return None
    at = np.asarray(columns["mano"][lead], dtype=np.int64)
    has = (at >= 0)[:, None] & columns["mano_has"][at]
    pose = np.stack(
        [add_mean(columns["mano_pose"][at, i], dataset.models[side]) for i, side in enumerate(SIDES)], axis=1
    )
    return HandsOfMoments(
        np.where(has[..., None], pose, np.nan),
        np.where(has[..., None], columns["mano_shape"][at], np.nan),
        np.where(has[..., None], columns["mano_trans"][at], np.nan),
        dataset.models[SIDES[0]].sha256,
    )
