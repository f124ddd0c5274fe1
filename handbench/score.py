"""Scoring: a prediction file, the annotation it belongs to, a protocol -> numbers. No picture is decoded."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handbench.datasets import DataRef
from handbench.errors import HandbenchError
from handbench.formats.ho3d_extra import read_about
from handbench.formats.ho3d_official import read_official_truth, read_submission
from handbench.formats.ho3d_released import XYZ
from handbench.formats.ho3d_tree import read_split
from handbench.ground_truth import GroundTruth
from handbench.metrics.diagnose import Problem, diagnose
from handbench.metrics.match import common, match
from handbench.metrics.protocols import open_protocol
from handbench.metrics.protocols.base import Protocol
from handbench.metrics.score import Score
from handbench.metrics.strata import recording_strata
from handbench.predictions import Predictions
from handbench.registry import nearest
from handbench.submit import unpacked
from handbench.subset import select_truth
from handbench.types import Side

UNITS = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}
"""Metres in the units that a file may be in."""


@dataclass(frozen=True)
class Scored:
    """What scoring gave, and what it was of.

    Attributes:
        score: the numbers.
        protocol: as resolved.
        predictions: as scored.
        dataset: name of the data, with version.
        split: of the data.
        fingerprint: of the annotation.
        recordings: (N,) of each scored sample.
        problems: what diagnosis found and did not forbid scoring.
    """

    score: Score
    protocol: Protocol
    predictions: Predictions
    dataset: str
    split: str
    fingerprint: str
    recordings: Sequence[str]
    problems: Sequence[Problem]


def score_file(
    path: Path,
    protocol: str,
    gt: Path | str | None = None,
    split: str = "",
    subset: str = "",
    partial: bool = False,
    force: bool = False,
    unit: str = "m",
) -> Scored:
    """Scores a prediction file.

    Args:
        path: an HDF5 file of predictions, or an official HO-3D ``pred.json`` or its zip.
        protocol: a name, or a full id such as ``ho3d_v2/root=gt/tips=ho3d``.
        gt: the folder of the data, or a reference ``NAME:PATH[@key=value,...]``.
        split: of the data; the protocol's own by default.
        subset: score only this subset that the annotation names, e.g. ``close``.
        partial: score the samples that were predicted, and mark the result.
        force: score in spite of what diagnosis found.
        unit: of the lengths in the file: ``m``, ``cm`` or ``mm``.

    Raises:
        HandbenchError: for files that are missing, damaged or do not fit each other, and for predictions
            whose unit, frame, order or side is wrong.
    """
    if not path.is_file():
        raise HandbenchError(f"no file {path}", "handbench predict --out FILE.h5 writes one")
    opened = open_protocol(protocol)
    official = path.suffix in (".json", ".zip")
    if official and opened.name not in ("ho3d_v2", "ho3d_v3"):
        raise HandbenchError(f"{path}: a pred.json is HO-3D's, not {opened.name}'s", "write an HDF5 file")
    if gt is None:
        raise HandbenchError("which annotation?", "give the folder of the data with --gt DIR")
    if official and split not in ("", "evaluation"):
        raise HandbenchError(
            f"{path}: a pred.json is of the evaluation split, not {split!r}", "leave --split out"
        )
    predictions: Predictions | None = None
    if not official:
        from handbench.formats.predictions import read_predictions

        predictions = read_predictions(path)
        split = split or predictions.split
    truth = open_truth(opened, gt, split, official)
    if predictions is None:
        with unpacked(path) as (file, _):
            predictions = read_submission(file, truth.dataset, _lines(gt))
        predictions = dataclasses.replace(predictions, path=str(path))
        if len(predictions) != len(truth):
            raise HandbenchError(
                f"{path}: {len(predictions):,} rows, but {gt} has {len(truth):,}"
                f"{_of_versions(len(predictions), len(truth))}",
                "score against the version that was predicted",
            )
    if unit != "m":
        predictions = predictions.scaled(UNITS[unit])
    return score_predictions(opened, truth, predictions, subset, partial, force)


def score_predictions(
    protocol: Protocol | str,
    truth: GroundTruth,
    predictions: Predictions,
    subset: str = "",
    partial: bool = False,
    force: bool = False,
) -> Scored:
    """Scores predictions against annotation; arguments and errors as :func:`score_file`."""
    if isinstance(protocol, str):
        protocol = open_protocol(protocol)
    _check_dataset(protocol, truth, predictions)
    if partial:
        truth, predictions = _part(truth, predictions)
    else:
        predictions = match(truth, predictions)
    if subset:
        truth, predictions = choose(truth, predictions, subset)
    problems = diagnose(truth, predictions)
    worst = next((problem for problem in problems if problem.severity == "error"), None)
    if worst is not None and not force:
        raise HandbenchError(
            worst.of(predictions.path or "the predictions"),
            f"{worst.remedy}; --force scores all the same",
        )
    resolved = protocol.resolve(truth, predictions)
    score = _with_sequences(resolved.score(truth, predictions))
    if subset:
        score = dataclasses.replace(
            score, figures=[dataclasses.replace(f, subset=_within(subset, f.subset)) for f in score.figures]
        )
    return Scored(
        score,
        resolved,
        predictions,
        truth.dataset,
        truth.split,
        truth.fingerprint,
        truth.recordings,
        problems,
    )


def _with_sequences(score: Score) -> Score:
    """Adds the first number of each recording, where the protocol has none by sequence."""
    if not score.figures or any(figure.stratum.startswith("sequence ") for figure in score.figures):
        return score
    alone = recording_strata(score.figures[0], score.recordings)
    return dataclasses.replace(score, figures=[*score.figures, *alone])


def open_truth(protocol: Protocol, gt: Path | str, split: str = "", official: bool = False) -> GroundTruth:
    """Opens the annotation: a reference, a tree of the protocol's dataset, or a folder of released JSON.

    Args:
        protocol: says which dataset and split.
        gt: folder or reference.
        split: of the data; the protocol's own by default.
        official: read HO-3D's released files themselves, in double precision.

    Raises:
        HandbenchError: when there is nothing to open.
    """
    text = str(gt)
    folder = Path(text).expanduser()
    if not folder.is_dir():
        name, colon, _ = text.partition(":")
        if not colon or not name:
            raise HandbenchError(f"no folder {text}", "give the folder of the data, or NAME:PATH@key=value")
        return DataRef.parse(text).open().ground_truth()
    _check_version(protocol, folder)
    released = (folder / XYZ).is_file()
    if protocol.name in ("ho3d_v2", "ho3d_v3") and (
        official or (released and not (folder / "evaluation").is_dir())
    ):
        return read_official_truth(folder, protocol.name)
    reference = protocol.reference.format(root=folder, split=split or protocol.split)
    return DataRef.parse(reference).open().ground_truth()


def _check_version(protocol: Protocol, folder: Path) -> None:
    """Refuses a tree that says it is of HO-3D's other version; official ones are told by their counts."""
    about = read_about(folder) or {}
    version = str(about.get("version", ""))
    if protocol.name.startswith("ho3d_") and version and protocol.name != f"ho3d_{version}":
        raise HandbenchError(
            f"{folder}: made in the layout of HO-3D {version}, scored by {protocol.name}",
            f"use --protocol ho3d_{version}",
        )


def choose(truth: GroundTruth, predictions: Predictions, subset: str) -> tuple[GroundTruth, Predictions]:
    """Returns the rows of a subset that the annotation names.

    Raises:
        HandbenchError: when it names none such, or the subset is empty.
    """
    if subset not in truth.subsets:
        raise HandbenchError(
            f"{truth.dataset} {truth.split}: no subset {subset!r}", nearest(subset, list(truth.subsets))
        )
    rows = np.flatnonzero(truth.subsets[subset])
    if not len(rows):
        raise HandbenchError(f"{truth.dataset} {truth.split}: no sample is {subset!r}", "")
    part = dataclasses.replace(select_truth(truth, rows.tolist()), partial=truth.partial)
    return part, predictions.take(rows)


def _part(truth: GroundTruth, predictions: Predictions) -> tuple[GroundTruth, Predictions]:
    """Returns the samples that both have and that have a prediction; marked where that is not all."""
    rows, places = common(truth, predictions)
    predictions = predictions.take(np.array(places, dtype=np.int64))
    said = np.zeros(len(rows), dtype=np.bool_)
    for hand in predictions.hands.values():
        for points in (hand.joints, hand.vertices, hand.joints_2d):
            if points is not None:
                said |= np.isfinite(points).all(axis=(1, 2))
    if not said.any():
        raise HandbenchError(f"{predictions.path or 'the predictions'}: nothing was predicted", "")
    keep = np.flatnonzero(said)
    if len(keep) == len(truth):
        return truth, predictions
    return select_truth(truth, [rows[i] for i in keep.tolist()]), predictions.take(keep)


def _check_dataset(protocol: Protocol, truth: GroundTruth, predictions: Predictions) -> None:
    """Refuses predictions of another dataset or version, and data that the protocol is not made for."""
    if truth.dataset not in protocol.datasets:
        raise HandbenchError(
            f"{protocol.name} scores {', '.join(protocol.datasets)}, not {truth.dataset}",
            "choose the protocol of the data",
        )
    if predictions.dataset and predictions.dataset != truth.dataset:
        raise HandbenchError(
            f"{predictions.path or 'the predictions'}: of {predictions.dataset}, but the annotation is"
            f" {truth.dataset}'s{_of_versions(len(predictions), len(truth))}",
            "score against the data that were predicted",
        )
    if Side.RIGHT not in truth.hands and Side.LEFT not in truth.hands:
        raise HandbenchError(f"{truth.dataset} {truth.split}: no hand is annotated", "")


def _within(subset: str, own: str) -> str:
    return subset if own == "all" else f"{subset} {own}"


def _of_versions(found: int, expected: int) -> str:
    from handbench.formats.ho3d_released import count_names

    return count_names(found, expected)


def _lines(gt: Path | str) -> list[tuple[str, str]]:
    folder = Path(gt).expanduser()
    return read_split(folder, "evaluation") if (folder / "evaluation.txt").is_file() else []
