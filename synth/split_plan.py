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
from handbench.synth.photographs import PhotoPlan, PhotoSet, plan_photographs, with_hand_model
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


@dataclass(frozen=True)
class Plan:
    """The splits of a dataset, before any work.

    Attributes:
        splits: split -> what it is made from.
        photos: split -> its photographs; empty where they are painted, or cut out already.
        notes: what was decided, one line each.
    """

    splits: dict[str, SplitPlan]
    photos: Mapping[str, PhotoSet]
    notes: list[str]


def plan_splits(out: Path, recipe: DatasetRecipe, options: SourceOptions) -> Plan:
    """Decides which splits there are; nothing is made.

    Raises:
        HandbenchError: when the images do not open, or show no single hand.
    """
    kind, _, rest = options.images.partition(":")
    folder = out / "cutouts"
    if options.images == "procedural":
        wanted = [split for split in SPLITS if recipe.splits.share(split) > 0]
        return Plan({split: SplitPlan(split, folder / split, "", None) for split in wanted}, {}, [])
    if kind == "cutouts":
        made = stores.split_folders(Path(rest).expanduser().resolve())
        plans = {}
        for split, path in made.items():
            store = stores.open_cutouts(path)
            stores.check_settings(store, recipe.syn.cutouts)
            images, people = stores.origin(store)
            there = images if images and Path(DataRef.parse(images).path).is_dir() else ""
            plans[split] = SplitPlan(split, path, there, people if len(made) > 1 else None)
        return Plan(plans, {}, [])
    images = with_hand_model(options.images, options.hand_model)
    found: PhotoPlan = plan_photographs(images, recipe.splits)
    people = found.people if len(found.sets) > 1 else None
    plans = {
        split: SplitPlan(split, folder / split, str(photos.ref), people)
        for split, photos in found.sets.items()
    }
    return Plan(plans, found.sets, list(found.notes))


def make_cutouts(
    out: Path, plan: Plan, recipe: DatasetRecipe, options: SourceOptions, run: RunOptions
) -> tuple[dict[str, SplitPlan], list[str]]:
    """Makes the cut-outs of all splits.

    Returns:
        split -> plan, of the splits that have hands of both sides; and what was found, one line each.

    Raises:
        HandbenchError: when no split has.
        PartialError: too many pictures are faulty.
    """
    if options.images.startswith("cutouts:"):
        _link(out / "cutouts", Path(options.images.partition(":")[2]).expanduser().resolve())
    kept, notes = {}, []
    for split, one in plan.splits.items():
        if split in plan.photos:
            stores.cut_photographs(
                one.cutouts, plan.photos[split], one.people, recipe.syn.cutouts, options.hand_model, run
            )
        elif options.images == "procedural":
            _paint(one, recipe, options, run)
        store = stores.open_cutouts(one.cutouts)
        notes.append(stores.described(split, store))
        lacking = [side.value for side, count in stores.sides(store).items() if not count]
        if lacking:
            notes.append(f"{split} is left out: no {' and no '.join(lacking)} hand among its cut-outs")
        else:
            kept[split] = one
    if not kept:
        raise HandbenchError(
            f"no split has cut-outs of a right and of a left hand ({'; '.join(notes)})",
            "give pictures of both hands, or loosen syn.cutouts.rule",
        )
    return kept, notes


def _paint(one: SplitPlan, recipe: DatasetRecipe, options: SourceOptions, run: RunOptions) -> None:
    split = one.split
    render = stores.clipped_recipe(recipe.render, FAMILIES[split], RIGS[split])
    job = PaintedJob(render, recipe.syn.cutouts, split, options.seed, options.hand_model, options.renderer)
    count = recipe.syn.photographs if split == "train" else max(8, recipe.syn.photographs // 4)
    stores.paint_photographs(one.cutouts, job, count, run)


def open_render_sources(
    options: SourceOptions, recipe: AihRecipe, plan: SplitPlan
) -> tuple[PoseSource, BackgroundSource]:
    """Opens poses and backgrounds of one split.

    ``backgrounds`` of ``auto`` are frames of the photographs' dataset where there is one, else painted.
    """
    models = {side: load_hand_model(options.hand_model, side) for side in Side}
    mine = None if plan.people is None else _Residents(plan.split, plan.people)
    told = with_hand_model(_in_split(options.poses, plan), options.hand_model)
    poses = open_poses(told, models, recipe, mine)
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
