"""Looks at a file of predictions before it is scored, and names what is wrong with it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import IndexArray
from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.metrics.diagnose_geometry import (
    check_frame,
    check_order,
    check_sides,
    check_space,
    check_unit,
)
from handbench.metrics.diagnose_mesh import MANO_VERTICES, check_mesh
from handbench.metrics.diagnose_rows import Usable, sample_hands
from handbench.metrics.diagnose_video import check_video
from handbench.metrics.match import match
from handbench.metrics.problem import Problem
from handbench.predictions import PRED_JSON, Predictions
from handbench.skeleton import OPENPOSE21
from handbench.types import Side

__all__ = ["Problem", "diagnose"]


def diagnose(truth: GroundTruth, predictions: Predictions) -> list[Problem]:
    """Finds what makes a score meaningless, or less than it could be; empty where nothing is wrong.

    Counts, shapes and values are checked in full, the geometry of a spread sample of at most 250 hands of
    each side; the annotation's joints are used where it has them. No picture is read. A prediction that is
    merely bad is not a problem: noise, a constant hand.

    Args:
        truth: annotation of the split.
        predictions: in any order.
    """
    problems = [*_dataset(truth, predictions), *_keys(truth, predictions)]
    shapes, predictions = _shapes(truth, predictions)
    values, usable = _values(predictions)
    problems += [*shapes, *values]
    places = {key: i for i, key in enumerate(predictions.keys)}
    pairs = [(i, places[key]) for i, key in enumerate(truth.keys) if key in places]
    rows = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    if all(problem.severity == "warning" for problem in shapes):
        problems += _absent(truth, predictions, rows)
    hands = sample_hands(truth, predictions, rows, usable)
    if len(hands) == 0:
        return problems
    found, hands = check_unit(hands, predictions)
    problems += found
    found, hands = check_order(hands, predictions.form)
    problems += found
    found, hands = check_space(hands, predictions)
    problems += found
    # Where the space is wrong the wrist tells nothing about the mesh.
    misplaced = bool(found)
    found, hands = check_frame(hands, predictions)
    problems += found
    problems += check_sides(hands, predictions.form)
    if not misplaced:
        problems += check_mesh(hands, predictions.tips, predictions.form)
    # What is in another frame or order fits no row.
    if all(problem.severity == "warning" for problem in problems):
        problems += check_video(truth, predictions, rows, usable)
    return problems


def _dataset(truth: GroundTruth, predictions: Predictions) -> list[Problem]:
    problems = []
    for name in ("dataset", "split"):
        said, wanted = getattr(predictions, name), getattr(truth, name)
        if said and wanted and said != wanted:
            what = f"{_file(predictions)}: predictions of {name} {said!r}, annotation of {wanted!r}"
            problems.append(Problem("dataset", "error", what, "score against the data that were predicted"))
    return problems


def _keys(truth: GroundTruth, predictions: Predictions) -> list[Problem]:
    try:
        match(truth, predictions)
    except HandbenchError as error:
        return [Problem("keys", "error", error.message, error.hint)]
    return []


def _shapes(truth: GroundTruth, predictions: Predictions) -> tuple[list[Problem], Predictions]:
    """Checks shapes; what has a wrong one is left out of the predictions that are returned."""
    wrong: dict[tuple[str, tuple[int, ...], int, bool], list[str]] = {}
    hands = {}
    n = len(predictions)
    meshes = [hand.vertices.shape[1] for hand in truth.hands.values() if hand.vertices is not None]
    for side, hand in predictions.hands.items():
        for name, count in (("joints", 21), ("vertices", meshes[0] if meshes else MANO_VERTICES)):
            values = getattr(hand, name)
            if values is None or values.shape == (n, count, 3):
                continue
            # Without true vertices nobody can say that another mesh is wrong.
            sure = name == "joints" or bool(meshes) or values.shape[::2] != (n, 3)
            wrong.setdefault((name, values.shape, count, sure), []).append(_column(predictions, side, name))
            if sure:
                hand = dataclasses.replace(hand, **{name: None})
        hands[side] = hand
    problems = []
    for (name, shape, count, sure), columns in wrong.items():
        has = "has" if len(columns) == 1 else "have"
        what = f"{_file(predictions)}: {' and '.join(columns)} {has} shape {shape}, expected {(n, count, 3)}"
        remedy = (
            "give the 21 joints of OPENPOSE21" if name == "joints" else "give MANO's mesh, or no vertices"
        )
        problems.append(Problem("shape", "error" if sure else "warning", what, remedy))
    return problems, dataclasses.replace(predictions, hands=hands)


def _values(predictions: Predictions) -> tuple[list[Problem], Usable]:
    """Finds NaN, infinities and zeros; returns the hands of each side that have neither, too."""
    problems: list[Problem] = []
    usable: Usable = {}
    for side, hand in predictions.hands.items():
        usable[side] = np.ones(len(predictions), dtype=np.bool_)
        for name, values in (("joints", hand.joints), ("vertices", hand.vertices)):
            if values is None:
                continue
            where = f"{_file(predictions)}: {_column(predictions, side, name)}"
            nan = np.asarray(np.isnan(values).any(axis=2))
            there = np.asarray(~nan.all(axis=1))
            never = np.asarray(nan[there].all(axis=0) & there.any())
            broken = np.asarray(there & (nan[:, ~never].any(axis=1) | np.isinf(values).any(axis=(1, 2))))
            zero = np.asarray(~values.any(axis=(1, 2)))
            if broken.any():
                what = f"{where}: {_count(predictions, broken)} hold NaN or infinities"
                remedy = "give numbers; a hand that is not predicted is NaN as a whole"
                problems.append(Problem("nan", "error", what, remedy))
            if never.any():
                told = [OPENPOSE21.names[j] for j in np.flatnonzero(never)] if name == "joints" else []
                what = f"{where}: {', '.join(told) or int(never.sum())} are NaN in every hand"
                problems.append(Problem("nan", "warning", what, "only the others can be scored"))
            if zero.any():
                what = f"{where}: {_count(predictions, zero)} are all zero"
                json = predictions.form == PRED_JSON
                remedy = "pred.json needs every frame" if json else "a hand that is not predicted is NaN"
                problems.append(Problem("zero", "warning", what, remedy))
            usable[side] &= there & ~zero & ~broken
    return problems, usable


def _absent(truth: GroundTruth, predictions: Predictions, rows: IndexArray) -> list[Problem]:
    """Finds true hands that were not predicted, and sides that were exchanged in the whole file."""
    problems = []
    for side, true in truth.hands.items():
        wanted = true.joints_valid[rows[:, 0]].any(axis=1)
        missing = wanted & ~_there(predictions, side)[rows[:, 1]]
        if not missing.any():
            continue
        what = f"{int(missing.sum()):,} of {int(wanted.sum()):,} {side.value} hands were not predicted"
        other = truth.hands.get(side.other)
        instead = missing & _there(predictions, side.other)[rows[:, 1]]
        if other is not None:
            instead &= ~other.joints_valid[rows[:, 0]].any(axis=1)
        if instead.sum() > 0.5 * wanted.sum():
            what += f", but {int(instead.sum()):,} {side.other.value} ones where there is none"
            problems.append(Problem("sides", "error", what, "exchange the sides"))
        else:
            problems.append(Problem("absent", "warning", what, "they count as the protocol says"))
    return problems


def _there(predictions: Predictions, side: Side) -> npt.NDArray[np.bool_]:
    hand = predictions.hands.get(side)
    points: npt.NDArray[Any] | None = None
    if hand is not None:
        points = hand.vertices if hand.joints is None else hand.joints
    if points is None:
        return np.zeros(len(predictions), dtype=np.bool_)
    return np.asarray(~np.isnan(points).all(axis=(1, 2)))


def _file(predictions: Predictions) -> str:
    return predictions.path or "the predictions"


def _column(predictions: Predictions, side: Side, name: str) -> str:
    return name if predictions.form == PRED_JSON else f"{side.value}/{name}"


def _count(predictions: Predictions, rows: npt.NDArray[np.bool_]) -> str:
    return f"{int(rows.sum()):,} hands (first {predictions.keys[int(np.argmax(rows))]})"
