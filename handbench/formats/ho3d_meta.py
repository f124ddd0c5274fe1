"""HO-3D's annotation of one frame: ``meta/<id>.pkl``, read without running it, written in the official form.

Everything here is in HO-3D's own conventions (OpenGL camera frame, metres, HO3D21);
:mod:`handbench.formats.ho3d` converts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.ho3d_pickle import dump_protocol2
from handbench.hands.pickles import HO3D_NAMES, load_restricted

MAX_BYTES = 4_000_000
"""An honest file has 30 kB."""


@dataclass(frozen=True)
class Ho3dMeta:
    """The annotation of one frame as the pickle holds it; None where the file has no such field.

    Attributes:
        hand_joints: (21, 3) [m], or (3,): the wrist alone (evaluation).
        cam_mat: (3, 3) intrinsics [px].
        hand_pose: (48,) axis-angle, full pose.
        hand_beta: (10,).
        hand_trans: (3,) [m], added after posing.
        obj_rot: (3,) axis-angle.
        obj_trans: (3,) [m]; x = R x_rest + t.
        obj_corners: (8, 3) [m] posed corners of the object's box.
        obj_corners_rest: (8, 3) [m] the same at rest.
        obj_name: e.g. ``019_pitcher_base``.
        obj_label: its number.
        hand_box: (4,) x0, y0, x1, y1 [px] (evaluation).
        vert_contact: (778,) bool, nearer to the object's surface than 4 mm.
        vert_intersec: (778,) bool, inside the object.
        vert_dist: (778,) [m] distance to its surface.
        vert_obj_proj: (778, 3) [m] nearest points of its surface.
        cam_ids: the cameras of the rig.
    """

    hand_joints: FloatArray
    cam_mat: FloatArray
    hand_pose: FloatArray | None = None
    hand_beta: FloatArray | None = None
    hand_trans: FloatArray | None = None
    obj_rot: FloatArray | None = None
    obj_trans: FloatArray | None = None
    obj_corners: FloatArray | None = None
    obj_corners_rest: FloatArray | None = None
    obj_name: str = ""
    obj_label: int = 0
    hand_box: FloatArray | None = None
    vert_contact: BoolArray | None = None
    vert_intersec: BoolArray | None = None
    vert_dist: FloatArray | None = None
    vert_obj_proj: FloatArray | None = None
    cam_ids: tuple[str, ...] = ()


_ARRAYS: dict[str, tuple[str, tuple[tuple[int, ...], ...]]] = {
    "hand_joints": ("handJoints3D", ((21, 3), (3,))),
    "cam_mat": ("camMat", ((3, 3),)),
    "hand_pose": ("handPose", ((48,),)),
    "hand_beta": ("handBeta", ((10,),)),
    "hand_trans": ("handTrans", ((3,),)),
    "obj_rot": ("objRot", ((3,),)),
    "obj_trans": ("objTrans", ((3,),)),
    "obj_corners": ("objCorners3D", ((8, 3),)),
    "obj_corners_rest": ("objCorners3DRest", ((8, 3),)),
    "hand_box": ("handBoundingBox", ((4,),)),
    "vert_contact": ("handVertContact", ((778,),)),
    "vert_intersec": ("handVertIntersec", ((778,),)),
    "vert_dist": ("handVertDist", ((778,),)),
    "vert_obj_proj": ("handVertObjSurfProj", ((778, 3),)),
}
TRAIN_KEYS = (*(key for key, _ in _ARRAYS.values() if key != "handBoundingBox"), "objName", "objLabel",
              "camIDList")  # fmt: skip
"""The 16 keys of a training pickle, and of an unannotated one, where each is None."""


def read_meta(path: Path) -> Ho3dMeta | None:
    """Reads one annotation; None where the hand is not annotated (its fields, or all of them, are None).

    Raises:
        BadSampleError: when it cannot be read, names anything but numbers, lacks a field, or a field has
            another shape or is not finite; one line naming file and field.
    """
    try:
        found = load_restricted(path, HO3D_NAMES, MAX_BYTES)
    except HandbenchError as error:
        raise BadSampleError(error.message, error.hint) from None
    if not isinstance(found, dict):
        raise BadSampleError(f"{path}: holds a {type(found).__name__}, expected a dictionary", "")
    if "handJoints3D" in found and found["handJoints3D"] is None:
        return None
    values = {name: _array(found, key, shapes, path) for name, (key, shapes) in _ARRAYS.items()}
    for name in ("hand_joints", "cam_mat"):
        if values[name] is None:
            raise BadSampleError(f"{path}: no {_ARRAYS[name][0]}", "is this an annotation of HO-3D?")
    label = found.get("objLabel")
    return Ho3dMeta(
        **{name: value for name, value in values.items() if value is not None},
        obj_name=str(found.get("objName") or ""),
        obj_label=int(np.asarray(label).reshape(-1)[0]) if label is not None else 0,
        cam_ids=_words(found.get("camIDList")),
    )


def _array(
    found: Mapping[str, Any], key: str, shapes: tuple[tuple[int, ...], ...], path: Path
) -> npt.NDArray[Any] | None:
    value = found.get(key)
    if value is None:
        return None
    try:
        array = np.asarray(value)
        array = array.astype(np.bool_ if array.dtype == np.bool_ else np.float64)
    except (TypeError, ValueError):
        raise BadSampleError(f"{path}: {key} does not hold numbers", "copy the file again") from None
    if array.shape not in shapes:
        # Some versions keep vectors as columns (3, 1).
        squeezed = array.squeeze()
        if squeezed.shape not in shapes:
            wanted = " or ".join(map(str, shapes))
            raise BadSampleError(f"{path}: {key} has shape {array.shape}, expected {wanted}", "")
        array = squeezed
    if array.dtype != np.bool_ and not np.isfinite(array).all():
        raise BadSampleError(f"{path}: {key} holds values that are not finite", "leave this frame out")
    return array.astype(np.bool_) if key in ("handVertContact", "handVertIntersec") else array


def _words(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(word) for word in np.asarray(value).reshape(-1).tolist())


def write_meta(path: Path, meta: Ho3dMeta | None) -> None:
    """Writes one annotation as the official files are: a dictionary, Python 2's protocol 2.

    Args:
        path: of the pickle; its folder must exist.
        meta: the annotation, or None for a frame that has none (every field None).

    Raises:
        ValueError: when a field has another shape.
    """
    values: dict[str, Any] = dict.fromkeys(TRAIN_KEYS) if meta is None else _official(meta)
    path.write_bytes(dump_protocol2(values))


def _official(meta: Ho3dMeta) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in fields(meta):
        value = getattr(meta, field.name)
        if field.name not in _ARRAYS or value is None:
            continue
        key, shapes = _ARRAYS[field.name]
        boolean = field.name in ("vert_contact", "vert_intersec")
        array = np.asarray(value, dtype=np.bool_ if boolean else np.float64)
        if array.shape not in shapes:
            raise ValueError(f"{field.name} has shape {array.shape}, expected {shapes}")
        values[key] = array.reshape(3, 1) if key == "objRot" else array
    return {**values, "objName": meta.obj_name, "objLabel": meta.obj_label, "camIDList": list(meta.cam_ids)}
