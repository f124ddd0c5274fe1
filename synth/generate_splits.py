"""AIH in splits: cut-outs first, then pasted and rendered records, a folder for each split."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handbench.config import content_hash, to_dict
from handbench.datasets import DataRef
from handbench.errors import HandbenchError
from handbench.hands.library import load_hand_model
from handbench.store.dataset import Store
from handbench.store.job import Produce
from handbench.store.plan import DatasetSpec, make_plan
from handbench.store.run import RunReport, run_shards
from handbench.synth import cutout_stores as stores
from handbench.synth.aih_record import RecordMaker
from handbench.synth.aih_scene import SceneMaker
from handbench.synth.backgrounds import BackgroundSource, open_backgrounds
from handbench.synth.cutout_painted import PaintedJob
from handbench.synth.cutout_stores import RunOptions
from handbench.synth.dataset_recipe import DatasetRecipe
from handbench.synth.mixed_record import MixedMaker
from handbench.synth.photographs import PhotoPlan, plan_photographs
from handbench.synth.poses import PoseSource
from handbench.synth.recipe import GENERATOR, AihRecipe
from handbench.synth.renderers import make_renderer
from handbench.synth.sources import open_poses
from handbench.synth.splits import FAMILIES, RIGS, SPLITS, divide_samples
from handbench.synth.syn_record import Keep, SynMaker
from handbench.types import Side

SYN_GENERATOR = 1
"""Raised whenever the same recipe and cut-outs give other pasted samples."""


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
        people: people that may be shown; None for all.
    """

    split: str
    cutouts: Path
    images: str
    people: frozenset[str] | None


@dataclass(frozen=True)
class SplitReport:
    """What a run made of one split.

    Attributes:
        split: its name.
        run: what was made.
        cutouts: how many pictures gave a cut-out, and how many did not, by reason.
    """

    split: str
    run: RunReport
    cutouts: Mapping[str, int]


@dataclass(frozen=True)
class MixedJob:
    """Opens cut-outs, models, poses and renderer of one split in a worker.

    Attributes:
        recipe: with the split's own backgrounds and lights.
        options: sources, resolved.
        plan: of the split.
        render_share: share of the records that are rendered.
        stream: names the random streams.
    """

    recipe: DatasetRecipe
    options: SourceOptions
    plan: SplitPlan
    render_share: float
    stream: str

    def __call__(self) -> Produce:
        """Returns the function that makes records."""
        recipe, options = self.recipe, self.options
        syn = render = None
        if self.render_share < 1:
            cutouts = stores.open_cutouts(self.plan.cutouts)
            syn = SynMaker(recipe.syn, self.stream, options.seed, cutouts, options.keep)
        if self.render_share > 0:
            poses, backgrounds = open_render_sources(options, recipe.render, self.plan)
            scenes = SceneMaker(
                recipe.render, self.stream, options.seed, options.hand_model, poses, backgrounds
            )
            render = RecordMaker(scenes, make_renderer(options.renderer))
        return MixedMaker(syn, render, self.render_share)


def generate_splits(
    out: Path,
    recipe: DatasetRecipe,
    options: SourceOptions,
    num: int,
    run: RunOptions,
    only: str | None = None,
    shards: str | None = None,
) -> list[SplitReport]:
    """Makes a dataset in splits; killed at any instant, the same call continues.

    Args:
        out: gets ``train``, ``val``, ``test`` and ``cutouts``.
        recipe: what is made.
        options: from what.
        num: records of all splits together.
        run: workers and the like.
        only: make this split alone.
        shards: which shards of that split to make, all by default.

    Raises:
        HandbenchError: bad input.
        PartialError: too many pictures are faulty, or the disk is full.
    """
    if shards is not None and only is None:
        raise HandbenchError("--shards counts the shards of one split", "add --split train")
    options = replace(options, renderer=make_renderer(options.renderer).name)
    plans, notes = plan_splits(out, recipe, options, run)
    for note in notes:
        _say(note, run)
    # All splits share the samples out; which of them this run makes changes nothing of what is in one.
    counts = divide_samples(num, tuple(plans), recipe.splits)
    if only is not None and only not in plans:
        raise HandbenchError(f"--split {only}: there is {', '.join(plans)}", "choose one of these")
    reports = []
    for split, plan in plans.items():
        if only is not None and split != only:
            continue
        share = 1.0 - recipe.syn_share
        job, spec = resolve_split(recipe, options, plan, share)
        made = run_shards(
            out / split, make_plan(counts[split], shards), spec, job, run.workers, run.on_existing,
            label=f"synth-aih {split}", quiet=run.quiet,
        )  # fmt: skip
        found = stores.counts(stores.open_cutouts(plan.cutouts)) if share < 1 else {}
        reports.append(SplitReport(split, made, found))
    return reports


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
            people = frozenset(name for name, home in found.people.items() if home == split)
        plans[split] = SplitPlan(split, folder / split, str(photos.ref), people)
        if recipe.syn_share > 0:
            stores.cut_photographs(folder / split, photos, recipe.syn.cutouts, options.hand_model, run)
    return plans, list(found.notes)


def resolve_split(
    recipe: DatasetRecipe, options: SourceOptions, plan: SplitPlan, render_share: float
) -> tuple[MixedJob, DatasetSpec]:
    """Checks the sources of a split and names it by their hash, before any work.

    Returns:
        The job of the workers, and what the shards carry.
    """
    own = replace(recipe, render=stores.clipped_recipe(recipe.render, FAMILIES[plan.split], RIGS[plan.split]))
    renderer = make_renderer(options.renderer)
    described = {"name": renderer.name, "device": renderer.device()}
    sources = {"hand_model": _model_names(options.hand_model)}
    values: dict[str, Any] = {**to_dict(own), "split": plan.split, "keep": options.keep}
    if render_share < 1:
        store: Store = stores.open_cutouts(plan.cutouts)
        sources["cutouts"] = store.manifest.digest
        values["cutouts"] = dict(stores.counts(store))
    if render_share > 0:
        poses, backgrounds = open_render_sources(options, own.render, plan)
        sources["poses"] = f"{poses.name} {poses.fingerprint}"
        sources["backgrounds"] = f"{backgrounds.name} {backgrounds.fingerprint}"
    # What is kept on disk does not enter: composites and table hold the same samples.
    named = {key: value for key, value in values.items() if key not in ("keep", "cutouts")}
    stream = content_hash(
        {"generator": [GENERATOR, SYN_GENERATOR], "recipe": named, "sources": sources, "renderer": described}
    )
    kind = "aih/1" if options.keep == "composites" else "aih-table/1"
    spec = DatasetSpec(kind, stream, options.seed, values, described, sources)
    return MixedJob(own, options, plan, render_share, stream), spec


def open_render_sources(
    options: SourceOptions, recipe: AihRecipe, plan: SplitPlan
) -> tuple[PoseSource, BackgroundSource]:
    """Opens poses and backgrounds of one split.

    ``backgrounds`` of ``auto`` are frames of the photographs' dataset where there is one, else painted.
    """
    models = {side: load_hand_model(options.hand_model, side) for side in Side}
    poses = open_poses(_in_split(options.poses, plan), models, recipe)
    backgrounds = options.backgrounds
    if backgrounds == "auto":
        backgrounds = plan.images or "procedural"
    return poses, open_backgrounds(_in_split(backgrounds, plan), recipe.backgrounds)


def _in_split(reference: str, plan: SplitPlan) -> str:
    """Adds the official split of the photographs to a reference to the same kind of data that names none."""
    if not plan.images or not reference.startswith("interhand:"):
        return reference
    ref = DataRef.parse(reference)
    if "split" in ref.options:
        return reference
    split = DataRef.parse(plan.images).options.get("split")
    return str(replace(ref, options={**ref.options, "split": split})) if split else reference


def _model_names(spec: str) -> str:
    return " ".join(load_hand_model(spec, side).sha256[:16] for side in Side)


def _link(folder: Path, target: Path) -> None:
    """Puts a link to cut-outs that lie elsewhere beside the splits, where a reader looks for them."""
    if folder.exists() or folder.is_symlink():
        if folder.resolve() != target:
            raise HandbenchError(f"{folder} is there and is not {target}", "choose another --out")
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(target, target_is_directory=True)


def _say(text: str, run: RunOptions) -> None:
    if not run.quiet:
        print(text, file=sys.stderr, flush=True)
