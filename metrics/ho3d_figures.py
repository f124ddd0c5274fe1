"""What is made of HO-3D's numbers of frames: figures by recording, curves, strata, the script's own names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, IndexArray
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.metrics.mesh_errors import MeshErrors, pck_histogram
from handbench.metrics.pck import THRESHOLDS, auc_shares
from handbench.metrics.score import Curve, Figure, Metric, Score, Tally, unit_codes
from handbench.metrics.strata import occlusion_strata, sequence_strata
from handbench.metrics.temporal_figures import TEMPORAL, temporal_values
from handbench.skeleton import OPENPOSE21

if TYPE_CHECKING:
    from handbench.metrics.protocols.base import Protocol

Points = npt.NDArray[np.floating[Any]]

_OFFICIAL_COUNTS = {"ho3d_v2": 11_524, "ho3d_v3": 20_137}

METRICS = {
    metric.name: metric
    for metric in (
        Metric("PA-MPJPE", "mm", about="joints after Procrustes"),
        Metric("PA-AUC-J", "%", True, "area under the PCK curve of joints, 0 to 50 mm, after Procrustes"),
        Metric("PA-MPVPE", "mm", about="vertices after the mesh's own Procrustes"),
        Metric("PA-AUC-V", "%", True, "area under the PCK curve of vertices, 0 to 50 mm, after Procrustes"),
        Metric("PA-F@5", "%", True, "F-score at 5 mm after Procrustes"),
        Metric("PA-F@15", "%", True, "F-score at 15 mm after Procrustes"),
        Metric("MPJPE", "mm", about="joints in the camera frame"),
        Metric("AUC-J", "%", True, "area under the PCK curve of joints, 0 to 50 mm"),
        Metric("MPVPE", "mm", about="vertices in the camera frame"),
        Metric("AUC-V", "%", True, "area under the PCK curve of vertices, 0 to 50 mm"),
        Metric("F@5", "%", True, "F-score at 5 mm"),
        Metric("F@15", "%", True, "F-score at 15 mm"),
        Metric("ST-MPJPE", "mm", about="joints after scale and translation"),
        Metric("ST-AUC-J", "%", True, "area under the PCK curve of joints after scale and translation"),
    )
}
"""HO-3D's numbers; the first six are what papers compare."""

ALL = {**METRICS, **TEMPORAL}

_BY_STRATUM = ("PA-MPJPE", "PA-MPVPE", "MPJPE", "PA-F@5")


def explain(root: str, tips: str, align: str) -> list[str]:
    """Says in words what the protocol does."""
    roots = {
        "gt": "The predicted wrist is put on the true one, as most methods do it in what they submit.",
        "predicted": "Positions are taken as they are: the script aligns no root.",
        "auto": "Root: as the predictions have it; root-relative ones are put on the true wrist.",
    }
    found = {
        "auto": "Fingertips: HO-3D's vertices (744, 333, 444, 555, 672) where the mesh is given.",
        "unstated": "Fingertips as submitted; which vertices they are is not known.",
    }
    fit = "rotations only" if align == "proper" else "reflections allowed, so a mirrored hand aligns"
    return [
        "Right hands; metres, reported in mm. True joints have HO-3D's fingertips.",
        roots[root],
        found.get(tips, f"Predicted fingertips are the vertices of the set {tips}."),
        "MPJPE, MPVPE: mean over frames of each keypoint, then over keypoints.",
        "ST: scaled by the bone from wrist to middle MCP, wrist on the true one; a bone of 0 scales nothing.",
        f"PA: centred, divided by norm + 1e-8, orthogonal Procrustes ({fit}), scaled by the singular values.",
        "The mesh has a fit of its own. A mesh of other vertices than MANO's is moved by the joints' fit as"
        " the script does it, without dividing by the norm of the prediction, and has F-scores only.",
        "AUC: 100 thresholds from 0 to 50 mm, share of distances <= threshold, trapezoids, over 50 mm.",
        "F-score: vertices with one of the other mesh nearer than (<) 5 or 15 mm; mean of frames.",
        "Official names in --json: means in cm, AUC and F from 0 to 1; -100 and -1 for other meshes.",
        "ACCEL, VEL: of joints relative to the wrist, predicted minus true; ACCEL-V as ARCTIC has it.",
        "Intervals draw recordings again (all cameras of a take together), never frames; none below five.",
    ]


class _Rows:
    """Per-frame values in the metrics' units, and how they are added up."""

    def __init__(self, errors: MeshErrors, names: list[str], codes: IndexArray) -> None:
        self.names, self.codes = names, codes
        self.values: dict[str, FloatArray] = {}
        for prefix, joints in (("PA-", errors.joints_pa), ("", errors.joints), ("ST-", errors.joints_st)):
            self.values[f"{prefix}MPJPE"] = 1e3 * joints
            self.values[f"{prefix}AUC-J"] = 100 * auc_shares(joints).mean(axis=1)
        for prefix, means, areas, f in (
            ("PA-", errors.vertices_pa, errors.auc_vertices_pa, errors.f_pa),
            ("", errors.vertices, errors.auc_vertices, errors.f),
        ):
            if means is not None and areas is not None:
                self.values[f"{prefix}MPVPE"] = 1e3 * means
                self.values[f"{prefix}AUC-V"] = 100 * areas
            if f is not None:
                self.values[f"{prefix}F@5"], self.values[f"{prefix}F@15"] = 100 * f.T

    def figure(
        self, name: str, rows: BoolArray | slice = slice(None), subset: str = "all", stratum: str = "",
        n_total: int = 0, joint: int | None = None,
    ) -> Figure:  # fmt: skip
        """Adds up some rows of one metric."""
        values = self.values[name][rows]
        if joint is not None:
            values = values[:, joint]
        tally = Tally(len(self.names), values.shape[1] if values.ndim == 2 else 1)
        tally.add(values, self.codes[rows])
        return tally.figure(ALL[name], subset, stratum, n_total or len(values))


def make_score(
    protocol: Protocol,
    truth: GroundTruth,
    errors: MeshErrors,
    rows: IndexArray,
    joints: Points,
    vertices: Points | None,
    true: HandTruth,
    notes: Sequence[str] = (),
) -> Score:
    """Puts together all that is said of one prediction file.

    Args:
        protocol: resolved.
        truth: N frames.
        errors: of the scored rows.
        rows: (n,) which of the frames were scored.
        joints: (N, 21, 3) [m] predicted, placed.
        vertices: (N, V, 3) [m] predicted, placed, or None.
        true: the true right hands.
        notes: what was done to the predictions, in words.
    """
    names, codes = unit_codes(truth.recordings)
    table = _Rows(errors, names, codes[rows])
    valid = np.zeros(len(truth), dtype=np.bool_)
    valid[rows] = True
    moving = temporal_values(truth, valid, true.joints, joints, true.vertices, vertices)
    table.values |= {name: values[rows] for name, values in moving.items()}
    figures = [table.figure(name, n_total=len(truth)) for name in ALL if name in table.values]
    figures += _subsets(table, truth, rows)
    figures += _strata(table, truth, true, rows)
    samples = {
        f"{name} [{ALL[name].unit}]": _spread(values, rows, len(truth))
        for name, values in table.values.items()
    }
    expected = _OFFICIAL_COUNTS.get(truth.dataset, 0) if truth.split == "evaluation" else 0
    warnings = []
    if len(rows) < len(truth):
        warnings.append(f"{len(truth) - len(rows):,} frames have no full annotation and were not scored")
    if expected and len(truth) != expected and not truth.partial:
        what = f"{len(truth):,} frames, the official split has {expected:,}"
        warnings.append(f"{what}: not to be compared with published numbers")
    return Score(
        protocol.id,
        protocol.version,
        figures,
        names,
        truth.keys,
        samples,
        _curves(errors),
        len(truth),
        len(rows),
        truth.partial,
        notes=notes,
        warnings=warnings,
        official=_official(errors),
    )


def _spread(values: FloatArray, rows: IndexArray, n: int) -> FloatArray:
    """Returns (N,) a value a frame, NaN where it was not scored."""
    out = np.full(n, np.nan)
    out[rows] = values.mean(axis=1) if values.ndim == 2 else values
    return out


def _subsets(table: _Rows, truth: GroundTruth, rows: IndexArray) -> Iterator[Figure]:
    for subset, mask in truth.subsets.items():
        there = mask[rows]
        if there.any():
            for name in ALL:
                if name in table.values:
                    yield table.figure(name, there, subset, n_total=int(mask.sum()))


def _strata(table: _Rows, truth: GroundTruth, true: HandTruth, rows: IndexArray) -> Iterator[Figure]:
    for k, joint in enumerate(OPENPOSE21.names):
        for name in ("PA-MPJPE", "MPJPE"):
            yield table.figure(name, stratum=f"joint {joint}", n_total=len(truth), joint=k)
    for strata in (occlusion_strata(true.occlusion), sequence_strata(truth)):
        for stratum, mask in strata:
            there = mask[rows]
            if there.any():
                for name in _BY_STRATUM:
                    if name in table.values:
                        yield table.figure(name, there, stratum=stratum, n_total=int(mask.sum()))


def _curves(errors: MeshErrors) -> list[Curve]:
    found = [
        ("PA-PCK joints", pck_histogram(errors.joints_pa)),
        ("PCK joints", pck_histogram(errors.joints)),
        ("ST-PCK joints", pck_histogram(errors.joints_st)),
        ("PA-PCK vertices", errors.pck_vertices_pa),
        ("PCK vertices", errors.pck_vertices),
    ]
    return [
        Curve(name, 1e3 * THRESHOLDS, 100 * np.cumsum(counts[:-1]) / counts.sum())
        for name, counts in found
        if counts is not None
    ]


def _official(errors: MeshErrors) -> dict[str, float]:
    """Returns the script's numbers under its own names: means in cm, AUC and F from 0 to 1 (scores.txt)."""

    def joints(values: FloatArray) -> tuple[float, float]:
        return 100 * float(values.mean(axis=0).mean()), float(auc_shares(values).mean(axis=0).mean())

    def mesh(means: FloatArray | None, areas: FloatArray | None) -> tuple[float, float]:
        if means is None or areas is None:
            return -100.0, -1.0
        return 100 * float(means.mean()), float(areas.mean())

    out: dict[str, float] = {}
    for key, pair in (
        ("xyz", joints(errors.joints)),
        ("xyz_procrustes_al", joints(errors.joints_pa)),
        ("xyz_scale_trans_al", joints(errors.joints_st)),
        ("mesh", mesh(errors.vertices, errors.auc_vertices)),
        ("mesh_al", mesh(errors.vertices_pa, errors.auc_vertices_pa)),
    ):
        out[f"{key}_mean3d"], out[f"{key}_auc3d"] = pair
    if errors.f is not None and errors.f_pa is not None:
        for k, t in enumerate((5, 15)):
            out[f"f_score_{t}"] = float(errors.f[:, k].mean())
            out[f"f_al_score_{t}"] = float(errors.f_pa[:, k].mean())
    return out
