"""What a model says of hands: of one sample (Prediction), and of a whole split as columns (Predictions)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, ImageArray, IndexArray
from handbench.types import Side

Floats = npt.NDArray[np.floating[Any]]
Space = Literal["camera", "root_relative", "scale_free"]

SPACES: tuple[Space, ...] = ("camera", "root_relative", "scale_free")
"""``camera``: metres in the sample's camera frame. ``root_relative``: metres, the wrist at 0; the protocol
places the root. ``scale_free``: the wrist at 0, no unit; the protocol's ``scale`` says what gives it one."""

PRED_JSON = "pred.json"
"""``Predictions.form`` of HO-3D's submissions: OpenGL, HO3D21 and camera space, turned as they are read."""


@dataclass(frozen=True, slots=True)
class HandPrediction:
    """What a model says of one hand of one sample; None where it says nothing.

    Attributes:
        side: which hand, as it is in the original picture.
        joints: (21, 3) [m] in the model's ``space``, OPENPOSE21.
        vertices: (V, 3) [m], the same space.
        joints_2d: (21, 2) [px] of the original picture.
        score: (21,) confidence of each joint.
        box: (4,) x, y, w, h [px] of the original picture.
        pose: (48,) axis-angle [rad], root first, flat_hand_mean=True.
        betas: (10,).
        transl: (3,) [m].
        amodal_mask: (h, w) bool, in the frame of the sample's crop.
        visible_mask: (h, w) bool, the same.
        image: (h, w, 3) uint8 RGB, the hand alone and whole, the same.
    """

    side: Side
    joints: Floats | None = None
    vertices: Floats | None = None
    joints_2d: Floats | None = None
    score: Floats | None = None
    box: Floats | None = None
    pose: Floats | None = None
    betas: Floats | None = None
    transl: Floats | None = None
    amodal_mask: BoolArray | None = None
    visible_mask: BoolArray | None = None
    image: ImageArray | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of one sample. Items of one key (one a hand) are put together.

    Attributes:
        key: of the sample.
        hands: zero to two hands.
        relative_root: (3,) [m] left wrist minus right wrist.
        root_depth: (2,) [m] wrist depths that the model used: right, left.
        handedness: (2,) probabilities: right, left.
        crop: (2, 3) pixel of the original picture to pixel of masks and images.
    """

    key: str
    hands: tuple[HandPrediction, ...] = ()
    relative_root: Floats | None = None
    root_depth: Floats | None = None
    handedness: Floats | None = None
    crop: Floats | None = None


@dataclass(frozen=True, slots=True)
class HandPredictions:
    """One side of N samples; rows of a hand that was not predicted are NaN; a column nobody gave is None.

    Attributes:
        joints: (N, 21, 3) [m], OPENPOSE21.
        vertices: (N, V, 3) [m].
        joints_2d: (N, 21, 2) [px] of the original picture.
        score: (N, 21).
        box: (N, 4) x, y, w, h [px].
        pose: (N, 48).
        betas: (N, 10).
        transl: (N, 3) [m].
        amodal_mask: (N, ceil(h w / 8)) uint8, packed bits (``numpy.packbits``), in the frame of ``crop``.
        visible_mask: the same.
        has_mask: (N,) bool, which rows have masks.
        image: (N, h, w, 3) uint8, in the frame of ``crop``.
        has_image: (N,) bool, which rows have one.
    """

    joints: Floats | None = None
    vertices: Floats | None = None
    joints_2d: Floats | None = None
    score: Floats | None = None
    box: Floats | None = None
    pose: Floats | None = None
    betas: Floats | None = None
    transl: Floats | None = None
    amodal_mask: npt.NDArray[np.uint8] | None = None
    visible_mask: npt.NDArray[np.uint8] | None = None
    has_mask: BoolArray | None = None
    image: ImageArray | None = None
    has_image: BoolArray | None = None


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a model says of N samples.

    Attributes:
        keys: (N,) of the samples.
        hands: sides that were predicted.
        space: what joints and vertices are in, see :data:`SPACES`.
        relative_root: (N, 3) [m] left wrist minus right wrist, or None.
        root_depth: (N, 2) [m] right, left, or None.
        K: (N, 3, 3) [px] as the model used it, or None.
        handedness: (N, 2) probabilities, right, left, or None.
        crop: (N, 2, 3) pixel of the original picture to pixel of masks and images, or None.
        mask_size: (width, height) [px] of masks and images.
        tips: fingertip set of the joints (``skeleton.TIP_SETS``), an empty text where unknown.
        hand_model: that vertices and parameters are of, an empty text where unknown.
        dataset: that was predicted, an empty text where unknown.
        dataset_fingerprint: of its annotation.
        split: of the dataset.
        box_source: ``gt``, ``detected``, ``jitter`` or an empty text.
        root_source: where absolute depth is from: ``gt``, ``rootnet``, ``predicted`` or an empty text.
        provenance: model, weights, data, config and code, as plain values.
        path: the file that they were read from, for messages.
        form: of that file, for messages: :data:`PRED_JSON`, or an empty text for ours.
    """

    keys: Sequence[str]
    hands: Mapping[Side, HandPredictions]
    space: Space = "camera"
    relative_root: Floats | None = None
    root_depth: Floats | None = None
    K: Floats | None = None
    handedness: Floats | None = None
    crop: Floats | None = None
    mask_size: tuple[int, int] = (0, 0)
    tips: str = ""
    hand_model: str = ""
    dataset: str = ""
    dataset_fingerprint: str = ""
    split: str = ""
    box_source: str = ""
    root_source: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""
    form: str = ""

    def __len__(self) -> int:
        return len(self.keys)

    def scaled(self, factor: float) -> Predictions:
        """Returns the same with all lengths multiplied: joints, vertices, translations, roots."""
        hands = {
            side: _scale(hand, factor, ("joints", "vertices", "transl")) for side, hand in self.hands.items()
        }
        scaled: Predictions = _scale(self, factor, ("relative_root", "root_depth"))
        return dataclasses.replace(scaled, hands=hands)

    def take(self, rows: IndexArray) -> Predictions:
        """Returns some rows, in the order of ``rows``."""
        hands = {side: _cut(hand, rows) for side, hand in self.hands.items()}
        cut: Predictions = _cut(self, rows)
        return dataclasses.replace(cut, keys=[self.keys[i] for i in rows.tolist()], hands=hands)


def _cut(record: Any, rows: IndexArray) -> Any:
    """Returns a dataclass whose array fields are cut to some rows."""
    values = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
    arrays = {name: value[rows] for name, value in values.items() if isinstance(value, np.ndarray)}
    return dataclasses.replace(record, **arrays)


def _scale(record: Any, factor: float, names: Sequence[str]) -> Any:
    """Returns a dataclass with some of its array fields multiplied."""
    values = {name: getattr(record, name) for name in names}
    found = {name: value * value.dtype.type(factor) for name, value in values.items() if value is not None}
    return dataclasses.replace(record, **found)


def empty_joints(n: int) -> FloatArray:
    """Returns (n, 21, 3) NaN: joints of hands that nobody predicted."""
    return np.full((n, 21, 3), np.nan)
