"""``synth-aih`` as a function: resolves what the user asked for, then makes the shards."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from handbench.compose.paste import Mode
from handbench.config import content_hash, to_dict
from handbench.errors import HandbenchError
from handbench.hands.library import load_hand_model
from handbench.store.existing import OnExisting
from handbench.store.job import Produce
from handbench.store.plan import DatasetSpec, make_plan
from handbench.store.run import RunReport, run_shards
from handbench.synth.aih_record import RecordMaker
from handbench.synth.aih_scene import SceneMaker
from handbench.synth.backgrounds import open_backgrounds
from handbench.synth.cutout_stores import RunOptions
from handbench.synth.dataset_recipe import DatasetRecipe, load_recipe
from handbench.synth.generate_splits import SplitReport, generate_splits
from handbench.synth.photographs import with_hand_model
from handbench.synth.recipe import GENERATOR, AihRecipe
from handbench.synth.renderers import make_renderer
from handbench.synth.sources import open_poses
from handbench.synth.split_plan import SourceOptions
from handbench.synth.syn_record import Keep
from handbench.types import Side

SCHEMA = "aih/1"


@dataclass(frozen=True)
class SynthOptions:
    """What decides the samples of an AIH dataset, as the user spells it.

    Attributes:
        recipe: ``render`` or a ``.toml`` file.
        overrides: ``key=value`` changes to the recipe.
        seed: of every random stream.
        renderer: ``auto``, ``raster`` or ``pyrender``.
        poses: ``sampler``, ``tzionas:DIR[@sequences=01-07]`` or ``interhand:DIR``.
        images: photographs of single hands, for recipes that paste: ``procedural``, ``interhand:DIR``, or
            ``cutouts:DIR``.
        backgrounds: ``procedural``, a folder, ``interhand:DIR``, or ``auto``: frames of the photographs where
            there are any, else painted.
        hand_model: ``procedural`` or ``mano:DIR``.
        keep: pasted samples as ``composites``, or as a ``table`` that a reader composes.
        paste: edge of a pasted hand, ``feathered`` or ``hard``; None for the recipe's.
        size: side of the pictures [px]; None for the recipe's.
    """

    recipe: str = "render"
    overrides: tuple[str, ...] = ()
    seed: int = 0
    renderer: str = "auto"
    poses: str = "sampler"
    images: str = "procedural"
    backgrounds: str = "auto"
    hand_model: str = "procedural"
    keep: Keep = "composites"
    paste: Mode | None = None
    size: int | None = None


@dataclass(frozen=True)
class AihJob:
    """Opens models, sources and renderer in a worker.

    Attributes:
        recipe: keys.
        options: with a renderer that is resolved.
        stream: the recipe's hash, which names the random streams.
    """

    recipe: AihRecipe
    options: SynthOptions
    stream: str

    def __call__(self) -> Produce:
        """Returns the function that makes records."""
        options = self.options
        recipe = self.recipe
        models = {side: load_hand_model(options.hand_model, side) for side in Side}
        poses = open_poses(with_hand_model(options.poses, options.hand_model), models, recipe)
        backgrounds = open_backgrounds(options.backgrounds, recipe.backgrounds)
        scenes = SceneMaker(recipe, self.stream, options.seed, options.hand_model, poses, backgrounds)
        return RecordMaker(scenes, make_renderer(options.renderer))


def resolve(recipe: AihRecipe, options: SynthOptions) -> tuple[AihJob, DatasetSpec]:
    """Checks all inputs and names the dataset by their hash, before any work.

    Returns:
        The job of the workers, and what the shards carry.

    Raises:
        HandbenchError: for anything that is missing, unknown or out of range.
    """
    if options.backgrounds == "auto":
        options = replace(options, backgrounds="procedural")
    models = {side: load_hand_model(options.hand_model, side) for side in Side}
    poses = open_poses(with_hand_model(options.poses, options.hand_model), models, recipe)
    backgrounds = open_backgrounds(options.backgrounds, recipe.backgrounds)
    renderer = make_renderer(options.renderer)
    described = {"name": renderer.name, "device": renderer.device()}
    values = to_dict(recipe)
    sources = {
        "hand_model": " ".join(models[side].sha256[:16] for side in Side),
        "poses": f"{poses.name} {poses.fingerprint}",
        "backgrounds": f"{backgrounds.name} {backgrounds.fingerprint}",
    }
    stream = content_hash(
        {"generator": GENERATOR, "recipe": values, "sources": sources, "renderer": described}
    )
    spec = DatasetSpec(SCHEMA, stream, options.seed, values, described, sources)
    return AihJob(recipe, replace(options, renderer=renderer.name), stream), spec


def generate(
    out: Path,
    options: SynthOptions,
    num: int,
    workers: int = 1,
    shards: str | None = None,
    on_existing: OnExisting = "resume",
    quiet: bool = False,
    split: str | None = None,
) -> list[SplitReport]:
    """Synthesises AIH into a folder; killed at any instant, the same call continues.

    Args:
        out: the dataset's folder; with a recipe of splits it gets ``train``, ``val``, ``test``, ``cutouts``.
        options: what decides the samples.
        num: number of records, of all splits together.
        workers: worker processes.
        shards: which shards of the whole to make, all by default.
        on_existing: what to do where there are shards.
        quiet: print no progress.
        split: make this split alone.

    Returns:
        What was made, for each split; the recipe ``render`` has one without a name.

    Raises:
        HandbenchError: bad input, before any work.
        PartialError: the disk is full, or too many pictures are faulty; published shards stay.
        CorruptError: a published shard differs from what was written.
    """
    if not 0 <= options.seed < 2**63:
        raise HandbenchError(f"--seed {options.seed}", "give 0 to 2^63 - 1")
    plan = make_plan(num, shards if split is None else None)
    recipe = load_recipe(options.recipe, options.overrides, options.size)
    if not quiet and _never_compiled():
        print("the first run compiles the kernels: about a minute, once", file=sys.stderr, flush=True)
    if isinstance(recipe, DatasetRecipe):
        if options.paste is not None:
            pasting = replace(recipe.syn.paste, mode=options.paste)
            recipe = replace(recipe, syn=replace(recipe.syn, paste=pasting))
        sources = SourceOptions(
            options.images, options.poses, options.backgrounds, options.hand_model, options.renderer,
            options.seed, options.keep,
        )  # fmt: skip
        run = RunOptions(workers, on_existing, quiet)
        return generate_splits(out, recipe, sources, num, run, split, shards)
    _refuse_for_render(options, split)
    job, spec = resolve(recipe, options)
    report = run_shards(out, plan, spec, job, workers, on_existing, label="synth-aih", quiet=quiet)
    return [SplitReport("", report, {})]


def _refuse_for_render(options: SynthOptions, split: str | None) -> None:
    """Refuses what only recipes that paste photographs have."""
    given = [
        name
        for name, on in (
            ("--images", options.images != "procedural"),
            ("--keep", options.keep != "composites"),
            ("--paste", options.paste is not None),
            ("--split", split is not None),
        )
        if on
    ]
    if given:
        raise HandbenchError(
            f"{' and '.join(given)}: the recipe {options.recipe!r} pastes no photographs",
            "use --recipe syn or both",
        )


def _never_compiled() -> bool:
    """Tells whether numba has no kernels of this installation in its cache."""
    return not any((Path(__file__).parent / "__pycache__").glob("raster_passes.*.nbi"))


def summary(reports: Sequence[SplitReport]) -> Sequence[str]:
    """Returns the result of a run as lines of text."""
    lines: list[str] = []
    for report in reports:
        before = f"{report.split}: " if report.split else ""
        lines += [before + line for line in _run_summary(report.run)]
    return lines


def _run_summary(run: RunReport) -> list[str]:
    rate = run.made / run.seconds if run.seconds > 0 else 0.0
    lines = [f"made {run.made} records in {run.seconds:.1f} s ({rate:.0f} a second), kept {run.kept}"]
    manifest = run.manifest
    if manifest is None:
        return [*lines, "other shards are still to be made; the manifest comes with the last"]
    lines.append(f"digest {manifest.digest}")
    parts = manifest.statistics.get("part")
    if parts:
        lines.append(", ".join(f"{count} {_PARTS[name]}" for name, count in sorted(parts.items())))
    if not parts or "render" in parts:
        renderer = manifest.spec.renderer
        lines.append(f"renderer {renderer['name']} ({renderer['device']})")
    for name, words in (
        ("occlusion", "rendered scenes by occlusion of the worse hand"),
        ("overlap", "pasted samples by overlap over the target"),
    ):
        shares = _tenths(manifest.statistics.get(name, {}))
        if shares:
            lines.append(f"{words}, in tenths, %: {shares}")
    return lines


_PARTS = {"render": "rendered", "syn": "pasted"}


def _tenths(bins: Mapping[str, int]) -> str:
    tenths = [0] * 10
    for label, count in bins.items():
        tenths[min(int(10 * float(label) + 1e-9), 9)] += count
    return "  ".join(f"{100 * count / sum(tenths):.0f}" for count in tenths) if any(tenths) else ""


def report_dict(reports: Sequence[SplitReport]) -> dict[str, object]:
    """Returns the result of a run as plain values: of one dataset, or ``splits`` of several."""
    found = {
        report.split: {
            "made": report.run.made,
            "kept": report.run.kept,
            "seconds": report.run.seconds,
            "manifest": None if report.run.manifest is None else asdict(report.run.manifest),
            **({"cutouts": dict(report.cutouts)} if report.split else {}),
        }
        for report in reports
    }
    return found.get("", {"splits": found})
