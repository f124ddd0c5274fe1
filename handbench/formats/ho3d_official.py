"""The official files of HO-3D's evaluation: ``pred.json`` as predictions, the released truth as annotation.

``pred.json`` is a list of two lists, joints (N x 21 x 3) and vertices (N x 778 x 3): metres, OpenGL camera
frame, HO3D21, row i = line i of ``evaluation.txt`` (the official pred.py). Both sides are read in double
precision, so that scores are those of the official script.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.formats.ho3d import FROM_HO3D21, TO_HO3D21
from handbench.formats.ho3d_released import VERTS, XYZ, count_names
from handbench.formats.ho3d_rows import read_rows, two_lists, whole_list
from handbench.formats.ho3d_tree import read_split, take_of
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.predictions import PRED_JSON, HandPredictions, Predictions
from handbench.store.columns import content_fingerprint
from handbench.types import Side

TIPS = "ho3d"


def official_keys(dataset: str, n: int, lines: Sequence[tuple[str, str]] = ()) -> list[str]:
    """Returns the keys of N rows: the lines of ``evaluation.txt``, else numbers with eight digits."""
    names = [f"{sequence}/{frame}" for sequence, frame in lines] or [f"{i:08d}" for i in range(n)]
    return [f"{dataset}/evaluation/{name}" for name in names]


def read_submission(path: Path, dataset: str, lines: Sequence[tuple[str, str]] = ()) -> Predictions:
    """Reads a ``pred.json``.

    Args:
        path: the file.
        dataset: ``ho3d_v2`` or ``ho3d_v3``, for the keys.
        lines: of ``evaluation.txt``, where it is known.

    Raises:
        HandbenchError: when it is damaged, a row has other than 21 joints, a number is not finite, or
            there are other numbers of joint rows, meshes and lines.
    """
    first, second = two_lists(path)
    joints = read_rows(first, 21, expected=len(lines) or 1024)
    vertices = read_rows(second, None, expected=len(joints))
    if len(vertices) not in (0, len(joints)):
        raise HandbenchError(
            f"{path}: {len(joints):,} rows of joints, {len(vertices):,} of vertices",
            "write one of each a frame",
        )
    if lines and len(lines) != len(joints):
        raise HandbenchError(
            f"{path}: {len(joints):,} rows, but evaluation.txt lists {len(lines):,}"
            f"{count_names(len(joints), len(lines))}",
            "predict every line of the list, in its order; score a part from an HDF5 file with --partial",
        )
    _to_opencv(vertices)
    _to_opencv(joints)
    hand = HandPredictions(joints=joints[:, FROM_HO3D21], vertices=vertices if len(vertices) else None)
    keys = official_keys(dataset, len(joints), lines)
    return Predictions(
        keys, {Side.RIGHT: hand}, dataset=dataset, split="evaluation", path=str(path), form=PRED_JSON
    )


def write_submission(path: Path, joints: FloatArray, vertices: FloatArray | None) -> None:
    """Writes a ``pred.json``, or a zip of one as the official server takes it.

    Args:
        path: of the file; a name that ends in ``.zip`` makes a zip.
        joints: (N, 21, 3) [m], OpenCV camera frame, OPENPOSE21.
        vertices: (N, V, 3) [m], OpenCV camera frame; None writes an empty list.
    """
    flip = np.array([1.0, -1.0, -1.0])
    if path.suffix == ".zip":
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("pred.json", "w", force_zip64=True) as file,
        ):
            _write_lists(file, joints[:, TO_HO3D21] * flip, vertices, flip)
        return
    with path.open("wb") as file:
        _write_lists(file, joints[:, TO_HO3D21] * flip, vertices, flip)


def read_official_truth(root: Path, dataset: str) -> GroundTruth:
    """Reads a folder with the released ``evaluation_xyz.json`` and ``evaluation_verts.json`` of any length.

    ``evaluation.txt`` beside them gives keys, videos and takes; without it rows are numbered, of one take.

    Raises:
        HandbenchError: when the joints are missing, a file is damaged, or lengths differ.
    """
    path = root / XYZ
    if not path.is_file():
        raise HandbenchError(f"{root}: no {XYZ}", "it is released with HO-3D since November 2024")
    listed = (root / "evaluation.txt").is_file()
    lines = read_split(root, "evaluation") if listed else []
    joints = read_rows(whole_list(path), 21, expected=len(lines) or 1024)
    n = len(joints)
    if lines and len(lines) != n:
        raise HandbenchError(
            f"{path}: {n:,} rows, but evaluation.txt lists {len(lines):,}{count_names(n, len(lines))}",
            "take list and file of the same version",
        )
    vertices = None
    if (root / VERTS).is_file():
        vertices = read_rows(whole_list(root / VERTS), None, expected=n)
        if len(vertices) != n:
            raise HandbenchError(
                f"{root / VERTS}: {len(vertices):,} rows, {XYZ} has {n:,}", "take both of one version"
            )
        _to_opencv(vertices)
    _to_opencv(joints)
    truth = HandTruth(joints[:, FROM_HO3D21], np.ones((n, 21), np.bool_), vertices=vertices)
    found = [root / name for name in (XYZ, VERTS) if (root / name).is_file()]
    return GroundTruth(
        dataset,
        "evaluation",
        official_keys(dataset, n, lines),
        [take_of(sequence)[0] for sequence, _ in lines] or ["all"] * n,
        np.full((n, 3, 3), np.nan),
        {Side.RIGHT: truth},
        hand_type=["right"] * n,
        hand_type_valid=np.ones(n, np.bool_),
        subsets=scenario_subsets([sequence for sequence, _ in lines]) if dataset == "ho3d_v2" else {},
        tips=TIPS,
        fingerprint=content_fingerprint(found, root),
        videos=[sequence for sequence, _ in lines],
        frames=np.array([int(frame) for _, frame in lines], np.int64) if lines else None,
    )


SCENARIOS = {"seen": ("SM", "SB"), "unseen object": ("AP",), "unseen hand": ("MPM",)}
"""HO-3D v2's evaluation sequences, without their digits, by what training lacks (the dataset's page)."""


def scenario_subsets(sequences: Sequence[str]) -> dict[str, npt.NDArray[np.bool_]]:
    """Returns the rows of each of HO-3D v2's three scenarios that occur, for the sequence of each frame."""
    takes = np.array([sequence.rstrip("0123456789") for sequence in sequences])
    found = {name: np.isin(takes, of) for name, of in SCENARIOS.items()}
    return {name: rows for name, rows in found.items() if rows.any()}


def _to_opencv(points: npt.NDArray[Any]) -> None:
    """Turns points (N, P, 3) from OpenGL's camera frame to OpenCV's in place: a split has 400 MB."""
    points[..., 1:] *= -1


def _write_lists(file: Any, joints: FloatArray, vertices: FloatArray | None, flip: FloatArray) -> None:
    file.write(b"[[")
    _write_rows(file, joints)
    file.write(b"], [")
    if vertices is not None:
        # Turned a block at a time: a copy of all would double the memory.
        for start in range(0, len(vertices), 256):
            file.write(b", " if start else b"")
            _write_rows(file, vertices[start : start + 256] * flip)
    file.write(b"]]")


def _write_rows(file: Any, rows: FloatArray) -> None:
    for i, row in enumerate(rows):
        file.write(b", " if i else b"")
        text = np.ascontiguousarray(row, dtype=np.float64)
        file.write(orjson.dumps(text, option=orjson.OPT_SERIALIZE_NUMPY))
