"""``synth-interhand`` as a function: captures, takes and cameras in InterHand2.6M's v1.0 layout."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from handbench.config import content_hash
from handbench.errors import HandbenchError
from handbench.formats.interhand import SIDES
from handbench.formats.interhand_params import mano_record
from handbench.formats.interhand_write import file_name_of
from handbench.hands.library import load_hand_model
from handbench.hands.model import HandModel, forward_one
from handbench.seeding import rng_for
from handbench.store.existing import OnExisting
from handbench.synth.interhand_files import write_split_files, write_tree_files
from handbench.synth.interhand_motion import RATE, Frame
from handbench.synth.interhand_plan import TAKES, InterhandPlan, check, frame_number, parse_splits, unit_of
from handbench.synth.interhand_scene import Capture, open_capture, render_moment, world_parts
from handbench.synth.interhand_takes import HandTake, make_take, open_motion, steps_of, take_name
from handbench.synth.interhand_views import look_at_hands
from handbench.synth.performers import Skins
from handbench.synth.renderers import make_renderer
from handbench.synth.scene import Renderer
from handbench.synth.trees import MakeUnit, Unit, make_tree
from handbench.types import Side

GENERATOR = "synth-interhand/1"

TIPS = "interhand"
"""The fingertips of the real set's joints (:data:`handbench.skeleton.TIP_SETS`)."""

_QUALITY = 92


@dataclass(frozen=True)
class InterhandJob:
    """Opens models, motion and renderer in a worker."""

    plan: InterhandPlan

    def __call__(self) -> MakeUnit:
        """Returns the function that draws one take."""
        return TakeMaker(self.plan).make


class TakeMaker:
    """Draws takes: all frames of all cameras, and what the annotation files need of them.

    Args:
        plan: with a renderer that is resolved.
    """

    def __init__(self, plan: InterhandPlan) -> None:
        self.plan = plan
        self.models: dict[Side, HandModel] = {side: load_hand_model(plan.hand_model, side) for side in Side}
        self.source = open_motion(plan.poses, self.models)
        self._capture: Capture | None = None

    @cached_property
    def _skins(self) -> Skins:
        return Skins(self.models)

    @cached_property
    def _renderer(self) -> Renderer:
        return make_renderer(self.plan.renderer)

    def capture(self, split: str, number: int) -> Capture:
        """Returns a capture; the last one is kept."""
        name = f"{split}/{number}"
        if self._capture is None or self._capture.name != name:
            plan = self.plan
            self._capture = open_capture(plan.seed, name, self._skins, plan.cameras, plan.size)
        return self._capture

    def take(self, split: str, index: int) -> HandTake:
        """Returns the motion of a split's take."""
        plan, capture = self.plan, self.capture(split, index // TAKES)
        return make_take(
            self.source, self.models, self._stream(split, index), capture.people.betas, index % TAKES,
            plan.frames, RATE // plan.fps,
        )  # fmt: skip

    def folder(self, split: str, index: int) -> str:
        """Returns the folder of a split's take below the dataset's."""
        steps = steps_of(self.plan.frames, RATE // self.plan.fps)
        name, _ = take_name(self.source, self._stream(split, index)("name"), index % TAKES, steps)
        return f"images/{split}/Capture{index // TAKES}/{name}"

    def _stream(self, split: str, index: int) -> Callable[[str], np.random.Generator]:
        return lambda what: rng_for(self.plan.seed, split, "take", index, what)

    def make(self, unit: Unit, place: Path) -> dict[str, Any]:
        """Draws one take below ``place``; returns its note."""
        split, index = unit_of(unit.name)
        capture, take = self.capture(split, index // TAKES), self.take(split, index)
        frames = []
        for k, frame in enumerate(take.frames):
            number = frame_number(index, k, self.plan.fps)
            parts = world_parts(capture, frame, self.models)
            note = self._moment(frame)
            note["frame"] = number
            for c, camera in enumerate(capture.cameras):
                if look_at_hands(note["joints"], camera.camera) is None:
                    continue
                name = file_name_of(index // TAKES, take.name, camera.name, number)
                picture = render_moment(self._renderer, capture, parts, c, number)
                _write_jpeg(place / "images" / split / name, picture)
            frames.append(note)
        cameras = {
            one.name: {"K": one.camera.K.tolist(), "R": one.camera.R.tolist(), "t": one.camera.t.tolist(),
                       "size": list(one.camera.size)}
            for one in capture.cameras
        }  # fmt: skip
        return {
            "split": split, "capture": index // TAKES, "seq": take.name, "hand_type": take.hand_type,
            "frames": frames, "cameras": cameras,
        }  # fmt: skip

    def _moment(self, frame: Frame) -> dict[str, Any]:
        """Returns the 3D annotation of one moment: joints (21, 3) [m] and MANO records, studio's frame."""
        joints = {
            side.value: forward_one(self.models[side], hand.params, TIPS).joints21.tolist()
            for side, hand in frame.items()
        }
        mano = {
            side.value: mano_record(frame[side].params, self.models[side]) if side in frame else None
            for side in SIDES
        }
        return {"joints": joints, "mano": mano}


def _write_jpeg(path: Path, picture: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not ok:
        raise HandbenchError(f"{path}: the picture could not be encoded")
    path.write_bytes(data.tobytes())


@dataclass(frozen=True)
class InterhandReport:
    """What a run has made.

    Attributes:
        pictures: of each split in the whole tree.
        takes: of each split.
        seconds: of this run.
    """

    pictures: dict[str, int]
    takes: dict[str, int]
    seconds: float


def synth_interhand(
    out: Path,
    plan: InterhandPlan,
    splits: str = "train=4,val=2,test=4",
    workers: int = 1,
    on_existing: OnExisting = "resume",
    quiet: bool = False,
    root_noise: float = 0.02,
    human: float = 0.25,
) -> InterhandReport:
    """Draws captures in InterHand2.6M's layout; killed at any instant, the same call continues.

    Args:
        out: the dataset's folder.
        plan: what decides the pictures.
        splits: takes of each split.
        workers: worker processes.
        on_existing: what to do with takes that are there.
        quiet: print no progress.
        root_noise: standard deviation of the noise on the root depths of ``rootnet_output`` [m].
        human: share of annotations that the id lists call human.

    Raises:
        HandbenchError: bad input, before any work.
        PartialError: the disk is full; finished takes stay.
    """
    takes = parse_splits(splits)
    check(plan, root_noise, human)
    renderer = make_renderer(plan.renderer)
    plan = replace(plan, renderer=renderer.name)
    maker = TakeMaker(plan)
    units = []
    for split, count in takes.items():
        for index in range(count):
            size = plan.frames * plan.cameras
            units.append(Unit(f"{split}-{index:05d}", (maker.folder(split, index),), size))
    described = {
        **asdict(plan), "poses": f"{maker.source.name} {maker.source.fingerprint}",
        "hand_model": [maker.models[side].sha256 for side in SIDES], "device": renderer.device(),
    }  # fmt: skip
    spec = content_hash({"generator": GENERATOR, "plan": described})
    start = time.perf_counter()
    notes = make_tree(out, units, InterhandJob(plan), workers, on_existing, "synth-interhand", quiet, spec)
    seconds = time.perf_counter() - start
    counts = {}
    for split in takes:
        mine = [note for note in notes if note["split"] == split]
        counts[split] = write_split_files(out, split, mine, plan.fps, plan.seed, root_noise, human)
    write_tree_files(out, maker.models[Side.RIGHT], described, spec, root_noise, human)
    return InterhandReport(counts, dict(takes), seconds)
