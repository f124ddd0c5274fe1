"""Writes the annotation files of a made InterHand2.6M tree from what its takes told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from handbench.arrays import BoolArray, FloatArray
from handbench.camera import Camera
from handbench.formats.interhand import SIDES, SPLITS
from handbench.formats.interhand_write import (
    Step,
    annotation_record,
    image_record,
    joints_record,
    write_annotations,
    write_hand_model,
    write_human_ids,
    write_skeleton,
)
from handbench.hands.model import HandModel
from handbench.seeding import rng_for
from handbench.store.files import replace_durably
from handbench.synth.interhand_views import View, look_at_hands
from handbench.types import Side

MANIFEST = "handbench.json"
MANIFEST_SCHEMA = "handbench.synth_interhand/1"

_CROP_MARGIN = 1.25
"""RootNet's boxes are squares of the longer side times this about the annotation's box."""

_SUBJECT_STEP = 1000

Note = Mapping[str, Any]
"""What a take told: ``capture``, ``seq``, ``cameras`` by name, and ``frames`` with joints and MANO."""

_ALL: BoolArray = np.ones(21, dtype=np.bool_)


@dataclass(frozen=True)
class Shot:
    """One picture: its number in the split, take, frame number, camera, size [px] and what it shows."""

    number: int
    note: Note
    frame: int
    camera: str
    size: tuple[int, int]
    view: View


def write_split_files(
    root: Path, split: str, notes: Sequence[Note], fps: int, seed: int, root_noise: float, human: float
) -> int:
    """Writes the json set, the id list and the RootNet-like file of one split.

    Args:
        root: the dataset's folder.
        split: its name.
        notes: what each take told, in order.
        fps: 5 or 30; the RootNet file of 30 has a name of its own.
        seed: of noise and id list.
        root_noise: standard deviation of the noise on root depths [m].
        human: share of ids in the list.

    Returns:
        How many pictures the split has.
    """
    # The files are written picture by picture: a split may have millions.
    write_annotations(
        root,
        split,
        (_image(split, shot) for shot in _shots(notes)),
        (annotation_record(shot.number, shot.view.box, shot.view.valid) for shot in _shots(notes)),
        {note["capture"]: _cameras(note) for note in notes},
        _joint_steps(notes, fps == 30),
        _mano_steps(notes),
    )
    rootnet, chosen, count = [], [], 0
    for shot in _shots(notes):
        noise = root_noise * rng_for(seed, split, "rootnet", shot.number).standard_normal(2)
        box = square_box(shot.view.box).tolist()
        rootnet.append({"annot_id": shot.number, "bbox": box, "abs_depth": _depths(shot.view, noise)})
        if rng_for(seed, split, "human", shot.number).random() < human:
            chosen.append(shot.number)
        count += 1
    write_human_ids(root, split, chosen)
    folder = root / "rootnet_output"
    folder.mkdir(exist_ok=True)
    name = f"rootnet_interhand2.6m_output_{split}{'_30fps' if fps == 30 else ''}.json"
    (folder / name).write_bytes(orjson.dumps(rootnet))
    return count


def write_tree_files(
    root: Path, model: HandModel, described: Mapping[str, Any], spec: str, root_noise: float, human: float
) -> None:
    """Writes what all splits share: skeleton, subjects, the hand model's name, and the manifest."""
    write_skeleton(root)
    write_hand_model(root, model)
    lines = ["# split capture subject"]
    for split in SPLITS:
        found = [path.name.removeprefix("Capture") for path in (root / "images" / split).glob("Capture*")]
        lines += [f"{split} {number} {subject_of(split, number)}" for number in sorted(map(int, found))]
    (root / "annotations" / "subject.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
    content = {
        "schema": MANIFEST_SCHEMA,
        "spec": spec,
        "plan": dict(described),
        "rootnet_output": f"true root depths + normal noise of {1000 * root_noise:g} mm, and boxes of the "
        "annotation made square and larger by 1.25; no network predicted them. A hand that is absent has the "
        "depth of the other",
        "aid_human_annot": f"a random share of {human:g} of the annotations; all come from the same scene",
        "joint_valid": "data.json: the joint lies inside the picture; joint_3d.json: its hand is there",
    }
    replace_durably(root / MANIFEST, (json.dumps(content, indent=1) + "\n").encode())
    (root / "rootnet_output" / "README.txt").write_text(f"{content['rootnet_output']}.\n", encoding="ascii")


def subject_of(split: str, capture: int) -> int:
    """Returns the number of the person of a capture; people of different splits are different people."""
    return capture + _SUBJECT_STEP * SPLITS.index(split)


def square_box(box: FloatArray) -> FloatArray:
    """Returns the square (4,) x, y, w, h [px] that InterNet crops for a box (``process_bbox``, 1:1)."""
    side = _CROP_MARGIN * max(box[2], box[3])
    return np.array([box[0] + 0.5 * (box[2] - side), box[1] + 0.5 * (box[3] - side), side, side])


def _depths(view: View, noise: FloatArray) -> list[float]:
    """Returns the noisy depths [mm] of the right and the left wrist."""
    either = next(iter(view.depth.values()))
    depths = [view.depth.get(side, either) for side in SIDES]
    return [1000.0 * (depth + float(error)) for depth, error in zip(depths, noise, strict=True)]


def _shots(notes: Sequence[Note]) -> Iterator[Shot]:
    """Gives all pictures, take by take and camera by camera."""
    number = 0
    for note in notes:
        for name, camera in _cameras(note).items():
            for moment in note["frames"]:
                view = look_at_hands(moment["joints"], camera)
                if view is not None:
                    yield Shot(number, note, moment["frame"], name, camera.size, view)
                    number += 1


def _image(split: str, shot: Shot) -> dict[str, Any]:
    capture = shot.note["capture"]
    subject = subject_of(split, capture)
    return image_record(shot.number, shot.size, capture, subject, shot.note["seq"], shot.camera, shot.frame)


def _cameras(note: Note) -> dict[str, Camera]:
    return {
        name: Camera(np.array(one["K"]), (one["size"][0], one["size"][1]), one["R"], one["t"])
        for name, one in note["cameras"].items()
    }


def _joint_steps(notes: Sequence[Note], named: bool) -> Iterator[Step]:
    """Gives the 3D joints of each moment; only the files of 30 fps name the sequence."""
    for note in notes:
        for moment in note["frames"]:
            joints = {Side(side): np.array(points) for side, points in moment["joints"].items()}
            valid = dict.fromkeys(joints, _ALL)
            yield (
                note["capture"],
                moment["frame"],
                joints_record(joints, valid, seq=note["seq"] if named else None),
            )


def _mano_steps(notes: Sequence[Note]) -> Iterator[Step]:
    for note in notes:
        for moment in note["frames"]:
            yield note["capture"], moment["frame"], moment["mano"]
