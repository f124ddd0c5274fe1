"""Writes the official plain-file layout of AIH from our own records; pictures are copied byte for byte.

Records of a table (:mod:`handbench.compose.table`) are composed as they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handbench.arrays import BoolArray
from handbench.formats.aih_plain import (
    NOTES,
    Branch,
    crop_files,
    filtered_list,
    render_files,
    render_folder,
    syn_folder,
    write_filtered_list,
    write_mask_values,
)
from handbench.formats.aih_plain_notes import note_id, write_notes
from handbench.formats.aih_plain_recipes import PasteRecipe, recipes_path, write_recipes
from handbench.store.record import Record
from handbench.types import Side


@dataclass(frozen=True)
class Crop:
    """One crop of a single hand for AIH_syn.

    Attributes:
        number: names its files.
        jpeg: the picture, 256 x 256.
        amodal: (256, 256) bool, the whole hand.
        fields: AIH fields for ``handbench.jsonl``, or None.
    """

    number: int
    jpeg: bytes
    amodal: BoolArray
    fields: Mapping[str, Any] | None = None


def write_render(
    root: Path, records: Iterable[Record], branch: Branch = "machine", split: str = "train"
) -> int:
    """Writes records as ``AIH_render``, with ``handbench.jsonl`` and the other hand's amodal mask beside.

    Args:
        root: the folder that gets ``AIH_render``.
        records: of kinds ``right`` and ``left``; a pair has no picture of one hand and is left out.
        branch: ``human`` or ``machine``.
        split: officially only ``train``.

    Returns:
        The number of samples written.
    """
    folder = render_folder(root, branch, split)
    return write_notes(folder, _render_files(folder, records))


def _render_files(folder: Path, records: Iterable[Record]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for record in records:
        if record.fields["kind"] == "pair":
            continue
        side, stem = Side(record.fields["target_side"]), f"{record.id:08d}"
        files = render_files(folder, side, stem)
        for name in ("image", "target_image"):
            files[name].parent.mkdir(parents=True, exist_ok=True)
            files[name].write_bytes(record.blob(name))
        target, other = (1, 2) if side is Side.RIGHT else (2, 1)
        seen = record.mask("target_visible") * np.uint8(target) + record.mask("other_visible") * np.uint8(
            other
        )
        write_mask_values(files["visible"], seen)
        write_mask_values(files["amodal"], record.mask("target_amodal").astype(np.uint8))
        write_mask_values(files["other_amodal"], record.mask("other_amodal").astype(np.uint8))
        yield note_id(side, stem), record.fields


def write_syn(
    root: Path,
    crops: Mapping[Side, Iterable[Crop]],
    recipes: Sequence[PasteRecipe],
    branch: Branch = "machine",
    split: str = "train",
) -> None:
    """Writes ``AIH_syn``: crops, filtered lists, recipes, and ``handbench.jsonl`` where crops have fields.

    Args:
        root: the folder that gets ``AIH_syn``.
        crops: of each side, in the order that the recipes' rows count; each is written before the next is
            asked for.
        recipes: which crops to paste, and how.
        branch: ``human`` or ``machine``.
        split: ``train``, ``val`` or ``test``.
    """
    folder = syn_folder(root, branch, split)
    numbers: dict[Side, list[int]] = {side: [] for side in Side}
    if not write_notes(folder, _syn_files(folder, crops, numbers)):
        (folder / NOTES).unlink()
    for side, own in numbers.items():
        write_filtered_list(filtered_list(root, branch, split, side), np.array(own, dtype=np.int64))
    write_recipes(recipes_path(root, branch, split), recipes)


def _syn_files(
    folder: Path, crops: Mapping[Side, Iterable[Crop]], numbers: dict[Side, list[int]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Writes crops, adds their numbers to ``numbers``, and yields the notes of those that have fields."""
    for side in Side:
        for crop in crops.get(side, ()):
            files = crop_files(folder, side, crop.number)
            files["image"].parent.mkdir(parents=True, exist_ok=True)
            files["image"].write_bytes(crop.jpeg)
            write_mask_values(files["amodal"], crop.amodal.astype(np.uint8))
            numbers[side].append(crop.number)
            if crop.fields is not None:
                yield note_id(side, str(crop.number)), crop.fields


def crops_of(records: Iterable[Record]) -> dict[Side, list[Crop]]:
    """Returns the targets of records as crops of single hands, from their pictures without the other hand.

    Records without a picture of the target alone, or whose target is not in the picture, are left out.
    """
    crops: dict[Side, list[Crop]] = {side: [] for side in Side}
    for record in records:
        fields = record.fields
        side = Side(fields["target_side"])
        if fields["kind"] == "pair" or fields["hands"][side.value] is None:
            continue
        amodal = record.mask("target_amodal")
        if not amodal.any():
            continue
        alone = {**fields, "hands": {s.value: fields["hands"][s.value] if s is side else None for s in Side}}
        crops[side].append(Crop(record.id, bytes(record.blob("target_image")), amodal, alone))
    return crops
