"""Whether parameters are of the hand that a network is built on: nothing else would tell."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from handbench.baselines.trainable import Trainable
from handbench.hands.library import load_hand_model
from handbench.hands.model import HandModel, forward

_MOST_MM = 10.0
_TIPS = (4, 8, 12, 16, 20)
_JOINTS = [joint for joint in range(21) if joint not in _TIPS]


def warn_of_other_hand(batch: Any, trainable: Trainable) -> None:
    """Says so on stderr when annotated joints are not where the network's hand model puts them.

    Args:
        batch: items that are not augmented, on the CPU.
        trainable: a model whose settings name a ``hand_model``; any other is left alone.
    """
    name = str(getattr(trainable.config, "hand_model", ""))
    if not name:
        return
    gap = hand_gap(batch, load_hand_model(name))
    if gap is not None and gap > _MOST_MM:
        print(
            f"warning: annotated joints lie {gap:.0f} mm from where the hand model {name!r} puts them:"
            " are the parameters another model's? (real HO-3D is MANO's: --hand-model mano:DIR)",
            file=sys.stderr,
            flush=True,
        )


def hand_gap(batch: Any, model: HandModel) -> float | None:
    """Returns the mean distance [mm] of annotated joints from posed ones, seen from the wrist.

    Right hands as shown, without fingertips, which are another matter; None where no item has both.
    """
    # As in training: what is shown mirrored is a right hand.
    valid = (batch.params_valid[:, 0] & batch.joints_valid[:, 0, 0]).numpy()
    if not valid.any():
        return None
    pose, betas, transl = (getattr(batch, key)[:, 0].numpy()[valid] for key in ("pose", "betas", "transl"))
    posed = forward(model, pose, betas, transl).joints21
    said, there = batch.joints[:, 0].numpy()[valid], batch.joints_valid[:, 0].numpy()[valid]
    apart = np.linalg.norm((posed - posed[:, :1]) - (said - said[:, :1]), axis=-1)
    return float(1000 * apart[:, _JOINTS][there[:, _JOINTS]].mean())
