"""What lies beside the official files of one sequence: visibility, whole masks, strata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.synth.video_camera import FramePicture
from handbench.synth.video_effects import mean_luminance

EXTRA = "extra"
"""Folder beside the official tree with what HO-3D does not have."""

LABELS, AMODAL, TRUTH, FLOW = "labels.npz", "amodal.npz", "truth.npz", "flow"


class SequenceTable:
    """Gathers one sequence's rows, a frame each, in the order of their ids."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.annotated: list[bool] = []
        self._hidden: list[bool] = []
        self._held: list[bool] = []
        self._visibility: list[Any] = []
        self._seen: list[float] = []
        self._luminance: list[float] = []
        self._amodal: list[Any] = []
        self._xyz: list[FloatArray] = []
        self._verts: list[FloatArray] = []

    def add(self, frame: int, annotated: bool, held: bool, hidden: bool, drawn: FramePicture) -> None:
        """Takes in one frame.

        Args:
            frame: its id.
            annotated: whether it is listed.
            held: whether the hand carries the object.
            hidden: whether something that passes hides the hand.
            drawn: what the camera sees.
        """
        self.ids.append(frame)
        self.annotated.append(annotated)
        self._held.append(held)
        self._hidden.append(hidden)
        self._visibility.append(drawn.visibility)
        self._seen.append(drawn.seen)
        self._luminance.append(mean_luminance(drawn.picture))
        self._amodal.append(np.packbits(drawn.amodal, axis=1))

    def add_truth(self, xyz: FloatArray, verts: FloatArray) -> None:
        """Takes in the released ground truth of a listed evaluation frame: (21, 3) and (778, 3) [m]."""
        self._xyz.append(xyz)
        self._verts.append(verts)

    def write(self, folder: Path, truth: bool) -> None:
        """Writes the tables.

        Args:
            folder: of the sequence, below ``EXTRA``.
            truth: whether the released ground truth belongs to it.
        """
        ids = np.array(self.ids, np.int32)
        np.savez(
            folder / LABELS,
            id=ids,
            annotated=np.array(self.annotated, np.bool_),
            visibility=np.array(self._visibility, np.float16).reshape(-1, 21),
            seen=np.array(self._seen, np.float32),
            held=np.array(self._held, np.bool_),
            hidden=np.array(self._hidden, np.bool_),
        )
        np.savez_compressed(folder / AMODAL, id=ids, mask=np.array(self._amodal, np.uint8))
        if truth:
            np.savez(
                folder / TRUTH,
                xyz=np.array(self._xyz, np.float32).reshape(-1, 21, 3),
                verts=np.array(self._verts, np.float32).reshape(-1, 778, 3),
            )

    def note(self) -> dict[str, Any]:
        """Returns what the lists need: ids with and without annotation, and the mean luminance."""
        flags: BoolArray = np.array(self.annotated, np.bool_)
        ids = np.array(self.ids, np.int64)
        return {
            "annotated": ids[flags].tolist(),
            "unannotated": ids[~flags].tolist(),
            "luminance": round(float(np.mean(self._luminance)), 2) if self.ids else 0.0,
        }


def read_amodal(folder: Path, width: int = 640) -> dict[int, BoolArray]:
    """Returns the whole right hand's mask (h, w) of each frame id of a sequence's ``EXTRA`` folder."""
    with np.load(folder / AMODAL, allow_pickle=False) as file:
        ids, packed = file["id"], file["mask"]
    masks = np.unpackbits(packed, axis=2, count=width).astype(np.bool_)
    return dict(zip(ids.tolist(), masks, strict=True))
