"""Writes an AIH dataset in the authors' plain-file layout."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from handbench.compose.official import official_crop, official_recipe, unsayable
from handbench.compose.paste import Paste
from handbench.compose.table import find_cutouts, open_cutout, read_paste
from handbench.datasets import DataRef
from handbench.errors import HandbenchError
from handbench.formats.aih_plain import (
    SPLITS,
    Branch,
    filtered_list,
    render_folder,
    syn_folder,
)
from handbench.formats.aih_plain_recipes import PasteRecipe, recipes_path
from handbench.formats.aih_plain_write import Crop, write_render, write_syn
from handbench.progress import Progress
from handbench.store.dataset import Store
from handbench.store.kinds import SAMPLES
from handbench.store.manifest import MANIFEST
from handbench.store.record import Record
from handbench.subset import Subset
from handbench.types import Side

Syn = Literal["samples", "crops"]


@dataclass(frozen=True)
class Part:
    """The records of one split.

    Attributes:
        split: what the layout calls it.
        store: the records.
        ids: those that are written.
        cutouts: where the user says that their cut-outs lie, or None.
    """

    split: str
    store: Store
    ids: Sequence[int]
    cutouts: str | None


@dataclass
class Exported:
    """What was written of one split.

    Attributes:
        split: its name.
        branch: ``human`` or ``machine``.
        rendered: rendered samples in AIH_render.
        pasted: pasted samples in AIH_render.
        recipes: pasted samples that AIH_syn has as recipes.
        crops: crops of single hands in AIH_syn.
        armless: of those recipes, how many lose the other hand's forearm, which a crop's mask leaves out.
        left_out: records that are nowhere, by reason.
    """

    split: str
    branch: str
    rendered: int = 0
    pasted: int = 0
    recipes: int = 0
    crops: int = 0
    armless: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def lines(self, out: Path) -> list[str]:
        """Returns the result as text: what was written, what was not, and how it is read."""
        lines, read = [], f"aih-plain:{out}@split={self.split},branch={self.branch}"
        if self.rendered or self.pasted:
            lines.append(
                f"{self.split}: AIH_render: {self.rendered + self.pasted} samples ({self.rendered} rendered,"
                f" {self.pasted} pasted); read them with {read},part=render"
            )
        if self.crops:
            lines.append(
                f"{self.split}: AIH_syn: {self.recipes} recipes of {self.crops} crops; read them with"
                f" {read},part=syn"
            )
        if self.armless:
            lines.append(f"{self.split}: {self.armless} recipes lose the other hand's forearm")
        if self.left_out:
            told = ", ".join(f"{count} {reason}" for reason, count in self.left_out.most_common())
            lines.append(f"{self.split}: left out: {told}")
        return lines


@runtime_checkable
class _Stored(Protocol):
    """A dataset whose samples are records of a store."""

    @property
    def store(self) -> Store: ...
    def id(self, index: int) -> int: ...


def open_parts(target: Path | DataRef, splits: Sequence[str] = ()) -> list[Part]:
    """Opens what is to be written.

    Args:
        target: a store of AIH, a folder with one for each split, or a reference ``aih:...``.
        splits: these of a folder of splits; all that are there by default.

    Raises:
        HandbenchError: when there is no AIH, or no such split.
    """
    ref = DataRef("aih", str(target)) if isinstance(target, Path) else target
    root = Path(ref.path).expanduser()
    if splits and "split" in ref.options:
        raise HandbenchError(f"{ref}: the split is said twice", "leave out --split, or split=")
    there = [split for split in SPLITS if (root / split / MANIFEST).is_file()]
    for split in splits if there else ():
        if split not in there:
            raise HandbenchError(f"{root} has no split {split!r}", f"there is {', '.join(there)}")
    if not splits and "split" not in ref.options and not (root / MANIFEST).is_file():
        splits = there
    if not splits:
        return [_open(ref)]
    return [_open(DataRef(ref.name, ref.path, {**ref.options, "split": split})) for split in splits]


def _open(ref: DataRef) -> Part:
    dataset = ref.open()
    chosen: Sequence[int] = range(len(dataset))
    while isinstance(dataset, Subset):
        chosen, dataset = [dataset.indices[i] for i in chosen], dataset.whole
    if not isinstance(dataset, _Stored) or dataset.store.manifest.spec.kind not in SAMPLES:
        raise HandbenchError(f"{ref} is no AIH", "write aih:DIR, or the folder of an AIH dataset")
    split = dataset.split if dataset.split in SPLITS else SPLITS[0]
    return Part(split, dataset.store, [dataset.id(i) for i in chosen], ref.options.get("cutouts") or None)


def export_aih_plain(
    parts: Sequence[Part],
    out: Path,
    branch: Branch = "machine",
    syn: Syn = "samples",
    overwrite: bool = False,
    quiet: bool = False,
) -> list[Exported]:
    """Writes AIH in the authors' layout.

    Every record with a picture of its target alone becomes a whole sample of ``AIH_render``: the pictures of
    composites byte for byte, those of a table as its composites would have them. With ``crops`` pasted ones
    go to ``AIH_syn`` instead, as far as the official recipe can say them.

    Args:
        parts: from :func:`open_parts`.
        out: gets ``AIH_render`` and ``AIH_syn``.
        branch: ``human`` or ``machine``.
        syn: pasted ones as whole ``samples``, or as ``crops`` and recipes.
        overwrite: replace these splits of this branch where they are there; else ``out`` must be empty.
        quiet: print no progress.

    Raises:
        HandbenchError: when ``out`` is not empty, or cut-outs are not there.
        CorruptError: when a record or a cut-out does not read.
    """
    # What is missing is found before anything is written or replaced.
    cutouts = {
        part.split: find_cutouts(part.store.root, part.store.manifest.spec, part.cutouts)
        for part in parts
        if syn == "crops" and "cutouts" in part.store.manifest.spec.sources
    }
    _make_room(out, branch, [part.split for part in parts], overwrite)
    return [_write_part(part, out, branch, cutouts.get(part.split), quiet) for part in parts]


def _make_room(out: Path, branch: str, splits: Sequence[str], overwrite: bool) -> None:
    if not out.is_dir():
        if out.exists():
            raise HandbenchError(f"--out {out} is a file", "give a folder")
        return
    if not overwrite and any(out.iterdir()):
        raise HandbenchError(
            f"--out {out} is not empty",
            "choose another, or --on-existing overwrite: it replaces these splits of this branch",
        )
    for split in splits:
        for folder in (render_folder(out, branch, split), syn_folder(out, branch, split)):
            shutil.rmtree(folder, ignore_errors=True)
        recipes_path(out, branch, split).unlink(missing_ok=True)
        for side in Side:
            filtered_list(out, branch, split, side).unlink(missing_ok=True)


def _write_part(part: Part, out: Path, branch: Branch, cutouts: Store | None, quiet: bool) -> Exported:
    done = Exported(part.split, branch)
    recipes = _Recipes(done) if cutouts is not None else None
    label = f"export {part.split}"
    with Progress(len(part.ids), label, unit="records", quiet=quiet) as progress:
        write_render(out, _whole_samples(part, done, recipes, progress), branch, part.split)
    if cutouts is None or recipes is None or not recipes.found:
        return done
    with Progress(len(recipes.sources), label, unit="crops", quiet=quiet) as progress:
        crops = {side: recipes.crops(side, cutouts, progress) for side in Side}
        write_syn(out, crops, recipes.found, branch, part.split)
    done.crops, done.recipes = len(recipes.sources), len(recipes.found)
    return done


def _whole_samples(
    part: Part, done: Exported, recipes: _Recipes | None, progress: Progress
) -> Iterator[Record]:
    """Yields the records that are written whole, counts them, and hands the others on."""
    for sample_id in part.ids:
        record = part.store[sample_id]
        progress.advance()
        pasted = record.fields.get("part") == "syn"
        if "target_image" not in record.names:
            done.left_out["pairs, which have no picture of one hand"] += 1
        elif pasted and recipes is not None:
            recipes.add(record)
        else:
            done.pasted += pasted
            done.rendered += not pasted
            yield record


class _Recipes:
    """Gathers recipes and the crops that they name, in the order in which they are first named.

    Attributes:
        found: the recipes.
        sources: (side, number of a cut-out) -> its row in the side's list, and where it is from.
    """

    def __init__(self, done: Exported) -> None:
        self.found: list[PasteRecipe] = []
        self.sources: dict[tuple[Side, int], tuple[int, Any]] = {}
        self._done = done
        self._counts: Counter[Side] = Counter()
        self._paste: Paste | None = None

    def add(self, record: Record) -> None:
        """Adds a pasted record where the official form can say it, and counts it where not."""
        paste, source = read_paste(record), record.fields["source"]
        reason = unsayable(paste)
        if reason:
            self._done.left_out[f"with {reason}, which no recipe can say"] += 1
            return
        target = Side(record.fields["target_side"])
        rows = (
            self._row(target, paste.target, source["target"]),
            self._row(target.other, paste.other, source["other"]),
        )
        self.found.append(official_recipe(paste, target, rows, source["overlap_other"]))
        self._done.armless += paste.arm
        self._paste = paste

    def _row(self, side: Side, number: int, source: Any) -> int:
        if (side, number) not in self.sources:
            self.sources[side, number] = self._counts[side], source
            self._counts[side] += 1
        return self.sources[side, number][0]

    def crops(self, side: Side, cutouts: Store, progress: Progress) -> Iterator[Crop]:
        """Yields the crops of one side in the order of its list."""
        assert self._paste is not None
        for (own, number), (_, source) in self.sources.items():
            if own is side:
                progress.advance()
                yield official_crop(open_cutout(cutouts, number), self._paste, source)
