"""Recognises joints in another frame: only the right one projects into the picture and its box."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.datasets import Finding
from handbench.trust.rows import HandRows

SHARE = 0.7
"""Share of a hand's joints that must lie before the camera and inside its area."""

FILE = 0.25
"""Share of hands outside their area from which the whole file is taken to be in the frame that is named."""

_Turn = Callable[[HandRows], FloatArray]
_FRAMES: tuple[tuple[str, str, _Turn], ...] = (
    (
        "in an OpenGL camera frame (y up, z backward)",
        "negate y and z; MANO's translation also needs the J0 term",
        lambda rows: rows.joints * [1.0, -1.0, -1.0],
    ),
    (
        "in world coordinates",
        "apply the camera's R and t",
        lambda rows: np.einsum("nij,nkj->nki", rows.R, rows.joints) + rows.t[:, None],
    ),
    ("with y pointing up", "negate y", lambda rows: rows.joints * [1.0, -1.0, 1.0]),
    ("with x pointing left", "negate x", lambda rows: rows.joints * [-1.0, 1.0, 1.0]),
)


def check_frame(rows: HandRows) -> tuple[list[Finding], HandRows, int]:
    """Finds joints that are not in the OpenCV camera frame, and names the frame that they are in.

    Returns:
        The findings, the rows with the joints brought into the camera frame for later checks, and how many
        hands were looked at.
    """
    findings: list[Finding] = []
    relative = (np.linalg.norm(rows.joints[:, 0], axis=1) < 1e-6) & rows.valid[:, 0]
    if relative.any():
        words = f"{_of(relative, rows)}: the wrist lies in the camera: looks relative to the wrist"
        findings.append(Finding("fault", rows.first(relative), words, "add the wrist's position"))
    lost = ~fits(rows, rows.joints) & rows.known.any(axis=1) & ~relative
    joints = rows.joints.copy()
    for frame, remedy, turn in _FRAMES:
        if not lost.any():
            break
        turned = turn(rows)
        found = lost & fits(rows, turned)
        # A frame is a property of a file: one hand among many lost ones proves nothing.
        if found.sum() > 0.5 * lost.sum():
            words = f"{_of(found, rows)} project outside their box or picture; they fit {frame}"
            findings.append(Finding("fault", rows.first(found), words, remedy))
            if lost.sum() > FILE * len(rows) and fits(rows, turned).sum() > 0.9 * len(rows):
                # Hands in the middle of the picture cannot tell: they are in the same file.
                found = np.ones(len(rows), bool)
            joints[found] = turned[found]
            lost = lost & ~found
    behind = lost & np.any(np.where(rows.known, rows.joints[..., 2], np.inf) <= 0, axis=1)
    for row in rows.where(behind):
        n = int((rows.joints[row, :, 2] <= 0).sum())
        words = f"{n} joints lie behind the camera, z down to {np.nanmin(rows.joints[row, :, 2]):.3g} m"
        findings.append(Finding("fault", rows.keys[row], words))
    return findings, rows.replace(joints=joints), int(rows.known.any(axis=1).sum())


def fits(rows: HandRows, joints: FloatArray) -> BoolArray:
    """Tells (N,) whether most of a hand's joints (N, 21, 3) lie before the camera and project into its area.

    The area is the hand's box with a margin of a quarter, else the sample's, else the picture with a margin
    of its own size: a hand may be out of sight.
    """
    pixels = rows.pixels(joints)
    low, high = _area(rows)
    inside = np.all((pixels >= low[:, None]) & (pixels <= high[:, None]), axis=2)
    known = np.isfinite(joints).all(axis=2)
    return np.asarray(inside.sum(axis=1) >= SHARE * np.maximum(known.sum(axis=1), 1))


def _area(rows: HandRows) -> tuple[FloatArray, FloatArray]:
    low, high = -rows.size, 2 * rows.size
    for box in (rows.sample_box, rows.box):
        sound = np.isfinite(box).all(axis=1) & np.all(box[:, 2:] > 0, axis=1)
        margin = 0.25 * box[:, 2:]
        # What lies outside the picture may be cut off the box: there the picture's edge is no border.
        edge_low = np.asarray(box[:, :2] <= 1)
        edge_high = np.asarray(box[:, :2] + box[:, 2:] >= rows.size - 2)
        low = np.where(sound[:, None] & ~edge_low, box[:, :2] - margin, low)
        high = np.where(sound[:, None] & ~edge_high, box[:, :2] + box[:, 2:] + margin, high)
    return low, high


def off_picture(rows: HandRows) -> list[Finding]:
    """Gives hands that no camera would show: all joints project far outside the picture."""
    pixels = rows.pixels()
    centre = 0.5 * (rows.size[:, None] - 1)
    away = np.asarray(np.abs(pixels - centre) / rows.size[:, None]).max(axis=2)
    known = np.isfinite(away)
    far = known.any(axis=1) & np.all(np.where(known, away, np.inf) > 1.5, axis=1)
    findings = []
    for row in rows.where(far):
        u, v = np.nanmedian(pixels[row], axis=0)
        words = f"the joints project to about ({u:.0f}, {v:.0f}) px, the picture is {_size(rows, row)}"
        findings.append(Finding("fault", rows.keys[row], words, "another camera, or another picture's K?"))
    return findings


def _size(rows: HandRows, row: int) -> str:
    return f"{rows.size[row, 0]:.0f} x {rows.size[row, 1]:.0f}"


def _of(mask: BoolArray, rows: HandRows) -> str:
    return f"{int(mask.sum())} of {len(rows)} hands"
