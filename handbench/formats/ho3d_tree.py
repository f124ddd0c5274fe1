"""Where things lie in an HO-3D tree, the lists of its splits, and the official numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from handbench.errors import HandbenchError
from handbench.formats.paths import inside

Version = Literal["v2", "v3"]
Split = Literal["train", "evaluation"]

OFFICIAL_COUNTS: dict[tuple[str, str], int] = {
    ("v2", "train"): 66_034, ("v2", "evaluation"): 11_524,
    ("v3", "train"): 83_325, ("v3", "evaluation"): 20_137,
}  # fmt: skip
"""Frames that the official lists name."""

MULTI_CAMERA = frozenset(
    ("ABF1", "BB1", "GPMF1", "GSF1", "MDF1", "SB1", "ShSu1", "SiBF1", "SMu4", "MPM1", "AP1")
)
"""Takes seen by several cameras: a sequence's name is the take's with the camera's digit behind it."""

V2_SEGMENTATION = "HO3D_v2_segmentations_rendered"
"""The folder of the archive that holds v2's segmentations."""

_LINE = re.compile(r"[\w.-]+/[0-9]{1,8}")


def folder_of(root: Path, split: str, sequence: str, kind: Literal["rgb", "depth", "meta", "seg"]) -> Path:
    """Returns the folder of one kind of file; v3's ``seg`` lies here too."""
    return root / split / sequence / kind


def rgb_path(root: Path, version: Version, split: str, sequence: str, frame: str) -> Path:
    """Returns where a picture is written: PNG in v2, JPEG in v3."""
    return folder_of(root, split, sequence, "rgb") / f"{frame}.{'png' if version == 'v2' else 'jpg'}"


def depth_path(root: Path, split: str, sequence: str, frame: str) -> Path:
    """Returns where a depth map is written (:func:`handbench.formats.ho3d.encode_depth`)."""
    return folder_of(root, split, sequence, "depth") / f"{frame}.png"


def meta_path(root: Path, split: str, sequence: str, frame: str) -> Path:
    """Returns where an annotation is written."""
    return folder_of(root, split, sequence, "meta") / f"{frame}.pkl"


def seg_folder(root: Path, version: Version, split: str, sequence: str) -> Path:
    """Returns the folder of segmentations: v2's are an archive of their own, unpacked in the root."""
    if version == "v2":
        return root / V2_SEGMENTATION / split / sequence / "seg"
    return folder_of(root, split, sequence, "seg")


def seg_path(root: Path, version: Version, split: str, sequence: str, frame: str) -> Path:
    """Returns where a segmentation is written: JPEG in v2, PNG in v3."""
    return seg_folder(root, version, split, sequence) / f"{frame}.{'jpg' if version == 'v2' else 'png'}"


def read_split(root: Path, split: str) -> list[tuple[str, str]]:
    """Returns (sequence, frame id as written) of each line of ``<split>.txt``, in its order.

    Raises:
        HandbenchError: when the list is missing or empty, a line is no ``sequence/number``, leaves the
            root, or comes twice.
    """
    path = root / f"{split}.txt"
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text"
        raise HandbenchError(f"{path}: {reason}", "it lists the frames as SEQUENCE/NUMBER") from None
    found: dict[tuple[str, str], int] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text:
            continue
        if not _LINE.fullmatch(text) or text.startswith("."):
            inside(root / split, text, f"{path}:{number}")
            raise HandbenchError(
                f"{path}:{number}: {text[:60]!r}, expected SEQUENCE/NUMBER, as ABF10/0000", ""
            )
        sequence, _, frame = text.partition("/")
        if (sequence, frame) in found:
            first = found[sequence, frame]
            raise HandbenchError(f"{path}:{number}: {text} was already in line {first}", "copy it again")
        found[sequence, frame] = number
    if not found:
        raise HandbenchError(f"{path}: lists no frame", "it lists the frames as SEQUENCE/NUMBER")
    return list(found)


def write_split(root: Path, split: str, frames: Iterable[tuple[str, str]]) -> None:
    """Writes ``<split>.txt`` from (sequence, frame id) in the order given."""
    text = "".join(f"{sequence}/{frame}\n" for sequence, frame in frames)
    (root / f"{split}.txt").write_text(text, encoding="utf-8")


def take_of(sequence: str, rigs: frozenset[str] = MULTI_CAMERA) -> tuple[str, str]:
    """Returns (take, camera) of a sequence: ``ABF13`` is camera 3 of ``ABF1``; ``SM1`` has one camera, 0.

    Args:
        sequence: its name.
        rigs: the takes with several cameras.
    """
    if sequence[:-1] in rigs and sequence[-1].isdigit():
        return sequence[:-1], sequence[-1]
    return sequence, "0"
