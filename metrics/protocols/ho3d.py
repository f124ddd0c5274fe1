"""HO-3D v2 and v3: the official script's numbers (Hampali et al., its eval.py), and more."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.metrics import ho3d_figures
from handbench.metrics.align import WRIST
from handbench.metrics.mesh_errors import mesh_errors
from handbench.metrics.protocols.base import Protocol
from handbench.metrics.score import Score
from handbench.predictions import HandPredictions, Predictions
from handbench.skeleton import FINGERS, OPENPOSE21, TIP_SETS, tip_vertices
from handbench.types import Side

SAME = 1e-6
"""Points nearer than this [m] are taken for one."""

_TIPS = [OPENPOSE21.index(f"{finger}4") for finger in FINGERS]


@dataclass(frozen=True)
class Ho3dOptions:
    """Options of ``ho3d_v2`` and ``ho3d_v3``.

    Attributes:
        root: ``gt``: the predicted wrist is put on the true one; ``predicted``: positions as they are, which
            is what the script does; ``auto``: ``gt`` for root-relative predictions and for those whose wrists
            are the true ones already, as most submissions have them; else ``predicted``.
        tips: whose vertices the predicted fingertips are. ``auto``: HO-3D's where the mesh is given and the
            file names another set; for a file that names none, the set that the fingertips are found to be,
            else ``unstated``; the true ones are HO-3D's always.
        align: ``reflective`` as in the script, which lets a mirrored hand align; ``proper``: rotations only.
    """

    root: Literal["auto", "gt", "predicted"] = "auto"
    tips: Literal["auto", "ho3d", "manopth", "interhand", "smplx", "unstated"] = "auto"
    align: Literal["reflective", "proper"] = "reflective"


class _Ho3d(Protocol):
    options_type = Ho3dOptions
    split = "evaluation"
    common = "/root=gt"
    options: Ho3dOptions

    @property
    def id(self) -> str:
        """Root and tips; the alignment only where it is not the script's."""
        words = [self.name, f"root={self.options.root}", f"tips={self.options.tips}"]
        return "/".join(words + ["align=proper"] * (self.options.align == "proper"))

    def resolve(self, truth: GroundTruth, predictions: Predictions) -> Protocol:
        """Returns the protocol with root and tips as these predictions have them."""
        hand, true = self._hands(truth, predictions)
        root, tips = self.options.root, self.options.tips
        if root == "auto":
            root = "gt" if predictions.space == "root_relative" or _wrists_are(hand, true) else "predicted"
        if tips == "auto":
            tips = _resolve_tips(hand, predictions.tips)
        return type(self)(dataclasses.replace(self.options, root=root, tips=tips))

    def explain(self) -> list[str]:
        """Says in words what is done."""
        return ho3d_figures.explain(self.options.root, self.options.tips, self.options.align)

    def score(self, truth: GroundTruth, predictions: Predictions) -> Score:
        """Scores N frames of right hands; see :class:`Protocol`."""
        hand, true = self._hands(truth, predictions)
        given, hand = hand, self._with_tips(hand, predictions.tips)
        notes = [] if hand is given else [_replaced(predictions.tips, self.options.tips)]
        joints, vertices = self._placed(hand, true, predictions.space)
        rows = np.flatnonzero(true.joints_valid.all(axis=1))
        if not len(rows):
            raise HandbenchError(
                f"{truth.dataset} {truth.split}: no frame has all 21 joints annotated",
                "put the released evaluation_xyz.json and evaluation_verts.json beside evaluation.txt",
            )
        whole = len(rows) == len(truth)
        meshes = true.vertices is not None and vertices is not None
        true_vertices = true.vertices if meshes else None
        errors = mesh_errors(
            true.joints if whole else true.joints[rows],
            joints if whole else joints[rows],
            true_vertices if whole or true_vertices is None else true_vertices[rows],
            vertices if whole or vertices is None else vertices[rows],
            proper=self.options.align == "proper",
        )
        return ho3d_figures.make_score(self, truth, errors, rows, joints, vertices, true, notes)

    def _hands(self, truth: GroundTruth, predictions: Predictions) -> tuple[HandPredictions, HandTruth]:
        """Returns the right hands, which are all that HO-3D has."""
        hand = predictions.hands.get(Side.RIGHT)
        where = predictions.path or "the predictions"
        if hand is None or hand.joints is None:
            raise HandbenchError(f"{where}: no joints of right hands", f"{self.name} scores right hands")
        if predictions.space == "scale_free":
            raise HandbenchError(
                f"{where}: scale-free predictions, but {self.name} has no rule that gives them a length",
                "write metres, or score by interhand/scale=gt-bone",
            )
        absent = np.flatnonzero(~np.isfinite(hand.joints).all(axis=(1, 2)))
        if len(absent):
            shown = ", ".join(predictions.keys[i] for i in absent[:5].tolist())
            raise HandbenchError(
                f"{where}: {len(absent):,} frames have no joints, or NaN ({shown})",
                "predict them, or score the others with --partial",
            )
        if hand.vertices is not None and not np.isfinite(hand.vertices).all():
            raise HandbenchError(f"{where}: vertices are NaN in some frames", "write all meshes, or none")
        return hand, truth.hands[Side.RIGHT]

    def _with_tips(self, hand: HandPredictions, stated: str) -> HandPredictions:
        """Puts the fingertips on the vertices of the set that the id names, where they are of another."""
        wanted = self.options.tips
        if wanted in ("unstated", stated) or (not stated and _found_tips(hand) == wanted):
            return hand
        if hand.vertices is None or hand.vertices.shape[1] != 778 or hand.joints is None:
            raise HandbenchError(
                f"fingertips of the set {stated or 'unstated'!r} cannot be turned into {wanted!r} without"
                " MANO's 778 vertices",
                f"score with tips={stated or 'unstated'}, or write vertices",
            )
        joints = hand.joints.copy()
        joints[:, _TIPS] = hand.vertices[:, tip_vertices(wanted, Side.RIGHT)]
        return dataclasses.replace(hand, joints=joints)

    def _placed(
        self, hand: HandPredictions, true: HandTruth, space: str
    ) -> tuple[ho3d_figures.Points, ho3d_figures.Points | None]:
        """Returns joints and vertices in the camera frame, with the root where the id says."""
        assert hand.joints is not None
        joints, vertices = hand.joints, hand.vertices
        if self.options.root == "predicted":
            if space == "root_relative":
                raise HandbenchError(
                    "root-relative predictions have no position of their own", "score with root=gt"
                )
            return joints, vertices
        if space == "camera" and _wrists_are(hand, true):
            return joints, vertices
        shift = (true.joints[:, WRIST] - joints[:, WRIST])[:, None]
        return joints + shift, None if vertices is None else vertices + shift


class Ho3dV2(_Ho3d):
    """HO-3D v2, 11,524 frames."""

    name: ClassVar[str] = "ho3d_v2"
    datasets: ClassVar[tuple[str, ...]] = ("ho3d_v2",)
    reference: ClassVar[str] = "ho3d:{root}@version=v2,split={split}"


class Ho3dV3(_Ho3d):
    """HO-3D v3, 20,137 frames."""

    name: ClassVar[str] = "ho3d_v3"
    datasets: ClassVar[tuple[str, ...]] = ("ho3d_v3",)
    reference: ClassVar[str] = "ho3d:{root}@version=v3,split={split}"


def _wrists_are(hand: HandPredictions, true: HandTruth) -> bool:
    """Tells whether the predicted wrists are the true ones, as methods that are given the root have them."""
    assert hand.joints is not None
    return bool(np.abs(hand.joints[:, WRIST] - true.joints[:, WRIST]).max(initial=0) < SAME)


def _replaced(stated: str, wanted: str) -> str:
    said = f"the file names the set {stated!r}" if stated else "the file names no set"
    return f"predicted fingertips were replaced by the vertices of the set {wanted!r} of the mesh: {said}"


def _resolve_tips(
    hand: HandPredictions, stated: str
) -> Literal["ho3d", "manopth", "interhand", "smplx", "unstated"]:
    if stated:
        mano = hand.vertices is not None and hand.vertices.shape[1] == 778
        name = "ho3d" if mano else stated
    else:
        name = _found_tips(hand) or "unstated"
    known: tuple[Literal["ho3d", "manopth", "interhand", "smplx"], ...] = (
        "ho3d",
        "manopth",
        "interhand",
        "smplx",
    )
    return next((tips for tips in known if tips == name), "unstated")


def _found_tips(hand: HandPredictions) -> str:
    """Returns the set whose vertices the fingertips lie on, or an empty text."""
    if hand.vertices is None or hand.joints is None or hand.vertices.shape[1] != 778:
        return ""
    some = np.unique(np.linspace(0, len(hand.joints) - 1, 64).astype(np.int64))
    tips, vertices = hand.joints[some][:, _TIPS], hand.vertices[some]
    for name in TIP_SETS:
        if np.abs(tips - vertices[:, tip_vertices(name, Side.RIGHT)]).max() < SAME:
            return name
    return ""
