"""How much of a split of HO-3D is there, and whether it is of the version that was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handbench.datasets import Coverage
from handbench.errors import HandbenchError
from handbench.formats.ho3d_extra import ABOUT, read_about
from handbench.formats.ho3d_tree import OFFICIAL_COUNTS
from handbench.loaders.ho3d_index import BAD, NO_META, NO_PICTURE, OK, UNANNOTATED

if TYPE_CHECKING:
    from handbench.loaders.ho3d import Ho3d


def check_version(root: Path, version: str, split: str, n: int) -> None:
    """Refuses a list of the other version, whose keys would be wrong.

    Args:
        root: the tree's folder.
        version: that was asked for.
        split: ``train`` or ``evaluation``.
        n: lines of its list.

    Raises:
        HandbenchError: naming both versions.
    """
    about = read_about(root)
    made = version if about is None else about.get("version", version)
    if made != version:
        raise HandbenchError(f"{root}: {ABOUT} says {made}, not {version}", f"open it with version={made}")
    for (other, of_split), count in OFFICIAL_COUNTS.items():
        if (of_split, count) == (split, n) and other != version:
            raise HandbenchError(
                f"{root}/{split}.txt lists {n:,} frames: that is HO-3D {other}, not {version}",
                f"open it with version={other}",
            )


def coverage_of(dataset: Ho3d) -> Coverage:
    """Returns what of a split is there: against its own list, and the official count."""
    status, lines = dataset.columns["status"], dataset.lines
    expected = OFFICIAL_COUNTS[dataset.options.version, dataset.split]
    missing = []
    if dataset.extra is not None:
        # A synthetic tree is whole when all that its own list names is there.
        expected = len(lines)
    elif len(lines) != expected:
        missing.append(f"{dataset.split}.txt lists {len(lines):,} frames, the official one {expected:,}")
    for code, words in (
        (NO_META, "without meta/*.pkl"),
        (UNANNOTATED, "not annotated (every field None)"),
        (NO_PICTURE, "without a picture"),
        (BAD, "with an annotation that cannot be used"),
    ):
        rows = np.flatnonzero(status == code)
        if len(rows):
            missing.append(f"{words}: {len(rows):,} of the list, first {'/'.join(lines[rows[0]])}")
    pictures = bool(dataset.columns["rgb"].any())
    if len(dataset) and not pictures:
        missing.append("no picture at all: annotation alone")
    present = int((status == OK).sum()) if pictures else 0
    return Coverage(present, max(expected, len(lines)), tuple(missing))
