"""A small tree in InterHand2.6M's official layout, and the scene that it was made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from handbench.camera import Camera, look_at
from handbench.formats import interhand_write as write
from handbench.formats.interhand import boxes_of
from handbench.formats.interhand_params import mano_record
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward_one
from handbench.seeding import rng_for
from handbench.types import HandParams, Side

SIZE = (64, 96)
CAMERAS = ("400026", "410053", "400412")
TAKES = ((0, "ROM01", Side.RIGHT), (0, "ROM02", Side.LEFT), (1, "dh_pray", None))
FRAMES = (10, 13, 16, 22)
SPLIT = "test"


@dataclass
class Scene:
    """What was written: annotation id -> camera, side -> parameters and joints in the camera's frame."""

    root: Path
    cameras: dict[int, Camera] = field(default_factory=dict)
    params: dict[int, dict[Side, HandParams]] = field(default_factory=dict)
    joints: dict[int, dict[Side, Any]] = field(default_factory=dict)
    images: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)


def make_tree(root: Path, with_seq: bool = False) -> Scene:
    """Writes 3 takes x 3 cameras x 4 frames; frame 19 is missing."""
    scene, rng = Scene(root), rng_for(0, "tree")
    models = {side: load_hand_model("procedural", side) for side in Side}
    cameras = {capture: {name: _camera(i + capture) for i, name in enumerate(CAMERAS)} for capture in (0, 1)}
    steps, mano = [], []
    for take, (capture, seq, only) in enumerate(TAKES):
        for at in FRAMES:
            frame = 1000 * take + at
            shown = [only] if only else list(Side)
            world = {side: _params(side, rng) for side in shown}
            joints = {s: forward_one(models[s], world[s], "interhand").joints21 for s in shown}
            valid = {s: np.ones(21, bool) for s in shown}
            steps.append((capture, frame, write.joints_record(joints, valid, seq=seq if with_seq else None)))
            records = {s.value: mano_record(world[s], models[s]) if s in shown else None for s in Side}
            mano.append((capture, frame, records))
            for name, camera in cameras[capture].items():
                _add(scene, models, camera, world, joints, valid, (capture, seq, name, frame))
    write.write_annotations(root, SPLIT, scene.images, scene.annotations, cameras, steps, mano)
    write.write_skeleton(root)
    write.write_subjects(root, {0: 0, 1: 1})
    write.write_hand_model(root, models[Side.RIGHT])
    return scene


def _camera(turn: int) -> Camera:
    angle = 0.7 * turn
    eye = np.array([np.sin(angle), -0.2, -np.cos(angle)])
    R, t = look_at(eye, np.zeros(3), np.array([0.0, 1.0, 0.0]))
    return Camera(np.array([[120.0, 0, 31.0], [0, 121.0, 47.5], [0, 0, 1]]), SIZE, R, t)


def _params(side: Side, rng: np.random.Generator) -> HandParams:
    shift = np.array([0.05 if side is Side.LEFT else -0.05, 0.0, 0.0])
    return HandParams(side, rng.normal(0, 0.2, 48), rng.normal(0, 0.5, 10), shift + rng.normal(0, 0.01, 3))


def _add(
    scene: Scene, models: Any, camera: Camera, world: Any, joints: Any, valid: Any, of: tuple[Any, ...]
) -> None:  # fmt: skip
    capture, seq, name, frame = of
    id = 100 + 7 * len(scene.images)
    here = {side: camera.to_camera(points) for side, points in joints.items()}
    pixels = camera.project(np.concatenate(list(here.values())))
    box = boxes_of(pixels[None], np.ones((1, len(pixels)), bool))[0]
    # The official annotation has another size for this camera.
    size = (96, 64) if name == "400412" else SIZE
    scene.images.append(write.image_record(id, size, capture, capture, seq, name, frame))
    scene.annotations.append(write.annotation_record(id, box, valid))
    scene.cameras[id], scene.params[id], scene.joints[id] = camera, world, here
    path = scene.root / "images" / SPLIT / write.file_name_of(capture, seq, name, frame)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = np.full((SIZE[1], SIZE[0], 3), 40 + id % 200, np.uint8)
    cv2.imwrite(str(path), picture)
