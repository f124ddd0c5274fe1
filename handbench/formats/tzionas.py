"""Reads the tracked hands of Tzionas et al. (IJCV 2016): joints of a sequence, in OPENPOSE21.

The skeleton has no wrist joint and no base of the thumb (its metacarpals start up to 28 mm apart), so
19 of the 21 joints are valid. Sequences 01 to 07 show two interacting hands. 30 frames a second, camera
frame (OpenCV).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.errors import HandbenchError
from handbench.formats.motion import Motion, Skeleton, read_motion, read_skeleton
from handbench.skeleton import OPENPOSE21
from handbench.types import Side

# The data count fingers from the little one; a joint is the start of a bone or the end of one.
_FINGERS = {"little": 0, "ring": 1, "middle": 2, "index": 3}
JOINT_BONES: dict[str, tuple[str, bool]] = {
    **{f"{name}{j + 1}": (f"{k}_{j}", False) for name, k in _FINGERS.items() for j in range(3)},
    **{f"{name}4": (f"{k}_2", True) for name, k in _FINGERS.items()},
    "thumb2": ("4_0", False),
    "thumb3": ("4_1", False),
    "thumb4": ("4_1", True),
}
"""Joint -> (bone without its ``RFing.`` or ``LFing.``, whether it is the bone's end)."""


@dataclass(frozen=True)
class JointTrack:
    """Joints of one hand over a sequence.

    Attributes:
        sequence: the folder's name, e.g. ``01``.
        side: which hand.
        joints: (T, 21, 3) [m], camera frame, OPENPOSE21; NaN where not valid.
        valid: (21,) bool.
    """

    sequence: str
    side: Side
    joints: FloatArray
    valid: BoolArray


def motion_path(root: str | Path, sequence: str, side: Side) -> Path:
    """Returns the path of a hand's ``.MOTION`` file."""
    return Path(root) / sequence / f"Model_Hand_{_letter(side)}.MOTION"


def list_sequences(root: str | Path, sides: tuple[Side, ...] = (Side.RIGHT, Side.LEFT)) -> list[str]:
    """Returns the names of the sequences under ``root`` that have all of ``sides``, sorted.

    Raises:
        HandbenchError: when there is none.
    """
    root = Path(root)
    folders = sorted(p.name for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
    found = [name for name in folders if all(motion_path(root, name, side).is_file() for side in sides)]
    if not found:
        raise HandbenchError(
            f"{root} holds no sequence of tracked hands (NN/Model_Hand_R.MOTION)",
            "give the folder that holds 01, 02 ... each with a .MOTION and .SKEL of both hands",
        )
    return found


def read_tzionas_joints(root: str | Path, sequence: str, side: Side) -> JointTrack:
    """Reads one hand's motion and returns its 19 joints in every frame.

    Args:
        root: the folder that holds ``01``, ``02`` ...
        sequence: the folder's name.
        side: which hand.

    Raises:
        HandbenchError: when a file is missing or damaged, naming file, bone and line.
    """
    path = motion_path(root, sequence, side)
    motion = read_motion(path)
    return JointTrack(sequence, side, *motion_joints(motion, read_skeleton(path.with_suffix(".SKEL")), side))


def motion_joints(motion: Motion, skeleton: Skeleton, side: Side) -> tuple[FloatArray, BoolArray]:
    """Turns bones into joints (T, 21, 3) [m] in OPENPOSE21 and the (21,) mask of those that exist.

    Raises:
        HandbenchError: when a bone is missing.
    """
    ends = motion.ends(skeleton.lengths)
    joints = np.full((len(motion.frames), len(OPENPOSE21), 3), np.nan)
    valid = np.zeros(len(OPENPOSE21), dtype=bool)
    for joint, (bone, at_end) in JOINT_BONES.items():
        name = f"{_letter(side)}Fing.{bone}"
        if name not in motion.bones:
            raise HandbenchError(f"{motion.path}: has no bone {name!r}", f"is it a {side.value} hand?")
        index = motion.bones.index(name)
        points = ends if at_end else motion.frames[..., 3]
        joints[:, OPENPOSE21.index(joint)] = points[:, index]
        valid[OPENPOSE21.index(joint)] = True
    return joints, valid


def _letter(side: Side) -> str:
    return "R" if side is Side.RIGHT else "L"
