"""One AIH record's fields as arrays of both hands; the one place that knows their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray
from handbench.errors import BadSampleError
from handbench.types import Side

SIDES = (Side.RIGHT, Side.LEFT)
KINDS = ("right", "left", "pair")
PARTS = ("render", "syn")
TIPS = "smplx"
"""The fingertip set of rendered samples."""

NOMINAL_FOCAL = 2.0
"""Focal length of a picture of which nothing is known, in picture widths."""

_SHAPES: dict[str, tuple[int, ...]] = {
    "K": (3, 3), "pose": (48,), "betas": (10,), "transl": (3,), "joints": (21, 3), "joints_2d": (21, 2),
    "joints_valid": (21,), "visibility": (21,), "box": (4,),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecordArrays:
    """What a record says of both hands: row 0 right, row 1 left; a hand that is not there is NaN.

    Attributes:
        kind: ``right``, ``left`` (centred on that hand) or ``pair``.
        target: the hand that the crop is about; right for a pair.
        size: (width, height) [px].
        present: (2,) bool.
        K: (2, 3, 3) each hand's own intrinsics [px].
        pose: (2, 48) axis-angle [rad], flat_hand_mean=True, camera frame.
        betas: (2, 10).
        transl: (2, 3) [m].
        joints: (2, 21, 3) [m], camera frame, OPENPOSE21.
        joints_2d: (2, 21, 2) [px].
        joints_valid: (2, 21) bool.
        visibility: (2, 21) share of each joint that is seen.
        box: (2, 4) x, y, w, h [px] of the whole hand.
        occlusion: (2,) 1 - visible / amodal pixels.
    """

    kind: str
    target: Side
    size: tuple[int, int]
    present: BoolArray
    K: FloatArray
    pose: FloatArray
    betas: FloatArray
    transl: FloatArray
    joints: FloatArray
    joints_2d: FloatArray
    joints_valid: BoolArray
    visibility: FloatArray
    box: FloatArray
    occlusion: FloatArray


def record_arrays(fields: Mapping[str, Any], where: str) -> RecordArrays:
    """Reads the fields of a record (schema ``aih/1``, docs/formats.md).

    Args:
        fields: ``record.fields``.
        where: the sample's key, for errors.

    Raises:
        BadSampleError: when a field is missing, has another shape, or a valid joint is not finite.
    """
    arrays: dict[str, npt.NDArray[Any]] = {
        name: np.full((2, *shape), np.nan) for name, shape in _SHAPES.items() if name != "joints_valid"
    }
    valid = np.zeros((2, 21), dtype=np.bool_)
    present = np.zeros(2, dtype=np.bool_)
    occlusion = np.full(2, np.nan)
    try:
        for row, side in enumerate(SIDES):
            hand = fields["hands"][side.value]
            if hand is None:
                continue
            for name, shape in _SHAPES.items():
                if hand[name].shape != shape:
                    found = hand[name].shape
                    raise BadSampleError(f"{where}: {side.value} {name} has shape {found}, expected {shape}")
                (valid if name == "joints_valid" else arrays[name])[row] = hand[name]
            occlusion[row] = hand["occlusion"]
            present[row] = True
        kind, target = str(fields["kind"]), Side(fields["target_side"])
        width, height = fields["size"]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadSampleError(
            f"{where}: field {error} is missing or damaged", "make the shard again"
        ) from None
    if not np.isfinite(arrays["joints"][valid]).all() or not np.isfinite(arrays["K"][present]).all():
        raise BadSampleError(f"{where}: a joint or K is not finite", "make the shard again")
    return RecordArrays(
        kind, target, (int(width), int(height)), present, joints_valid=valid, occlusion=occlusion, **arrays
    )


@dataclass(frozen=True, slots=True)
class RecordOrigin:
    """Where a record comes from.

    Attributes:
        part: ``render``, or ``syn`` where two photographs are pasted.
        recording: what it is not independent of: its scene, or the capture that its target is from.
        camera: the kind of a rendered record; the target's camera of a pasted one.
        frame: of the target's photograph; 0 of a rendered record.
        tips: the fingertip set of its joints; ``mixed`` where its two hands have different ones.
        persons: side -> who is photographed; empty for a rendered record.
        captures: side -> the session it was photographed in; the same.
    """

    part: str
    recording: str
    camera: str
    frame: int
    tips: str
    persons: Mapping[str, str]
    captures: Mapping[str, str]


def record_origin(fields: Mapping[str, Any], where: str) -> RecordOrigin:
    """Reads where a record comes from.

    Args:
        fields: ``record.fields``.
        where: the sample's key, for errors.

    Raises:
        BadSampleError: when a field is missing or makes no sense.
    """
    try:
        part = str(fields.get("part", "render"))
        if part not in PARTS:
            raise ValueError(f"part {part!r}")
        if part == "render":
            return RecordOrigin(part, f"scene {fields['scene_id']}", str(fields["kind"]), 0, TIPS, {}, {})
        target, other = fields["source"]["target"], fields["source"]["other"]
        side = Side(fields["target_side"])
        whose = {side: target} if other is None else {side: target, side.other: other}
        tips = {str(source["tips"]) for source in whose.values()}
        return RecordOrigin(
            part,
            str(target["capture"]),
            str(target["camera"]),
            int(target["frame"]),
            "mixed" if len(tips) > 1 else tips.pop(),
            {s.value: str(source["person"]) for s, source in whose.items()},
            {s.value: str(source["capture"]) for s, source in whose.items()},
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadSampleError(
            f"{where}: field {error} is missing or damaged", "make the shard again"
        ) from None


def nominal_intrinsics(size: tuple[int, int]) -> FloatArray:
    """Returns the (3, 3) intrinsics of a picture of (width, height) of whose camera nothing is known."""
    focal = NOMINAL_FOCAL * size[0]
    return np.array([[focal, 0.0, (size[0] - 1) / 2], [0.0, focal, (size[1] - 1) / 2], [0.0, 0.0, 1.0]])


def picture_intrinsics(arrays: RecordArrays) -> FloatArray:
    """Returns the target's (3, 3) intrinsics, else the other hand's, else nominal ones."""
    row = SIDES.index(arrays.target)
    for at in (row, 1 - row):
        if arrays.present[at]:
            return np.asarray(arrays.K[at])
    return nominal_intrinsics(arrays.size)
