"""What must hold inside a record: pictures decode, masks fit, joints are numbers; more for some kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from handbench.arrays import BoolArray
from handbench.errors import CorruptError
from handbench.registry import Registry
from handbench.store import masks
from handbench.store.kinds import AIH_TABLE, CUTOUTS
from handbench.store.plan import DatasetSpec
from handbench.store.record import Record

Check = Callable[[Record], Iterator[str]]
"""Tells what does not hold in one record."""

CHECKS: Registry[Callable[[Path, DatasetSpec], Check]] = Registry("check of a store", "handbench.checks")
"""By kind of store: makes a check of its records beyond :func:`content_faults`, once for a store's folder. It
may raise a :class:`HandbenchError` where what the check needs is not there."""
CHECKS.register(AIH_TABLE, "handbench.compose.check:table_check")
CHECKS.register(CUTOUTS, "handbench.compose.check:cutout_check")

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG")


def kind_check(root: Path, spec: DatasetSpec) -> Check | None:
    """Returns the check that is registered for a kind of store; None where there is none.

    Raises:
        HandbenchError: when what it needs is not there.
    """
    return CHECKS.get(spec.kind)(root, spec) if spec.kind in CHECKS else None


def content_faults(record: Record) -> Iterator[str]:
    """Decodes all of a record and tells what does not hold.

    Pictures (JPEG, PNG) and masks decode; all masks have the size of ``image``; ``X_visible`` is part of
    ``X_amodal``; below any key of the map, ``joints...`` are finite where ``joints_valid`` (if there is one)
    is True, and ``occlusion`` lies between 0 and 1.
    """
    sizes: dict[str, tuple[int, ...]] = {}
    found: dict[str, BoolArray] = {}
    for name in record.names:
        blob = record.blob(name)
        if bytes(blob[:4]).startswith(_PICTURES):
            picture = cv2.imdecode(np.frombuffer(blob, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
            if picture is None:
                yield f"{name} does not decode"
            else:
                sizes[name] = picture.shape[:2]
        elif bytes(blob[:4]) == masks.MAGIC:
            try:
                found[name] = masks.decode_mask(blob)
                sizes[name] = found[name].shape
            except CorruptError as error:
                yield f"{name}: {error}"
    for name in found:
        if "image" in sizes and sizes[name] != sizes["image"]:
            yield f"{name} has size {sizes[name]}, image {sizes['image']}"
    yield from _outside_amodal(found)
    try:
        yield from _field_faults(record.fields, "")
    except CorruptError as error:
        yield str(error)


def _outside_amodal(found: Mapping[str, BoolArray]) -> Iterator[str]:
    for name, visible in found.items():
        whole = name.removesuffix("_visible") + "_amodal"
        if not name.endswith("_visible") or whole not in found or found[whole].shape != visible.shape:
            continue
        outside = int(np.count_nonzero(visible & ~found[whole]))
        if outside:
            yield f"{name} has {outside} pixels outside {whole}"


def _field_faults(fields: Mapping[Any, Any], path: str) -> Iterator[str]:
    for key, value in fields.items():
        name = f"{path}{key}"
        if isinstance(value, Mapping):
            yield from _field_faults(value, f"{name}.")
        elif isinstance(value, np.ndarray) and str(key).startswith("joints") and value.dtype.kind == "f":
            valid = fields.get("joints_valid")
            chosen = value[valid] if isinstance(valid, np.ndarray) and len(valid) == len(value) else value
            if not np.isfinite(chosen).all():
                yield f"{name} is not finite"
        elif key == "occlusion" and isinstance(value, float) and not 0 <= value <= 1:
            yield f"{name} is {value}"
