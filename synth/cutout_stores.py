"""The cut-outs of a dataset: one store a split, made once and used again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from handbench.config import build, content_hash, flatten, parse_overrides, to_dict
from handbench.datasets import Dataset
from handbench.errors import HandbenchError, PartialError
from handbench.hands.library import load_hand_model
from handbench.moments import SIDES
from handbench.store import open_store
from handbench.store.dataset import Store
from handbench.store.existing import OnExisting
from handbench.store.job import Job
from handbench.store.manifest import MANIFEST
from handbench.store.plan import DatasetSpec, Plan
from handbench.store.run import run_shards
from handbench.synth.cutout_job import CutoutJob
from handbench.synth.cutout_painted import PaintedJob
from handbench.synth.cutout_recipe import FAULTS, CutoutSettings
from handbench.synth.photographs import PhotoSet, open_source, plan_photographs, with_hand_model
from handbench.synth.recipe import AihRecipe
from handbench.synth.recipe_limits import check_limits
from handbench.synth.splits import SplitSettings
from handbench.types import Side

SCHEMA = "cutouts/1"
GENERATOR = 1
"""Raised whenever the same photographs give other cut-outs."""


@dataclass(frozen=True)
class RunOptions:
    """How runs are made; they change nothing of what is made.

    Attributes:
        workers: worker processes.
        on_existing: what to do where there are shards.
        quiet: print no progress.
    """

    workers: int = 1
    on_existing: OnExisting = "resume"
    quiet: bool = False


@dataclass(frozen=True)
class CutoutKeys:
    """Keys that decide cut-outs alone: parts of a dataset's recipe.

    Attributes:
        cutouts: how hands are cut out.
        splits: how people are divided.
    """

    cutouts: CutoutSettings = field(default_factory=CutoutSettings)
    splits: SplitSettings = field(default_factory=SplitSettings)


def cut_dataset(
    text: str, out: Path, overrides: Iterable[str], hand_model: str, run: RunOptions
) -> tuple[dict[str, Store], list[str]]:
    """Makes the cut-outs of all splits of a dataset.

    Args:
        text: reference to the dataset.
        out: gets a store for each split.
        overrides: ``key=value`` each, of :class:`CutoutKeys`.
        hand_model: ``procedural`` or ``mano:DIR``.
        run: how.

    Returns:
        split -> store, and what was made, one line each.

    Raises:
        HandbenchError: bad input, before any work.
        PartialError: more pictures are faulty than the keys allow; the cut-outs stay.
    """
    if (out / "shards").exists() or (out / MANIFEST).exists():
        raise HandbenchError(f"{out} is a dataset itself", "choose a folder for the splits of cut-outs")
    keys = build(CutoutKeys, parse_overrides([word.removeprefix("syn.") for word in overrides]))
    check_limits(keys, {})
    plan = plan_photographs(with_hand_model(text, hand_model), keys.splits)
    found, notes = {}, list(plan.notes)
    for split, photos in plan.sets.items():
        found[split] = cut_photographs(out / split, photos, plan.people, keys.cutouts, hand_model, run)
        notes.append(described(split, found[split]))
    return found, notes


def described(split: str, store: Store) -> str:
    """Says in a line what the photographs of a split gave."""
    listed = ", ".join(f"{name} {count}" for name, count in sorted(counts(store).items()))
    of = ", ".join(f"{count} {side.value}" for side, count in sides(store).items())
    return f"{split}: cut-outs of {len(store)} pictures: {listed} ({of})"


def cut_photographs(
    out: Path, photos: PhotoSet, people: Mapping[str, str] | None, settings: CutoutSettings, hand_model: str,
    run: RunOptions,
) -> Store:  # fmt: skip
    """Makes the cut-outs of one split from photographs; killed at any instant, the same call continues.

    Args:
        out: the store's folder.
        photos: of the split.
        people: person -> split, where people were divided.
        settings: keys.
        hand_model: ``procedural`` or ``mano:DIR``.
        run: how.

    Raises:
        HandbenchError: bad input, before any work.
        PartialError: more pictures are faulty than the settings allow; the cut-outs stay.
    """
    dataset, _ = open_source(photos.ref)
    job = CutoutJob(photos, settings, hand_model)
    store = _run(out, len(photos.rows), _photo_spec(dataset, photos, people, settings, hand_model), job, run)
    _check_faults(out, store, settings.max_bad)
    return store


def paint_photographs(out: Path, job: PaintedJob, count: int, run: RunOptions) -> Store:
    """Makes the cut-outs of one split from our own renderings.

    Args:
        out: the store's folder.
        job: what decides them.
        count: how many.
        run: how.
    """
    values = {"recipe": to_dict(job.recipe), "settings": to_dict(job.settings)}
    sources = {"hand_model": _models(job.hand_model), "images": "procedural"}
    renderer = {"name": job.renderer}
    stream = content_hash([GENERATOR, values, sources, job.split, renderer])
    spec = DatasetSpec(SCHEMA, stream, job.seed, values, renderer, sources)
    return _run(out, count, spec, job, run)


def open_cutouts(folder: Path) -> Store:
    """Opens the cut-outs of one split.

    Raises:
        HandbenchError: when there are none.
    """
    store = open_store(folder)
    if store.manifest.spec.kind != SCHEMA:
        raise HandbenchError(f"{folder} holds {store.manifest.spec.kind!r}, expected {SCHEMA!r}", "")
    return store


def split_folders(root: Path) -> dict[str, Path]:
    """Returns the splits of a folder of cut-outs.

    Raises:
        HandbenchError: when it holds none.
    """
    found = {split: root / split for split in ("train", "val", "test") if (root / split / MANIFEST).is_file()}
    if not found:
        raise HandbenchError(
            f"{root}: no cut-outs in train, val or test below it", "handbench data cutouts makes them"
        )
    return found


def counts(store: Store) -> Mapping[str, int]:
    """Returns how many pictures gave a cut-out (``good``), and how many did not, by reason."""
    return store.manifest.statistics.get("cutouts", {})


def sides(store: Store) -> dict[Side, int]:
    """Returns how many good cut-outs there are of each side."""
    found = store.manifest.statistics.get("side", {})
    return {side: found.get(side.value, 0) for side in SIDES}


def _run(out: Path, count: int, spec: DatasetSpec, job: Job, run: RunOptions) -> Store:
    run_shards(out, Plan(count), spec, job, run.workers, run.on_existing, label="cut-outs", quiet=run.quiet)
    return open_store(out)


def _photo_spec(
    dataset: Dataset, photos: PhotoSet, people: Mapping[str, str] | None, settings: CutoutSettings,
    hand_model: str,
) -> DatasetSpec:  # fmt: skip
    # max_bad decides whether a run fails, not what it makes.
    values: dict[str, Any] = {"settings": to_dict(replace(settings, max_bad=0.0))}
    sources = {
        "hand_model": _models(hand_model), "images": f"{dataset.name} {dataset.split} {dataset.fingerprint}"
    }  # fmt: skip
    keys = dataset.keys
    values["pictures"] = content_hash([[keys[i] for i in photos.rows.tolist()], photos.shared.tolist()])
    stream = content_hash([GENERATOR, values, sources])
    # Beside: where a dataset made from these finds backgrounds and poses of the same people.
    told = {"reference": str(photos.ref), "people": None if people is None else dict(people)}
    return DatasetSpec(SCHEMA, stream, 0, {**values, **told}, {}, sources)


def origin(store: Store) -> tuple[str, Mapping[str, str] | None]:
    """Returns the reference to the photographs, empty for painted ones, and person -> split or None."""
    recipe = store.manifest.spec.recipe
    return str(recipe.get("reference", "")), recipe.get("people")


def check_settings(store: Store, asked: CutoutSettings) -> None:
    """Refuses cut-outs that were made with other keys than a recipe asks for by more than its defaults.

    Raises:
        HandbenchError: naming the first key.
    """
    made = dict(flatten(store.manifest.spec.recipe["settings"]))
    usual = dict(flatten(to_dict(CutoutSettings())))
    for key, value in flatten(to_dict(asked)):
        if key != "max_bad" and value not in (usual[key], made.get(key)):
            raise HandbenchError(
                f"{store.root} was made with cutouts.{key} {made.get(key)}, the recipe asks for {value}",
                f"cut them again: handbench data cutouts ... --set cutouts.{key}={value}",
            )


def _models(spec: str) -> str:
    return " ".join(load_hand_model(spec, side).sha256[:16] for side in Side)


def _check_faults(out: Path, store: Store, most: float) -> None:
    found = {reason: count for reason, count in counts(store).items() if reason in FAULTS}
    bad = sum(found.values())
    if bad <= most * len(store):
        return
    listed = ", ".join(f"{reason} {count}" for reason, count in sorted(found.items()))
    skip = "; @missing=skip leaves out what is not there" if "missing" in found else ""
    raise PartialError(
        f"{out}: {bad} of {len(store)} pictures are faulty, more than {most:g} of them ({listed}); the first:"
        f" {_first_fault(store)}",
        "mend the source and run again with --on-existing overwrite, or raise cutouts.max_bad"
        f" (syn.cutouts.max_bad of a recipe){skip}",
    )


def _first_fault(store: Store) -> str:
    return next(
        f"{record.fields['key']}: {record.fields['what']}"
        for record in store
        if record.fields.get("bad") in FAULTS
    )


def clipped_recipe(recipe: AihRecipe, families: tuple[str, ...], rigs: tuple[str, ...]) -> AihRecipe:
    """Returns a recipe with a split's own backgrounds and light rigs, where the recipe leaves them open."""
    default = AihRecipe()
    if recipe.backgrounds.families == default.backgrounds.families:
        recipe = replace(recipe, backgrounds=replace(recipe.backgrounds, families=families))
    if recipe.lights.rigs == default.lights.rigs:
        recipe = replace(recipe, lights=replace(recipe.lights, rigs=rigs))
    return recipe
