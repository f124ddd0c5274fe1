"""True hands of the procedural model and predictions of them with something done to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from handbench.arrays import FloatArray
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.hands import forward, load_hand_model
from handbench.metrics.diagnose import diagnose
from handbench.predictions import HandPredictions, Predictions
from handbench.types import Side

N = 40
Points = tuple[FloatArray, FloatArray]
Change = Callable[[Side, FloatArray, FloatArray], Points]


def poses(rng: np.random.Generator, n: int) -> FloatArray:
    """Loosely bent hands that point anywhere, about the camera's axis of sight."""
    pose = rng.normal(scale=0.25, size=(n, 48))
    pose[:, 3:] += rng.uniform(0, 0.5, (n, 1)) * np.tile([0, 0, 1.0], 15)
    pose[:, :3] = Rotation.random(n, rng=rng).as_rotvec()
    return pose


def dataset(seed: int = 0, sides: tuple[Side, ...] = tuple(Side), n: int = N) -> GroundTruth:
    rng = np.random.default_rng(seed)
    hands = {}
    for side in Side:
        transl = rng.normal(scale=0.05, size=(n, 3)) + np.array([0.1 if side is Side.LEFT else -0.1, 0, 0.6])
        mesh = forward(load_hand_model(side=side), poses(rng, n), rng.normal(size=(n, 10)), transl, "ho3d")
        there = side in sides
        joints = mesh.joints21 if there else np.full((n, 21, 3), np.nan)
        hands[side] = HandTruth(
            joints, np.full((n, 21), there), vertices=mesh.vertices.astype(np.float32) if there else None
        )
    keys = [f"d/test/{i:04}" for i in range(n)]
    return GroundTruth("d", "test", keys, ["take"] * n, np.tile(np.eye(3), (n, 1, 1)), hands, tips="ho3d")


def oracle(truth: GroundTruth, change: Change | None = None) -> Predictions:
    """What is true, with something done to joints and vertices."""
    hands = {}
    for side, true in truth.hands.items():
        if not true.joints_valid.any():
            continue
        points = (true.joints, np.asarray(true.vertices, dtype=np.float64))
        joints, vertices = points if change is None else change(side, *points)
        hands[side] = HandPredictions(joints=joints.astype(np.float32), vertices=vertices.astype(np.float32))
    return Predictions(list(truth.keys), hands, dataset="d", split="test", tips="ho3d", path="said.h5")


def kinds(truth: GroundTruth, predictions: Predictions) -> list[str]:
    return [f"{problem.kind} {problem.severity}" for problem in diagnose(truth, predictions)]


def only(truth: GroundTruth, predictions: Predictions) -> str:
    problems = diagnose(truth, predictions)
    assert len(problems) == 1, [str(problem) for problem in problems]
    return str(problems[0])


def without_joints(truth: GroundTruth) -> GroundTruth:
    """As HO-3D hands it out: the wrist alone."""
    hands = {}
    for side, true in truth.hands.items():
        valid = np.zeros_like(true.joints_valid)
        valid[:, 0] = true.joints_valid[:, 0]
        hands[side] = HandTruth(np.where(valid[..., None], true.joints, np.nan), valid)
    return dataclasses.replace(truth, hands=hands)


TRUTH = dataset()
BARE = without_joints(TRUTH)
