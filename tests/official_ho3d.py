"""HO-3D's official evaluation restated plainly, frame by frame (its eval.py and eval_util.py)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import orthogonal_procrustes

Points = npt.NDArray[np.float64]
Fit = tuple[Any, ...]


def f_score(true: Points, predicted: Points, threshold: float) -> float:
    distances = np.sqrt(((true[:, None] - predicted[None]) ** 2).sum(-1))
    a = float((distances.min(1) < threshold).sum()) / len(true)
    b = float((distances.min(0) < threshold).sum()) / len(predicted)
    return 2 * a * b / (a + b) if a + b > 0 else 0.0


def scale_translate(true: Points, predicted: Points) -> Points:
    """Joint 0 is the wrist and joint 4 the middle finger's base in HO3D21."""
    length = np.linalg.norm(predicted[4] - predicted[0])
    scale = np.linalg.norm(true[4] - true[0]) / length if length > 0 else 1.0
    moved = predicted * scale
    return np.asarray(moved - moved[0] + true[0])


def procrustes(true: Points, predicted: Points) -> tuple[Points, Fit]:
    t1, t2 = true.mean(0), predicted.mean(0)
    a, b = true - t1, predicted - t2
    s1, s2 = np.linalg.norm(a) + 1e-8, np.linalg.norm(b) + 1e-8
    R, s = orthogonal_procrustes(a / s1, b / s2)
    return np.asarray((b / s2) @ R.T * s * s1 + t1), (R, s, s1, t1 - t2)


def by_trafo(points: Points, fit: Fit) -> Points:
    R, s, s1, shift = fit
    mean = points.mean(0)
    return np.asarray((points - mean) @ R.T * s * s1 + shift + mean)


def mean_and_auc(distances: Points) -> tuple[float, float]:
    """(N, P) distances of frames and keypoints [m]."""
    thresholds = np.linspace(0, 0.05, 100)
    whole = np.trapezoid(np.ones(100), thresholds)
    means, areas = [], []
    for column in distances.T:
        means.append(column.mean())
        curve = np.array([(column <= t).mean() for t in thresholds])
        areas.append(np.trapezoid(curve, thresholds) / whole)
    return 100 * float(np.mean(means)), float(np.mean(areas))


def evaluate(xyz: Points, verts: Points, xyz_pred: Points, verts_pred: Points) -> dict[str, float]:
    """All in metres, HO3D21; returns the script's own keys."""
    mano = verts_pred.shape[1] == verts.shape[1]
    rows: dict[str, list[Any]] = {}

    def keep(key: str, value: Any) -> None:
        rows.setdefault(key, []).append(value)

    for g, p, G, P in zip(xyz, xyz_pred, verts, verts_pred, strict=True):
        aligned, fit = procrustes(g, p)
        keep("xyz", np.linalg.norm(g - p, axis=1))
        keep("xyz_scale_trans_al", np.linalg.norm(g - scale_translate(g, p), axis=1))
        keep("xyz_procrustes_al", np.linalg.norm(g - aligned, axis=1))
        mesh = procrustes(G, P)[0] if mano else by_trafo(P, fit)
        if mano:
            keep("mesh", np.linalg.norm(G - P, axis=1))
            keep("mesh_al", np.linalg.norm(G - mesh, axis=1))
        for mm in (5, 15):
            keep(f"f_score_{mm}", f_score(G, P, mm / 1000))
            keep(f"f_al_score_{mm}", f_score(G, mesh, mm / 1000))
    out: dict[str, float] = {}
    for key in ("xyz", "xyz_scale_trans_al", "xyz_procrustes_al", "mesh", "mesh_al"):
        pair = mean_and_auc(np.stack(rows[key])) if key in rows else (-100.0, -1.0)
        out[f"{key}_mean3d"], out[f"{key}_auc3d"] = pair
    return out | {key: float(np.mean(values)) for key, values in rows.items() if key.startswith("f_")}
