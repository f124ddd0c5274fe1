"""Submissions in the official form: written from our prediction files, and checked before they are sent."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handbench.arrays import FloatArray
from handbench.datasets import load_dataset
from handbench.errors import HandbenchError
from handbench.formats.ho3d_official import (
    official_keys,
    read_official_truth,
    read_submission,
    write_submission,
)
from handbench.formats.ho3d_released import XYZ, count_names
from handbench.formats.ho3d_tree import OFFICIAL_COUNTS, read_split
from handbench.formats.predictions import read_predictions
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.metrics.align import WRIST
from handbench.metrics.diagnose import Problem, diagnose
from handbench.metrics.match import match
from handbench.predictions import Predictions
from handbench.types import Side

MEMBER = "pred.json"
MAX_UNPACKED = 4 << 30

MAX_RATIO = 1000
"""Of a member's size to its size in the zip; a submission of zeros alone has 390."""

VERSIONS = ("v2", "v3")


@dataclass(frozen=True)
class Submission:
    """What was written, or checked.

    Attributes:
        path: of the file.
        frames: rows that it has.
        vertices: vertices of a mesh; 0 without meshes.
        version: whose official number of frames it has, or an empty text.
        problems: what is wrong, or worth knowing.
    """

    path: Path
    frames: int
    vertices: int
    version: str
    problems: tuple[Problem, ...] = ()


def write_ho3d(path: Path, predictions: Path, root: Path, version: str, force: bool = False) -> Submission:
    """Writes HO-3D's official zip: ``pred.json``, OpenGL, metres, HO3D21, in the order of ``evaluation.txt``.

    Root-relative predictions are put on the wrists that the evaluation split gives, as most methods do.

    Args:
        path: ``pred.zip`` (or ``.json``).
        predictions: HDF5 file of all frames of the evaluation split.
        root: of the data: ``evaluation.txt``, and the annotations where roots are needed.
        version: ``v2`` or ``v3``.
        force: write a list of another length than the official one, or what diagnosis found wrong.

    Raises:
        HandbenchError: for frames that are missing, joints that are not there, or another number of frames.
    """
    dataset, official = f"ho3d_{version}", OFFICIAL_COUNTS[version, "evaluation"]
    lines = read_split(root, "evaluation")
    if len(lines) != official and not force:
        raise HandbenchError(
            f"{root / 'evaluation.txt'}: {len(lines):,} frames, HO-3D {version} has {official:,}"
            f"{count_names(len(lines), official)}",
            "the server takes nothing else; --force writes it all the same",
        )
    truth = _empty_truth(dataset, official_keys(dataset, len(lines), lines))
    found = match(truth, read_predictions(predictions))
    joints, vertices = _placed(found, root, version)
    problems = tuple(diagnose(truth, found)) if found.space == "camera" else ()
    worst = next((problem for problem in problems if problem.severity == "error"), None)
    if worst is not None and not force:
        raise HandbenchError(worst.of(str(predictions)), f"{worst.remedy}; --force writes it all the same")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp{path.suffix}")
    try:
        write_submission(temporary, joints, vertices)
        temporary.replace(path)
    except OSError as error:
        raise HandbenchError(f"{path}: {error.strerror or error}", "is there room?") from None
    finally:
        temporary.unlink(missing_ok=True)
    return Submission(path, len(joints), 0 if vertices is None else vertices.shape[1], version, problems)


def check_ho3d(path: Path, root: Path | None = None) -> Submission:
    """Reads a submission as the official script does, and names what is wrong with it.

    Args:
        path: ``pred.zip`` or ``pred.json``.
        root: a folder with the released ground truth to compare with, or with ``evaluation.txt`` alone, which
            says how many frames there are; None looks at the file alone.

    Raises:
        HandbenchError: when it cannot be read, or has another number of frames than the folder.
    """
    with unpacked(path) as (file, others):
        predictions = read_submission(file, "ho3d_v2")
    n = len(predictions)
    truth = _empty_truth("ho3d_v2", list(predictions.keys)) if root is None else _truth(root)
    if len(truth) != n:
        raise HandbenchError(
            f"{path}: {n:,} frames, but {root} lists {len(truth):,}{count_names(n, len(truth))}",
            "take one version",
        )
    versions = {
        count: version for (version, split), count in OFFICIAL_COUNTS.items() if split == "evaluation"
    }
    version = versions.get(n, "")
    problems = [] if version else [_count(n, versions, root)]
    if others:
        shown = ", ".join(name[:60] for name in others[:5]) + (", ..." if len(others) > 5 else "")
        what = f"the zip holds {len(others)} more than {MEMBER}: {shown}"
        problems.append(Problem("members", "warning", what, f"zip -j pred.zip {MEMBER}"))
    hand = predictions.hands[Side.RIGHT]
    assert hand.joints is not None
    positive = (-hand.joints[..., 2] > 0).all(axis=1)
    if positive.any():
        what = f"{int(positive.sum()):,} frames with the whole hand at positive z, which pred.py refuses"
        problems.append(Problem("frame", "error", what, "write OpenGL's frame: y and z change their sign"))
    keyed = Predictions(truth.keys, predictions.hands, path=str(path), form=predictions.form)
    problems += [
        problem for problem in diagnose(truth, keyed) if not (positive.all() and problem.kind == "frame")
    ]
    width = 0 if hand.vertices is None else hand.vertices.shape[1]
    return Submission(path, n, width, version, tuple(problems))


def _truth(root: Path) -> GroundTruth:
    """Returns the released truth of a folder, or frames of which nothing but the list is known."""
    if not (root / XYZ).is_file() and (root / "evaluation.txt").is_file():
        lines = read_split(root, "evaluation")
        return _empty_truth("ho3d_v2", official_keys("ho3d_v2", len(lines), lines))
    return read_official_truth(root, "ho3d_v2")


def _count(n: int, versions: dict[int, str], root: Path | None) -> Problem:
    """Says that a number of frames is not official: wrong, or a note where it is that of the data."""
    known = ", ".join(f"{count:,} ({name})" for count, name in versions.items())
    if root is None:
        return Problem("count", "error", f"{n:,} frames, the server takes {known}", "predict the whole list")
    what = f"{n:,} frames, as {root} lists them, which is no official list: the server takes {known}"
    return Problem("count", "warning", what, "it can be scored here, not sent")


def _placed(predictions: Predictions, root: Path, version: str) -> tuple[FloatArray, FloatArray | None]:
    hand = predictions.hands.get(Side.RIGHT)
    if hand is None or hand.joints is None:
        raise HandbenchError(f"{predictions.path}: no joints of right hands", "HO-3D has right hands only")
    lost = int((~np.isfinite(hand.joints).all(axis=(1, 2))).sum())
    if lost:
        raise HandbenchError(f"{predictions.path}: {lost:,} frames have no joints", "predict every frame")
    joints = np.asarray(hand.joints, dtype=np.float64)
    vertices = hand.vertices
    if predictions.space == "scale_free":
        raise HandbenchError(f"{predictions.path}: scale-free predictions", "HO-3D's server takes metres")
    if predictions.space == "root_relative":
        truth = load_dataset("ho3d", root, quiet=True, version=version, split="evaluation").ground_truth()
        if list(truth.keys) != list(predictions.keys):
            raise HandbenchError(
                f"{root}: annotation of {len(truth):,} of {len(predictions):,} frames: wrists are missing",
                "complete the meta folders of the evaluation split",
            )
        shift = (truth.hands[Side.RIGHT].joints[:, WRIST] - joints[:, WRIST])[:, None]
        joints = joints + shift
        vertices = None if vertices is None else vertices + shift
    return joints, None if vertices is None else np.asarray(vertices, dtype=np.float64)


def _empty_truth(dataset: str, keys: list[str]) -> GroundTruth:
    """Returns frames of which nothing is known but their keys."""
    n = len(keys)
    hand = HandTruth(np.full((n, 21, 3), np.nan), np.zeros((n, 21), dtype=np.bool_))
    return GroundTruth(dataset, "evaluation", keys, keys, np.full((n, 3, 3), np.nan), {Side.RIGHT: hand})


@contextmanager
def unpacked(path: Path) -> Iterator[tuple[Path, list[str]]]:
    """Gives the ``pred.json`` itself, taken out of its zip where it is in one, and what else is in that.

    Only that member is read, by its name, into a folder of our own: nothing in an archive names a path here.
    """
    if path.suffix != ".zip":
        yield path, []
        return
    with tempfile.TemporaryDirectory(prefix="handbench-submission-") as folder:
        target = Path(folder) / MEMBER
        try:
            with zipfile.ZipFile(path) as archive:
                others = archive.namelist()
                if MEMBER not in others:
                    names = ", ".join(name[:60] for name in others[:3]) or "nothing"
                    raise HandbenchError(
                        f"{path}: holds {names}, but no {MEMBER}", f"zip -j pred.zip {MEMBER}"
                    )
                others.remove(MEMBER)
                info = archive.getinfo(MEMBER)
                size = info.file_size
                if size > MAX_UNPACKED:
                    raise HandbenchError(
                        f"{path}: {MEMBER} unpacks to {size:,} bytes", f"{MAX_UNPACKED:,} at most"
                    )
                if size > MAX_RATIO * max(1, info.compress_size):
                    raise HandbenchError(
                        f"{path}: {MEMBER} unpacks from {info.compress_size:,} bytes to {size:,}",
                        f"no numbers shrink by more than {MAX_RATIO:,}: is it a submission?",
                    )
                with archive.open(MEMBER) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
        except (
            OSError,
            zipfile.BadZipFile,
            NotImplementedError,
            RuntimeError,
            zlib.error,
            EOFError,
        ) as error:
            raise HandbenchError(f"{path}: {error}", "write it again") from None
        try:
            yield target, others
        except HandbenchError as error:
            # The file that is read lies in a folder of our own, which says nothing to anybody.
            raise type(error)(error.message.replace(str(target), str(path)), error.hint) from None
