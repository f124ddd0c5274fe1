"""InterHand2.6M: two hands, many cameras (Moon et al., ECCV 2020); v1.0 at 5 and 30 fps, and v0.0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, IndexArray
from handbench.camera import Camera
from handbench.datasets import Coverage, Dataset, Finding, Loader
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.images import ImageFile, image_size
from handbench.formats.interhand import HAND_TYPES, SIDES, gate_by_wrist, split_sides
from handbench.formats.interhand_layout import Files, find_files, splits_there
from handbench.formats.interhand_params import add_mean, move_params, rest_wrists
from handbench.formats.paths import inside
from handbench.ground_truth import GroundTruth
from handbench.hands.model import HandModel, forward_one
from handbench.loaders.interhand_index import load_columns
from handbench.loaders.interhand_model import choose_models
from handbench.loaders.interhand_names import NumberedKeys, pack_columns, unpack_columns
from handbench.loaders.interhand_options import Options, chosen_rows, official_count
from handbench.loaders.interhand_picture import LitPicture
from handbench.loaders.interhand_presence import file_name, present_pictures
from handbench.moments import Moments
from handbench.types import HandAnnotation, HandParams, Sample, Side

Array = npt.NDArray[Any]
_HEADER = 1 << 16


class InterHand(Dataset):
    """One split; see :func:`open_interhand`.

    Attributes:
        files: where the annotation was read from.
        columns: see :func:`handbench.loaders.interhand_index.load_columns`.
        rows: (N,) which rows of the columns are samples, in the annotation's order.
        models: the hand models that the parameters are for, or nothing.
    """

    def __init__(
        self, root: Path, options: Options, files: Files, columns: dict[str, Array], rows: IndexArray,
        coverage: Coverage,
    ) -> None:  # fmt: skip
        self.name, self.split, self.root, self.options = "interhand", options.split, root, options
        self.files, self.columns, self.rows, self.coverage = files, columns, rows, coverage
        self.fingerprint = str(columns["fingerprint"])
        self._sizes: dict[int, tuple[int, int]] = {}

    @cached_property
    def models(self) -> Mapping[Side, HandModel]:
        """The models of both sides, or nothing where NeuralAnnot's records cannot be converted."""
        return choose_models(self.files, self.options.hand_model)

    @cached_property
    def keys(self) -> NumberedKeys:
        """``interhand/<split>/<annotation id>``, made when they are asked for."""
        return NumberedKeys(f"interhand/{self.split}/", self.columns["id"][self.rows])

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, index: int) -> Sample:
        """Returns sample ``index``: both hands that the annotation speaks of.

        Raises:
            BadSampleError: when its camera is not annotated, its path leaves the root, or the picture's
                header does not open.
        """
        row, columns = int(self.rows[index]), self.columns
        key = self.keys[index]
        at = int(columns["camera_row"][row])
        if at < 0:
            raise BadSampleError(f"{key}: its camera is not in {self.files.camera[0]}", "leave it out")
        path = inside(self.files.images, file_name(columns, row), f"{self.files.data[0]}: file_name")
        size = self._size(row, path)
        camera = Camera(columns["camera_K"][at], size, columns["camera_R"][at], columns["camera_t"][at])
        picture = ImageFile(path, size)
        return Sample(
            key, LitPicture(picture) if self.options.skip_black else picture, camera,
            self._hands(row, camera), box=self._box(row), meta=self._meta(row),
        )  # fmt: skip

    def ground_truth(self) -> GroundTruth:
        """Returns the annotation of all samples as columns; subsets: see ``interhand_truth``."""
        from handbench.loaders.interhand_truth import ground_truth

        return ground_truth(self)

    def moments(self) -> Moments:
        """Returns the instants that the samples show, each with its joints and parameters, world frame."""
        from handbench.loaders.interhand_moments import moments_of

        return moments_of(self)

    def present(self) -> BoolArray:
        """Returns (N, 2) whether the right and the left hand can be cropped: a quick answer for batches."""
        from handbench.loaders.interhand_truth import hands_present

        return hands_present(self)

    def audit(self) -> Iterator[Finding]:
        """Gives missing files, known faults, boxes and projections that do not fit, residuals of MANO."""
        from handbench.loaders.interhand_audit import audit

        return audit(self)

    def previous_index(self, index: int, gap: int = 1) -> int | None:
        """Returns the sample ``gap`` frames before, by the same camera; the recording's step counts."""
        row, columns = int(self.rows[index]), self.columns
        step = int(columns["recording_step"][columns["recording"][row]])
        frame = int(columns["frame"][row]) - gap * step
        wanted = (int(columns["folder"][row]) << 32) + frame
        at = int(np.searchsorted(columns["track_key"], wanted))
        if frame < 0 or at == len(columns["track_key"]) or columns["track_key"][at] != wanted:
            return None
        before = int(self._places[columns["track_row"][at]])
        return None if before < 0 else before

    @cached_property
    def _places(self) -> npt.NDArray[np.int32]:
        places = np.full(len(self.columns["id"]), -1, dtype=np.int32)
        places[self.rows] = np.arange(len(self.rows), dtype=np.int32)
        return places

    def _size(self, row: int, path: Path) -> tuple[int, int]:
        """Returns the size of the pictures of a row's folder, from the first one's header.

        The annotation's own width and height are wrong for cam400412 (InterHand2.6M issue 157).
        """
        folder = int(self.columns["folder"][row])
        if folder not in self._sizes:
            try:
                with path.open("rb", buffering=0) as file:
                    self._sizes[folder] = image_size(file.read(_HEADER), str(path))
            except OSError:
                return int(self.columns["width"][row]), int(self.columns["height"][row])
        return self._sizes[folder]

    def _box(self, row: int) -> FloatArray | None:
        if self.options.boxes == "gt":
            return np.array(self.columns["box"][row])
        box = np.array(self.columns["root_box"][row])
        return box if np.isfinite(box).all() else None

    def _meta(self, row: int) -> dict[str, Any]:
        columns = self.columns
        recording = columns["recording"][row]
        capture = int(columns["recording_capture"][recording])
        seq = str(columns["seq_names"][columns["recording_seq"][recording]])
        camera = str(columns["camera_names"][columns["camera"][row]])
        meta: dict[str, Any] = {
            "recording": f"{capture}/{seq}", "camera": camera, "frame": int(columns["frame"][row]),
            "capture": capture, "subject": int(columns["subject"][row]), "seq_name": seq,
            "hand_type": HAND_TYPES[columns["hand_type"][row]],
            "hand_type_valid": bool(columns["hand_type_valid"][row]),
            "grey": camera.startswith("41"),
            "annotated_size": [int(columns["width"][row]), int(columns["height"][row])],
        }  # fmt: skip
        if "root_depth" in columns:
            right, left = columns["root_depth"][row].tolist()
            meta["root_depth"] = {"right": right, "left": left}
        return meta

    def _hands(self, row: int, camera: Camera) -> tuple[HandAnnotation, ...]:
        columns = self.columns
        joints, valid = np.full((2, 21, 3), np.nan), np.zeros((2, 21), dtype=np.bool_)
        step = int(columns["step"][row])
        if step >= 0:
            joints = split_sides(camera.to_camera(columns["step_world"][step]))
            valid = split_sides(gate_by_wrist(columns["valid"][row])) & np.isfinite(joints[..., 0])
            joints[~valid] = np.nan
        hand_type, hands = HAND_TYPES[columns["hand_type"][row]], []
        params = self._params(row, camera)
        for i, side in enumerate(SIDES):
            if valid[i].any() or hand_type in (side.value, "interacting"):
                found = params.get(side)
                vertices = None
                if found is not None and self.options.mesh:
                    vertices = forward_one(self.models[side], found).vertices
                hands.append(HandAnnotation(side, joints[i], valid[i], params=found, vertices=vertices))
        return tuple(hands)

    def _params(self, row: int, camera: Camera) -> dict[Side, HandParams]:
        at = int(self.columns["mano"][row]) if "mano" in self.columns else -1
        if at < 0 or not self.models:
            return {}
        found = {}
        for i, side in enumerate(SIDES):
            if self.columns["mano_has"][at, i]:
                model, betas = self.models[side], self.columns["mano_shape"][at, i]
                pose, transl = move_params(
                    add_mean(self.columns["mano_pose"][at, i], model), self.columns["mano_trans"][at, i],
                    rest_wrists(model, betas), camera.R, camera.t,
                )  # fmt: skip
                found[side] = HandParams(side, pose, betas, transl)
        return found

    def __getstate__(self) -> dict[str, Any]:
        # What is cached_property is made again; mapped columns travel as the names of their files.
        kept = ("name", "split", "root", "options", "files", "coverage", "fingerprint")
        whole = len(self.rows) == len(self.columns["id"])
        return {
            **{name: self.__dict__[name] for name in kept},
            "columns": pack_columns(self.columns),
            "rows": None if whole else self.rows,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, columns=unpack_columns(state["columns"]), _sizes={})
        if state["rows"] is None:
            self.rows = np.arange(len(self.columns["id"]))


def open_interhand(root: Path, options: Options) -> InterHand:
    """Opens one split.

    Raises:
        HandbenchError: when files are missing or damaged, or no sample is left.
    """
    if options.fps not in (5, 30):
        raise HandbenchError(f"fps={options.fps}", "InterHand2.6M has 5 and 30")
    files = find_files(root, options.split, options.fps, options.subset)
    columns = load_columns(files)
    chosen = chosen_rows(options, files, columns)
    expected, lines = int(chosen.sum()), []
    if options.missing == "skip":
        present = present_pictures(files.images, columns, str(columns["fingerprint"]))
        chosen &= present
        if expected and not chosen.any():
            raise HandbenchError(
                f"{files.images}: none of the {expected} pictures of the annotation is there",
                "missing=keep uses the annotation alone",
            )
    rows = np.flatnonzero(chosen)
    if not expected:
        raise HandbenchError(
            f"{root}: no sample with hand_type={options.hand_type}, subset={options.subset}", ""
        )
    if len(rows) < expected:
        lines.append(f"{expected - len(rows)} pictures of the annotation are not in {files.images}")
    if files.mano and not files.mark and not options.hand_model:
        lines.append("MANO parameters are not given: name their model with hand_model=mano:DIR")
    coverage = Coverage(len(rows), expected, tuple(lines), official_count(options, files))
    dataset = InterHand(root, options, files, columns, rows, coverage)
    if options.hand_model:
        dataset.models  # noqa: B018  a wrong model is told at once
    return dataset


LOADER = Loader(
    Options, open_interhand, "handbench.loaders:howto/interhand.md", "two hands, many cameras: InterHand2.6M",
    splits_there,
)  # fmt: skip
