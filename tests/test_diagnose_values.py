"""Counts, shapes and values of a file that are wrong are named with file, field and first key."""

from __future__ import annotations

import dataclasses

import numpy as np
from said_hands import BARE, TRUTH, Change, N, Points, kinds, only, oracle

from handbench.arrays import FloatArray
from handbench.metrics.diagnose import diagnose
from handbench.types import Side


def test_wrong_shapes_name_file_field_expected_and_found() -> None:
    said = oracle(
        TRUTH, lambda side, joints, vertices: (joints, np.concatenate([vertices, vertices[:, :1]], 1))
    )
    messages = [str(problem) for problem in diagnose(TRUTH, said)]
    # What is wrong with both sides is said once.
    assert [message.split(" (")[0] for message in messages] == [
        "error: said.h5: right/vertices and left/vertices have shape"
    ]
    assert "(40, 779, 3), expected (40, 778, 3)" in messages[0]
    assert kinds(BARE, said) == ["shape warning"]
    said = oracle(TRUTH, lambda side, joints, vertices: (joints[:, :20], vertices))
    assert kinds(TRUTH, said) == ["shape error"]


def test_values_that_are_no_numbers() -> None:
    def broken(value: float, rows: slice) -> Change:
        def change(side: Side, joints: FloatArray, vertices: FloatArray) -> Points:
            joints = joints.copy()
            if side is Side.LEFT:
                joints[rows, 3] = value
            return joints, vertices

        return change

    for value in (np.nan, np.inf):
        message = only(TRUTH, oracle(TRUTH, broken(value, slice(5, 7))))
        assert message.startswith("error: said.h5: left/joints: 2 hands (first d/test/0005) hold NaN")
    assert "left/joints: thumb3 are NaN in every hand" in only(
        TRUTH, oracle(TRUTH, broken(np.nan, slice(None)))
    )


def test_hands_that_were_not_predicted() -> None:
    def some(side: Side, joints: FloatArray, vertices: FloatArray) -> Points:
        gone = np.arange(N)[:, None, None] < (10 if side is Side.RIGHT else 0)
        return np.where(gone, np.nan, joints), np.where(gone, np.nan, vertices)

    assert "10 of 40 right hands were not predicted" in only(TRUTH, oracle(TRUTH, some))


def test_keys_and_names_of_other_data() -> None:
    said = oracle(TRUTH)
    assert "1 samples missing (d/test/0000)" in only(TRUTH, said.take(np.arange(1, N)))
    assert "1 samples twice" in only(TRUTH, said.take(np.array([*range(N), 3])))
    assert kinds(TRUTH, said.take(np.random.default_rng(0).permutation(N))) == []
    other = dataclasses.replace(said, dataset="ho3d_v3", keys=[f"ho3d_v3/{i}" for i in range(N)])
    messages = [str(problem) for problem in diagnose(TRUTH, other)]
    assert "dataset 'ho3d_v3', annotation of 'd'" in messages[0]
    assert "ho3d_v3/0" in messages[1]
    assert len(messages) == 2
