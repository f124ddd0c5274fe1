"""The annotation of a whole split as columns: all that scoring reads, and never a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray
from handbench.types import Sample, Side

Float32 = npt.NDArray[np.float32]

COVERS = ("nothing", "self", "other", "object", "border")
"""What may hide a joint: its own hand, the other hand, an object, the picture's border."""


@dataclass(frozen=True, slots=True)
class HandTruth:
    """One side of N samples; rows of a hand that a sample does not have are NaN, and not valid.

    Attributes:
        joints: (N, 21, 3) [m], camera frame, OPENPOSE21; NaN where not annotated.
        joints_valid: (N, 21) bool.
        joints_2d: (N, 21, 2) [px] of labels, NaN where there is none; None where no pixels are labelled.
        visibility: (N, 21) share of each joint that is seen, NaN where unknown, or None.
        vertices: (N, V, 3) [m], camera frame, or None.
        mesh_joints: (N, 21, 3) [m] joints regressed from the vertices, tips as ``GroundTruth.tips``, or None.
        pose: (N, 48) axis-angle [rad], flat_hand_mean=True, camera frame, NaN where unknown, or None.
        betas: (N, 10), or None.
        transl: (N, 3) [m], or None.
        box: (N, 4) x, y, w, h [px], NaN where there is none, or None.
        root_depth: (N,) [m] wrist depth that the dataset hands out for evaluation (RootNet), or None.
        occlusion: (N,) 1 - visible / amodal inside the picture, NaN where unknown, or None.
        covered_by: (N, 21) int8 index into :data:`COVERS` of what hides each joint, -1 unknown; or None.
    """

    joints: FloatArray
    joints_valid: BoolArray
    joints_2d: FloatArray | None = None
    visibility: FloatArray | None = None
    vertices: Float32 | None = None
    pose: FloatArray | None = None
    betas: FloatArray | None = None
    transl: FloatArray | None = None
    box: FloatArray | None = None
    root_depth: FloatArray | None = None
    occlusion: FloatArray | None = None
    covered_by: npt.NDArray[np.int8] | None = None
    mesh_joints: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """The annotation of N samples of one split, in the dataset's order.

    Attributes:
        dataset: name of the dataset with its version, e.g. ``ho3d_v3``.
        split: e.g. ``evaluation``.
        keys: (N,) the samples' keys.
        recordings: (N,) name of the take that each sample is from; all cameras of a take share it. Intervals
            resample these.
        K: (N, 3, 3) intrinsics [px].
        hands: both sides.
        hand_type: (N,) ``right``, ``left``, ``interacting`` or an empty text where unknown.
        hand_type_valid: (N,) bool, whether the hand type may be scored.
        subsets: name -> (N,) bool.
        tips: the fingertip set of the joints (``skeleton.TIP_SETS``).
        fingerprint: of the annotation files.
        partial: whether samples of the official split are missing here.
        videos: (N,) name of the video (one camera of one take) that each sample is a frame of; empty where
            samples are no video.
        frames: (N,) number of the frame in its video, or None.
        objects: (N,) name of the object that is handled; empty where there is none, or none is named.
        labels: gives sample i with the labels that are no columns (masks, the target alone); its picture is
            never decoded. None where there are none.
    """

    dataset: str
    split: str
    keys: Sequence[str]
    recordings: Sequence[str]
    K: FloatArray
    hands: Mapping[Side, HandTruth]
    hand_type: Sequence[str] = ()
    hand_type_valid: BoolArray | None = None
    subsets: Mapping[str, BoolArray] = field(default_factory=dict)
    tips: str = ""
    fingerprint: str = ""
    partial: bool = False
    videos: Sequence[str] = ()
    frames: npt.NDArray[np.int64] | None = None
    objects: Sequence[str] = ()
    labels: Callable[[int], Sample] | None = None

    def __len__(self) -> int:
        return len(self.keys)
