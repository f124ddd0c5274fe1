"""Writes InterHand2.6M's official files: the json set of a split, skeleton.txt, subject.txt, the id lists.

The big files are written record by record, so iterables may be generators.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson

from handbench.arrays import BoolArray, FloatArray
from handbench.camera import Camera
from handbench.formats.interhand import FILLER_MM, SIDES, camera_record, hand_type_of, join_sides
from handbench.hands.model import HandModel
from handbench.skeleton import INTERHAND42
from handbench.types import Side

PREFIX = "InterHand2.6M"
MARK, MARK_SCHEMA = "handbench.json", "handbench.interhand/1"
Step = tuple[int, int, Mapping[str, Any]]
"""(capture, frame, record) of one moment."""


def file_name_of(capture: int, seq_name: str, camera: str, frame: int) -> str:
    """Returns the picture's path below ``images/{split}``."""
    return f"Capture{capture}/{seq_name}/cam{camera}/image{frame}.jpg"


def image_record(
    id: int, size: tuple[int, int], capture: int, subject: int, seq_name: str, camera: str, frame: int
) -> dict[str, Any]:
    """Returns one entry of ``images``; ``size`` is (width, height) [px], ``camera`` its bare name."""
    return {
        "id": id, "file_name": file_name_of(capture, seq_name, camera, frame), "width": size[0],
        "height": size[1], "capture": capture, "subject": subject, "seq_name": seq_name, "camera": camera,
        "frame_idx": frame,
    }  # fmt: skip


def annotation_record(
    id: int, box: FloatArray, valid: Mapping[Side, BoolArray], image_id: int | None = None,
    hand_type_valid: bool = True, hand_type: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Returns one entry of ``annotations``.

    Args:
        id: of the annotation.
        box: (4,) x, y, w, h [px] about all hands, see :func:`handbench.formats.interhand.boxes_of`.
        valid: side -> (21,) bool, OPENPOSE21; a missing side has no valid joint.
        image_id: the same as ``id`` in the official files.
        hand_type_valid: whether the hand type may be scored.
        hand_type: by default what ``valid`` holds.
    """
    return {
        "id": id,
        "image_id": id if image_id is None else image_id,
        "bbox": np.asarray(box, np.float64).tolist(),
        "joint_valid": join_sides(_both(valid, bool))[:, None].astype(int).tolist(),
        "hand_type": hand_type or hand_type_of(valid),
        "hand_type_valid": int(hand_type_valid),
    }


def joints_record(
    joints: Mapping[Side, FloatArray], valid: Mapping[Side, BoolArray], hand_type_valid: bool = True,
    seq: str | None = None, hand_type: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Returns one moment of ``_joint_3d.json``; joints that are not valid get the filler (1, 1, 1).

    Args:
        joints: side -> (21, 3) [m], world frame, OPENPOSE21.
        valid: side -> (21,) bool, whether the 3D position is known.
        hand_type_valid: whether the hand type may be scored.
        seq: the sequence's name, which only the 30 fps files carry.
        hand_type: by default what ``joints`` holds.
    """
    world = join_sides(_both(joints, float)) * 1e3
    known = join_sides(_both(valid, bool))
    world[~known] = FILLER_MM
    record: dict[str, Any] = {
        "world_coord": world.tolist(),
        "joint_valid": known[:, None].tolist(),
        "hand_type": hand_type or hand_type_of(joints),
        "hand_type_valid": hand_type_valid,
    }
    return record if seq is None else {**record, "seq": seq}


def _both(values: Mapping[Side, Any], kind: type) -> Any:
    shape = (21,) if kind is bool else (21, 3)
    return np.stack([np.asarray(values.get(side, np.zeros(shape)), dtype=kind) for side in SIDES])


def write_annotations(
    root: Path,
    split: str,
    images: Iterable[Mapping[str, Any]],
    annotations: Iterable[Mapping[str, Any]],
    cameras: Mapping[int, Mapping[str, Camera]],
    joints_3d: Iterable[Step],
    mano: Iterable[Step] | None = None,
) -> None:
    """Writes ``annotations/{split}/InterHand2.6M_{split}_{data,camera,joint_3d,MANO_NeuralAnnot}.json``.

    Args:
        root: the dataset's folder, beside ``images``.
        split: ``train``, ``val`` or ``test``.
        images: of :func:`image_record`.
        annotations: of :func:`annotation_record`.
        cameras: capture -> camera name -> camera.
        joints_3d: (capture, frame, :func:`joints_record`), all moments of a capture together.
        mano: (capture, frame, {"right": record or None, "left": record or None}) with records of
            :func:`handbench.formats.interhand_params.mano_record`, all moments of a capture together; None
            writes no such file.
    """
    folder = root / "annotations" / split
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{PREFIX}_{split}"
    write_data(folder / f"{stem}_data.json", images, annotations)
    write_cameras(folder / f"{stem}_camera.json", cameras)
    write_steps(folder / f"{stem}_joint_3d.json", joints_3d)
    if mano is not None:
        write_steps(folder / f"{stem}_MANO_NeuralAnnot.json", mano)


def write_data(
    path: Path, images: Iterable[Mapping[str, Any]], annotations: Iterable[Mapping[str, Any]]
) -> None:
    """Writes a ``_data.json``: ``{"images": [...], "annotations": [...]}``."""
    with path.open("wb") as file:
        for head, records in ((b'{"images": [', images), (b'], "annotations": [', annotations)):
            file.write(head)
            _write_joined(file, (orjson.dumps(record) for record in records))
        file.write(b"]}")


def write_cameras(path: Path, cameras: Mapping[int, Mapping[str, Camera]]) -> None:
    """Writes a ``_camera.json``: capture -> field -> camera."""
    tree: dict[str, dict[str, dict[str, Any]]] = {}
    for capture, ones in cameras.items():
        fields = tree.setdefault(str(capture), {"campos": {}, "camrot": {}, "focal": {}, "princpt": {}})
        for name, camera in ones.items():
            for field, value in camera_record(camera).items():
                fields[field][name] = value
    path.write_bytes(orjson.dumps(tree))


def write_steps(path: Path, steps: Iterable[Step]) -> None:
    """Writes ``{capture: {frame: record}}``.

    Raises:
        ValueError: when the moments of a capture do not come together.
    """
    seen: set[int] = set()
    last, comma = -1, b""
    with path.open("wb") as file:
        file.write(b"{")
        for capture, frame, record in steps:
            if capture not in seen:
                file.write(b'%s"%d": {' % (b"}, " if seen else b"", capture))
                seen.add(capture)
                last, comma = capture, b""
            elif capture != last:
                raise ValueError(f"moments of capture {capture} come in two parts")
            file.write(b'%s"%d": %s' % (comma, frame, orjson.dumps(record)))
            comma = b", "
        file.write(b"}}" if seen else b"}")


def _write_joined(file: IO[bytes], texts: Iterable[bytes]) -> None:
    for i, text in enumerate(texts):
        file.write(b", " + text if i else text)


def write_skeleton(root: Path) -> None:
    """Writes ``annotations/skeleton.txt``: 42 lines ``name id parent``, as the official file has them."""
    lines = ["# joint_name joint_id parent_joint_id"]
    for i, name in enumerate(INTERHAND42.names):
        lines.append(f"{official_joint_name(name)} {i} {INTERHAND42.parents[i]}")
    _write_lines(root / "annotations" / "skeleton.txt", lines)


def official_joint_name(name: str) -> str:
    """Turns ``right_little4`` into ``r_pinky4``."""
    side, _, joint = name.partition("_")
    return f"{side[0]}_{joint.replace('little', 'pinky')}"


def write_subjects(root: Path, subjects: Mapping[int, int]) -> None:
    """Writes ``annotations/subject.txt``: a line ``capture subject`` for each capture."""
    lines = ["# capture subject", *(f"{capture} {subject}" for capture, subject in subjects.items())]
    _write_lines(root / "annotations" / "subject.txt", lines)


def write_human_ids(root: Path, split: str, ids: Iterable[int]) -> None:
    """Writes ``annotations/aid_human_annot_{split}.txt``: ids of what people annotated."""
    _write_lines(root / "annotations" / f"aid_human_annot_{split}.txt", map(str, ids))


def write_hand_model(root: Path, model: HandModel) -> None:
    """Writes ``annotations/handbench.json``: which hand model the MANO records of a made tree belong to.

    The official tree has no such file; its records belong to MANO.
    """
    content = {"schema": MARK_SCHEMA, "hand_model": model.name, "sha256": model.sha256}
    _write_lines(root / "annotations" / MARK, [orjson.dumps(content).decode()])


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
