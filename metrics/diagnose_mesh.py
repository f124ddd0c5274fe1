"""Finds joints that disagree with the mesh of the same hand."""

from __future__ import annotations

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.metrics.diagnose_rows import LEAST_HANDS, MIRROR, Hands, procrustes_error
from handbench.metrics.problem import Problem
from handbench.predictions import PRED_JSON
from handbench.skeleton import FINGERS, OPENPOSE21, TIP_SETS, tip_vertices
from handbench.types import Side

MANO_VERTICES = 778

WRIST_LOOP = (38, 92, 234, 239, 279, 215, 214, 121, 78, 79, 108, 120, 119, 117, 118, 122)
"""The open edge at the wrist of MANO's mesh."""

WRIST_FAR, TIP_FAR = 0.045, 0.002
"""How far the wrist may be from the middle of its edge, and tips from their vertices [m], on average."""

APART = 0.15
"""Above this distance [m] wrist and mesh are in different places, whichever way they turn."""

SHIFTED = 0.01
"""Above this distance [m] of all fingertips on average, joints and mesh are not of one hand: known sets of
fingertips are at most 3 mm from each other."""

WORSE, WORSE_BY = 1.8, 0.008
"""PA errors of joints and mesh disagree when one is so many times the other, and so much above it [m]."""

_TIPS = [OPENPOSE21.index(f"{finger}4") for finger in FINGERS]


def check_mesh(hands: Hands, tips: str, form: str = "") -> list[Problem]:
    """Compares fingertips, wrist and errors of the joints with those of the mesh.

    Offsets are averaged in the frame of each hand and must stand out of their own scatter: noise that is
    added to joints and vertices is no disagreement.

    Args:
        hands: with meshes of MANO's topology; others are not looked at.
        tips: the fingertip set that the file names, or an empty text.
        form: of the file, as ``Predictions.form``.
    """
    vertices = hands.vertices
    if vertices is None or vertices.shape[1] != MANO_VERTICES:
        return []
    rows = np.asarray(np.isfinite(vertices).all(axis=(1, 2)) & np.isfinite(hands.joints).all(axis=(1, 2)))
    if rows.sum() < LEAST_HANDS:
        return []
    # Left hands are looked at in the mirror, so that the mean offset is of one shape of hand.
    as_right = np.where(hands.right[rows, None, None], 1.0, MIRROR)
    joints, vertices = hands.joints[rows] * as_right, vertices[rows] * as_right
    own = _turns(vertices)
    right = hands.right[rows]
    apart = _apart(own, joints, vertices, right)
    if apart > SHIFTED:
        what = f"joints and mesh are {1000 * apart:.0f} mm apart: they are not of one hand"
        return [Problem("mesh", "error", what, "give joints and vertices of one hand in one frame and space")]
    wrist = joints[:, :1] - vertices[:, WRIST_LOOP].mean(axis=1, keepdims=True)
    away, doubt = _offset(own, wrist)
    middle = float(np.median(np.linalg.norm(wrist, axis=2)))
    if away[0] > WRIST_FAR + doubt[0] or middle > APART:
        what = f"the wrist lies {1000 * max(middle, away[0]):.0f} mm from the wrist of its own mesh"
        return [Problem("mesh", "error", what, "give joints and vertices of one hand in one frame and space")]
    return _against_truth(hands, rows) or _tips(own, joints, vertices, right, tips, form)


def _against_truth(hands: Hands, rows: BoolArray) -> list[Problem]:
    rows = rows & hands.comparable
    mesh = hands.true_vertices
    if mesh is None or hands.vertices is None or mesh.shape != hands.vertices.shape:
        return []
    rows = rows & np.isfinite(mesh).all(axis=(1, 2))
    if rows.sum() < LEAST_HANDS:
        return []
    of_joints = procrustes_error(hands.true[rows], hands.joints[rows])
    of_mesh = procrustes_error(mesh[rows], hands.vertices[rows])
    told = f"PA errors disagree: joints {1000 * of_joints:.1f} mm, vertices {1000 * of_mesh:.1f} mm"
    for good, bad, name in ((of_mesh, of_joints, "joints"), (of_joints, of_mesh, "vertices")):
        if bad > WORSE * good and bad - good > WORSE_BY:
            return [Problem("mesh", "warning", told, f"check order, side and regressor of the {name}")]
    return []


def _tips(
    own: FloatArray, joints: FloatArray, vertices: FloatArray, right: BoolArray, said: str, form: str
) -> list[Problem]:
    far, doubts = {}, {}
    for name in TIP_SETS:
        away, doubt = _offset(own, _from_tips(joints, vertices, right, name))
        far[name], doubts[name] = float(away.mean()), float(doubt.mean())
    best = min(far, key=lambda name: far[name])
    if far[best] > TIP_FAR + doubts[best]:
        what = f"the fingertips are at no known set of vertices: {1000 * far[best]:.1f} mm from {best!r}"
        remedy = "state which vertices or regressor they are from"
        if form == PRED_JSON:
            remedy = f"the true ones are the vertices {', '.join(map(str, TIP_SETS['ho3d'][Side.RIGHT]))}"
        return [Problem("tips", "warning", what, remedy)]
    if said in far and far[said] > 0.001 + 2 * far[best] + doubts[said]:
        what = (
            f"the file names the fingertips {said!r}, which are {1000 * far[said]:.1f} mm away; "
            f"they are {best!r} ({1000 * far[best]:.1f} mm)"
        )
        return [Problem("tips", "warning", what, f"set tips = '{best}'")]
    return []


def _apart(own: FloatArray, joints: FloatArray, vertices: FloatArray, right: BoolArray) -> float:
    """Returns how far joints and mesh are from each other [m]; 0 where noise or other fingertips explain it.

    Found where all five fingertips are off on average: in the hands' frame, or in the camera's, where a mesh
    that is moved is moved the same in every hand; or where each mesh is moved as a whole, any way.
    """
    found = []
    for name in TIP_SETS:
        vectors = _from_tips(joints, vertices, right, name)
        camera = [vectors[right], vectors[~right]]
        turned = np.broadcast_to(np.eye(3), (len(own), 3, 3))
        each = [
            _offset(own, vectors),
            *(_offset(turned[: len(v)], v) for v in camera if len(v) >= LEAST_HANDS),
        ]
        sure = [float(away.mean()) for away, doubt in each if (away - doubt).min() > SHIFTED]
        middle = vectors.mean(axis=1)
        scatter = np.sqrt(vectors.var(axis=1, ddof=1).sum(axis=1) / len(_TIPS))
        length = np.linalg.norm(middle, axis=1)
        # Fingertips that two heads of a model turn differently go the same way, too, but not the wrist.
        wrist = np.linalg.norm(joints[:, 0] - vertices[:, WRIST_LOOP].mean(axis=1), axis=1)
        if np.median(np.minimum(length, wrist) - 3 * scatter) > WRIST_FAR:
            sure.append(float(np.median(length)))
        found.append(max(sure, default=0.0))
    return min(found)


def _from_tips(joints: FloatArray, vertices: FloatArray, right: BoolArray, name: str) -> FloatArray:
    """Returns (n, 5, 3) from the vertices of a set to the fingertips [m]."""
    ids = np.where(right[:, None], tip_vertices(name, Side.RIGHT), tip_vertices(name, Side.LEFT))
    return joints[:, _TIPS] - np.take_along_axis(vertices, ids[..., None], axis=1)


def _turns(vertices: FloatArray) -> FloatArray:
    """Returns (n, 3, 3) the rotation of each mesh (n, V, 3) into the frame of the first."""
    shape = vertices - vertices.mean(axis=1, keepdims=True)
    U, _, Vt = np.linalg.svd(np.einsum("vi,nvj->nij", shape[0], shape))
    U[:, :, 2] *= np.linalg.det(U @ Vt)[:, None]
    return np.asarray(U @ Vt)


def _offset(own: FloatArray, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns (P,) the length of the mean offset in the hands' frame [m], and what scatter explains of it.

    Args:
        own: (n, 3, 3) into the hands' frame.
        vectors: (n, P, 3) [m].
    """
    turned = np.einsum("nij,npj->npi", own, vectors)
    scatter = np.sqrt(turned.var(axis=0).sum(axis=1) / len(turned))
    return np.linalg.norm(turned.mean(axis=0), axis=1), 3 * scatter
