"""InterHand2.6M as IntagHand (Li et al., CVPR 2022) and its successors evaluate it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.metrics.align import MIDDLE_MCP
from handbench.metrics.hand_roots import SIDES, require_joints
from handbench.metrics.predicted_tips import Tips, resolve_tips, tips_warning
from handbench.metrics.protocols.base import Protocol
from handbench.metrics.protocols.interhand import relative_notes
from handbench.metrics.score import Score
from handbench.metrics.two_hand_errors import HandRule
from handbench.metrics.two_hand_score import TwoHandScore
from handbench.predictions import Predictions


@dataclass(frozen=True)
class IntagOptions:
    """Options of ``interhand_intag``.

    Attributes:
        root: the joint that is aligned; there is no other.
        joints: ``mesh``: true joints are regressed from the true mesh; ``annotated``: as they are annotated.
            ``auto``: of the mesh where the data have meshes (``mesh=true`` of the loader).
        tips: whose vertices the predicted fingertips are; ``auto``: what the file states.
    """

    root: Literal["middle1"] = "middle1"
    joints: Literal["auto", "mesh", "annotated"] = "auto"
    tips: Tips = "auto"


class InterHandIntag(Protocol):
    """MPJPE, MPVPE and MRRPE with the middle MCP as root and the true bone as scale."""

    name: ClassVar[str] = "interhand_intag"
    version: ClassVar[int] = 2
    options_type = IntagOptions
    datasets: ClassVar[tuple[str, ...]] = ("interhand",)
    reference: ClassVar[str] = "interhand:{root}@split={split},missing=keep,mesh=true"
    options: IntagOptions

    def resolve(self, truth: GroundTruth, predictions: Predictions) -> InterHandIntag:
        """Returns the protocol with joints and tips as data and predictions have them."""
        require_joints(predictions)
        meshes = any(truth.hands[side].mesh_joints is not None for side in SIDES)
        joints = self.options.joints
        if joints == "auto":
            joints = "mesh" if meshes else "annotated"
        elif joints == "mesh" and not meshes:
            raise HandbenchError(
                f"{truth.dataset} {truth.split}: no meshes to regress joints from",
                "open the data with mesh=true,hand_model=mano:DIR, or score with joints=annotated",
            )
        tips = resolve_tips(self.options.tips, predictions)
        return InterHandIntag(dataclasses.replace(self.options, joints=joints, tips=tips))

    def explain(self) -> list[str]:
        """Says in words what is done."""
        joints = {
            "auto": "True joints: of the true mesh where there is one, else as annotated.",
            "mesh": "True joints are those of the true mesh, by the joint regressor of its own hand model.",
            "annotated": "True joints are the annotated ones: these data have no meshes to regress from.",
        }
        return [
            "Both hands; metres in the camera frame, reported in mm. Never ranked with `interhand`.",
            joints[self.options.joints],
            "Each hand is aligned by its middle MCP, and scaled about it to the true length from wrist to"
            " middle MCP; no rotation. A hand counts where both are known; its root counts with 0.",
            "MPJPE, MPVPE, PA-MPJPE: mean over hands of each hand's mean.",
            "SH: samples of hand type right or left; IH: all others.",
            "MRRPE: samples of type interacting with both roots known; the vector from the right wrist to the"
            " left one, neither aligned nor scaled.",
            "A hand that was not predicted (NaN) is not scored: 'missing hands' says how many.",
            f"Fingertips of the predictions: {self.options.tips}.",
        ]

    def score(self, truth: GroundTruth, predictions: Predictions) -> Score:
        """Scores N samples; see :class:`Protocol`."""
        rule = HandRule("predicted", "gt-bone", MIDDLE_MCP, self.options.joints == "mesh")
        table = TwoHandScore(rule, "hand", truth, predictions)
        table.measure()
        single, both = (int(table.subsets[name].sum()) for name in ("SH", "IH"))
        note = f"{single:,} samples of one hand (SH), {both:,} of two (IH, what papers report)"
        notes = [note, *relative_notes(predictions)]
        return table.make(self, notes, tips_warning(self.options.tips, truth))
