"""Lists the samples of an official AIH tree: which files are there, which recipes can be composed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xxhash

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.formats.aih_plain import (
    crop_files,
    filtered_list,
    read_filtered_list,
    render_files,
    render_folder,
    syn_folder,
)
from handbench.formats.aih_plain_notes import index_notes, note_id
from handbench.formats.aih_plain_recipes import (
    NO_PARTNER,
    PasteRecipe,
    read_recipe_table,
    recipe_of,
    recipes_path,
)
from handbench.store.columns import cached_columns, stamp
from handbench.types import Side


@dataclass(frozen=True)
class RenderGroup:
    """The rendered samples of one branch about one side.

    Attributes:
        folder: of the branch and split.
        branch: ``human`` or ``machine``.
        side: the target.
        names: stems of their files, sorted.
        notes: id -> place in ``handbench.jsonl``.
        listed: how many pictures there are, also those that lack a partner or a mask.
    """

    folder: Path
    branch: str
    side: Side
    names: Sequence[str]
    notes: dict[str, int]
    listed: int

    def __len__(self) -> int:
        return len(self.names)

    def key(self, at: int) -> str:
        """Returns the end of a sample's key."""
        return f"render/{self.branch}/{self.side.value}/{self.names[at]}"

    def note(self, at: int) -> int | None:
        """Returns the place of a sample's line in ``handbench.jsonl``."""
        return self.notes.get(note_id(self.side, self.names[at]))


@dataclass(frozen=True)
class SynGroup:
    """The composed samples of one branch.

    Attributes:
        folder: of the branch and split.
        branch: ``human`` or ``machine``.
        table: (N, 18) recipes, see :mod:`handbench.formats.aih_plain_recipes`.
        rows: the recipes that can be composed, by their number in the file.
        numbers: of each side's crops, in the order of its filtered list.
        notes: id -> place in ``handbench.jsonl``.
        listed: recipes that have a partner.
        alone: recipes for which none was found.
    """

    folder: Path
    branch: str
    table: FloatArray
    rows: npt.NDArray[np.int64]
    numbers: dict[Side, npt.NDArray[np.int64]]
    notes: dict[str, int]
    listed: int
    alone: int

    def __len__(self) -> int:
        return len(self.rows)

    def key(self, at: int) -> str:
        """Returns the end of a sample's key."""
        return f"syn/{self.branch}/{self.rows[at]:08d}"

    def recipe(self, at: int) -> PasteRecipe:
        """Returns a sample's recipe."""
        return recipe_of(self.table[self.rows[at]])

    def crops(self, recipe: PasteRecipe) -> tuple[int, int]:
        """Returns the numbers of the target's crop and of the covering hand's."""
        target, other = recipe.target, recipe.target.other
        return int(self.numbers[target][recipe.target_row]), int(self.numbers[other][recipe.other_row])


def open_render(root: Path, branch: str, split: str) -> list[RenderGroup]:
    """Lists the rendered samples of a branch, right ones first; none where the branch is not there."""
    folder = render_folder(root, branch, split)
    if not folder.is_dir():
        return []
    notes, groups = index_notes(folder), []
    for side in (Side.RIGHT, Side.LEFT):
        files = render_files(folder, side, "stem")
        listed = stems(files["image"].parent, ".jpg")
        wanted = ("target_image", "amodal", "visible")
        whole = set.intersection(listed, *(stems(files[n].parent, files[n].suffix) for n in wanted))
        groups.append(RenderGroup(folder, branch, side, sorted(whole), notes, len(listed)))
    return [group for group in groups if group.listed]


def open_syn(root: Path, branch: str, split: str) -> list[SynGroup]:
    """Lists the composed samples of a branch; none where it has no recipes.

    Raises:
        HandbenchError: when a recipe counts beyond its list, naming the recipe.
    """
    path = recipes_path(root, branch, split)
    if not path.is_file():
        return []
    folder = syn_folder(root, branch, split)
    table = cached_columns("aih_plain", stamp([path], 1), lambda: {"recipes": read_recipe_table(path)})[
        "recipes"
    ]
    numbers = {side: read_filtered_list(filtered_list(root, branch, split, side)) for side in Side}
    there = {side: _crops_on_disk(folder, side, numbers[side]) for side in Side}
    left, first, second = table[:, 0] == 1, table[:, 1].astype(np.int64), table[:, 2].astype(np.int64)
    paired = second != NO_PARTNER
    whole = np.zeros(len(table), dtype=np.bool_)
    for target, mask in ((Side.RIGHT, paired & ~left), (Side.LEFT, paired & left)):
        for side, rows in ((target, first[mask]), (target.other, second[mask])):
            beyond = (rows < 0) | (rows >= len(numbers[side]))
            if beyond.any():
                recipe = int(np.flatnonzero(mask)[np.flatnonzero(beyond)[0]])
                raise HandbenchError(
                    f"{path}: recipe {recipe} names row {rows[beyond][0]} of the {side.value} list of "
                    f"{len(numbers[side])} crops",
                    "recipes and filtered_list are of different downloads",
                )
        whole[mask] = there[target][first[mask]] & there[target.other][second[mask]]
    alone = int((~paired).sum())
    rows = np.flatnonzero(whole)
    return [SynGroup(folder, branch, table, rows, numbers, index_notes(folder), int(paired.sum()), alone)]


def fingerprint_of(groups: Sequence[RenderGroup | SynGroup]) -> str:
    """Returns 32 hex digits of the samples' names, recipes and notes; the pictures' bytes do not enter."""
    digest = xxhash.xxh3_128()
    for group in groups:
        if isinstance(group, SynGroup):
            digest.update(np.ascontiguousarray(group.table).tobytes())
            for side in Side:
                digest.update(group.numbers[side].tobytes())
            digest.update(group.rows.tobytes())
        else:
            digest.update("\n".join(group.key(i) for i in range(len(group))).encode())
        notes = group.folder / "handbench.jsonl"
        if notes.is_file():
            digest.update(notes.read_bytes())
    return digest.hexdigest()


def stems(folder: Path, suffix: str) -> set[str]:
    """Returns the names of a folder's files without their suffix; none where it is missing."""
    if not folder.is_dir():
        return set()
    with os.scandir(folder) as entries:
        return {entry.name[: -len(suffix)] for entry in entries if entry.name.endswith(suffix)}


def _crops_on_disk(folder: Path, side: Side, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    files = crop_files(folder, side, 0)
    both = stems(files["image"].parent, ".jpg") & stems(files["amodal"].parent, ".png")
    return np.array([str(number) in both for number in numbers.tolist()], dtype=np.bool_)
