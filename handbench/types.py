"""The frozen records that pass between datasets, models and metrics.

Inside handbench there is one convention: metres, radians, OpenCV camera frame (x right, y down,
z forward), RGB uint8 images, joints in ``OPENPOSE21``. Format readers and writers convert at the border.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, ImageArray, frozen_array
from handbench.camera import Camera

_T_co = TypeVar("_T_co", covariant=True)


class Side(enum.Enum):
    """Names a hand. A left hand is never silently a mirrored right hand."""

    RIGHT = "right"
    LEFT = "left"

    @property
    def other(self) -> Side:
        """The opposite hand."""
        return Side.LEFT if self is Side.RIGHT else Side.RIGHT


class Ref(Protocol[_T_co]):
    """A reference to something on disk that is decoded on demand."""

    def read(self) -> _T_co:
        """Decodes and returns the value."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class HandParams:
    """MANO parameters of one hand, always with ``flat_hand_mean=True``.

    Attributes:
        side: which hand.
        pose: (48,) axis-angle [rad], root first, then the 15 joints of ``MANO16``; the mean pose is included.
        betas: (10,) shape coefficients.
        transl: (3,) translation [m]; the root rotates about the rest wrist, which is not at the origin.
    """

    side: Side
    pose: FloatArray
    betas: FloatArray
    transl: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "pose", frozen_array(self.pose, (48,), "pose"))
        object.__setattr__(self, "betas", frozen_array(self.betas, (10,), "betas"))
        object.__setattr__(self, "transl", frozen_array(self.transl, (3,), "transl"))

    def replace(self, **changes: Any) -> HandParams:
        """Returns a copy with the named fields changed."""
        return dataclasses.replace(self, **changes)


@dataclasses.dataclass(frozen=True, slots=True)
class HandAnnotation:
    """What is known of one hand in one picture.

    Attributes:
        side: which hand.
        joints: (21, 3) [m], camera frame, OPENPOSE21; NaN where ``joints_valid`` is False.
        joints_valid: (21,) bool, whether the joint's 3D position is annotated.
        joints_2d: (21, 2) [px] where the dataset labels pixels of its own, NaN where it does not; None where
            the 3D joints' projection is all there is.
        visibility: (21,) share of each joint that is seen, 0 to 1, or None.
        vertices: (V, 3) [m], camera frame, or None; MANO's 778 unless ``Sample.meta["mesh"]`` names another.
        params: MANO parameters in the camera frame, or None.
        box: (4,) x, y, w, h [px] of the whole hand, or None.
        amodal_mask: (h, w) bool, the whole hand, or None.
        visible_mask: (h, w) bool, what is seen of it, or None.
        camera: this hand's own camera where the picture is pasted from two; else None.
        occlusion: 1 - |visible| / |amodal| inside the picture, or None.
    """

    side: Side
    joints: FloatArray
    joints_valid: BoolArray
    joints_2d: FloatArray | None = None
    visibility: FloatArray | None = None
    vertices: FloatArray | None = None
    params: HandParams | None = None
    box: FloatArray | None = None
    amodal_mask: Ref[BoolArray] | None = None
    visible_mask: Ref[BoolArray] | None = None
    camera: Camera | None = None
    occlusion: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ObjectAnnotation:
    """What is known of one object in one picture.

    Attributes:
        name: what the dataset calls it, e.g. ``019_pitcher_base``.
        R: (3, 3) rotation, rest pose to camera frame: x_cam = R x_rest + t.
        t: (3,) translation [m].
        corners: (8, 3) [m], camera frame, of its bounding box, or None.
        corners_rest: (8, 3) [m], the same in its rest pose, or None.
        vertices: (V, 3) [m], camera frame, or None.
        visible_mask: (h, w) bool, what is seen of it, or None.
    """

    name: str
    R: FloatArray
    t: FloatArray
    corners: FloatArray | None = None
    corners_rest: FloatArray | None = None
    vertices: FloatArray | None = None
    visible_mask: Ref[BoolArray] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One picture with its annotation.

    Attributes:
        key: unique name, ``dataset/split/...`` (design section 4).
        image: reference to the (h, w, 3) uint8 RGB picture.
        camera: the picture's camera.
        hands: zero to two hands.
        objects: the objects that are annotated.
        box: (4,) x, y, w, h [px] about all hands where the dataset states one, or None.
        depth: reference to (h, w) [m], 0 where unknown, or None.
        meta: ``recording`` (one take; all its cameras share the name), ``camera``, ``frame`` (int), and
            whatever else the dataset states.
    """

    key: str
    image: Ref[ImageArray]
    camera: Camera
    hands: tuple[HandAnnotation, ...] = ()
    objects: tuple[ObjectAnnotation, ...] = ()
    box: FloatArray | None = None
    depth: Ref[npt.NDArray[np.float32]] | None = None
    meta: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def hand(self, side: Side) -> HandAnnotation | None:
        """Returns the annotation of one side, or None where it is absent."""
        return next((hand for hand in self.hands if hand.side is side), None)
