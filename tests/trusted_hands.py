"""A sound dataset of the procedural hand with real projections, to be damaged in tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from handbench.arrays import FloatArray
from handbench.camera import Camera
from handbench.datasets import Coverage, Dataset, Finding, Loader
from handbench.formats.images import ImageFile
from handbench.geometry import axis_angle_to_matrix
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.hands.anatomy import anatomy
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward
from handbench.trust.report import Report
from handbench.trust.rows import HandRows, gather_rows
from handbench.trust.verify import verify_dataset
from handbench.types import HandAnnotation, HandParams, Sample, Side

NUM, SIZE = 40, (320, 240)
TIPS = "ho3d"
_K = np.array([[400.0, 0, 161], [0, 400, 118], [0, 0, 1]])

Change = Callable[[Sample], Sample]
"""What is done to a sample when it is read."""


@cache
def true_params() -> dict[Side, tuple[FloatArray, FloatArray, FloatArray]]:
    """Returns pose (N, 48), betas (N, 10) and transl (N, 3) of both hands: all fingers somewhat bent."""
    found = {}
    for side in Side:
        rng = np.random.default_rng(3 if side is Side.RIGHT else 4)
        model = load_hand_model("procedural", side)
        angles = rng.uniform(-0.15, 0.15, (NUM, 15, 3))
        angles[..., 0] += rng.uniform(0.2, 0.9, (NUM, 15))
        body = anatomy(model)
        fingers = body.pose_from_angles(body.clamp_angles(angles))
        pose = np.concatenate([rng.normal(0, 1.2, (NUM, 3)), fingers], axis=1)
        betas = rng.normal(0, 1, (NUM, 10))
        place = rng.uniform([-0.05, -0.05, 0.55], [0.05, 0.05, 0.8], (NUM, 3))
        place[:, 0] += 0.08 if side is Side.LEFT else -0.08
        middle = forward(model, pose, betas, np.zeros(3)).joints21.mean(axis=1)
        found[side] = (pose, betas, place - middle)
    return found


@cache
def true_joints() -> dict[Side, FloatArray]:
    """Returns (N, 21, 3) [m] of both hands, OpenCV camera frame, OPENPOSE21."""
    return {
        side: forward(load_hand_model("procedural", side), *params, tips=TIPS).joints21
        for side, params in true_params().items()
    }


@dataclass(frozen=True)
class Options:
    """Keys of the test's dataset.

    Attributes:
        split: which part.
        fps: frames a second; a meaning that
            goes on in a second line.
        mesh: give vertices.
    """

    split: str = "test"
    fps: int = 5
    mesh: bool = False


class Hands(Dataset):
    """Two hands a picture, seen by a turned camera; ``change`` damages what is read."""

    name, split, fingerprint = "hands", "test", "0123"

    def __init__(self, root: Path, options: Options = Options(), change: Change | None = None) -> None:
        self.root, self.options, self.change = root, options, change
        self.coverage = Coverage(NUM, NUM)
        self.findings: tuple[Finding, ...] = ()
        write_pictures(root)
        self.camera = Camera(
            _K, SIZE, axis_angle_to_matrix(np.array([0.3, 0.8, -0.2])), np.array([0.1, 0.2, 0.9])
        )

    @property
    def keys(self) -> Sequence[str]:
        return [f"hands/{self.options.split}/{i}" for i in range(NUM)]

    def read(self, index: int) -> Sample:
        hands = tuple(self._hand(side, index) for side in Side)
        low = np.min([hand.box[:2] for hand in hands if hand.box is not None], axis=0)
        high = np.max([hand.box[:2] + hand.box[2:] for hand in hands if hand.box is not None], axis=0)
        sample = Sample(
            self.keys[index], ImageFile(self.root / f"{index:02d}.jpg", SIZE), self.camera, hands,
            box=np.concatenate([low, high - low]),
            meta={"recording": f"take{index // 20}", "camera": "0", "frame": index % 20},
        )  # fmt: skip
        return self.change(sample) if self.change else sample

    def _hand(self, side: Side, index: int) -> HandAnnotation:
        pose, betas, transl = (column[index] for column in true_params()[side])
        joints = true_joints()[side][index]
        pixels = self.camera.project(joints)
        low, high = pixels.min(axis=0) - 4, pixels.max(axis=0) + 4
        return HandAnnotation(
            side, joints, np.ones(21, bool), joints_2d=pixels, visibility=np.linspace(1, 0, 21),
            params=HandParams(side, pose, betas, transl), box=np.concatenate([low, high - low]),
            occlusion=0.25,
        )  # fmt: skip

    def previous_index(self, index: int, gap: int = 1) -> int | None:
        return index - gap if index % 20 >= gap else None

    def ground_truth(self) -> GroundTruth:
        hands = {}
        for side, joints in true_joints().items():
            boxes = np.array([self._hand(side, i).box for i in range(NUM)])
            hands[side] = HandTruth(joints, np.ones((NUM, 21), bool), box=boxes)
        return GroundTruth(
            "hands", self.split, self.keys, [f"take{i // 20}" for i in range(NUM)], np.tile(_K, (NUM, 1, 1)),
            hands, hand_type=["interacting"] * NUM, tips=TIPS, fingerprint="0123",
        )  # fmt: skip

    def audit(self) -> Iterator[Finding]:
        yield from self.findings


def write_pictures(root: Path) -> None:
    """Writes the pictures, once for a folder: a plain shade with the joints as dots."""
    root.mkdir(parents=True, exist_ok=True)
    for i in range(NUM):
        path = root / f"{i:02d}.jpg"
        if path.exists():
            continue
        image = np.full((SIZE[1], SIZE[0], 3), 90 + i, np.uint8)
        for side, joints in true_joints().items():
            for u, v in Camera(_K, SIZE).project(joints[i]):
                cv2.circle(image, (round(u), round(v)), 3, (80, 160, 220 if side is Side.RIGHT else 90), -1)
        path.write_bytes(cv2.imencode(".jpg", image)[1].tobytes())


def each_hand(**change: Callable[[HandAnnotation], Any]) -> Change:
    """Returns a change of fields of every hand: ``each_hand(joints=lambda hand: 1000 * hand.joints)``."""

    def apply(sample: Sample) -> Sample:
        hands = [
            dataclasses.replace(hand, **{name: make(hand) for name, make in change.items()})
            for hand in sample.hands
        ]
        return dataclasses.replace(sample, hands=tuple(hands))

    return apply


class Still:
    """A value that is there at once."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def read(self) -> Any:
        return self.value


def damaged(hands: Hands, change: Change, **words: Any) -> Report:
    hands.change = change
    return verify_dataset(hands, **words)


def faults(report: Report) -> dict[str, str]:
    """Returns the first fault of each check that has one."""
    return {
        name: next(f.what for f in check.examples if f.kind == "fault")
        for name, check in report.checks.items()
        if check.counts.get("fault")
    }


def params_of(hand: HandAnnotation, **change: Any) -> HandParams:
    assert hand.params is not None
    return hand.params.replace(**change)


def labels_of(hand: HandAnnotation) -> FloatArray:
    assert hand.joints_2d is not None
    return hand.joints_2d


def rows_of(hands: Hands, change: Change | None = None) -> HandRows:
    hands.change = change
    return gather_rows([hands.read(i) for i in range(NUM)])


def only(key: str, change: Change) -> Change:
    return lambda sample: change(sample) if sample.key == key else sample


LOADER = Loader(Options, Hands, "handbench.loaders:howto/ho3d.md", "the procedural hand, for tests")
