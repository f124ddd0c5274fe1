"""Writes the annotation files of a made InterHand2.6M tree from what its takes told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
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
from handbench.types import Side

MANIFEST = "handbench.json"
MANIFEST_SCHEMA = "handbench.synth_interhand/1"

_CROP_MARGIN = 1.25
"""RootNet's boxes are squares of the longer side times this about the annotation's box."""

_SUBJECT_STEP = 1000

Note = Mapping[str, Any]
_ALL: BoolArray = np.ones(21, dtype=np.bool_)


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
    images: list[Note] = []
    annotations: list[Note] = []
    rootnet: list[Note] = []
    for note, moment, camera, view in _pictures(notes):
        number = len(images)
        size = tuple(note["cameras"][camera]["size"])
        subject = subject_of(split, note["capture"])
        images.append(
            image_record(
                number, (size[0], size[1]), note["capture"], subject, note["seq"], camera, moment["frame"]
            )
        )
        valid = {Side(side): np.array(flags, bool) for side, flags in view["valid"].items()}
        box = np.array(view["box"])
        annotations.append(annotation_record(number, box, valid))
        noise = root_noise * rng_for(seed, split, "rootnet", number).standard_normal(2)
        rootnet.append(
            {"annot_id": number, "bbox": square_box(box).tolist(), "abs_depth": _depths(view, noise)}
        )
    write_annotations(
        root, split, images, annotations, _cameras(notes), _joint_steps(notes, fps == 30), _mano_steps(notes)
    )
    chosen = [
        number for number in range(len(images)) if rng_for(seed, split, "human", number).random() < human
    ]
    write_human_ids(root, split, chosen)
    folder = root / "rootnet_output"
    folder.mkdir(exist_ok=True)
    name = f"rootnet_interhand2.6m_output_{split}{'_30fps' if fps == 30 else ''}.json"
    (folder / name).write_bytes(orjson.dumps(rootnet))
    return len(images)


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


def _depths(view: Note, noise: FloatArray) -> list[float]:
    """Returns the noisy depths [mm] of the right and the left wrist."""
    known = view["depth"]
    either = next(iter(known.values()))
    depths = [known.get(side.value, either) for side in SIDES]
    return [1000.0 * (depth + float(error)) for depth, error in zip(depths, noise, strict=True)]


def _pictures(notes: Sequence[Note]) -> Iterator[tuple[Note, Note, str, Note]]:
    for note in notes:
        for camera in note["cameras"]:
            for moment in note["frames"]:
                if camera in moment["views"]:
                    yield note, moment, camera, moment["views"][camera]


def _cameras(notes: Sequence[Note]) -> dict[int, dict[str, Camera]]:
    out: dict[int, dict[str, Camera]] = {}
    for note in notes:
        out[note["capture"]] = {
            name: Camera(np.array(one["K"]), (one["size"][0], one["size"][1]), one["R"], one["t"])
            for name, one in note["cameras"].items()
        }
    return out


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
