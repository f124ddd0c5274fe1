"""Puts predictions in the order of the annotation, and never drops a sample silently."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.predictions import Predictions

_SHOWN = 5


def match(truth: GroundTruth, predictions: Predictions) -> Predictions:
    """Returns the predictions of the annotation's samples, in its order.

    Raises:
        HandbenchError: for missing, extra or duplicated keys: how many, and the first five.
    """
    keys = list(predictions.keys)
    if len(keys) == len(truth) and all(map(str.__eq__, keys, truth.keys)):
        return predictions
    if keys and len(truth):
        _check_kind(truth, predictions)
    places: dict[str, int] = {}
    twice = [key for i, key in enumerate(keys) if places.setdefault(key, i) != i]
    wanted = list(truth.keys)
    absent = [key for key in wanted if key not in places]
    known = set(wanted)
    extra = [key for key in keys if key not in known]
    problems = [
        _words("missing", absent), _words("that the annotation does not have", extra), _words("twice", twice),
    ]  # fmt: skip
    if any(problems):
        where = predictions.path or "the predictions"
        hint = (
            "predict the same split, or score a part with --partial" if absent else "write each sample once"
        )
        raise HandbenchError(f"{where}: {'; '.join(filter(None, problems))}", hint)
    return predictions.take(np.array([places[key] for key in wanted], dtype=np.int64))


def _check_kind(truth: GroundTruth, predictions: Predictions) -> None:
    """Says it where no key is the annotation's, rather than that all are missing and all too many.

    Raises:
        HandbenchError: when none is.
    """
    known = set(truth.keys)
    if any(key in known for key in predictions.keys):
        return
    first, wanted = predictions.keys[0], truth.keys[0]
    whole = next((key for key in truth.keys if key.endswith(f"/{first}")), "")
    hint = f"write {whole.removesuffix(first)!r} before each" if whole else ""
    raise HandbenchError(
        f"{predictions.path or 'the predictions'}: none of {len(predictions):,} keys is of {truth.dataset}"
        f" {truth.split}: they are such as {first!r}, it has {wanted!r}",
        hint or "score against the data and the split that were predicted",
    )


def common(truth: GroundTruth, predictions: Predictions) -> tuple[list[int], list[int]]:
    """Returns the rows of both that have the same keys, in the annotation's order; a key twice is an error.

    Raises:
        HandbenchError: when a key is there twice, or none is common.
    """
    places = {key: i for i, key in enumerate(predictions.keys)}
    if len(places) != len(predictions):
        match(truth, predictions)
    _check_kind(truth, predictions)
    rows = [i for i, key in enumerate(truth.keys) if key in places]
    return rows, [places[truth.keys[i]] for i in rows]


def _words(what: str, keys: Sequence[str]) -> str:
    if not keys:
        return ""
    shown = ", ".join(keys[:_SHOWN]) + (", ..." if len(keys) > _SHOWN else "")
    return f"{len(keys):,} samples {what} ({shown})"
