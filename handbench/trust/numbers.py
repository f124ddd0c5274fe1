"""Checks of single hands: numbers that are none, filler values, units, bones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.datasets import Finding
from handbench.skeleton import OPENPOSE21, bone_lengths
from handbench.trust.rows import HandRows

LEAST, MOST = 0.005, 0.2
"""Between these [m] lies the median bone of a hand (performance and reliability, B.6 case 9)."""

_RANGE = f"{LEAST} to {MOST} m"
_HAND_BONE = 0.03
_UNITS = (
    (1000.0, "millimetres", "divide by 1000"),
    (100.0, "centimetres", "divide by 100"),
    (0.001, "metres that were divided by 1000 once too often", "multiply by 1000"),
)


def not_finite(rows: HandRows, joints: FloatArray) -> Iterator[Finding]:
    """Gives hands that hold NaN or infinity where a number is promised.

    Args:
        rows: the hands.
        joints: (N, 21, 3) as read, before invalid ones became NaN.
    """
    bad_joints = rows.valid & ~np.isfinite(joints).all(axis=2)
    for row in rows.where(bad_joints.any(axis=1)):
        names = [OPENPOSE21.names[j] for j in np.flatnonzero(bad_joints[row])]
        yield Finding(
            "fault",
            rows.keys[row],
            f"{_side(rows, row)} joints {_some(names)} are valid but not finite",
            "mark them not valid",
        )
    # The columns' lengths: a picture that is turned by 90 degrees has nothing on the diagonal.
    focal = np.hypot(rows.K[:, 0, :2], rows.K[:, 1, :2])
    for row in rows.where(~np.isfinite(rows.K).all(axis=(1, 2)) | (focal == 0).any(axis=1)):
        yield Finding("fault", rows.keys[row], f"camera K is {_numbers(rows.K[row].ravel())}", "")
    small = np.isfinite(focal).all(axis=1) & (np.abs(focal) < 20).all(axis=1) & (focal != 0).all(axis=1)
    if small.any():
        yield Finding(
            "fault",
            rows.first(small),
            f"{_of(small)}: a focal length of {abs(focal[small][0, 0]):.3g} px: looks normalised by the "
            "picture's size",
            "multiply K by width and height",
        )
    some = np.isfinite(rows.pose).any(axis=1)
    whole = np.isfinite(np.concatenate([rows.pose, rows.betas, rows.transl], axis=1)).all(axis=1)
    for row in rows.where(some & ~whole):
        yield Finding("fault", rows.keys[row], f"{_side(rows, row)} MANO parameters are not finite", "")
    for name, box in (("box", rows.box), ("sample box", rows.sample_box)):
        given = np.isfinite(box).any(axis=1)
        for row in rows.where(given & ~(np.isfinite(box).all(axis=1) & (box[:, 2:] > 0).all(axis=1))):
            yield Finding("fault", rows.keys[row], f"{name} {_numbers(box[row])} has no area", "")


def fillers(rows: HandRows) -> Iterator[Finding]:
    """Gives hands with valid joints at one and the same place: filler values that were not masked."""
    joints = np.where(rows.known[..., None], rows.joints, np.nan)
    apart = np.linalg.norm(joints[:, :, None] - joints[:, None], axis=3)
    same = (apart < 1e-9) & ~np.eye(21, dtype=bool)
    crowd = same.any(axis=2).sum(axis=1)
    for row in rows.where(crowd):
        place = rows.joints[row][same[row].any(axis=1)][0]
        yield Finding(
            "fault",
            rows.keys[row],
            f"{crowd[row]} valid {_side(rows, row)} joints lie at one place, {_numbers(place)}: a filler",
            "mark them not valid",
        )


def check_units(rows: HandRows) -> tuple[list[Finding], HandRows, int]:
    """Finds hands whose bones are of no hand's length, names the unit, and repairs it for later checks.

    Returns:
        The findings, the rows with the joints of named units in metres, and how many hands were looked at.
    """
    with np.errstate(all="ignore"):
        lengths = bone_lengths(rows.joints)
        enough = np.isfinite(lengths).sum(axis=1) >= 3
        median = np.where(enough, _nanmedian(lengths), _HAND_BONE)
    bad = (median < LEAST) | (median > MOST)
    findings, joints = [], rows.joints.copy()
    for factor, unit, remedy in _UNITS:
        fits = bad & (np.abs(np.log(median / (factor * _HAND_BONE))) < np.log(3.0))
        if fits.any():
            middle = float(np.median(median[fits]))
            findings.append(
                Finding(
                    "fault",
                    rows.first(fits),
                    f"{_of(fits)}: median bone {middle:.4g} m, expected {_RANGE}: looks like {unit}",
                    remedy,
                )
            )
            joints[fits] /= factor
            bad &= ~fits
    for row in rows.where(bad):
        findings.append(
            Finding("fault", rows.keys[row], f"median bone {median[row]:.4g} m, expected {_RANGE}")
        )
    return findings, rows.replace(joints=joints), int(enough.sum())


def long_bones(rows: HandRows) -> Iterator[Finding]:
    """Gives hands with one bone longer than any hand has, where the median bone is sound."""
    lengths = bone_lengths(rows.joints)
    with np.errstate(all="ignore"):
        sound = _nanmedian(lengths) < MOST
        far = (lengths > MOST) & sound[:, None]
    for row in rows.where(far.any(axis=1)):
        parent, child = OPENPOSE21.bones[int(np.flatnonzero(far[row])[0])]
        yield Finding(
            "fault",
            rows.keys[row],
            f"{_side(rows, row)} bone {OPENPOSE21.names[parent]} to {OPENPOSE21.names[child]} is "
            f"{1000 * lengths[row][far[row]][0]:.0f} mm long, expected below {1000 * MOST:.0f}",
            "a joint is wrong: mark it not valid",
        )


def _nanmedian(values: FloatArray) -> FloatArray:
    """Returns the median of each row; NaN, without a warning, where a row has no number."""
    some = np.isfinite(values).any(axis=1)
    out = np.full(len(values), np.nan)
    if some.any():
        out[some] = np.nanmedian(values[some], axis=1)
    return out


def _side(rows: HandRows, row: int) -> str:
    return "right" if rows.right[row] else "left"


def _of(mask: BoolArray) -> str:
    return f"{int(mask.sum())} of {len(mask)} hands"


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _numbers(values: FloatArray) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"
