"""InterHand2.6M: the official evaluation (Moon et al., ECCV 2020, dataset.py), and its variants in use."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.metrics.hand_roots import SIDES, require_joints, resolve_root
from handbench.metrics.hand_scale import MEAN_BONE, require_unit
from handbench.metrics.predicted_tips import Tips, resolve_tips, tips_warning
from handbench.metrics.protocols.base import Protocol
from handbench.metrics.score import Score
from handbench.metrics.two_hand_errors import HandRule
from handbench.metrics.two_hand_score import TwoHandScore
from handbench.predictions import Predictions

Root = Literal["auto", "gt", "rootnet", "predicted"]


@dataclass(frozen=True)
class InterHandOptions:
    """Options of ``interhand``.

    Attributes:
        average: ``macro``, official: the mean over the 42 joints of each joint's mean; ``micro``, mmpose's:
            the mean over all joints of all samples.
        root: the depth that hands are placed at: ``gt``, the true wrist's; ``rootnet``, what the dataset
            hands out; ``predicted``, as the file has it. ``auto``: what the file states (``root_source``).
        scale: ``none``, official; ``gt-bone``: each hand has the true length from wrist to middle MCP (HDR's
            code); ``hand-model``: the mean hand's.
        tips: whose vertices the predicted fingertips are; ``auto``: what the file states.
    """

    average: Literal["macro", "micro"] = "macro"
    root: Root = "auto"
    scale: Literal["none", "gt-bone", "hand-model"] = "none"
    tips: Tips = "auto"


class InterHand(Protocol):
    """MPJPE of single and interacting hands, MRRPE, handedness."""

    name: ClassVar[str] = "interhand"
    version: ClassVar[int] = 2
    options_type = InterHandOptions
    datasets: ClassVar[tuple[str, ...]] = ("interhand",)
    reference: ClassVar[str] = "interhand:{root}@split={split},missing=keep"
    options: InterHandOptions

    def resolve(self, truth: GroundTruth, predictions: Predictions) -> InterHand:
        """Returns the protocol with root and tips as these predictions have them; see :class:`Protocol`."""
        require_joints(predictions)
        require_unit(predictions, self.options.scale, "gt-bone or hand-model")
        root = resolve_root(self.options.root, predictions)
        handed_out = all(truth.hands[side].root_depth is not None for side in SIDES)
        if root == "rootnet" and predictions.root_source != "rootnet" and not handed_out:
            raise HandbenchError(
                f"{truth.dataset} {truth.split}: no RootNet depths, which root=rootnet needs",
                "put rootnet_output/rootnet_interhand2.6m_output_test.json there, or score with root=gt",
            )
        tips = resolve_tips(self.options.tips, predictions)
        return InterHand(dataclasses.replace(self.options, root=cast(Root, root), tips=tips))

    def explain(self) -> list[str]:
        """Says in words what is done."""
        averages = {
            "macro": "MPJPE: mean of each joint over the samples, then over the 42 joints (official). The two"
            " wrists count with 0, so it is 40/42 of the mean of the others.",
            "micro": "MPJPE: mean over all joints of all samples (mmpose's), the wrists count with 0.",
        }
        return [
            "Both hands; metres in the camera frame, reported in mm. A joint counts where it is annotated; a"
            " hand whose wrist is not annotated is taken out whole.",
            "Each hand is aligned by its own wrist, predicted and true; no rotation.",
            _ROOTS[self.options.root],
            SCALES[self.options.scale],
            averages[self.options.average],
            "SH: samples of hand type right or left; IH: all others; all: both together, joint by joint.",
            "MRRPE: samples of type interacting with both wrists annotated; the vector from the right wrist"
            " to the left one, nothing aligned: what the file states as relative_root (where the right hand"
            " is moved in depth, the left wrist is too, as far, along its ray), else the difference of the"
            " predicted wrists of camera-space predictions, else none.",
            "Handedness: samples whose hand type may be scored; a hand is told where its probability is above"
            " 0.5; exactly 0.5 is always wrong.",
            "A hand that was not predicted (NaN) is not scored: 'missing hands' says how many.",
            "Beside the official numbers: PA-MPJPE (each hand's own similarity fit, no reflection; mean over"
            " hands); AUC-J (100 thresholds from 0 to 50 mm, without wrists); with meshes on both sides"
            " MPVPE, aligned by the wrists, mean over hands (InterWild's).",
            f"Fingertips of the predictions: {self.options.tips}.",
        ]

    def score(self, truth: GroundTruth, predictions: Predictions) -> Score:
        """Scores N samples; see :class:`Protocol`."""
        rule = HandRule(self.options.root, self.options.scale)
        table = TwoHandScore(rule, self.options.average, truth, predictions)
        table.measure()
        return table.make(self, relative_notes(predictions), tips_warning(self.options.tips, truth))


def relative_notes(predictions: Predictions) -> list[str]:
    """Says where MRRPE is from."""
    if predictions.relative_root is not None:
        return ["MRRPE from relative_root of the file"]
    if predictions.space == "camera":
        return ["MRRPE from the difference of the predicted wrists"]
    return [f"no MRRPE: {predictions.space} predictions without relative_root do not say where the hands are"]


_ROOTS = {
    "auto": "Depth of the wrists: as the file states it.",
    "gt": "The wrists have their true depth: predictions that were placed by another are moved along the rays"
    " of their pixels, as 2.5D methods are evaluated. Root-relative predictions need no depth.",
    "rootnet": "The wrists have RootNet's depth, which the dataset hands out: predictions that were placed by"
    " another are moved along the rays of their pixels. Root-relative predictions need no depth.",
    "predicted": "The depth of the wrists is the prediction's own.",
}

SCALES = {
    "none": "No scale.",
    "gt-bone": "Each predicted hand is scaled about its wrist to the true length from wrist to middle MCP"
    " (HDR's utils/align.py); a hand where that length is not annotated is not scored.",
    "hand-model": f"Each predicted hand is scaled about its wrist until wrist and middle MCP are"
    f" {1e3 * MEAN_BONE:.1f} mm apart, as in the mean hand of handbench's own model.",
}
"""What each ``scale`` does, in words."""
