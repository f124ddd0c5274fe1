"""``synth-aih`` as a function: resolves what the user asked for, then makes the shards."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

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
from handbench.synth.recipe import GENERATOR, load_recipe
from handbench.synth.renderers import make_renderer
from handbench.synth.sources import open_poses
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
        poses: ``sampler`` or ``tzionas:DIR[@sequences=01-07]``.
        backgrounds: ``procedural`` or a folder.
        hand_model: ``procedural`` or ``mano:DIR``.
    """

    recipe: str = "render"
    overrides: tuple[str, ...] = ()
    seed: int = 0
    renderer: str = "auto"
    poses: str = "sampler"
    backgrounds: str = "procedural"
    hand_model: str = "procedural"


@dataclass(frozen=True)
class AihJob:
    """Opens models, sources and renderer in a worker.

    Attributes:
        options: with a renderer that is resolved.
        stream: the recipe's hash, which names the random streams.
    """

    options: SynthOptions
    stream: str

    def __call__(self) -> Produce:
        """Returns the function that makes records."""
        options = self.options
        recipe = load_recipe(options.recipe, options.overrides)
        models = {side: load_hand_model(options.hand_model, side) for side in Side}
        poses = open_poses(options.poses, models, recipe)
        backgrounds = open_backgrounds(options.backgrounds, recipe.backgrounds)
        scenes = SceneMaker(recipe, self.stream, options.seed, options.hand_model, poses, backgrounds)
        return RecordMaker(scenes, make_renderer(options.renderer))


def resolve(options: SynthOptions) -> tuple[AihJob, DatasetSpec]:
    """Checks all inputs and names the dataset by their hash, before any work.

    Returns:
        The job of the workers, and what the shards carry.

    Raises:
        HandbenchError: for anything that is missing, unknown or out of range.
    """
    recipe = load_recipe(options.recipe, options.overrides)
    models = {side: load_hand_model(options.hand_model, side) for side in Side}
    poses = open_poses(options.poses, models, recipe)
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
    return AihJob(replace(options, renderer=renderer.name), stream), spec


def generate(
    out: Path,
    options: SynthOptions,
    num: int,
    workers: int = 1,
    shards: str | None = None,
    on_existing: OnExisting = "resume",
    quiet: bool = False,
) -> RunReport:
    """Synthesises AIH into a folder; killed at any instant, the same call continues.

    Args:
        out: the dataset's folder.
        options: what decides the samples.
        num: number of records.
        workers: worker processes.
        shards: which shards of the whole to make, all by default.
        on_existing: what to do where there are shards.
        quiet: print no progress.

    Raises:
        HandbenchError: bad input, before any work.
        PartialError: the disk is full; published shards stay.
        CorruptError: a published shard differs from what was written.
    """
    plan = make_plan(num, shards)
    if not 0 <= options.seed < 2**63:
        raise HandbenchError(f"--seed {options.seed}", "give 0 to 2^63 - 1")
    if not quiet and _never_compiled():
        print("the first run compiles the kernels: about a minute, once", file=sys.stderr, flush=True)
    job, spec = resolve(options)
    return run_shards(out, plan, spec, job, workers, on_existing, label="synth-aih", quiet=quiet)


def _never_compiled() -> bool:
    """Tells whether numba has no kernels of this installation in its cache."""
    return not any((Path(__file__).parent / "__pycache__").glob("raster_passes.*.nbi"))


def summary(report: RunReport) -> Sequence[str]:
    """Returns the result of a run as lines of text."""
    rate = report.made / report.seconds if report.seconds > 0 else 0.0
    lines = [
        f"made {report.made} records in {report.seconds:.1f} s ({rate:.0f} a second), kept {report.kept}"
    ]
    manifest = report.manifest
    if manifest is None:
        return [*lines, "other shards are still to be made; the manifest comes with the last"]
    lines.append(f"digest {manifest.digest}")
    lines.append(f"renderer {manifest.spec.renderer['name']} ({manifest.spec.renderer['device']})")
    tenths = [0] * 10
    for label, count in manifest.statistics.get("occlusion", {}).items():
        tenths[min(int(10 * float(label) + 1e-9), 9)] += count
    if any(tenths):
        shares = "  ".join(f"{100 * count / sum(tenths):.0f}" for count in tenths)
        lines.append(f"scenes by occlusion of the worse hand, in tenths, %: {shares}")
    return lines


def report_dict(report: RunReport) -> dict[str, object]:
    """Returns the result of a run as plain values."""
    manifest = None if report.manifest is None else asdict(report.manifest)
    return {"made": report.made, "kept": report.kept, "seconds": report.seconds, "manifest": manifest}
