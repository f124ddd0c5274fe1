"""The hands of many samples as arrays, so that every check looks at all of them at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, IndexArray
from handbench.types import HandAnnotation, Sample, Side

_SHAPES = {
    "joints": ((21, 3), "joints"),
    "joints_valid": ((21,), "joints"),
    "joints_2d": ((21, 2), "joints"),
    "visibility": ((21,), "joints"),
    "box": ((4,), "x, y, w, h"),
}


@dataclass(frozen=True)
class HandRows:
    """N hands, one a row.

    Attributes:
        keys: (N,) of the samples that they are in.
        sample: (N,) which of the samples that were read.
        right: (N,) bool, whether it is called a right hand.
        joints: (N, 21, 3) [m] camera frame, OPENPOSE21; NaN where not valid.
        valid: (N, 21) bool, as annotated.
        labels: (N, 21, 2) [px] labelled pixels, NaN where there are none.
        K: (N, 3, 3) intrinsics [px].
        size: (N, 2) width and height of the picture [px].
        R: (N, 3, 3) world to camera.
        t: (N, 3) [m] world to camera.
        box: (N, 4) x, y, w, h [px] of the hand, NaN where there is none.
        sample_box: (N, 4) x, y, w, h [px] about all hands of the sample, NaN where there is none.
        pose: (N, 48) MANO's axis-angle [rad], NaN where there are no parameters.
        betas: (N, 10).
        transl: (N, 3) [m].
    """

    keys: tuple[str, ...]
    sample: IndexArray
    right: BoolArray
    joints: FloatArray
    valid: BoolArray
    labels: FloatArray
    K: FloatArray
    size: FloatArray
    R: FloatArray
    t: FloatArray
    box: FloatArray
    sample_box: FloatArray
    pose: FloatArray
    betas: FloatArray
    transl: FloatArray

    def __len__(self) -> int:
        return len(self.keys)

    def replace(self, **changes: Any) -> HandRows:
        """Returns a copy with the named columns changed."""
        return dataclasses.replace(self, **changes)

    def take(self, mask: BoolArray) -> HandRows:
        """Returns the rows where the mask (N,) holds."""
        rows = np.flatnonzero(mask)
        columns = {
            field.name: getattr(self, field.name)[rows]
            for field in dataclasses.fields(self)
            if field.name != "keys"
        }
        return HandRows(keys=tuple(self.keys[i] for i in rows), **columns)

    @property
    def known(self) -> BoolArray:
        """(N, 21) bool, whether a joint's position is a number."""
        return np.asarray(np.isfinite(self.joints).all(axis=2))

    def pixels(self, joints: FloatArray | None = None) -> FloatArray:
        """Returns (N, 21, 2) [px]: the projected joints; NaN where they are unknown or behind the camera."""
        points = self.joints if joints is None else joints
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            uvw = np.einsum("nij,nkj->nki", self.K, points)
            pixels = uvw[..., :2] / uvw[..., 2:]
        return np.where(points[..., 2:] > 0, pixels, np.nan)

    @staticmethod
    def where(mask: npt.ArrayLike) -> list[int]:
        """Returns the rows where the mask (N,) holds."""
        return [int(row) for row in np.flatnonzero(mask)]

    def first(self, mask: npt.ArrayLike) -> str:
        """Returns the key of the first row where the mask holds."""
        return self.keys[int(np.flatnonzero(mask)[0])]


def wrong_shapes(sample: Sample) -> Iterator[str]:
    """Gives what of a sample has another shape than its type promises, naming field, expected and found."""
    for hand in sample.hands:
        for field, (shape, words) in _SHAPES.items():
            value = getattr(hand, field)
            if value is not None and np.shape(value) != shape:
                yield (
                    f"{hand.side.value} {field} has shape {np.shape(value)}, expected {shape}: "
                    f"{np.shape(value)[0] if np.shape(value) else 'no'} {words}"
                )
        vertices = hand.vertices
        if vertices is not None and "mesh" not in sample.meta and np.shape(vertices) != (778, 3):
            yield f"{hand.side.value} vertices has shape {np.shape(vertices)}, expected (778, 3)"


def gather_rows(samples: Sequence[Sample]) -> HandRows:
    """Puts the hands of samples into columns."""
    pairs = [(i, hand) for i, sample in enumerate(samples) for hand in sample.hands]
    cameras = [hand.camera or samples[i].camera for i, hand in pairs]
    valid = np.array([hand.joints_valid for _, hand in pairs], bool).reshape(-1, 21)
    joints = _column([hand.joints for _, hand in pairs], (21, 3))
    return HandRows(
        keys=tuple(samples[i].key for i, _ in pairs),
        sample=np.array([i for i, _ in pairs], np.int64),
        right=np.array([hand.side is Side.RIGHT for _, hand in pairs], bool),
        joints=np.where(valid[..., None], joints, np.nan),
        valid=valid,
        labels=_column([hand.joints_2d for _, hand in pairs], (21, 2)),
        K=_column([camera.K for camera in cameras], (3, 3)),
        size=_column([np.array(camera.size, float) for camera in cameras], (2,)),
        R=_column([camera.R for camera in cameras], (3, 3)),
        t=_column([camera.t for camera in cameras], (3,)),
        box=_column([hand.box for _, hand in pairs], (4,)),
        sample_box=_column([samples[i].box for i, _ in pairs], (4,)),
        pose=_params([hand for _, hand in pairs], "pose", 48),
        betas=_params([hand for _, hand in pairs], "betas", 10),
        transl=_params([hand for _, hand in pairs], "transl", 3),
    )


def _column(values: Sequence[npt.NDArray[Any] | None], shape: tuple[int, ...]) -> FloatArray:
    out = np.full((len(values), *shape), np.nan)
    for i, value in enumerate(values):
        if value is not None:
            out[i] = value
    return out


def _params(hands: Sequence[HandAnnotation], name: str, width: int) -> FloatArray:
    values = [None if hand.params is None else getattr(hand.params, name) for hand in hands]
    return _column(values, (width,))
