"""A small dataset on disk for tests of batches and packs: one video of two hands, JPEGs, masks, labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from handbench.camera import Camera
from handbench.datasets import DATASETS, Coverage, Dataset, Loader
from handbench.formats.images import ImageFile
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward
from handbench.types import HandAnnotation, HandParams, Sample, Side

SIZE = (320, 240)
LENGTH = 12
MODELS = {side: load_hand_model("procedural", side) for side in Side}
CAMERA = Camera(np.array([[400.0, 0, 160], [0, 400.0, 118], [0, 0, 1]]), SIZE)


@dataclass(frozen=True)
class PlainMask:
    box: tuple[int, int, int, int]

    def read(self) -> np.ndarray:
        out = np.zeros(SIZE[::-1], bool)
        x, y, w, h = self.box
        out[max(y, 0) : y + h, max(x, 0) : x + w] = True
        return out


@dataclass(frozen=True)
class PlainOptions:
    """No keys."""


class PlainDataset(Dataset):
    """Frame 5 of the video is missing; every third frame has no left hand."""

    name, split = "plain", "train"

    def __init__(self, root: Path) -> None:
        self.root, self.fingerprint = root, "plain"
        self.frames = [k for k in range(LENGTH) if k != 5]
        self.coverage = Coverage(len(self.frames), len(self.frames))

    @property
    def keys(self) -> list[str]:
        return [f"plain/train/{k:04d}" for k in self.frames]

    def previous_index(self, index: int, gap: int = 1) -> int | None:
        before = self.frames[index] - gap
        return self.frames.index(before) if before in self.frames else None

    @cached_property
    def samples(self) -> list[Sample]:
        return [self.make(k) for k in self.frames]

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "samples"}

    def make(self, k: int) -> Sample:
        hands = []
        for side in (Side.RIGHT, Side.LEFT)[: 1 if k % 3 == 0 else 2]:
            rng = np.random.default_rng(1 if side is Side.RIGHT else 2)
            pose, betas = rng.normal(0, 0.3, 48), rng.normal(0, 1, 10)
            shift = 0.06 if side is Side.RIGHT else -0.06
            transl = np.array([shift + 0.002 * k - 0.09, 0.01, 0.6])
            mesh = forward(MODELS[side], pose[None], betas[None], transl[None])
            valid = np.ones(21, bool)
            valid[k % 21] = False
            joints = np.where(valid[:, None], mesh.joints21[0], np.nan)
            pixels = CAMERA.project(mesh.joints21[0])
            low, high = pixels.min(0).astype(int), pixels.max(0).astype(int)
            box = (int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))
            hands.append(
                HandAnnotation(
                    side, joints, valid, visibility=rng.random(21),
                    params=HandParams(side, pose, betas, transl),
                    box=np.array(box, float) if k % 2 else None, amodal_mask=PlainMask(box),
                    visible_mask=PlainMask((box[0], box[1], box[2], box[3] // 2)), occlusion=0.5,
                )
            )  # fmt: skip
        meta = {"recording": "take", "camera": "0", "frame": k, "note": "x"}
        image = ImageFile(self.root / f"{k:04d}.jpg", SIZE)
        return Sample(f"plain/train/{k:04d}", image, CAMERA, tuple(hands), meta=meta)

    def read(self, index: int) -> Sample:
        return self.samples[index]

    def ground_truth(self) -> GroundTruth:
        n, hands = len(self), {}
        for side in Side:
            found = [sample.hand(side) for sample in self.samples]
            joints, valid = np.full((n, 21, 3), np.nan), np.zeros((n, 21), bool)
            for i, hand in enumerate(found):
                if hand is not None:
                    joints[i], valid[i] = hand.joints, hand.joints_valid
            hands[side] = HandTruth(joints, valid)
        kinds = ["right" if len(sample.hands) == 1 else "interacting" for sample in self.samples]
        K = np.tile(CAMERA.K, (n, 1, 1))
        two = np.array([kind == "interacting" for kind in kinds])
        return GroundTruth(
            "plain", "train", self.keys, ["take"] * n, K, hands, hand_type=kinds,
            hand_type_valid=np.ones(n, bool), subsets={"two": two}, tips="smplx", fingerprint="plain",
        )  # fmt: skip


def write_plain(root: Path) -> Path:
    """Writes the pictures: smooth colours, so that JPEG changes little."""
    root.mkdir()
    for k in range(LENGTH):
        small = np.random.default_rng(k).integers(0, 255, (12, 16, 3), dtype=np.uint8)
        image = cv2.resize(small, SIZE, interpolation=cv2.INTER_CUBIC)
        assert cv2.imwrite(str(root / f"{k:04d}.jpg"), image, (cv2.IMWRITE_JPEG_QUALITY, 98))
    return root


def open_plain(root: Path, options: PlainOptions) -> PlainDataset:
    return PlainDataset(root)


LOADER = Loader(PlainOptions, open_plain, "plain", "for tests")
DATASETS.register("plain", "plain_dataset:LOADER")
