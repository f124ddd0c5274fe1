"""Rows of a video that are there twice, shifted or shuffled are told; models that are merely bad are not."""

from __future__ import annotations

import numpy as np
import pytest
from said_hands import Points, kinds, only, oracle
from scipy.ndimage import gaussian_filter1d

from handbench.arrays import FloatArray, IndexArray
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.hands import forward, load_hand_model
from handbench.predictions import Predictions
from handbench.types import Side

N = 300
ROWS = np.arange(N)


def smooth(rng: np.random.Generator, width: int, size: float) -> FloatArray:
    return np.asarray(gaussian_filter1d(rng.normal(size=(N, width)), 10, axis=0) * size)


def video() -> GroundTruth:
    """Two videos of a right hand that moves by 11 mm a frame."""
    rng = np.random.default_rng(0)
    pose = np.concatenate([smooth(rng, 3, 5), smooth(rng, 45, 1.5)], axis=1)
    place = smooth(rng, 3, 0.3) + np.array([0, 0, 0.6])
    mesh = forward(load_hand_model(), pose, rng.normal(size=10), place, "ho3d")
    hand = HandTruth(mesh.joints21, np.ones((N, 21), np.bool_), vertices=mesh.vertices.astype(np.float32))
    half = N // 2
    return GroundTruth(
        "d", "test", [f"d/test/{i:04}" for i in range(N)], ["take"] * N, np.tile(np.eye(3), (N, 1, 1)),
        {Side.RIGHT: hand}, tips="ho3d", videos=["b"] * half + ["a"] * half,
        frames=np.tile(np.arange(half), 2),
    )  # fmt: skip


TRUTH = video()


def said(rows: IndexArray, noise: float = 0.0) -> Predictions:
    shift = np.random.default_rng(0).normal(scale=noise, size=(N, 1, 3))
    size = 1 + np.random.default_rng(1).normal(scale=5 * noise, size=(N, 1, 1))

    def change(side: Side, joints: FloatArray, vertices: FloatArray) -> Points:
        root = joints[rows, :1]
        moved = [(points[rows] - root) * size + root + shift for points in (joints, vertices)]
        return moved[0], moved[1]

    return oracle(TRUTH, change)


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.03])
@pytest.mark.parametrize("rows", [ROWS, np.zeros(N, np.int64), ROWS // 2 * 2, ROWS // 10 * 10])
def test_sane_and_bad_models_pass(rows: IndexArray, noise: float) -> None:
    assert kinds(TRUTH, said(rows, noise)) == []


def test_a_frame_that_is_there_twice() -> None:
    rows = ROWS.copy()
    rows[50], rows[200] = 49, 199
    message = only(TRUTH, said(rows))
    assert message.startswith("warning: 2 right hands equal the frame before")
    assert "first d/test/0050" in message


@pytest.mark.parametrize(("step", "words"), [(1, "1 frame before"), (-2, "2 frames after")])
def test_shifted_rows(step: int, words: str) -> None:
    message = only(TRUTH, said(np.roll(ROWS, step), 0.001))
    assert message.startswith(f"warning: right hands fit the true ones {words} them: ")


def test_shuffled_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    for noise in (0, 0.02):
        message = only(TRUTH, said(np.random.default_rng(0).permutation(N), noise))
        assert message.startswith("warning: right hands fit their own frames no better than any others")
    # A long video is looked at in blocks of neighbours.
    monkeypatch.setattr("handbench.metrics.diagnose_video.MOST_ROWS", 200)
    monkeypatch.setattr("handbench.metrics.diagnose_video._BLOCK", 100)
    assert "1 frame before" in only(TRUTH, said(np.roll(ROWS, 1)))
    assert kinds(TRUTH, said(ROWS)) == []
