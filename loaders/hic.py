"""HIC and the tracked motion of Tzionas et al. (IJCV 2016): pictures, 2D labels, joints, meshes, objects."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from handbench.arrays import FloatArray, ImageArray
from handbench.camera import Camera
from handbench.datasets import Dataset, Finding, Loader
from handbench.errors import HandbenchError
from handbench.formats.hic import image_path
from handbench.formats.images import ImageFile
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.loaders.hic_audit import audit_hic
from handbench.loaders.hic_index import SIDES, build_columns, index_stamp, sequences_on_disk
from handbench.loaders.hic_meshes import HicMeshes
from handbench.loaders.hic_sequences import coverage_of, parse_sequences
from handbench.store.columns import Columns, cached_columns
from handbench.types import HandAnnotation, ObjectAnnotation, Sample

GREY = 128


@dataclass(frozen=True)
class HicOptions:
    """Keys of ``hic:DIR@...`` and ``tzionas:DIR@...``.

    Attributes:
        sequences: ``protocol`` (01-11+15-21, what methods are compared on), ``all`` (whatever is there), or
            numbers and ranges joined by ``+``: ``01-07`` are the seven with two hands.
        labelled_only: only pictures with a 2D label file (every fifth).
        mesh: give each hand's vertices: MANO's where ``HIC.json`` lists meshes, else the scanned mesh in
            its tracked pose (``mesh/Model_Hand_{R,L}.OFF``); and the vertices of objects.
        views: ``all``, or one view by its folder's name; official trees have only ``1``.
    """

    sequences: str = "protocol"
    labelled_only: bool = False
    mesh: bool = False
    views: str = "all"


@dataclass(frozen=True, slots=True)
class NoPicture:
    """Stands for the picture of a motion that has none: plain grey.

    Attributes:
        size: (width, height) [px].
    """

    size: tuple[int, int]

    def read(self) -> ImageArray:
        """Returns (h, w, 3) uint8, all 128."""
        return np.full((self.size[1], self.size[0], 3), GREY, np.uint8)


class HicDataset(Dataset):
    """Frames of the tracked sequences, in the order sequence, view, frame.

    Args:
        root: the folder that holds ``01``, ``02`` ...
        options: what to take.

    Raises:
        HandbenchError: when nothing is there, or a file is damaged.
    """

    name, split = "hic", "test"

    def __init__(self, root: Path, options: HicOptions) -> None:
        self.root, self.options = root, options
        found = sequences_on_disk(root)
        wanted = parse_sequences(options.sequences, found)
        self.sequences = [sequence for sequence in found if sequence in wanted]
        if not self.sequences:
            raise HandbenchError(
                f"{root}: no sequence {options.sequences} (NN/1/rgb/000.png or NN/Model_Hand_R.MOTION)",
                "handbench data howto hic tells what to put there",
            )
        self._load()
        self.fingerprint = self._columns["fingerprint"].tobytes().decode()
        self.coverage = coverage_of(self._columns, wanted, options.labelled_only)

    def _load(self) -> None:
        build = partial(build_columns, self.root, self.sequences)
        self._columns: Columns = cached_columns("hic", index_stamp(self.root, self.sequences), build)
        rows = np.ones(len(self._columns["frame"]), dtype=np.bool_)
        if self._columns["pictured"].any():
            rows &= self._columns["pictured"]
        if self.options.labelled_only:
            rows &= self._columns["labelled"]
        if self.options.views != "all":
            rows &= self._columns["view"] == self.options.views
        self._rows = np.flatnonzero(rows)
        if not len(self._rows):
            wish = "labelled pictures" if self.options.labelled_only else "pictures"
            raise HandbenchError(f"{self.root}: no {wish} of view {self.options.views}", "")
        self._meshes = HicMeshes(self.root) if self.options.mesh else None
        c = self._columns
        names = [(str(c["sequence"][r]), str(c["view"][r]), int(c["frame"][r])) for r in self._rows]
        self._places = {name: i for i, name in enumerate(names)}
        self._keys = [
            f"hic/{sequence if view == '1' else f'{sequence}.{view}'}/{frame:03d}"
            for sequence, view, frame in names
        ]

    def __getstate__(self) -> dict[str, Any]:
        kept = ("root", "options", "sequences", "fingerprint", "coverage")
        return {name: self.__dict__[name] for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._load()

    @property
    def keys(self) -> Sequence[str]:
        """``hic/<sequence>/<frame>``; of another view than 1, ``hic/<sequence>.<view>/<frame>``."""
        return self._keys

    def camera(self, row: int) -> Camera:
        """Returns the camera of a column's row; R and t lead from the motion's frame into it."""
        c, at = self._columns, int(self._columns["camera"][row])
        width, height = c["camera_size"][at].tolist()
        return Camera(c["camera_K"][at], (width, height), c["camera_R"][at], c["camera_t"][at])

    def read(self, index: int) -> Sample:
        """Returns sample ``index``: 19 of 21 joints (there is no wrist and no base of the thumb)."""
        c, row = self._columns, int(self._rows[index])
        sequence, view, frame = str(c["sequence"][row]), str(c["view"][row]), int(c["frame"][row])
        camera, pictured = self.camera(row), bool(c["pictured"][row])
        path = image_path(self.root, sequence, frame, view)
        meta: dict[str, Any] = {
            "recording": sequence, "camera": view, "frame": frame, "labelled": bool(c["labelled"][row]),
            "picture": "file" if pictured else "none", "subset": _subset(c["joints"], int(c["row"][row])),
        }  # fmt: skip
        hands = tuple(self._hands(row, sequence, frame, camera))
        if self._meshes is not None:
            meta["mesh"] = self._meshes.kind
        return Sample(
            self._keys[index],
            ImageFile(path, camera.size) if pictured else NoPicture(camera.size),
            camera,
            hands,
            tuple(self._objects(row, sequence, frame, camera)),
            meta=meta,
        )

    def _hands(self, row: int, sequence: str, frame: int, camera: Camera) -> Iterator[HandAnnotation]:
        c, track = self._columns, int(self._columns["row"][row])
        for s, side in enumerate(SIDES):
            joints = camera.to_camera(c["joints"][track, s]) if track >= 0 else np.full((21, 3), np.nan)
            valid = np.asarray(np.isfinite(joints).all(axis=1))
            labels, seen = c["labels"][row, s], c["visibility"][row, s]
            if not valid.any() and not np.isfinite(labels).any():
                continue
            mesh = None if self._meshes is None else self._meshes.vertices(sequence, side, frame)
            yield HandAnnotation(
                side,
                joints,
                valid,
                joints_2d=np.array(labels) if c["labelled"][row] else None,
                visibility=np.asarray(seen, np.float64) if np.isfinite(seen).any() else None,
                vertices=None if mesh is None else camera.to_camera(mesh),
            )

    def _objects(self, row: int, sequence: str, frame: int, camera: Camera) -> Iterator[ObjectAnnotation]:
        c = self._columns
        for k in np.flatnonzero(c["object_sequence"] == sequence):
            at = int(c["object_first"][k]) + frame
            if at >= c["object_first"][k + 1]:
                continue
            pose, name = c["object_pose"][at], str(c["object_name"][k])
            mesh = None if self._meshes is None else self._meshes.object_vertices(sequence, name, frame)
            yield ObjectAnnotation(
                name,
                camera.R @ pose[:, :3],
                camera.to_camera(pose[:, 3]),
                vertices=None if mesh is None else camera.to_camera(mesh),
            )

    def previous_index(self, index: int, gap: int = 1) -> int | None:
        """Returns the sample ``gap`` frames before, in the same sequence and view."""
        c, row = self._columns, int(self._rows[index])
        return self._places.get((str(c["sequence"][row]), str(c["view"][row]), int(c["frame"][row]) - gap))

    def ground_truth(self) -> GroundTruth:
        """Returns the columns of all samples; ``subsets`` has ``two_hands``, ``object`` and ``labelled``.

        A video is one view of one sequence. ``objects`` names the object of a sample's sequence.
        """
        c, rows = self._columns, self._rows
        hands = {side: self._truth(s) for s, side in enumerate(SIDES)}
        if self._meshes is not None:
            vertices = self._meshes.columns([self.read(i) for i in range(len(rows))])
            hands = {side: dataclasses.replace(hands[side], vertices=vertices[side]) for side in SIDES}
        there = [np.asarray(hand.joints_valid.any(axis=1)) for hand in hands.values()]
        kinds = np.array(["", "right", "left", "interacting"])[there[0] + 2 * there[1]]
        things = dict(zip(c["object_sequence"].tolist(), c["object_name"].tolist(), strict=True))
        sequences, views = c["sequence"][rows].tolist(), c["view"][rows].tolist()
        return GroundTruth(
            self.name,
            self.split,
            self.keys,
            sequences,
            c["camera_K"][c["camera"][rows]],
            hands,
            hand_type=[str(kind) for kind in kinds],
            hand_type_valid=kinds != "",
            subsets={
                "two_hands": there[0] & there[1],
                "object": np.isin(c["sequence"][rows], c["object_sequence"]),
                "labelled": np.array(c["labelled"][rows]),
            },
            fingerprint=self.fingerprint,
            partial=self.coverage.partial,
            videos=[f"{sequence}.{view}" for sequence, view in zip(sequences, views, strict=True)],
            frames=np.array(c["frame"][rows], dtype=np.int64),
            objects=[things.get(sequence, "") for sequence in sequences] if things else (),
        )

    def _truth(self, s: int) -> HandTruth:
        c, rows = self._columns, self._rows
        track, cameras = c["row"][rows], c["camera"][rows]
        joints: FloatArray = np.full((len(rows), 21, 3), np.nan)
        known = track >= 0
        joints[known] = c["joints"][track[known], s]
        joints = np.einsum("nij,nkj->nki", c["camera_R"][cameras], joints) + c["camera_t"][cameras][:, None]
        seen = c["visibility"][rows, s].astype(np.float64)
        return HandTruth(
            joints,
            np.asarray(np.isfinite(joints).all(axis=2)),
            joints_2d=np.array(c["labels"][rows, s]),
            visibility=seen if np.isfinite(seen).any() else None,
        )

    def audit(self) -> Iterator[Finding]:
        """Compares labels with the tracked joints, and pictures with the motion."""
        return audit_hic(self.root, self._columns, self.camera)

    def summary(self) -> list[str]:
        """Returns what was resolved."""
        first, *rest = super().summary()
        labelled = int(self._columns["labelled"][self._rows].sum())
        return [f"{first}; sequences {'+'.join(self.sequences)}; {labelled} with 2D labels", *rest]


def _subset(joints: FloatArray, track: int) -> str:
    if track < 0:
        return ""
    there = np.asarray(np.isfinite(joints[track, :, 1:, 0]).any(axis=1))
    return "interacting" if there.all() else "right" if there[0] else "left"


LOADER = Loader(
    HicOptions,
    HicDataset,
    "handbench.loaders:howto/hic.md",
    "two interacting hands and hands with objects, tracked in 3D, with 2D labels (Tzionas et al., IJCV 2016)",
)
