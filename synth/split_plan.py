"""What each split of a dataset is made from: its people, its cut-outs, its poses and backgrounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from handbench.datasets import DataRef
from handbench.errors import HandbenchError
from handbench.hands.library import load_hand_model
from handbench.synth import cutout_stores as stores
from handbench.synth.backgrounds import BackgroundSource, open_backgrounds
from handbench.synth.cutout_painted import PaintedJob
from handbench.synth.cutout_stores import RunOptions
from handbench.synth.dataset_recipe import DatasetRecipe
from handbench.synth.photographs import PhotoPlan, plan_photographs
from handbench.synth.poses import PoseSource
from handbench.synth.recipe import AihRecipe
from handbench.synth.sources import open_poses
from handbench.synth.splits import FAMILIES, RIGS, SPLITS
from handbench.synth.syn_record import Keep
from handbench.types import Side


@dataclass(frozen=True)
class SourceOptions:
    """Where the samples of a dataset in splits come from, as the user spells it; see ``SynthOptions``."""

    images: str
    poses: str
    backgrounds: str
    hand_model: str
    renderer: str
    seed: int
    keep: Keep


@dataclass(frozen=True)
class SplitPlan:
    """What one split is made from.

    Attributes:
        split: its name.
        cutouts: the folder of its cut-outs.
        images: reference to the dataset behind them, with its official split; empty for painted ones.
        people: person -> split where people were divided; None where everybody may be shown.
    """

    split: str
    cutouts: Path
    images: str
    people: Mapping[str, str] | None


def plan_splits(
    out: Path, recipe: DatasetRecipe, options: SourceOptions, run: RunOptions
) -> tuple[dict[str, SplitPlan], list[str]]:
    """Decides which splits there are, and makes the cut-outs of each.

    Returns:
        split -> plan, and what was decided, one line each.

    Raises:
        HandbenchError: when no split has hands of both sides.
    """
    kind, _, rest = options.images.partition(":")
    folder = out / "cutouts"
    if options.images == "procedural":
        plans, notes = _painted(folder, recipe, options, run)
    elif kind == "cutouts":
        found = stores.split_folders(Path(rest).expanduser().resolve())
        plans = {split: SplitPlan(split, path, "", None) for split, path in found.items()}
        notes = []
        _link(folder, Path(rest).expanduser().resolve())
    else:
        plans, notes = _photographed(folder, recipe, options, run)
    if recipe.syn_share <= 0:
        return plans, notes
    kept = {}
    for split, plan in plans.items():
        store = stores.open_cutouts(plan.cutouts)
        notes.append(stores.described(split, store))
        lacking = [side.value for side, count in stores.sides(store).items() if not count]
        if lacking:
            notes.append(f"{split} is left out: no {' and no '.join(lacking)} hand among its cut-outs")
        else:
            kept[split] = plan
    if not kept:
        raise HandbenchError(
            f"no split has cut-outs of a right and of a left hand ({'; '.join(notes)})",
            "give pictures of both hands, or loosen syn.cutouts.rule",
        )
    return kept, notes


def _painted(
    folder: Path, recipe: DatasetRecipe, options: SourceOptions, run: RunOptions
) -> tuple[dict[str, SplitPlan], list[str]]:
    plans = {}
    for split in SPLITS:
        if recipe.splits.share(split) <= 0:
            continue
        plans[split] = SplitPlan(split, folder / split, "", None)
        if recipe.syn_share <= 0:
            continue
        render = stores.clipped_recipe(recipe.render, FAMILIES[split], RIGS[split])
        job = PaintedJob(
            render, recipe.syn.cutouts, f"photographs {split}", options.seed, options.hand_model,
            options.renderer,
        )  # fmt: skip
        count = recipe.syn.photographs if split == "train" else max(8, recipe.syn.photographs // 4)
        stores.paint_photographs(folder / split, job, count, run)
    return plans, []


def _photographed(
    folder: Path, recipe: DatasetRecipe, options: SourceOptions, run: RunOptions
) -> tuple[dict[str, SplitPlan], list[str]]:
    found: PhotoPlan = plan_photographs(options.images, recipe.splits)
    plans = {}
    for split, photos in found.sets.items():
        people = None
        if found.people is not None and len(found.sets) > 1:
            people = found.people
        plans[split] = SplitPlan(split, folder / split, str(photos.ref), people)
        if recipe.syn_share > 0:
            stores.cut_photographs(folder / split, photos, recipe.syn.cutouts, options.hand_model, run)
    return plans, list(found.notes)


def open_render_sources(
    options: SourceOptions, recipe: AihRecipe, plan: SplitPlan
) -> tuple[PoseSource, BackgroundSource]:
    """Opens poses and backgrounds of one split.

    ``backgrounds`` of ``auto`` are frames of the photographs' dataset where there is one, else painted.
    """
    models = {side: load_hand_model(options.hand_model, side) for side in Side}
    mine = None if plan.people is None else _Residents(plan.split, plan.people)
    poses = open_poses(_in_split(options.poses, plan), models, recipe, mine)
    backgrounds = options.backgrounds
    if backgrounds == "auto":
        backgrounds = plan.images or "procedural"
    return poses, open_backgrounds(_in_split(backgrounds, plan), recipe.backgrounds, mine)


@dataclass(frozen=True)
class _Residents:
    """Tells who lives in a split; who is in no photograph of a single hand lives in train."""

    split: str
    people: Mapping[str, str]

    def __call__(self, person: str) -> bool:
        return self.people.get(person, "train") == self.split


def _in_split(reference: str, plan: SplitPlan) -> str:
    """Adds the official split of the photographs to a reference to the same kind of data that names none."""
    if not plan.images or not reference.startswith("interhand:"):
        return reference
    ref = DataRef.parse(reference)
    if "split" in ref.options:
        return reference
    split = DataRef.parse(plan.images).options.get("split")
    return str(replace(ref, options={**ref.options, "split": split})) if split else reference


def _link(folder: Path, target: Path) -> None:
    """Puts a link to cut-outs that lie elsewhere beside the splits, where a reader looks for them."""
    if folder.exists() or folder.is_symlink():
        if folder.resolve() != target:
            raise HandbenchError(f"{folder} is there and is not {target}", "choose another --out")
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(target, target_is_directory=True)
