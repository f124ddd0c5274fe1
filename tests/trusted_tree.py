"""An InterHand2.6M tree of the sound hands, and running the data commands on it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from trusted_hands import SIZE, Hands

from handbench.camera import Camera
from handbench.cli.data import data
from handbench.formats.interhand import boxes_of
from handbench.formats.interhand_write import (
    annotation_record,
    image_record,
    joints_record,
    write_annotations,
    write_skeleton,
)
from handbench.types import Side

STEPS = 8


def write_tree(root: Path, unit: float = 1.0, exchange: bool = False, **names: str) -> Path:
    """Writes an InterHand2.6M tree of the sound hands.

    ``unit`` spoils its unit, ``exchange`` its sides, ``names`` its paths (``image3="../x.jpg"``).
    """
    source = Hands(root / "pictures")
    images, annotations, steps = [], [], []
    for i in range(STEPS):
        sample = source.read(i)
        camera = sample.camera
        valid = {side: np.ones(21, bool) for side in Side}
        sides = {hand.side: hand.side.other if exchange else hand.side for hand in sample.hands}
        world = {sides[hand.side]: unit * (hand.joints - camera.t) @ camera.R for hand in sample.hands}
        image = image_record(i, SIZE, 0, 0, "take0", "400001", i)
        pixels = np.concatenate([camera.project(hand.joints) for hand in sample.hands])
        path = root / "images" / "test" / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((root / "pictures" / f"{i:02d}.jpg").read_bytes())
        images.append({**image, "file_name": names.get(f"image{i}", image["file_name"])})
        annotations.append(annotation_record(i, boxes_of(pixels[None], np.ones((1, 42), bool))[0], valid))
        steps.append((0, i, joints_record(world, valid)))
    cameras = {0: {"400001": Camera(source.camera.K, SIZE, source.camera.R, source.camera.t)}}
    write_annotations(root, "test", images, annotations, cameras, steps)
    write_skeleton(root)
    return root


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Returns the error, which is one line."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("handbench:")]
    assert len(lines) == 1 and "Traceback" not in done.stderr, done.stderr
    return lines[0]


def typed(*words: object) -> None:
    """Runs a command of the group in this process; errors come as exceptions."""
    data.main([str(word) for word in words], standalone_mode=False)
