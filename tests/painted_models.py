"""Models that look at painted pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from handbench.inputs import Inputs
from handbench.placing import place
from handbench.predictions import Floats, HandPrediction, Prediction, Space
from handbench.types import Side


class Looks:
    """What every model of these tests has."""

    inputs: Inputs | None = Inputs(crop="hand", sides="both", mirror_left=True, size=(128, 128))
    space: Space = "root_relative"
    tips, hand_model = "smplx", "procedural"
    needs_ground_truth, trained, weights_sha256 = False, True, ""
    name = "looks"


class Pointer(Looks):
    """Says how far a white dot is from the middle of its crop, in pixels of it, in x, y of all joints."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.labels = 0

    def predict(self, batch: Any) -> list[Prediction]:
        self.seen.append(len(batch))
        self.labels += int(batch.hand_valid.sum() + batch.joints_valid.sum() + (batch.joints != 0).sum())
        self.labels += int(batch.box_valid.sum()) + (batch.mask_bits is not None)
        assert batch.K[:, 0, 0].min() > 0 and len(batch.keys) == len(batch.images) == len(batch.affine)
        found = []
        for i, key in enumerate(batch.keys):
            y, x = np.nonzero((batch.images[i, 0] > 240).all(dim=0).numpy())
            joints = np.zeros((21, 3))
            joints[1:, :2] = [x.mean() - 63.5, y.mean() - 63.5]
            shown = (Side.RIGHT, Side.LEFT)[int(batch.side[i])]
            hand = HandPrediction(shown, joints, joints_2d=np.tile([x.mean(), y.mean()], (21, 1)))
            hand = place(hand, batch.affine[i, 0].numpy(), bool(batch.flipped[i]))
            found.append(Prediction(key, (hand,)))
        return found


def there(values: Floats | None) -> Floats:
    """Returns a column that must be there."""
    assert values is not None
    return values
