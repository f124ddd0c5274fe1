"""AIH in splits: cut-outs first, then pasted and rendered records, a folder for each split."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handbench.config import content_hash, to_dict
from handbench.errors import HandbenchError
from handbench.hands.library import load_hand_model
from handbench.store.dataset import Store
from handbench.store.job import Produce
from handbench.store.plan import DatasetSpec, make_plan
from handbench.store.run import RunReport, run_shards
from handbench.synth import cutout_stores as stores
from handbench.synth.aih_record import RecordMaker
from handbench.synth.aih_scene import SceneMaker
from handbench.synth.cutout_stores import RunOptions
from handbench.synth.dataset_recipe import DatasetRecipe
from handbench.synth.mixed_record import MixedMaker
from handbench.synth.persons import NobodyError
from handbench.synth.recipe import GENERATOR
from handbench.synth.recorded_pairs import RecordedPairs
from handbench.synth.renderers import make_renderer
from handbench.synth.split_plan import (
    SourceOptions,
    SplitPlan,
    make_cutouts,
    open_render_sources,
    plan_splits,
)
from handbench.synth.splits import FAMILIES, RIGS, divide_samples
from handbench.synth.syn_record import SynMaker
from handbench.types import Side

SYN_GENERATOR = 1
"""Raised whenever the same recipe and cut-outs give other pasted samples."""


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
    plan = plan_splits(out, recipe, options)
    _choose(num, tuple(plan.splits), recipe, only)
    for note in plan.notes:
        _say(note, run)
    for note in _shared_by_splits(options, len(plan.splits)) if recipe.syn_share < 1 else ():
        _say(note, run)
    plans = plan.splits
    if recipe.syn_share > 0:
        plans, notes = make_cutouts(out, plan, recipe, options, run)
        for note in notes:
            _say(note, run)
    # All splits share the samples out; which of them this run makes changes nothing of what is in one.
    counts = _choose(num, tuple(plans), recipe, only)
    reports = []
    for split, mine in plans.items():
        if only is not None and split != only:
            continue
        share = _render_share(recipe, options, mine, run)
        job, spec = resolve_split(recipe, options, mine, share)
        made = run_shards(
            out / split, make_plan(counts[split], shards), spec, job, run.workers, run.on_existing,
            label=f"synth-aih {split}", quiet=run.quiet,
        )  # fmt: skip
        found = stores.counts(stores.open_cutouts(mine.cutouts)) if share < 1 else {}
        reports.append(SplitReport(split, made, found))
    return reports


def _shared_by_splits(options: SourceOptions, splits: int) -> Iterator[str]:
    """Names the sources that all splits draw from alike, because the user named them so."""
    if splits < 2:
        return
    for name, text in (("poses", options.poses), ("backgrounds", options.backgrounds)):
        divided = text in ("sampler", "procedural", "auto") or (
            text.startswith("interhand:") and "split=" not in text
        )
        if not divided:
            yield f"the {name} of {text} are in all splits alike"


def _choose(num: int, splits: tuple[str, ...], recipe: DatasetRecipe, only: str | None) -> dict[str, int]:
    """Returns how many samples each split gets, and checks that the wanted one is among them."""
    if only is not None and only not in splits:
        raise HandbenchError(f"--split {only}: there is {', '.join(splits)}", "choose one of these")
    return divide_samples(num, splits, recipe.splits)


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
    values: dict[str, Any] = {**to_dict(own), "split": plan.split}
    # What the manifest tells beside: kept as composites or as a table, the samples are the same.
    told: dict[str, Any] = {"keep": options.keep}
    if render_share < 1:
        store: Store = stores.open_cutouts(plan.cutouts)
        sources["cutouts"] = store.manifest.digest
        told["cutouts"] = dict(stores.counts(store))
    if render_share > 0:
        poses, backgrounds = open_render_sources(options, own.render, plan)
        sources["poses"] = f"{poses.name} {poses.fingerprint}"
        sources["backgrounds"] = f"{backgrounds.name} {backgrounds.fingerprint}"
        if isinstance(poses, RecordedPairs):
            told["poses_left_out"] = dict(poses.motion.dropped)
    stream = content_hash(
        {"generator": [GENERATOR, SYN_GENERATOR], "recipe": values, "sources": sources, "renderer": described}
    )
    kind = "aih/1" if options.keep == "composites" else "aih-table/1"
    spec = DatasetSpec(kind, stream, options.seed, {**values, **told}, described, sources)
    return MixedJob(own, options, plan, render_share, stream), spec


def _render_share(recipe: DatasetRecipe, options: SourceOptions, plan: SplitPlan, run: RunOptions) -> float:
    """Returns the share of rendered records of a split: 0 where none of its people shows two hands."""
    share = 1.0 - recipe.syn_share
    if share <= 0 or plan.people is None:
        return share
    try:
        open_render_sources(options, recipe.render, plan)
    except NobodyError as error:
        if recipe.syn_share <= 0:
            raise
        _say(f"{plan.split}: nothing is rendered, {error.message} in {options.poses}", run)
        return 0.0
    return share


def _model_names(spec: str) -> str:
    return " ".join(load_hand_model(spec, side).sha256[:16] for side in Side)


def _say(text: str, run: RunOptions) -> None:
    if not run.quiet:
        print(text, file=sys.stderr, flush=True)
