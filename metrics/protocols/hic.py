"""HIC ("Hands in Action", Tzionas et al., IJCV 2016): labelled pixels, tracked joints, meshes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.metrics.hand_scale import MEAN_BONE, require_unit
from handbench.metrics.hic_score import hic_score
from handbench.metrics.predicted_tips import Tips, resolve_tips, tips_warning
from handbench.metrics.protocols.base import Protocol
from handbench.metrics.score import Score
from handbench.predictions import Predictions
from handbench.skeleton import HIC14

TWO_HANDS = tuple(f"{number:02d}" for number in range(1, 8))
"""The sequences of two interacting hands, 1,307 frames, which EPE is reported on."""

FRAMES = 1307


@dataclass(frozen=True)
class HicOptions:
    """Options of ``hic``.

    Attributes:
        root: ``predicted``: hands are where the file puts them; ``gt``: the mean of the tracked joints is put
            on the true mean. ``auto``: ``predicted`` for camera-space predictions, else ``gt``.
        scale: ``none``; ``gt-size``: the tracked joints are spread about their mean as the true ones are;
            ``hand-model``: the length from wrist to middle MCP is the mean hand's.
        tips: whose vertices the predicted fingertips are; ``auto``: what the file states.
        sequences: ``01-07``, two interacting hands, or ``all`` that the data have.
        pixels: ``given``: the file's ``joints_2d``; ``projected``: its joints, by the data's camera.
            ``auto``: given where the file has them.
    """

    root: Literal["auto", "gt", "predicted"] = "auto"
    scale: Literal["none", "gt-size", "hand-model"] = "none"
    tips: Tips = "auto"
    sequences: Literal["01-07", "all"] = "01-07"
    pixels: Literal["auto", "given", "projected"] = "auto"


class Hic(Protocol):
    """EPE in pixels; MPJPE, PA-MPJPE, MPVPE and MRRPE where there is 3D."""

    name: ClassVar[str] = "hic"
    options_type = HicOptions
    datasets: ClassVar[tuple[str, ...]] = ("hic",)
    reference: ClassVar[str] = "hic:{root}"
    options: HicOptions

    def resolve(self, truth: GroundTruth, predictions: Predictions) -> Hic:
        """Returns the protocol with root, pixels and tips as these predictions have them."""
        options, where = self.options, predictions.path or "the predictions"
        require_unit(predictions, options.scale, "gt-size or hand-model")
        hands = predictions.hands.values()
        given = any(hand.joints_2d is not None for hand in hands)
        if not given and all(hand.joints is None for hand in hands):
            raise HandbenchError(f"{where}: no joints of any hand", "write joints (N, 21, 3) or joints_2d")
        pixels = options.pixels
        if pixels == "auto":
            pixels = "given" if given else "projected"
        elif pixels == "given" and not given:
            raise HandbenchError(f"{where}: no joints_2d", "score with pixels=projected")
        root = options.root
        if root == "auto":
            root = "predicted" if predictions.space == "camera" else "gt"
        elif root == "predicted" and predictions.space != "camera":
            raise HandbenchError(
                f"{where}: {predictions.space} predictions have no place", "score with root=gt"
            )
        tips = resolve_tips(options.tips, predictions)
        return Hic(dataclasses.replace(options, root=root, pixels=pixels, tips=tips))

    def explain(self) -> list[str]:
        """Says in words what is done."""
        options = self.options
        part = {
            "01-07": "Sequences 01 to 07, two interacting hands (1,307 frames, every fifth labelled).",
            "all": "All sequences of the data.",
        }
        return [
            part[options.sequences],
            f"Labels: 14 joints of each hand, {', '.join(HIC14.names)}; each is compared with the joint of"
            " the same name of the 21 (1: base of a finger, MCP; 4: tip). No wrist, no base of the thumb, no"
            " tips.",
            _PIXELS[options.pixels],
            "EPE-2D: mean distance in pixels of the 640 x 480 picture over all labelled joints; nothing else"
            " is aligned in 2D.",
            _ROOTS[options.root],
            _SCALES[options.scale],
            "3D truth: the tracked motion, 19 joints (no wrist, no base of the thumb). There is no true"
            " wrist, so MPJPE aligns the middle MCP of each hand, which does not count itself; PA-MPJPE: each"
            " hand's own similarity fit, no reflection, mean over hands.",
            "MPVPE: where both meshes have the same vertices (MANO fits of HIC.json), the mean of the"
            " vertices on the true mean; mean over hands.",
            "MRRPE: the vector from the right middle MCP to the left one, nothing aligned or scaled; from"
            " relative_root of the file, else the difference of camera-space predictions.",
            "Visible: at least half of a joint is seen, where the data say so; hidden: less.",
            f"Fingertips of the predictions: {options.tips}.",
        ]

    def score(self, truth: GroundTruth, predictions: Predictions) -> Score:
        """Scores N samples; those of other sequences than asked for have no values."""
        options = self.options
        chosen = np.ones(len(truth), dtype=np.bool_)
        if options.sequences != "all":
            chosen = np.isin(np.array(list(truth.recordings)), TWO_HANDS)
            if not chosen.any():
                raise HandbenchError(
                    f"{truth.dataset}: no sample of sequences {options.sequences}", "score with sequences=all"
                )
        whole = options.sequences != "all" and int(chosen.sum()) == FRAMES
        found = hic_score(
            self, truth, predictions, chosen, (options.root, options.scale, options.pixels),
            tips_warning(options.tips, truth),
        )  # fmt: skip
        return dataclasses.replace(found, partial=truth.partial and not whole)


_PIXELS = {
    "auto": "Predicted pixels: joints_2d of the file where it has them, else its joints projected.",
    "given": "Predicted pixels: joints_2d of the file.",
    "projected": "Predicted pixels: the joints, projected by the data's camera (fx = fy = 525 officially).",
}
_ROOTS = {
    "auto": "Place: camera-space predictions where they are; others are put on the true mean.",
    "gt": "Place: each predicted hand is moved (no rotation) until the mean of its joints lies on the mean of"
    " the true ones, over the joints that are tracked; a hand that is not tracked has no pixels then.",
    "predicted": "Place: where the file puts the hands.",
}
_SCALES = {
    "none": "No scale.",
    "gt-size": "Each predicted hand is scaled about the mean of its tracked joints until they lie about it as"
    " far (root mean square) as the true ones.",
    "hand-model": f"Each predicted hand is scaled about its wrist until wrist and middle MCP are"
    f" {1e3 * MEAN_BONE:.1f} mm apart, as in the mean hand of handbench's own model.",
}
