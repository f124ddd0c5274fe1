"""What gives a hand its size: a true bone, or the mean hand's."""

from __future__ import annotations

import numpy as np

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.metrics.align import MIDDLE_MCP, WRIST
from handbench.metrics.distances import Points
from handbench.predictions import Predictions

MEAN_BONE = 0.091035
"""Wrist to middle MCP [m] of the mean hand: handbench's own hand model at rest with betas 0."""

SHORTEST = 1e-6
"""A predicted bone below this [m, or the prediction's unit] gives no scale."""


def bone(joints: Points) -> FloatArray:
    """Returns the (N,) length from wrist to middle MCP of joints (N, 21, 3); NaN where either is."""
    return np.asarray(np.linalg.norm(joints[:, MIDDLE_MCP] - joints[:, WRIST], axis=1), dtype=np.float64)


def bone_scale(rule: str, true: Points, predicted: Points) -> FloatArray:
    """Returns the (N,) factors by which predictions are scaled about their wrists.

    Args:
        rule: ``none`` (1); ``gt-bone``: the true length from wrist to middle MCP over the predicted one, as
            the code of HDR does it (``utils/align.py``); ``hand-model``: :data:`MEAN_BONE` over it.
        true: (N, 21, 3) [m].
        predicted: (N, 21, 3).

    Returns:
        NaN where a joint that it needs is missing, or the predicted bone has no length.
    """
    if rule == "none":
        return np.ones(len(predicted))
    length = bone(predicted)
    length = np.where(length > SHORTEST, length, np.nan)
    return np.asarray((bone(true) if rule == "gt-bone" else MEAN_BONE) / length)


def require_unit(predictions: Predictions, scale: str, choices: str) -> None:
    """Checks that something gives scale-free predictions a length.

    Raises:
        HandbenchError: when nothing does.
    """
    if predictions.space == "scale_free" and scale == "none":
        where = predictions.path or "the predictions"
        raise HandbenchError(f"{where}: scale-free predictions have no length", f"score with scale={choices}")
