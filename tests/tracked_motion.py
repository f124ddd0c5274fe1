"""Writes tracked hands in the layout of the real files, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from handbench.arrays import FloatArray


def bone_names(letter: str) -> list[str]:
    """The forearm, then each finger from the little one to the thumb, which has one bone fewer."""
    names = [f"Lower Arm {letter}"]
    for finger in range(5):
        parts = ["Hand", "0", "1", "2"] if finger < 4 else ["Hand", "0", "1"]
        names += [f"{letter}Fing.{finger}_{part}" for part in parts]
    return names


def write_tracked(folder: Path, letter: str, poses: FloatArray, lengths: Sequence[float]) -> None:
    """Writes .MOTION and .SKEL of the hand ``letter``.

    Args:
        folder: of one sequence.
        letter: R or L.
        poses: (rows, B, 3, 4) rotation and place of each bone [mm]; the first row is the bind pose.
        lengths: of each bone [mm].
    """
    names = bone_names(letter)
    motion = []
    for bone, name in enumerate(names):
        motion.append(f"{name}\n")
        for row in poses[:, bone]:
            motion.append(" ".join(f"{x:.6g}" for x in (*row[:, :3].ravel(), *row[:, 3])) + " \n")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"Model_Hand_{letter}.MOTION").write_text("".join(motion))
    parents = [names[0] if name.endswith("Hand") else before for before, name in pairwise(names)]
    skeleton = f"{len(poses)}\r\n"
    for parent, name, length in zip(["Root_NULL_Bone_0", *parents], names, lengths, strict=True):
        skeleton += f"{parent}\r\n{name}\r\n{length:.4f}\r\n"
    (folder / f"Model_Hand_{letter}.SKEL").write_bytes(skeleton.encode())
