"""What ``data verify --deep`` asks of cut-outs and of tables, beyond what holds for every record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from handbench.compose.cutout import Cutout, cutout_of
from handbench.compose.table import ComposedRecord, find_cutouts
from handbench.errors import CorruptError
from handbench.store.check import Check
from handbench.store.plan import DatasetSpec
from handbench.store.record import Record

EVERY = 17
"""One in so many samples of a table is composed; a prime, so that no pattern of kinds hides from it."""

_OFF = 0.01
"""By so much the composed occlusion may differ from the row's: another CPU moves a pixel of an edge."""


def table_check(root: Path, spec: DatasetSpec) -> Check:
    """Returns a check that composes some pasted samples and compares them with what their rows say.

    Args:
        root: of the table.
        spec: what it was made from.

    Raises:
        HandbenchError: when its cut-outs are not there, or are others.
    """
    if "cutouts" not in spec.sources:
        return lambda record: iter(())
    cutouts = find_cutouts(root, spec)

    def check(record: Record) -> Iterator[str]:
        if not record.names and record.id % EVERY == 0:
            yield from _composed_faults(ComposedRecord(record, cutouts))

    return check


def _composed_faults(record: ComposedRecord) -> Iterator[str]:
    try:
        composed = record.composed
    except CorruptError as error:
        yield f"cannot be composed: {error}"
        return
    size = record.fields["size"][::-1]
    if list(composed.image.shape[:2]) != size:
        yield f"is composed as {composed.image.shape[:2]}, its size is {size}"
    whole, seen = int(composed.masks.target.sum()), int(composed.masks.target_visible.sum())
    found, told = 1.0 - seen / whole if whole else None, record.fields["occlusion"]
    if (found is None) != (told is None) or (found is not None and abs(found - told) > _OFF):
        yield f"has the occlusion {found} when it is composed, its row says {told}"


def cutout_check(root: Path, spec: DatasetSpec) -> Check:
    """Returns a check that decodes what a cut-out is pasted from: pictures, masks, joints and boxes.

    Args:
        root: not used: a cut-out needs nothing else.
        spec: not used.
    """
    return _cutout_faults


def _cutout_faults(record: Record) -> Iterator[str]:
    if "bad" in record.fields:
        return
    try:
        cutout = cutout_of(record)
        hand, picture, annotation = cutout.hand(), cutout.picture(), cutout.annotation()
    except (CorruptError, KeyError, ValueError, TypeError) as error:
        yield f"is no cut-out: {error}"
        return
    yield from _shape_faults(cutout, hand.shape, picture.shape)
    valid = annotation["joints_valid"]
    for name in ("joints", "joints_2d"):
        if not np.isfinite(annotation[name][valid]).all():
            yield f"{name} is not finite"
    for name in ("K", "pose", "betas", "transl", "hull"):
        if not np.isfinite(annotation[name]).all():
            yield f"{name} is not finite"


def _shape_faults(cutout: Cutout, hand: tuple[int, ...], picture: tuple[int, ...]) -> Iterator[str]:
    x, y, w, h = cutout.paste_box
    side = len(cutout.mask)
    if hand[:2] != (h, w):
        yield f"hand has size {hand[:2]}, its box {(h, w)}"
    if picture[:2] != cutout.mask.shape:
        yield f"mask has size {cutout.mask.shape}, image {picture[:2]}"
    if x < 0 or y < 0 or x + w > side or y + h > side:
        yield f"its box {cutout.paste_box} leaves the picture"
    outside = cutout.mask.copy()
    outside[y : y + h, x : x + w] = 0
    if outside.any():
        yield f"{int(outside.sum())} pixels of its mask lie outside its box"
