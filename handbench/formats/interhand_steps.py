"""Reads what belongs to moments and cameras: ``_camera``, ``_joint_3d``, NeuralAnnot, RootNet's output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.errors import HandbenchError
from handbench.formats.interhand import SIDES, is_filler
from handbench.formats.interhand_records import Array, Records, gather
from handbench.formats.json_stream import fail, read_small_json, stream_json
from handbench.skeleton import INTERHAND42

BONES_MM = (5.0, 200.0)
"""A hand's median bone lies in between; about 33 mm."""

_MM = 1e-3


def read_cameras(paths: Sequence[Path]) -> dict[str, Array]:
    """Reads ``_camera.json``.

    Returns:
        capture (C,), name (C,) text, R (C, 3, 3) and t (C, 3) [m] world to camera, focal, centre (C, 2) [px].

    Raises:
        HandbenchError: when a field is missing, not finite, or no rotation.
    """
    parts = [_cameras_of(path, capture, fields) for path in paths for capture, fields in _captures(path)]
    cameras = gather([part for part in parts if len(part["capture"])])
    if not cameras:
        raise HandbenchError(f"{paths[0]}: holds no camera", "the file is damaged")
    cameras["t"] = -np.einsum("nij,nj->ni", cameras["R"], cameras.pop("position")) * _MM
    return cameras


def _captures(path: Path) -> Iterator[tuple[int, Any]]:
    tree = read_small_json(path)
    if not isinstance(tree, dict):
        fail(path, 0, "expected an object of captures")
    for capture, content in tree.items():
        yield _number(capture, path, "capture"), content


def _number(text: Any, path: Path, what: str) -> int:
    if not str(text).isdecimal() or len(str(text)) > 9:
        raise HandbenchError(f"{path}: {what} {text!r:.40} is no whole number", "the file is damaged")
    return int(text)


def _cameras_of(path: Path, capture: int, fields: Any) -> dict[str, Array]:
    shapes = {"campos": (3,), "camrot": (3, 3), "focal": (2,), "princpt": (2,)}
    for name in shapes:
        if not isinstance(fields, dict) or not isinstance(fields.get(name), dict):
            raise HandbenchError(f"{path}: capture {capture} lacks {name!r}", "the file is damaged")
    names = list(fields["campos"])
    table = Records(
        path, [{f: fields[f][n] for f in shapes if n in fields[f]} for n in names], "camera", names
    )
    found = {name: table.numbers(name, *shape) for name, shape in shapes.items()}
    turned = np.abs(found["camrot"] @ found["camrot"].transpose(0, 2, 1) - np.eye(3)).max(
        axis=(1, 2), initial=0
    )
    mirrored = np.linalg.det(found["camrot"]) < 0
    for i in np.flatnonzero((turned > 1e-3) | mirrored)[:1]:
        raise table.wrong(int(i), f"camrot of capture {capture} is no rotation")
    return {
        "capture": np.full(len(names), capture, np.int16),
        "name": np.array(names, dtype=np.str_) if names else np.zeros(0, "<U1"),
        "position": found["campos"],
        "R": found["camrot"],
        "focal": found["focal"],
        "centre": found["princpt"],
    }


def _moments(path: Path, what: str) -> Iterator[tuple[int, npt.NDArray[np.int32], Records]]:
    """Gives batches of ``{capture: {frame: record}}``: capture, (n,) frames, records."""
    for piece in stream_json(path, depth=1):
        if piece.kind != "dict" or len(piece.keys) != 1 or not isinstance(piece.keys[0], str):
            fail(path, piece.offset, "expected {capture: {frame: record}}")
        capture = _number(piece.keys[0], path, "capture")
        content = piece.decode()
        frames = np.array([_number(key, path, "frame") for key in content], dtype=np.int32)
        names = [f"capture {capture} frame {key}" for key in content]
        yield capture, frames, Records(path, list(content.values()), what, names)


def read_joints(paths: Sequence[Path]) -> dict[str, Array]:
    """Reads ``_joint_3d.json``.

    Returns:
        capture, frame (T,); world (T, 42, 3) [m], INTERHAND42, NaN where the file holds the filler; known
        (T, 42) bool, what the file calls valid; hand_type (T,).

    Raises:
        HandbenchError: when a record has another number of joints, a joint is not finite, or the unit is not
            the millimetre.
    """
    parts: list[dict[str, Array]] = []
    for path in paths:
        for capture, frames, table in _moments(path, "joint_3d"):
            world = table.numbers("world_coord", len(INTERHAND42), 3)
            parts.append(
                {
                    "capture": np.full(len(frames), capture, np.int16),
                    "frame": frames,
                    "world": np.where(is_filler(world)[..., None], np.nan, world * _MM),
                    "known": table.flags("joint_valid"),
                    "hand_type": table.hand_types(),
                }
            )
    joints = gather(parts)
    if not joints or not len(joints["frame"]):
        raise HandbenchError(f"{paths[0]}: holds no moment", "the file is damaged")
    _check_unit(joints["world"], paths[0])
    return joints


def _check_unit(world: npt.NDArray[np.float64], path: Path) -> None:
    """Looks at a thousand moments: their median bone tells metres from millimetres."""
    pairs = np.array(INTERHAND42.bones)
    some = world[:: max(1, len(world) // 1000)]
    lengths = np.linalg.norm(some[:, pairs[:, 0]] - some[:, pairs[:, 1]], axis=-1) / _MM
    if not np.isfinite(lengths).any():
        return
    median = float(np.nanmedian(lengths))
    if not BONES_MM[0] <= median <= BONES_MM[1]:
        unit = "metres" if 5 <= median * 1e3 <= 200 else "centimetres" if 5 <= median * 10 <= 200 else ""
        raise HandbenchError(
            f"{path}: world_coord: the median bone is {median:.4g} mm, expected {BONES_MM[0]:g} to "
            f"{BONES_MM[1]:g} mm",
            f"the file seems to be in {unit}: it must be in millimetres" if unit else "the file is damaged",
        )


def read_mano(paths: Sequence[Path]) -> dict[str, Array]:
    """Reads ``_MANO_NeuralAnnot.json`` as it is: world frame, ``flat_hand_mean=False``.

    Returns:
        capture, frame (M,); has (M, 2) bool; pose (M, 2, 48) [rad], shape (M, 2, 10), trans (M, 2, 3) [m],
        right hand first, 0 where a hand has none.

    Raises:
        HandbenchError: when a record has another shape or is not finite.
    """
    parts: list[dict[str, Array]] = []
    for path in paths:
        for capture, frames, table in _moments(path, "MANO"):
            n = len(frames)
            part: dict[str, Array] = {
                "capture": np.full(n, capture, np.int16), "frame": frames, "has": np.zeros((n, 2), np.bool_),
                "pose": np.zeros((n, 2, 48)), "shape": np.zeros((n, 2, 10)), "trans": np.zeros((n, 2, 3)),
            }  # fmt: skip
            for side, hand in enumerate(SIDES):
                some = [i for i, record in enumerate(table.records) if _hand(table, i, record, hand.value)]
                names = [f"{(table.names or ())[i]} {hand.value}" for i in some]
                hands = Records(path, [table.records[i][hand.value] for i in some], "MANO", names)
                part["has"][some, side] = True
                for name, size in (("pose", 48), ("shape", 10), ("trans", 3)):
                    part[name][some, side] = hands.numbers(name, size)
            parts.append(part)
    return gather(parts)


def _hand(table: Records, index: int, record: Any, side: str) -> bool:
    if not isinstance(record, dict):
        raise table.wrong(index, f"expected right and left, found {record!r:.40}")
    return record.get(side) is not None


def read_rootnet(path: Path) -> dict[str, Array]:
    """Reads RootNet's output.

    Returns:
        id (N,) of annotations, box (N, 4) [px], depth (N, 2) [m] of the right and the left wrist.

    Raises:
        HandbenchError: when a field is missing or has another shape.
    """
    parts = []
    for piece in stream_json(path, depth=0):
        if piece.kind != "list":
            fail(path, 0, "expected a list")
        table = Records(path, piece.decode(), "entry")
        depths = [value if isinstance(value, list) else [value] for value in table.field("abs_depth")]
        parts.append(
            {
                "id": table.integers("annot_id"),
                "box": table.numbers("bbox", 4),
                "depth": table.check(depths, "abs_depth", (2,)) * _MM,
            }
        )
    return gather(parts)
