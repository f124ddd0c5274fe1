"""Makes one take of an HO-3D tree: the official files of all its cameras, and ours beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg

from handbench.formats.ho3d import DEPTH_SCALE
from handbench.formats.ho3d_calibration import RigCamera, calibration_folder, write_calibration
from handbench.formats.ho3d_meta import write_meta
from handbench.formats.ho3d_seg import encode_seg
from handbench.formats.ho3d_tree import depth_path, meta_path, rgb_path, seg_folder, seg_path
from handbench.synth.flow import FlowCamera, encode_flow
from handbench.synth.ho3d_extra import EXTRA, FLOW, SequenceTable
from handbench.synth.ho3d_labels import Ho3dLabels
from handbench.synth.ho3d_motion import TakeSpec, plan_take
from handbench.synth.ho3d_pictures import depth_png, put, seg_png
from handbench.synth.ho3d_plan import FrameSet, PlannedTake, draw_frames
from handbench.synth.performers import Skins
from handbench.synth.png import encode_png
from handbench.synth.scene import Part, Renderer
from handbench.synth.trees import Unit
from handbench.synth.video_actors import seen_from
from handbench.synth.video_camera import FramePicture
from handbench.synth.video_stage import Stage, Staging
from handbench.types import Side


def unit_of(plan: PlannedTake, spec: TakeSpec) -> Unit:
    """Returns a take as a unit of the tree."""
    here = Path()
    folders = [str(calibration_folder(here, plan.base).parent)]
    for sequence in plan.sequences:
        folders += [f"{plan.split}/{sequence}", f"{EXTRA}/{sequence}"]
        if spec.version == "v2" and plan.split == "train":
            folders.append(str(seg_folder(here, "v2", "train", sequence).parent))
    return Unit(plan.base, tuple(folders), plan.cameras * spec.frames)


class TakeWriter:
    """Writes one take.

    Args:
        plan: which.
        spec: what all takes share.
        skins: of the hand models.
        renderer: draws.
        place: the folder below which the tree's folders are made.
    """

    def __init__(
        self, plan: PlannedTake, spec: TakeSpec, skins: Skins, renderer: Renderer, place: Path
    ) -> None:
        self.plan, self.spec, self.place = plan, spec, place
        take = plan_take(plan, spec, skins)
        staging = Staging(spec.seed, plan.base, plan.split, plan.stratum, plan.cameras, spec.recipe)
        self.stage = Stage(take, staging, skins, renderer)
        self.serials = tuple(f"S{plan.index:05d}{k}" for k in range(plan.cameras))
        self.labels = Ho3dLabels(take, skins.models[Side.RIGHT], self.serials)
        self.frames: FrameSet = draw_frames(
            staging.stream("frames"), len(take), spec.recipe.missing, spec.recipe.unannotated
        )
        self._flows = tuple(FlowCamera(eye.camera, eye.view.depth) for eye in self.stage.eyes)
        self._tables = tuple(SequenceTable() for _ in plan.sequences)

    def write(self) -> dict[str, Any]:
        """Writes all files; returns the take's note."""
        self._make_folders()
        for frame in np.flatnonzero(self.frames.exists).tolist():
            for camera in range(self.plan.cameras):
                self._frame(camera, frame)
        for sequence, table in zip(self.plan.sequences, self._tables, strict=True):
            table.write(self.place / EXTRA / sequence, truth=self.plan.split == "evaluation")
        rig = [
            RigCamera(str(k), serial, np.array(camera.K), _to_world(camera.R, camera.t), DEPTH_SCALE)
            for k, (camera, serial) in enumerate(zip(self.stage.cameras, self.serials, strict=True))
        ]
        write_calibration(self.place, self.plan.base, rig)
        return self._note()

    def _make_folders(self) -> None:
        version, split = self.spec.version, self.plan.split
        kinds = ("rgb", "depth", "meta")
        for sequence in self.plan.sequences:
            for kind in kinds:
                (self.place / split / sequence / kind).mkdir(parents=True)
            if split == "train":
                seg_folder(self.place, version, split, sequence).mkdir(parents=True)
            (self.place / EXTRA / sequence / (FLOW if self.spec.flow else "")).mkdir(parents=True)

    def _frame(self, camera: int, frame: int) -> None:
        """Writes all that one camera sees in one frame."""
        plan, spec, recipe = self.plan, self.spec, self.spec.recipe
        sequence, name = plan.sequences[camera], f"{frame:04d}"
        drawn = self.stage.picture(camera, frame)
        picture = rgb_path(self.place, spec.version, plan.split, sequence, name)
        if spec.version == "v2":
            put(picture, encode_png(drawn.picture, "left"))
        else:
            put(picture, simplejpeg.encode_jpeg(drawn.picture, recipe.jpeg_quality, "RGB", "420"))
        depth = self._measured(camera, frame, drawn)
        put(depth_path(self.place, plan.split, sequence, name), depth_png(depth))
        if plan.split == "train":
            seg = seg_path(self.place, spec.version, "train", sequence, name)
            if spec.version == "v2":
                colours = encode_seg(drawn.hand, drawn.thing, "v2")
                put(seg, simplejpeg.encode_jpeg(colours, 95, "RGB", "444"))
            else:
                put(seg, seg_png(drawn.hand, drawn.thing))
        annotated = self._annotated(camera, frame)
        eye = self.stage.cameras[camera]
        label = self.labels.train if plan.split == "train" else self.labels.evaluation
        write_meta(
            meta_path(self.place, plan.split, sequence, name), label(eye, frame) if annotated else None
        )
        if spec.flow and frame > 0:
            self._flow(camera, frame, self.place / EXTRA / sequence / FLOW / f"{name}.png")
        table = self._tables[camera]
        held = bool(self.stage.take.held[frame])
        table.add(frame, annotated, held, self.stage.hidden(camera, frame), drawn)
        if plan.split == "evaluation" and annotated:
            table.add_truth(self.labels.xyz(eye, frame), self.labels.verts(eye, frame))

    def _annotated(self, camera: int, frame: int) -> bool:
        inside = self.labels.inside(self.stage.cameras[camera], frame) >= self.spec.recipe.seen_joints
        return bool(self.frames.annotated[frame]) and inside

    def _measured(self, camera: int, frame: int, drawn: FramePicture) -> Any:
        """Returns the depth as a sensor gives it, (h, w) float32 [m]."""
        spread = self.spec.recipe.depth_noise
        if spread <= 0.0:
            return drawn.depth
        rng = self.stage.staging.stream("depth noise", camera, frame)
        return drawn.depth + spread * drawn.depth**2 * rng.standard_normal(drawn.depth.shape, np.float32)

    def _flow(self, camera: int, frame: int, path: Path) -> None:
        flow, state = self._flows[camera].draw(self._seen(camera, frame), self._seen(camera, frame - 1))
        put(path, encode_png(encode_flow(flow, state), "left"))

    def _seen(self, camera: int, frame: int) -> tuple[Part, ...]:
        stage = self.stage
        here = seen_from(stage.cameras[camera], stage.actors.parts(frame))
        return (*here, *stage.passing_parts(camera, frame))

    def _note(self) -> dict[str, Any]:
        """Returns what the lists and handbench.json need of this take."""
        take, stage = self.stage.take, self.stage
        shift = 1000 * np.linalg.norm(np.diff(self.labels.joints, axis=0), axis=-1)
        motion = [round(float(v), 2) for v in np.percentile(shift, (50, 90, 99))] if len(take) > 1 else []
        names, tables = self.plan.sequences, self._tables
        return {
            "split": self.plan.split, "stratum": self.plan.stratum, "frames": len(take),
            "object": take.object_name, "kind": take.solid.kind, "grasp": take.family, "light": stage.rig,
            "surfaces": list(stage.room.families), "held": int(take.held.sum()), "motion_mm": motion,
            "sequences": {name: table.note() for name, table in zip(names, tables, strict=True)},
        }  # fmt: skip


def _to_world(R: Any, t: Any) -> Any:
    """Returns the (4, 4) camera to world transform."""
    out = np.eye(4)
    out[:3, :3], out[:3, 3] = R.T, -R.T @ t
    return out
