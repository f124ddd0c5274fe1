"""Models that say the same of every picture: zero, and the mean hand. What any other model must beat."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward
from handbench.models import BlindBatch, ModelEntry, ModelOptions
from handbench.predictions import HandPredictions, Predictions, Space
from handbench.types import Side

SIDES = (Side.RIGHT, Side.LEFT)
_TIPS = "smplx"

UPRIGHT: dict[Side, FloatArray] = {
    Side.RIGHT: np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]),
    Side.LEFT: np.array([[0.0, 0, -1], [-1, 0, 0], [0, 1, 0]]),
}
"""(3, 3) rotations, MANO's rest pose to the camera frame: fingers up (-y), palm to the camera (-z); so a
right thumb points to the right of the picture (+x), and a left one to the left."""


class Constant:
    """Predicts one hand of each side, wherever that hand is asked for.

    Args:
        hands: side -> joints (21, 3) and vertices (V, 3) [m].
        space: that they are in.
        tips: fingertip set of the joints.
        hand_model: that the vertices are of.
        settings: what distinguishes this hand from others.
    """

    inputs = None
    needs_ground_truth, trained, weights_sha256 = False, True, ""

    def __init__(
        self,
        hands: dict[Side, tuple[FloatArray, FloatArray]],
        space: Space,
        tips: str,
        hand_model: str,
        settings: dict[str, str],
    ) -> None:
        self.space: Space = space
        self.tips, self.hand_model, self.settings = tips, hand_model, settings
        self._hands = hands

    def predict(self, batch: BlindBatch) -> Predictions:
        """Gives the hand; vertices where the annotation has meshes with as many."""
        hands = {}
        for s, side in enumerate(SIDES):
            asked = batch.asked[:, s]
            if not asked.any():
                continue
            joints, vertices = self._hands[side]
            mesh = _repeated(vertices, asked) if batch.vertices == len(vertices) else None
            hands[side] = HandPredictions(_repeated(joints, asked), mesh)
        return Predictions(batch.keys, hands, self.space, tips=self.tips, hand_model=self.hand_model)


def _repeated(values: FloatArray, rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Returns (N, ...) float32: the values in some rows, NaN in the others."""
    out = np.empty((len(rows), *values.shape), np.float32)
    out[rows] = values
    out[~rows] = np.nan
    return out


def open_zero(options: ModelOptions) -> Constant:
    """Makes the model whose joints and vertices are all 0, in the camera's centre."""
    nothing = (np.zeros((21, 3)), np.zeros((778, 3)))
    return Constant(dict.fromkeys(SIDES, nothing), "camera", "", "", {})


@functools.lru_cache(maxsize=4)
def mean_hand(spec: str, side: Side) -> tuple[FloatArray, FloatArray]:
    """Returns joints (21, 3) and vertices (778, 3) [m] of the mean hand, upright, the wrist at 0."""
    model = load_hand_model(spec, side)
    pose = np.concatenate([np.zeros(3), model.hands_mean])[None]
    mesh = forward(model, pose, np.zeros(10), np.zeros(3), _TIPS)
    wrist = mesh.joints21[0, 0]
    turn = UPRIGHT[side].T
    return (mesh.joints21[0] - wrist) @ turn, (mesh.vertices[0] - wrist) @ turn


def open_mean_hand(options: ModelOptions) -> Constant:
    """Makes the model that predicts the mean hand; the variant names the hand model.

    Raises:
        HandbenchError: for a hand model that does not open.
    """
    spec = options.variant or "procedural"
    hands = {side: mean_hand(spec, side) for side in SIDES}
    sha = {f"{side.value}_sha256": load_hand_model(spec, side).sha256 for side in SIDES}
    return Constant(hands, "root_relative", _TIPS, spec.partition(":")[0], sha)


ZERO = ModelEntry("all joints and vertices 0", open_zero, needs="nothing", has_weights=False)
MEAN_HAND = ModelEntry(
    "the mean pose and shape of a hand model, upright, palm to the camera; variant: procedural, mano:DIR",
    open_mean_hand, variant="HAND_MODEL", needs="nothing", has_weights=False,
)  # fmt: skip
