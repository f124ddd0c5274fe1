"""``synth-ho3d`` as a function: plans the takes, makes them, writes the lists of the whole tree."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from handbench.config import build, content_hash, merge, parse_overrides, to_dict
from handbench.formats.ho3d_released import write_released_gt
from handbench.formats.ho3d_tree import Version, write_split
from handbench.hands.library import load_hand_model
from handbench.provenance import collect
from handbench.seeding import rng_for
from handbench.store.existing import OnExisting
from handbench.store.files import fail_writing, replace_durably
from handbench.synth.ho3d_extra import EXTRA, TRUTH
from handbench.synth.ho3d_motion import TakeSpec
from handbench.synth.ho3d_plan import PlannedTake, plan_takes
from handbench.synth.ho3d_unit import TakeWriter, unit_of
from handbench.synth.performers import Skins
from handbench.synth.renderers import make_renderer
from handbench.synth.trees import MakeUnit, Unit, make_tree
from handbench.synth.video_recipe import STRATA, VideoRecipe, check_frames
from handbench.types import Side

GENERATOR = "synth-ho3d/1"
SCHEMA = "handbench.ho3d/1"
ABOUT = "handbench.json"
"""At the root: what made the tree, its recipe, and what each take is."""


@dataclass(frozen=True)
class Ho3dSynthOptions:
    """What decides an HO-3D tree, as the user spells it.

    Attributes:
        version: ``v2`` or ``v3``.
        takes: training takes.
        eval_takes: evaluation takes.
        frames: of a take.
        cameras: of a take, 1 to 10.
        strata: given to the takes in turn.
        seed: of every random stream.
        renderer: ``auto``, ``raster`` or ``pyrender``.
        hand_model: ``procedural`` or ``mano:DIR``.
        flow: whether true flow is written.
        overrides: ``key=value`` changes to the recipe.
    """

    version: Version = "v3"
    takes: int = 10
    eval_takes: int = 5
    frames: int = 300
    cameras: int = 4
    strata: tuple[str, ...] = STRATA
    seed: int = 0
    renderer: str = "raster"
    hand_model: str = "procedural"
    flow: bool = True
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ho3dJob:
    """Opens models and renderer in a worker.

    Attributes:
        options: with a renderer that is resolved.
        spec: what all takes share.
        plans: the takes.
    """

    options: Ho3dSynthOptions
    spec: TakeSpec
    plans: tuple[PlannedTake, ...]

    def __call__(self) -> MakeUnit:
        """Returns the function that makes takes."""
        models = {side: load_hand_model(self.options.hand_model, side) for side in Side}
        skins, renderer = Skins(models), make_renderer(self.options.renderer)
        plans = {plan.base: plan for plan in self.plans}

        def make(unit: Unit, place: Path) -> dict[str, Any]:
            return TakeWriter(plans[unit.name], self.spec, skins, renderer, place).write()

        return make


@dataclass(frozen=True)
class Ho3dReport:
    """What a run did.

    Attributes:
        out: the tree.
        images: pictures in it.
        made: pictures made by this run.
        seconds: time this run took.
        listed: lines of each list.
        spec_hash: of what decides the takes.
        notes: of each take, by its name.
    """

    out: Path
    images: int
    made: int
    seconds: float
    listed: Mapping[str, int]
    spec_hash: str
    notes: Mapping[str, Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {
            "out": str(self.out), "images": self.images, "made": self.made, "seconds": self.seconds,
            "listed": dict(self.listed), "spec_hash": self.spec_hash,
        }  # fmt: skip


def generate_ho3d(
    out: Path,
    options: Ho3dSynthOptions,
    workers: int = 1,
    on_existing: OnExisting = "resume",
    quiet: bool = False,
) -> Ho3dReport:
    """Writes a tree in HO-3D's official layout; killed at any instant, the same call continues.

    Args:
        out: the tree's folder.
        options: what decides it.
        workers: processes; a take is one's. 0 works in this process.
        on_existing: keep finished takes, refuse, or start anew.
        quiet: print no progress.

    Raises:
        HandbenchError: bad input, before any work.
        PartialError: the disk is full; finished takes stay.
    """
    started = time.monotonic()
    recipe = build(VideoRecipe, merge(to_dict(VideoRecipe()), parse_overrides(options.overrides)))
    check_frames(options.frames)
    plans = plan_takes(options.takes, options.eval_takes, options.cameras, options.strata)
    models = {side: load_hand_model(options.hand_model, side) for side in Side}
    renderer = make_renderer(options.renderer)
    options = replace(options, renderer=renderer.name)
    spec = TakeSpec(options.version, options.seed, options.frames, options.flow, recipe)
    described = {
        "generator": GENERATOR, "version": options.version, "frames": options.frames,
        "cameras": options.cameras, "strata": list(options.strata), "seed": options.seed,
        "flow": options.flow, "recipe": to_dict(recipe), "renderer": [renderer.name, renderer.device()],
        "hand_model": " ".join(models[side].sha256[:16] for side in Side),
    }  # fmt: skip
    spec_hash = content_hash(described)
    units = [unit_of(plan, spec) for plan in plans]
    before = {path.stem for path in (out / ".units").glob("*.json")} if on_existing == "resume" else set()
    job = Ho3dJob(options, spec, tuple(plans))
    notes = make_tree(out, units, job, workers, on_existing, "synth-ho3d", quiet, spec_hash)
    try:
        listed = _conclude(out, options, plans, notes, {**described, "spec_hash": spec_hash})
    except OSError as error:
        fail_writing(out, error)
    counts = {
        plan.base: sum(len(s["annotated"]) + len(s["unannotated"]) for s in note["sequences"].values())
        for plan, note in zip(plans, notes, strict=True)
    }
    made = sum(count for base, count in counts.items() if base not in before)
    by_name = {plan.base: note for plan, note in zip(plans, notes, strict=True)}
    seconds = time.monotonic() - started
    return Ho3dReport(out, sum(counts.values()), made, seconds, listed, spec_hash, by_name)


def _conclude(
    out: Path,
    options: Ho3dSynthOptions,
    plans: Sequence[PlannedTake],
    notes: Sequence[dict[str, Any]],
    described: dict[str, Any],
) -> dict[str, int]:
    """Writes the lists, the released ground truth and handbench.json; returns the lines of each list."""
    lines: dict[str, list[tuple[str, str]]] = {"train": [], "evaluation": []}
    for plan, note in zip(plans, notes, strict=True):
        for sequence, frames in note["sequences"].items():
            lines[plan.split] += [(sequence, f"{frame:04d}") for frame in frames["annotated"]]
    # The official list of training frames is not in order of time either.
    order = rng_for(options.seed, "ho3d list").permutation(len(lines["train"]))
    lines["train"] = [lines["train"][k] for k in order.tolist()]
    for split in ("train", "evaluation"):
        write_split(out, split, lines[split])
    if options.eval_takes:
        _write_truth(out, [s for plan in plans if plan.split == "evaluation" for s in plan.sequences])
    takes = {plan.base: note for plan, note in zip(plans, notes, strict=True)}
    about = {"schema": SCHEMA, **described, "provenance": collect().to_dict(), "takes": takes}
    replace_durably(out / ABOUT, (json.dumps(about, indent=1) + "\n").encode())
    return {split: len(found) for split, found in lines.items()}


def _write_truth(out: Path, sequences: Sequence[str]) -> None:
    """Writes evaluation_xyz.json and evaluation_verts.json, row i = line i of evaluation.txt."""
    xyz, verts = [], []
    for sequence in sequences:
        with np.load(out / EXTRA / sequence / TRUTH, allow_pickle=False) as file:
            xyz.append(file["xyz"])
            verts.append(file["verts"])
    write_released_gt(out, np.concatenate(xyz), np.concatenate(verts))
