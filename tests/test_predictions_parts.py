"""Prediction files made of parts, and columns made of predictions of samples."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_predictions_file import draw

from handbench.errors import HandbenchError
from handbench.formats.predictions import read_predictions
from handbench.formats.predictions_fields import FIELDS, HAND_FIELDS
from handbench.formats.predictions_parts import Parts, parts_folder
from handbench.prediction_columns import columns_of
from handbench.predictions import HandPrediction, HandPredictions, Prediction, Predictions
from handbench.types import Side

IDENTITY = {"model": "m", "config": "1"}


def pieces(whole: Predictions, *cuts: int) -> list[Predictions]:
    edges = [0, *cuts, len(whole)]
    return [whole.take(np.arange(a, b)) for a, b in pairwise(edges)]


def test_parts_make_the_file_that_one_run_makes(tmp_path: Path) -> None:
    names = {*HAND_FIELDS, *FIELDS}
    whole = draw(np.random.default_rng(3), 11, names, (*Side,))
    first, second, third = pieces(whole, 4, 7)
    # The second part has no left hand, the first no masks and no picture.
    second = dataclasses.replace(second, hands={Side.RIGHT: second.hands[Side.RIGHT]})
    bare = dict.fromkeys(("amodal_mask", "visible_mask", "has_mask", "image", "has_image"))
    first = dataclasses.replace(
        first, hands={s: dataclasses.replace(h, **bare) for s, h in first.hands.items()}, mask_size=(0, 0)
    )
    path = tmp_path / "a.h5"
    with Parts(path, whole.keys, IDENTITY) as parts:
        parts.add(first, {whole.keys[1]: "does not open"})
        with pytest.raises(HandbenchError, match="being written by another run"), Parts(path, [], IDENTITY):
            pass
    (parts_folder(path) / ".00001.h5.tmp.1").write_bytes(b"half")
    with Parts(path, whole.keys, IDENTITY) as parts:
        assert parts.done == 4 and parts.bad == {whole.keys[1]: "does not open"}
        parts.add(second, {})
        parts.add(third, {})
        parts.merge({"mine": 1})
    found = read_predictions(path)
    assert found.provenance == {"mine": 1} and not parts_folder(path).exists()
    for rows, part in ((np.arange(4), first), (np.arange(4, 7), second), (np.arange(7, 11), third)):
        mine = found.take(rows)
        for side in Side:
            theirs = part.hands.get(side, HandPredictions())
            for name, field in HAND_FIELDS.items():
                a, b = getattr(mine.hands[side], name), getattr(theirs, name)
                if b is not None:
                    np.testing.assert_array_equal(a, b, err_msg=name)
                else:
                    assert np.isnan(a).all() if field.kind == "float" else not a.any(), name
    np.testing.assert_array_equal(found.crop, whole.crop)


def test_parts_of_something_else_are_refused(tmp_path: Path) -> None:
    whole = draw(np.random.default_rng(3), 5, {"joints"}, (*Side,))
    path = tmp_path / "a.h5"
    with Parts(path, whole.keys, IDENTITY) as parts:
        for part in pieces(whole, 2):
            parts.add(part, {})
    with (
        pytest.raises(HandbenchError, match=r"config is 1, now 2 .use --on-existing overwrite"),
        Parts(path, whole.keys, {**IDENTITY, "config": "2"}),
    ):
        pass
    with pytest.raises(HandbenchError, match="other samples"), Parts(path, ["x", *whole.keys], IDENTITY):
        pass
    # A part whose bytes are damaged is made again, and what follows it.
    (parts_folder(path) / "00000.h5").write_bytes((parts_folder(path) / "00000.h5").read_bytes()[:700])
    with Parts(path, whole.keys, IDENTITY) as parts:
        assert parts.done == 0 and not (parts_folder(path) / "00001.h5").exists()
    (tmp_path / "b.h5.parts").write_text("a file")
    with pytest.raises(HandbenchError, match="cannot write"), Parts(tmp_path / "b.h5", [], IDENTITY):
        pass


def test_rows_of_two_meshes_are_refused(tmp_path: Path) -> None:
    def part(key: str, n: int) -> Predictions:
        hand = HandPredictions(vertices=np.zeros((1, n, 3), np.float32))
        return Predictions([key], {Side.RIGHT: hand}, hand_model="scan")

    with (
        Parts(tmp_path / "a.h5", ["a", "b"], IDENTITY) as parts,
        pytest.raises(HandbenchError, match=r"rows of right/vertices have shapes .9, 3. and .8, 3."),
    ):
        parts.add(part("a", 9), {})
        parts.add(part("b", 8), {})


def test_predictions_of_samples_become_columns() -> None:
    mask = np.zeros((3, 5), bool)
    mask[1, 2:] = True
    right = HandPrediction(Side.RIGHT, joints=np.ones((21, 3)), amodal_mask=mask)
    left = HandPrediction(Side.LEFT, box=np.array([1.0, 2, 3, 4]))
    found = columns_of(
        ["a", "b", "c"],
        [Prediction("c", (right,), crop=np.eye(2, 3)), Prediction("c", (left,), handedness=np.array([1, 0]))],
        "scale_free", "ho3d", "mano",
    )  # fmt: skip
    joints, bits = found.hands[Side.RIGHT].joints, found.hands[Side.RIGHT].amodal_mask
    assert joints is not None and bits is not None and found.mask_size == (5, 3)
    assert np.isnan(joints[:2]).all() and (joints[2] == 1).all()
    np.testing.assert_array_equal(np.unpackbits(bits[2], count=15).reshape(3, 5), mask)
    np.testing.assert_array_equal(found.hands[Side.RIGHT].has_mask, [False, False, True])
    np.testing.assert_array_equal(found.hands[Side.LEFT].box, [[np.nan] * 4, [np.nan] * 4, [1, 2, 3, 4]])
    np.testing.assert_array_equal(found.handedness, [[np.nan] * 2, [np.nan] * 2, [1, 0]])
    assert (found.space, found.tips, found.hand_model) == ("scale_free", "ho3d", "mano")


def left(key: str, **columns: Any) -> Prediction:
    return Prediction(key, (HandPrediction(Side.LEFT, **columns),))


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([Prediction("x")], r"'x', which was not asked for"),
        ([left("a"), left("a")], r"a: the left hand is predicted twice"),
        ([left("a", joints=np.zeros((42, 3)))], r"a: joints has shape \(42, 3\), expected \(21, 3\)"),
        ([Prediction("a", relative_root=np.zeros(2))], r"relative_root has shape"),
        ([left("a", vertices=np.zeros((7, 3))), left("b", vertices=np.zeros((8, 3)))], r"keep to one mesh"),
        (
            [left("a", image=np.zeros((7, 3, 3))), left("b", image=np.zeros((8, 3, 3)))],
            r"picture of \(3, 8\), others have \(3, 7\)",
        ),
    ],
)
def test_predictions_that_make_no_columns_are_refused(items: list[Prediction], words: str) -> None:
    with pytest.raises(HandbenchError, match=words):
        columns_of(["a", "b"], items)
