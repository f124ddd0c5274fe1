"""Bone lengths, joint places and cross sections of the procedural right hand, in millimetres.

The numbers are round values in the range of published adult anthropometry (bone lengths: Buryanov and
Kotiuk 2010; hand length and breadth: Gordon et al. 2014, ANSUR II). Frame: fingers along -x, palm towards
-y, thumb towards +z; the wrist joint is at (96, 6, 6).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

FINGERS = ("index", "middle", "ring", "little", "thumb")
WRIST = np.array([96.0, 6.0, 6.0])
WRIST_END_X = 119.0


@dataclass(frozen=True)
class Section:
    """A cross section at `u` along a finger: half width, height of the back and depth of the pad [mm].

    `u` counts bones: 0 at the knuckle (MCP), 1 at PIP, 2 at DIP, 3 at the tip.
    """

    u: float
    half_width: float
    back: float
    pad: float


@dataclass(frozen=True)
class Finger:
    """One finger: the place of its base joint, the lengths and directions of its bones, its sections."""

    name: str
    base: tuple[float, float, float]
    lengths: tuple[float, float, float]
    yaw: float
    pitches: tuple[float, float, float]
    sections: tuple[Section, ...]
    web: float
    dorsal: tuple[float, float, float] = (0.0, 1.0, 0.0)
    yaws: tuple[float, float, float] = (0.0, 0.0, 0.0)


def _sections(width: float, depth: float) -> tuple[Section, ...]:
    """Return the sections of a long finger whose PIP joint is `width` broad and `depth` deep [mm]."""
    w, h = width / 2, depth
    return (
        Section(-0.10, 1.08 * w, 0.47 * h, 0.84 * h),
        Section(0.25, 1.10 * w, 0.42 * h, 0.80 * h),
        Section(0.50, 1.05 * w, 0.39 * h, 0.74 * h),
        Section(0.76, 0.985 * w, 0.38 * h, 0.65 * h),
        Section(1.00, 1.00 * w, 0.43 * h, 0.59 * h),
        Section(1.25, 0.955 * w, 0.385 * h, 0.57 * h),
        Section(1.52, 0.915 * w, 0.355 * h, 0.56 * h),
        Section(1.80, 0.865 * w, 0.33 * h, 0.505 * h),
        Section(2.00, 0.87 * w, 0.35 * h, 0.475 * h),
        Section(2.22, 0.85 * w, 0.315 * h, 0.475 * h),
        Section(2.50, 0.855 * w, 0.290 * h, 0.485 * h),
        Section(2.75, 0.820 * w, 0.275 * h, 0.440 * h),
        Section(3.00, 0.740 * w, 0.240 * h, 0.370 * h),
    )


def _thumb_sections() -> tuple[Section, ...]:
    """Return the sections of the thumb; `u` counts its bones from the CMC joint."""
    return (
        Section(0.0, 12.5, 10.0, 12.0),
        Section(0.5, 12.0, 9.5, 14.0),
        Section(0.85, 11.0, 9.6, 13.0),
        Section(1.0, 11.2, 10.0, 12.4),
        Section(1.3, 10.2, 9.0, 11.4),
        Section(1.6, 9.6, 8.4, 10.4),
        Section(1.85, 10.2, 8.6, 10.2),
        Section(2.0, 10.7, 8.6, 10.0),
        Section(2.25, 10.8, 7.4, 10.2),
        Section(2.5, 10.6, 6.4, 10.2),
        Section(2.75, 9.6, 5.8, 9.0),
        Section(3.0, 8.2, 5.0, 7.4),
    )


def _default_fingers() -> tuple[Finger, ...]:
    index = Finger(
        "index",
        (7.0, 5.0, 27.6),
        (39.5, 23.5, 22.8),
        0.09,
        (-0.05, -0.09, -0.13),
        _sections(19.6, 18.1),
        0.50,
    )
    middle = Finger(
        "middle",
        (5.0, 8.5, 6.0),
        (43.8, 27.0, 23.7),
        -0.01,
        (-0.06, -0.10, -0.14),
        _sections(19.8, 18.7),
        0.46,
    )
    ring = Finger(
        "ring",
        (11.0, 6.5, -13.2),
        (40.3, 25.5, 23.7),
        -0.11,
        (-0.06, -0.11, -0.15),
        _sections(18.6, 17.7),
        0.46,
    )
    little = Finger(
        "little",
        (20.5, 0.5, -30.3),
        (31.8, 18.8, 20.6),
        -0.27,
        (-0.05, -0.10, -0.15),
        _sections(16.6, 15.7),
        0.52,
    )
    thumb = Finger(
        "thumb",
        (76.0, -6.0, 25.0),
        (46.0, 33.0, 27.0),
        0.0,
        (-0.20, -0.11, -0.06),
        _thumb_sections(),
        0.62,
        dorsal=(0.42, 0.64, 0.64),
        yaws=(0.68, 0.60, 0.56),
    )
    return index, middle, ring, little, thumb


@dataclass(frozen=True)
class Dimensions:
    """All the numbers that make one hand: the five fingers (FINGERS order) and the palm's bumps."""

    fingers: tuple[Finger, ...] = field(default_factory=_default_fingers)
    palm_thickness: float = 1.0
    palm_width: float = 1.0
    palm_length: float = 1.0
    wrist_half: tuple[float, float] = (28.0, 19.5)
    thenar: float = 1.0
    hypothenar: float = 1.0
    knuckles: float = 1.0


def bone_directions(finger: Finger) -> Array:
    """Return the unit directions (3, 3) of a finger's bones, base to tip."""
    yaws = finger.yaws if finger.name == "thumb" else (finger.yaw,) * 3
    rows = [
        (-np.cos(p) * np.cos(y), np.sin(p), np.cos(p) * np.sin(y))
        for y, p in zip(yaws, finger.pitches, strict=True)
    ]
    return np.array(rows)


def finger_joints(finger: Finger) -> Array:
    """Return the three joints and the tip (4, 3) of a finger [mm]."""
    steps = bone_directions(finger) * np.array(finger.lengths)[:, None]
    return np.concatenate([[finger.base], np.array(finger.base) + np.cumsum(steps, 0)])


def bone_frames(finger: Finger) -> Array:
    """Return (3, 3, 3): for each bone the rows lateral (towards the thumb), dorsal, axis (to the tip)."""
    frames = []
    for axis in bone_directions(finger):
        dorsal = np.array(finger.dorsal)
        dorsal = dorsal - axis * (dorsal @ axis)
        dorsal /= np.linalg.norm(dorsal)
        frames.append(np.stack([np.cross(dorsal, axis), dorsal, axis]))
    return np.array(frames)


MANO_BONE = {"index": 1, "middle": 4, "little": 7, "ring": 10, "thumb": 13}


def mano_joints(dims: Dimensions) -> Array:
    """Return the 16 rest joints in MANO's order [mm]."""
    joints = np.zeros((16, 3))
    joints[0] = WRIST
    for finger in dims.fingers:
        start = MANO_BONE[finger.name]
        joints[start : start + 3] = finger_joints(finger)[:3]
    return joints
