"""What is known of the hands of one split of HO-3D: the pickles' joints, or the released ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xxhash

from handbench.arrays import BoolArray, FloatArray
from handbench.formats.ho3d import joints_from_opengl
from handbench.formats.ho3d_official import scenario_subsets
from handbench.formats.ho3d_released import VERTS, XYZ, read_released_gt
from handbench.ground_truth import Float32, GroundTruth, HandTruth
from handbench.loaders.ho3d_index import hand_boxes
from handbench.store.columns import Columns, cached_columns, stamp
from handbench.types import HandParams, Side

if TYPE_CHECKING:
    from handbench.loaders.ho3d import Ho3d

TIPS = "ho3d"
_SCHEMA = 1


@dataclass(frozen=True, eq=False)
class Truth:
    """The hands of N samples, in inner conventions.

    Attributes:
        joints: (N, 21, 3) [m], OPENPOSE21; NaN where not annotated.
        valid: (N, 21) bool.
        boxes: (N, 4) x, y, w, h [px]: as annotated, else the tight box of the projected joints.
        released: (L, 778, 3) float32 vertices of all lines of the list, or None.
        rows: (N,) the line of each sample.
        fingerprint: of annotation and released files.
    """

    joints: FloatArray | Float32
    valid: BoolArray
    boxes: FloatArray
    released: Float32 | None
    rows: npt.NDArray[np.int64]
    fingerprint: str

    def vertices(self, index: int, params: HandParams | None, hand_model: str) -> FloatArray | None:
        """Returns (778, 3) [m] of a sample: the released ones, else those of the hand model, else None."""
        if self.released is not None:
            return np.asarray(self.released[self.rows[index]], dtype=np.float64)
        if params is None or not hand_model:
            return None
        from handbench.hands import forward_one, load_hand_model

        return forward_one(load_hand_model(hand_model), params, TIPS).vertices


def make_truth(root: Path, version: str, split: str, columns: Columns, n_lines: int) -> Truth:
    """Puts annotation and released files together.

    Raises:
        HandbenchError: when a released file is damaged or has another number of rows than the list.
    """
    joints, rows = columns["joints"], columns["line"]
    fingerprint = str(columns["fingerprint"][0])
    released: Columns = {}
    files = [root / name for name in (XYZ, VERTS) if (root / name).is_file()]
    if split == "evaluation" and files:
        key = stamp(files, _SCHEMA, n_lines, version)
        released = cached_columns("ho3d-released", key, lambda: _released(root, n_lines, version))
        fingerprint = xxhash.xxh3_128(f"{fingerprint} {released['fingerprint'][0]}".encode()).hexdigest()
    valid, boxes = columns["valid"], columns["boxes"]
    if "xyz" in released:
        joints = released["xyz"][rows]
        valid, boxes = hand_boxes(joints, columns["K"], columns["box"])
    return Truth(joints, valid, boxes, released.get("verts"), rows, fingerprint)


def _released(root: Path, n: int, version: str) -> Columns:
    found = read_released_gt(root, n, version)
    if "xyz" in found:
        found["xyz"] = np.ascontiguousarray(joints_from_opengl(found["xyz"]), dtype=np.float32)
    if "verts" in found:
        # In place: the whole split has 190 MB.
        found["verts"][..., 1:] *= -1
    digest = xxhash.xxh3_128()
    for key in sorted(found):
        digest.update(found[key].data)
    return {**found, "fingerprint": np.array([digest.hexdigest()])}


def ground_truth(dataset: Ho3d) -> GroundTruth:
    """Returns the columns of a split (see :class:`handbench.ground_truth.GroundTruth`)."""
    truth, columns = dataset.truth, dataset.columns
    n = len(dataset)
    known = bool(np.isfinite(columns["pose"]).any())
    hand = HandTruth(
        np.asarray(truth.joints, dtype=np.float64),
        truth.valid,
        visibility=None if dataset.extra is None else dataset.extra.visibility,
        vertices=_all_vertices(dataset),
        pose=columns["pose"] if known else None,
        betas=columns["betas"] if known else None,
        transl=columns["transl"] if known else None,
        box=truth.boxes,
        occlusion=None if dataset.extra is None else dataset.extra.occlusion,
    )
    usable = int((~columns["bad"]).sum())
    return GroundTruth(
        dataset=dataset.name,
        split=dataset.split,
        keys=dataset.keys,
        recordings=[dataset.takes[sequence][0] for sequence, _ in dataset.names],
        K=columns["K"],
        hands={Side.RIGHT: hand},
        hand_type=["right"] * n,
        hand_type_valid=np.ones(n, dtype=np.bool_),
        subsets={**_scenarios(dataset), **({} if dataset.extra is None else dataset.extra.subsets())},
        tips=TIPS,
        fingerprint=dataset.fingerprint,
        partial=usable < dataset.coverage.expected,
        videos=[sequence for sequence, _ in dataset.names],
        frames=np.array([int(frame) for _, frame in dataset.names], dtype=np.int64),
        objects=columns["object_name"].tolist(),
    )


def _scenarios(dataset: Ho3d) -> dict[str, BoolArray]:
    """Returns the rows of HO-3D v2's three scenarios, where the evaluation split is the official one."""
    if (dataset.options.version, dataset.split) != ("v2", "evaluation") or dataset.extra is not None:
        return {}
    return scenario_subsets([sequence for sequence, _ in dataset.names])


def _all_vertices(dataset: Ho3d) -> Float32 | None:
    truth, columns = dataset.truth, dataset.columns
    if truth.released is not None:
        return truth.released if len(truth.rows) == len(truth.released) else truth.released[truth.rows]
    if not dataset.options.hand_model or not np.isfinite(columns["pose"]).any():
        return None
    from handbench.hands import forward, load_hand_model

    model = load_hand_model(dataset.options.hand_model)
    vertices = np.full((len(dataset), 778, 3), np.nan, dtype=np.float32)
    known = np.flatnonzero(np.isfinite(columns["pose"]).all(axis=1))
    for some in np.array_split(known, max(1, len(known) // 512)):
        vertices[some] = forward(
            model, columns["pose"][some], columns["betas"][some], columns["transl"][some], TIPS
        ).vertices
    return vertices
