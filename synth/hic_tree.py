"""``synth-hic`` as a function: tracked motion drawn with its own scanned hands, in HIC layout; test only."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from handbench.config import content_hash
from handbench.errors import HandbenchError
from handbench.formats.hic import (
    image_path,
    label_path,
    view_folder,
    write_labels,
    write_view_camera,
    write_visibility,
)
from handbench.formats.motion import read_skeleton
from handbench.formats.tzionas import motion_path
from handbench.store.existing import OnExisting
from handbench.store.files import replace_durably
from handbench.synth.backgrounds import open_backgrounds
from handbench.synth.hic_motion import Recording, open_recording
from handbench.synth.hic_scene import BACKGROUNDS, SEEN, ViewPainter
from handbench.synth.hic_views import draw_views
from handbench.synth.png import encode_png
from handbench.synth.pose_tzionas import parse_sequences
from handbench.synth.renderers import make_renderer
from handbench.synth.trees import MakeUnit, Unit, make_tree
from handbench.types import Side

GENERATOR = "synth-hic/1"
MANIFEST = "handbench.json"
MANIFEST_SCHEMA = "handbench.synth_hic/1"
EVERY = 5
"""HIC's own labels are of every fifth frame."""

# Noisy pictures: smaller and faster so than with zlib's search for repeats.


@dataclass(frozen=True)
class HicPlan:
    """What decides the pictures.

    Attributes:
        motion: folder of the tracked hands, resolved.
        every: each k-th frame is drawn.
        labels: each k-th frame number is labelled, where it is drawn.
        seed: of views, skin, light and surroundings.
        renderer: its name.
        backgrounds: ``procedural`` or a folder.
    """

    motion: str
    every: int = 1
    labels: int = EVERY
    seed: int = 0
    renderer: str = "auto"
    backgrounds: str = "procedural"


@dataclass(frozen=True)
class HicJob:
    """Opens sequences and renderer in a worker."""

    plan: HicPlan

    def __call__(self) -> MakeUnit:
        """Returns the function that draws one view of one sequence."""
        plan = self.plan
        backgrounds = open_backgrounds(plan.backgrounds, BACKGROUNDS)
        renderer = make_renderer(plan.renderer)
        kept: dict[str, Recording] = {}

        def make(unit: Unit, place: Path) -> dict[str, Any]:
            sequence, view = unit.name.split("-")
            if sequence not in kept:
                kept.clear()
                kept[sequence] = open_recording(Path(plan.motion), sequence, plan.seed)
            recording = kept[sequence]
            camera = draw_views(recording, int(view) - 1, plan.seed)[-1]
            painter = ViewPainter(recording, camera, view, plan.seed, backgrounds, renderer)
            return _draw_view(plan, painter, sequence, view, place)

        return make


def _draw_view(plan: HicPlan, painter: ViewPainter, sequence: str, view: str, place: Path) -> dict[str, Any]:
    """Writes the pictures, labels, camera and visibility of one view below ``place``."""
    frames = range(0, len(painter.recording), plan.every)
    folder = view_folder(place, sequence, view)
    for name in ("rgb", "joints_2D_GT"):
        (folder / name).mkdir(parents=True)
    visibility = np.full((len(painter.recording), 2, 21), np.nan, np.float32)
    labelled = 0
    for frame in frames:
        drawn = painter.draw(frame)
        image_path(place, sequence, frame, view).write_bytes(encode_png(drawn.image, "above"))
        if frame % plan.labels == 0:
            write_labels(label_path(place, sequence, frame, view), drawn.labels())
            labelled += 1
        for s, side in enumerate((Side.RIGHT, Side.LEFT)):
            if side in drawn.visibility:
                visibility[frame, s] = drawn.visibility[side]
    write_view_camera(folder, painter.camera)
    write_visibility(folder, visibility)
    return {"sequence": sequence, "view": view, "pictures": len(frames), "labelled": labelled}


@dataclass(frozen=True)
class HicReport:
    """What a run has made.

    Attributes:
        pictures: in the whole tree.
        labelled: of these, with 2D labels.
        seconds: of this run.
        sequences: their names.
        views: of each sequence, the sensor's own among them.
    """

    pictures: int
    labelled: int
    seconds: float
    sequences: tuple[str, ...]
    views: int


def synth_hic(
    out: Path,
    plan: HicPlan,
    sequences: str = "all",
    views: int = 0,
    workers: int = 1,
    on_existing: OnExisting = "resume",
    quiet: bool = False,
) -> HicReport:
    """Draws recorded sequences in HIC's layout; killed at any instant, the same call continues.

    Args:
        out: the dataset's folder.
        plan: what decides the pictures.
        sequences: ``all`` or ``01-07+15``.
        views: how many resampled views beside the sensor's own.
        workers: worker processes.
        on_existing: what to do where there are views.
        quiet: print no progress.

    Raises:
        HandbenchError: bad input, before any work.
        PartialError: the disk is full; finished views stay.
    """
    root = Path(plan.motion).expanduser().resolve()
    names = _sequences(root, sequences)
    for value, option in ((plan.every, "--every"), (plan.labels, "--label-every")):
        if value < 1:
            raise HandbenchError(f"{option} {value}", "give 1 or more")
    if views < 0:
        raise HandbenchError(f"--views {views}", "give native, or the number of resampled views")
    renderer = make_renderer(plan.renderer)
    plan = replace(plan, motion=str(root), renderer=renderer.name)
    lengths = {name: _length(root, name) for name in names}
    units = [
        Unit(f"{name}-{view}", (f"{name}/{view}",), len(range(0, lengths[name], plan.every)))
        for name in names
        for view in range(1, views + 2)
    ]
    described = {**asdict(plan), "motion": _fingerprint(root)}
    spec = content_hash({"generator": GENERATOR, "plan": described, "device": renderer.device()})
    start = time.perf_counter()
    notes = make_tree(
        out, units, HicJob(plan), workers, on_existing, label="synth-hic", quiet=quiet, spec_hash=spec
    )
    seconds = time.perf_counter() - start
    _copy_motion(root, out, names)
    labelled = sum(note["labelled"] for note in notes)
    _write_manifest(out, described, spec, notes)
    pictures = sum(note["pictures"] for note in notes)
    return HicReport(pictures, labelled, seconds, tuple(names), views + 1)


def _sequences(root: Path, text: str) -> list[str]:
    there = [path.name for path in sorted(root.glob("[0-9][0-9]")) if any(path.glob("Model_Hand_?.MOTION"))]
    if not there or not (root / "mesh").is_dir():
        raise HandbenchError(
            f"{root}: no tracked hands (NN/Model_Hand_R.MOTION and mesh/Model_Hand_R.OFF)",
            "give --motion tzionas:DIR; handbench data howto tzionas tells where it comes from",
        )
    if text == "all":
        return there
    wanted = parse_sequences(text)
    absent = [name for name in wanted if name not in there]
    if absent:
        raise HandbenchError(f"{root} has no sequence {', '.join(absent)}", f"it has {', '.join(there)}")
    return sorted(set(wanted))


def _length(root: Path, name: str) -> int:
    paths = [motion_path(root, name, side) for side in Side]
    # Its first row is the bind pose.
    return min(read_skeleton(path.with_suffix(".SKEL")).n_rows - 1 for path in paths if path.is_file())


def _fingerprint(root: Path) -> str:
    """Returns a hash of all motion and meshes, whatever sequences are asked for: a tree can grow."""
    files = sorted(root.glob("[0-9][0-9]/Model_*")) + sorted((root / "mesh").glob("Model_*"))
    digest = hashlib.blake2b(digest_size=16)
    for path in files:
        digest.update(str(path.relative_to(root)).encode() + hashlib.blake2b(path.read_bytes()).digest())
    return digest.hexdigest()


def _copy_motion(root: Path, out: Path, names: Sequence[str]) -> None:
    """Copies motion, meshes and licence: with them the tree knows its joints, meshes and objects."""
    for folder in (*names, "mesh"):
        (out / folder).mkdir(exist_ok=True)
        for path in sorted((root / folder).glob("Model_*")):
            shutil.copyfile(path, out / folder / path.name)
    if (root / "LICENSE").is_file():
        shutil.copyfile(root / "LICENSE", out / "LICENSE")


def _write_manifest(out: Path, described: dict[str, Any], spec: str, notes: list[dict[str, Any]]) -> None:
    content = {
        "schema": MANIFEST_SCHEMA,
        "use": "test only",
        "why": "the hand-shift set of the benchmark: another hand, motion, light and background than any "
        "training set has; a model that was trained on it cannot be ranked on it",
        "generator": GENERATOR,
        "spec": spec,
        "plan": described,
        "labels": f"a joint is labelled where at least {SEEN:g} of its 5 mm ball is seen, else 0 0",
        "source": "motion and meshes: Tzionas et al., IJCV 2016, MIT licence (LICENSE)",
        "views": notes,
    }
    replace_durably(out / MANIFEST, (json.dumps(content, indent=1) + "\n").encode())
