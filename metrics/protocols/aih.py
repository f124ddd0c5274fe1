"""AIH: pose by what hides the hands, masks with the invisible part, de-occlusion and removal, phantoms."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.metrics.aih_pixels import has_pixels
from handbench.metrics.aih_score import AihScore
from handbench.metrics.hand_scale import require_unit
from handbench.metrics.predicted_tips import Tips, resolve_tips, tips_warning
from handbench.metrics.protocols.base import Protocol
from handbench.metrics.protocols.interhand import SCALES
from handbench.metrics.score import Score
from handbench.predictions import Predictions


@dataclass(frozen=True)
class AihOptions:
    """Options of ``aih``.

    Attributes:
        root: the joint that is aligned; there is no other.
        scale: ``none``; ``gt-bone``: each hand has the true length from wrist to middle MCP; ``hand-model``:
            the mean hand's.
        tips: whose vertices the predicted fingertips are; ``auto``: what the file states.
    """

    root: Literal["wrist"] = "wrist"
    scale: Literal["none", "gt-bone", "hand-model"] = "none"
    tips: Tips = "auto"


class Aih(Protocol):
    """Pose, masks and pictures of two hands that hide each other."""

    name: ClassVar[str] = "aih"
    options_type = AihOptions
    datasets: ClassVar[tuple[str, ...]] = ("aih", "aih_plain")
    reference: ClassVar[str] = "aih:{root}@split={split}"
    options: AihOptions

    def resolve(self, truth: GroundTruth, predictions: Predictions) -> Aih:
        """Returns the protocol with the tips of these predictions; see :class:`Protocol`."""
        posed = any(hand.joints is not None for hand in predictions.hands.values())
        if not posed and not any(has_pixels(predictions)):
            where = predictions.path or "the predictions"
            raise HandbenchError(f"{where}: no joints, masks or pictures of any hand", "write one of them")
        if posed:
            require_unit(predictions, self.options.scale, "gt-bone or hand-model")
        tips = resolve_tips(self.options.tips, predictions)
        return Aih(dataclasses.replace(self.options, tips=tips))

    def explain(self) -> list[str]:
        """Says in words what is done."""
        return [
            "Both hands of each picture; metres, reported in mm; pasted hands each in the frame of its own"
            " camera.",
            "MPJPE: each hand is aligned by its wrist, which does not count itself; mean over all joints of"
            " all hands. PA-MPJPE: each hand's own similarity fit, no reflection; mean over all joints.",
            SCALES[self.options.scale],
            "Visible joints: at least half of a 5 mm ball about the joint is seen; hidden joints: less."
            " Cause: what hides most of a joint: self, other, object, border.",
            "Targets: the hands that the crop is about (of a pair both); others: the rest. Occlusion: of"
            " targets, 1 - visible / amodal pixels inside the picture, in steps 0, 0.1, 0.3, 0.5, 0.8, 1.",
            "Masks are compared in the frame of the model's crop, inside the picture: the true ones are"
            " sampled there by the nearest pixel. IoU of whole hands (amodal), of what is seen, and of the"
            " invisible part on its own; mean over hands; where true and predicted part are both empty there"
            " is nothing to count. Boundary F as DAVIS has it.",
            "Pictures: the predicted target alone against the true one, sampled bilinearly in the same"
            " frame; PSNR, SSIM and L1 over two holes. De-occlusion: the target's hidden part. Removal: what"
            " was taken away (other hand, its forearm and shadow) outside the target.",
            "Phantom hands: of the hands that a sample does not have, how many were predicted: by handedness"
            " above 0.5 where the file has it, else by masks that are not empty, else by joints.",
            "A hand that was not predicted is not scored: 'missing hands' and 'missing masks' say how many.",
            "Annotation alone is read: masks, and the target's own picture; never the picture that was"
            " predicted from.",
            f"Fingertips of the predictions: {self.options.tips}.",
        ]

    def score(self, truth: GroundTruth, predictions: Predictions) -> Score:
        """Scores N samples; see :class:`Protocol`."""
        table = AihScore(self.options.scale, truth, predictions)
        table.measure()
        return table.make(self, tips_warning(self.options.tips, truth))
