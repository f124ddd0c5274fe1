"""100DOH as columns: one row a picture, one a hand, one a touched object."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.errors import BadSampleError
from handbench.formats.doh import CONTACTS, DohImage, read_annotation, read_split, split_list
from handbench.store.columns import Columns, content_fingerprint, stamp
from handbench.types import Side

_NO_BOX = (np.nan,) * 4


def index_stamp(voc: Path, split: str) -> str:
    """Returns the name of a split's cache entry; annotations count by number, size and time.

    Raises:
        HandbenchError: when there is no such split.
    """
    with os.scandir(voc / "Annotations") as entries:
        stats = [entry.stat() for entry in entries if entry.name.endswith(".xml")]
    newest = max((status.st_mtime_ns for status in stats), default=0)
    listing = len(stats), sum(status.st_size for status in stats), newest
    return stamp([split_list(voc, split)], 1, listing)


def build_columns(voc: Path, split: str) -> Columns:
    """Reads all annotations of a split; a damaged one becomes a row with its error and no hand.

    Raises:
        HandbenchError: when the list is missing or leads out of the tree.
    """
    names = read_split(voc, split)
    sizes = np.zeros((len(names), 2), dtype=np.int64)
    errors = [""] * len(names)
    hands: list[tuple[Any, ...]] = []
    objects: list[tuple[Any, ...]] = []
    for i, name in enumerate(names):
        try:
            found = read_annotation(voc / "Annotations" / f"{name}.xml")
        except BadSampleError as error:
            errors[i] = str(error)[:300]
            continue
        sizes[i] = found.size
        hands += _hand_rows(i, found)
        objects += [(i, *box) for box in found.objects.tolist()]
    table = np.array(hands, dtype=np.float64).reshape(-1, 17)
    there = [
        voc / "Annotations" / f"{name}.xml" for name, error in zip(names, errors, strict=True) if not error
    ]
    digest = content_fingerprint([*there, split_list(voc, split)], voc)
    return {
        "name": np.array(names),
        "size": sizes,
        "error": np.array(errors),
        "hand_image": table[:, 0].astype(np.int64),
        "hand_box": table[:, 1:5],
        "hand_side": table[:, 5].astype(np.int8),
        "hand_contact": table[:, 6].astype(np.int8),
        "hand_object": table[:, 7:11],
        "hand_direction": table[:, 11:14],
        "hand_truncated": table[:, 14] == 1,
        "hand_difficult": table[:, 15] == 1,
        "object_box": np.array(objects, dtype=np.float64).reshape(-1, 5),
        "fingerprint": np.frombuffer(digest.encode(), np.uint8),
    }


def _hand_rows(image: int, found: DohImage) -> list[tuple[Any, ...]]:
    """Returns (image, box, side, contact, object box, direction, truncated, difficult, area) of each hand."""
    rows = []
    for hand in found.hands:
        side = -1 if hand.side is None else int(hand.side is Side.LEFT)
        contact = -1 if hand.contact is None else CONTACTS.index(hand.contact)
        touched = _NO_BOX if hand.object_box is None else hand.object_box
        ray = (np.nan,) * 3 if hand.direction is None else hand.direction
        flags = (hand.truncated, hand.difficult)
        rows.append((image, *hand.box, side, contact, *touched, *ray, *flags, hand.box[2] * hand.box[3]))
    return rows


def pictures_on_disk(voc: Path, names: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
    """Tells which pictures of a split are there."""
    folder = voc / "JPEGImages"
    found: set[str] = set()
    if folder.is_dir():
        with os.scandir(folder) as entries:
            found = {entry.name for entry in entries}
    return np.array([f"{name}.jpg" in found for name in names.tolist()], dtype=np.bool_)
