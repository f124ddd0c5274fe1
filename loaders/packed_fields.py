"""The field set ``packed/1``: a sample's labels as one array, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from handbench.arrays import FloatArray
from handbench.camera import Camera
from handbench.errors import CorruptError
from handbench.loaders.batch_labels import SIDES, LabelRows
from handbench.store.record import Record
from handbench.types import HandAnnotation, HandParams

SCHEMA = "packed/1"

LAYOUT: Mapping[str, tuple[int, ...]] = {
    "K": (3, 3),
    "joints": (21, 3),
    "joints_2d": (21, 2),
    "visibility": (21,),
    "pose": (48,),
    "betas": (10,),
    "transl": (3,),
    "box": (4,),
    "occlusion": (),
}
"""What a row of ``labels`` holds, in this order; NaN where something is not annotated."""

SPANS: dict[str, slice] = {}
WIDTH = 0
for _name, _shape in LAYOUT.items():
    SPANS[_name] = slice(WIDTH, WIDTH + math.prod(_shape))
    WIDTH += math.prod(_shape)


def bad_words(count: int) -> str:
    """Returns how many samples were bad, in words."""
    return "1 sample was bad" if count == 1 else f"{count} samples were bad"


def labels_array(rows: LabelRows, i: int) -> FloatArray:
    """Returns row ``i`` as (2, WIDTH) float64: right hand, left hand."""
    out = np.full((2, WIDTH), np.nan)
    for name, span in SPANS.items():
        out[:, span] = getattr(rows, name)[i].reshape(2, -1)
    out[:, SPANS["joints"]][np.repeat(~rows.joints_valid[i], 3, axis=1)] = np.nan
    return out


def fill_labels(rows: LabelRows, i: int, fields: Mapping[str, Any]) -> None:
    """Puts the labels of a packed record into row ``i``.

    Raises:
        CorruptError: when they have another shape.
    """
    labels = fields["labels"]
    if labels.shape != (2, WIDTH):
        raise CorruptError(f"packed labels have shape {labels.shape}, expected {(2, WIDTH)}")
    for name, span in SPANS.items():
        getattr(rows, name)[i] = labels[:, span].reshape(2, *LAYOUT[name])
    rows.joints_valid[i] = np.isfinite(rows.joints[i]).all(axis=-1)
    rows.hand_valid[i] = fields["sides"]
    if rows.vertices is not None and "vertices" in fields:
        rows.vertices[i] = fields["vertices"]


def stored_hands(record: Record, camera: Camera) -> tuple[HandAnnotation, ...]:
    """Returns the hands of a packed record as a sample holds them."""
    from handbench.loaders.store_refs import StoredMask

    values = record.fields
    hands = []
    for s, side in enumerate(SIDES):
        if not values["sides"][s]:
            continue
        part = {name: values["labels"][s, span].reshape(LAYOUT[name]) for name, span in SPANS.items()}
        known = {name: np.isfinite(value).any() for name, value in part.items()}
        params = None
        if known["pose"] and known["betas"] and known["transl"]:
            params = HandParams(side, part["pose"], part["betas"], part["transl"])
        masks = {
            f"{kind}_mask": StoredMask(record, f"{side.value}_{kind}")
            for kind in ("amodal", "visible")
            if f"{side.value}_{kind}" in record.names
        }
        own = None if (part["K"] == camera.K).all() else Camera(part["K"], camera.size)
        hands.append(
            HandAnnotation(
                side,
                joints=part["joints"],
                joints_valid=np.isfinite(part["joints"]).all(axis=-1),
                joints_2d=part["joints_2d"] if known["joints_2d"] else None,
                visibility=part["visibility"] if known["visibility"] else None,
                vertices=values["vertices"][s].astype(np.float64) if "vertices" in values else None,
                params=params,
                box=part["box"] if known["box"] else None,
                camera=own,
                occlusion=float(part["occlusion"]) if known["occlusion"] else None,
                **masks,
            )
        )
    return tuple(hands)
