"""Reads tracked bone motion: ``.MOTION`` (poses of every bone) and ``.SKEL`` (bone tree and lengths).

The text formats of Tzionas et al., "Capturing Hands in Action", IJCV 2016. A bone is a rotation and the point
where it starts, both absolute in the camera's frame; it runs along its own +x axis for the length that the
``.SKEL`` file beside the motion gives. Files are in millimetres, everything returned is in metres.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError

MILLIMETRE = 1e-3
_NUMBERS = 12


@dataclass(frozen=True)
class Skeleton:
    """The bone tree of a motion.

    Attributes:
        bones: bone names in the motion's order.
        parents: (B,) index of each bone's parent, -1 for the root.
        lengths: (B,) [m].
        n_rows: rows a bone has in the motion beside it (bind pose and frames).
    """

    bones: tuple[str, ...]
    parents: tuple[int, ...]
    lengths: FloatArray
    n_rows: int


@dataclass(frozen=True)
class Motion:
    """The pose of every bone in every frame.

    Attributes:
        path: the file that was read.
        bones: (B,) bone names.
        bind: (B, 3, 4) rotation and start point [m] of the bind pose.
        frames: (T, B, 3, 4) rotation and start point [m], camera frame.
    """

    path: Path
    bones: tuple[str, ...]
    bind: FloatArray
    frames: FloatArray

    def ends(self, lengths: FloatArray) -> FloatArray:
        """Returns where each bone ends (T, B, 3) [m], for bone lengths (B,) [m]."""
        return np.asarray(self.frames[..., 3] + self.frames[..., 0] * lengths[:, None])


def read_skeleton(path: str | Path) -> Skeleton:
    """Reads a ``.SKEL`` file: a count, then triples of lines (parent, bone, length in mm).

    Raises:
        HandbenchError: when the file is missing, cut short or no such file.
    """
    path = Path(path)
    lines = [line.strip() for line in read_text(path).splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    # Objects of one bone have a blank line behind the count.
    first = 2 if len(lines) > 1 and not lines[1] else 1
    if not lines or not lines[0].isdigit() or (len(lines) - first) % 3:
        raise HandbenchError(
            f"{path}: line {len(lines)}: ends inside a bone (expected a count, then parent, bone, length)",
            "copy the file again",
        )
    bones: list[str] = []
    parents: list[int] = []
    lengths: list[float] = []
    for number in range(first, len(lines), 3):
        parent, bone, length = lines[number : number + 3]
        try:
            lengths.append(float(length) * MILLIMETRE)
        except ValueError:
            raise HandbenchError(
                f"{path}: line {number + 3}: bone {bone!r} has the length {length!r}, expected a number"
            ) from None
        parents.append(bones.index(parent) if parent in bones else -1)
        bones.append(bone)
    return Skeleton(tuple(bones), tuple(parents), np.array(lengths), int(lines[0]))


def read_motion(path: str | Path) -> Motion:
    """Reads a ``.MOTION`` file: each bone's name on a line, then its bind pose and one row a frame.

    Where a ``.SKEL`` file lies beside it, bones and number of rows are checked against it.

    Raises:
        HandbenchError: when the file is missing, cut short or damaged, naming file, bone and line.
    """
    path = Path(path)
    lines = read_text(path).splitlines()
    heads = [i for i, line in enumerate(lines) if line[:1].isalpha()]
    if not heads or heads[0] != 0:
        raise HandbenchError(f"{path}: line 1: expected the name of a bone", "is this a .MOTION file?")
    bones = tuple(lines[i].strip() for i in heads)
    blocks = [
        _read_block(path, bone, lines, start + 1, stop)
        for bone, (start, stop) in zip(bones, itertools.pairwise([*heads, len(lines)]), strict=True)
    ]
    expected, source = len(blocks[0]), f"bone {bones[0]!r} has"
    if path.with_suffix(".SKEL").is_file():
        skeleton = read_skeleton(path.with_suffix(".SKEL"))
        expected, source = skeleton.n_rows, f"{path.with_suffix('.SKEL').name} says"
        _check_bones(path, bones, skeleton.bones, [*heads, len(lines) - 1])
    for bone, block, head in zip(bones, blocks, heads, strict=True):
        if len(block) != expected or expected < 2:
            raise HandbenchError(
                f"{path}: line {head + len(block) + 1}: bone {bone!r} ends after {len(block)} rows, "
                f"{source} {expected}",
                "the file is cut short: copy it again",
            )
    poses = np.stack(blocks, axis=1)
    matrices = np.concatenate(
        [poses[..., :9].reshape(*poses.shape[:2], 3, 3), poses[..., 9:, None] * MILLIMETRE], axis=-1
    )
    return Motion(path, bones, matrices[0], matrices[1:])


def _check_bones(path: Path, bones: tuple[str, ...], expected: tuple[str, ...], heads: list[int]) -> None:
    for number, (bone, wanted) in enumerate(itertools.zip_longest(bones, expected)):
        if bone == wanted:
            continue
        line = heads[min(number, len(heads) - 1)] + 1
        found = f"found {bone!r}" if bone else f"the file ends after {len(bones)} of {len(expected)} bones"
        raise HandbenchError(
            f"{path}: line {line}: expected bone {wanted!r}, {found}",
            "the file is cut short or damaged: copy it again",
        )


def _read_block(path: Path, bone: str, lines: list[str], start: int, stop: int) -> FloatArray:
    """Parses the rows of one bone into (rows, 12), checking every rotation."""
    rows = [line.split() for line in lines[start:stop]]
    while rows and not rows[-1]:
        rows.pop()
    for number, row in enumerate(rows, start + 1):
        if len(row) != _NUMBERS:
            raise HandbenchError(
                f"{path}: line {number}: bone {bone!r} has {len(row)} numbers, expected {_NUMBERS}",
                "the file is cut short or damaged: copy it again",
            )
    try:
        block = np.array(rows, dtype=np.float64).reshape(-1, _NUMBERS)
    except ValueError as error:
        raise HandbenchError(f"{path}: lines {start + 1}-{stop}: bone {bone!r}: {error}") from None
    rotation = block[:, :9].reshape(-1, 3, 3)
    # Six digits are written, and a number cut in half is no longer part of a rotation.
    wrong = np.abs(rotation @ np.swapaxes(rotation, 1, 2) - np.eye(3)).max(axis=(1, 2))
    bad = np.flatnonzero(~(wrong < 1e-3) | ~np.isfinite(block).all(axis=1))
    if len(bad):
        raise HandbenchError(f"{path}: line {start + 1 + bad[0]}: bone {bone!r} has no valid rotation there")
    return block


def read_text(path: str | Path) -> str:
    """Reads a text file of the tracked hands.

    Raises:
        HandbenchError: when it is missing or no text.
    """
    try:
        return Path(path).read_text(encoding="ascii")
    except FileNotFoundError:
        raise HandbenchError(f"{path} does not exist", "check the folder of the tracked motion") from None
    except (OSError, UnicodeDecodeError) as error:
        raise HandbenchError(f"{path} cannot be read as text: {error}") from None
