"""A video of two painted hands, for models that look: a skin-coloured patch a hand, a white dot in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from handbench.arrays import BoolArray
from handbench.camera import Camera
from handbench.datasets import DATASETS, Coverage, Dataset, Loader
from handbench.formats.images import ImageFile
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.types import HandAnnotation, Sample, Side

SIZE = (320, 240)
FRAMES = 14
CAMERA = Camera(np.array([[400.0, 0, 160], [0, 400.0, 118], [0, 0, 1]]), SIZE)
DOT = np.array([12.0, 3.0])
"""Of each patch, from its middle [px]: to the right and down."""


@dataclass(frozen=True)
class PaintedOptions:
    """Keys.

    Attributes:
        shift: moves the boxes [px].
    """

    shift: int = 0


def boxes(k: int) -> dict[Side, tuple[int, int, int, int]]:
    """Returns x, y, w, h [px] of the patches of frame ``k``; every third one has no left hand."""
    found = {Side.RIGHT: (20 + 2 * k, 80, 60, 70), Side.LEFT: (220 - k, 60 + k, 50, 66)}
    return found if k % 3 else {Side.RIGHT: found[Side.RIGHT]}


@dataclass(frozen=True)
class PatchMask:
    box: tuple[int, int, int, int]

    def read(self) -> BoolArray:
        out = np.zeros(SIZE[::-1], np.bool_)
        x, y, w, h = self.box
        out[y : y + h, x : x + w] = True
        return out


class Painted(Dataset):
    name, split = "painted", "test"

    def __init__(self, root: Path, options: PaintedOptions) -> None:
        self.root, self.options, self.fingerprint = root, options, "paint"
        self.coverage = Coverage(FRAMES, FRAMES)

    @property
    def keys(self) -> list[str]:
        return [f"painted/test/{k:02d}" for k in range(FRAMES)]

    def _box(self, box: tuple[int, int, int, int]) -> np.ndarray:
        return np.array([box[0] + self.options.shift, *box[1:]], float)

    def read(self, index: int) -> Sample:
        hands = [
            HandAnnotation(
                side, *self._joints(index, side), box=self._box(box), amodal_mask=PatchMask(box),
                visible_mask=PatchMask((*box[:2], box[2], box[3] // 2)), occlusion=0.5,
            )
            for side, box in boxes(index).items()
        ]  # fmt: skip
        image = ImageFile(self.root / f"{index:02d}.png", SIZE)
        return Sample(self.keys[index], image, CAMERA, tuple(hands), meta={"recording": "a"})

    def _joints(self, k: int, side: Side) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(side is Side.LEFT)
        valid = np.ones(21, bool)
        valid[20] = k % 2 == 0
        joints = rng.normal(0, 0.03, (21, 3)) + np.array([0.001 * k, 0, 0.6])
        return np.where(valid[:, None], joints, np.nan), valid

    def ground_truth(self) -> GroundTruth:
        hands = {}
        for side in Side:
            joints, valid = np.full((FRAMES, 21, 3), np.nan), np.zeros((FRAMES, 21), bool)
            box = np.full((FRAMES, 4), np.nan)
            vertices = np.full((FRAMES, 778, 3), np.nan, np.float32)
            for k in range(FRAMES):
                if side in boxes(k):
                    joints[k], valid[k] = self._joints(k, side)
                    box[k] = self._box(boxes(k)[side])
                    vertices[k] = np.random.default_rng(k).normal((0, 0, 0.6), 0.05, (778, 3))
            hands[side] = HandTruth(joints, valid, box=box, vertices=vertices)
        return GroundTruth(
            self.name, self.split, self.keys, ["a"] * FRAMES, np.tile(CAMERA.K, (FRAMES, 1, 1)), hands,
            hand_type=["interacting" if len(boxes(k)) == 2 else "right" for k in range(FRAMES)],
            hand_type_valid=np.ones(FRAMES, bool), tips="ho3d", fingerprint=self.fingerprint,
            videos=["a"] * FRAMES, frames=3 * np.arange(FRAMES), labels=self.read,
        )  # fmt: skip


def paint(root: Path) -> Path:
    """Writes the pictures."""
    root.mkdir()
    for k in range(FRAMES):
        image = np.full((*SIZE[::-1], 3), (30, 60, 90), np.uint8)
        for x, y, w, h in boxes(k).values():
            image[y : y + h, x : x + w] = (210, 150, 120)
            cx, cy = np.array([x + w // 2, y + h // 2]) + DOT.astype(int)
            image[cy - 3 : cy + 4, cx - 3 : cx + 4] = 255
        assert cv2.imwrite(str(root / f"{k:02d}.png"), image[..., ::-1])
    return root


LOADER = Loader(PaintedOptions, Painted, "painted", "for tests")
DATASETS.register("painted", "painted_dataset:LOADER")
