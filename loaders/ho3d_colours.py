"""Which colour the hand has in the segmentations of an HO-3D tree, decided from some of its frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.camera import apply_affine, resize_affine
from handbench.errors import BadSampleError
from handbench.formats.ho3d import IMAGE_SIZE
from handbench.formats.ho3d_seg import Colour, decide_hand_colour
from handbench.formats.images import ImageFile
from handbench.store.columns import Columns

_FRAMES = 24
HAND_COLOURS: tuple[Colour | None, ...] = (None, "red", "blue")
"""What ``hand_colour`` of the index means."""


def vote_colours(
    columns: Columns, paths: Sequence[Path | None]
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float64]]:
    """Looks at up to 24 frames spread over the tree.

    Args:
        columns: joints, corners and intrinsics of N samples.
        paths: of their segmentations.

    Returns:
        (1,) number in ``HAND_COLOURS`` (0: none there or undecidable), (1,) the votes' balance.
    """
    there = [i for i, path in enumerate(paths) if path is not None]
    chosen = there[:: max(1, len(there) // _FRAMES)][:_FRAMES]
    colour, balance = decide_hand_colour(_frames(columns, paths, chosen))
    return np.array([HAND_COLOURS.index(colour)], dtype=np.int8), np.array([balance])


def _frames(columns: Columns, paths: Sequence[Path | None], chosen: Sequence[int]) -> Iterator[Any]:
    for i in chosen:
        path = paths[i]
        if path is None:
            continue
        try:
            picture = ImageFile(path).read()
        except BadSampleError:
            continue
        shrink = resize_affine(picture.shape[1] / IMAGE_SIZE[0], picture.shape[0] / IMAGE_SIZE[1])
        points = (columns["joints"][i], _inside(columns["corners"][i]))
        yield picture, *(apply_affine(shrink, _project(columns["K"][i], p)) for p in points)


def _inside(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns points well inside a box: a box's corners may lie beside the object."""
    centre = corners.mean(axis=0, keepdims=True)
    return np.concatenate([centre, centre + 0.3 * (corners - centre)])


def _project(K: npt.NDArray[np.float64], points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Projects the points that are finite and in front of the camera."""
    points = points[(points[:, 2] > 0) & np.isfinite(points).all(axis=1)]
    pixels = points @ K.T
    return np.asarray(pixels[:, :2] / pixels[:, 2:])
