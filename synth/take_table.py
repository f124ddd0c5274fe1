"""Nothing goes through the table: where hand or object would, both are raised, softly."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from handbench.arrays import FloatArray
from handbench.synth.grasp_hand import GraspHand
from handbench.synth.grasp_kernel import pose_hand
from handbench.synth.manipulation import HandPath
from handbench.synth.solids import Solid
from handbench.synth.take import TABLE_Y
from handbench.synth.take_curves import eased

_EVERY = 3
_REACH = 12
_CLEAR = 0.004


def lifted(
    hand: GraspHand, solid: Solid, path: HandPath, R: FloatArray, t: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Returns the object's poses (T, 3, 3), (T, 3), raised where it or the hand would enter the table.

    Args:
        hand: whose.
        solid: the object.
        path: the hand in the object's rest frame.
        R: (T, 3, 3) of the object.
        t: (T, 3) [m].
    """
    count = len(t)
    rows = np.arange(0, count, _EVERY)
    need, vertices = np.zeros(count), np.empty((778, 3))
    for k in rows:
        state = path.state(int(k))
        pose_hand(state.rotation, state.wrist, state.angles, hand.axes, tuple(hand.skinning), vertices)
        low = max(float((solid.vertices @ R[k, 1]).max()), float((vertices @ R[k, 1]).max())) + t[k, 1]
        need[k : k + _EVERY] = max(low - TABLE_Y + _CLEAR, 0.0)
    # On the table the object stays where it stands.
    time = np.arange(count, dtype=np.float64)
    ends = np.minimum(eased(time, 0.0, 7.0), eased(count - 1 - time, 0.0, 7.0))
    raised = gaussian_filter1d(maximum_filter1d(need * ends, 2 * _REACH + 1, mode="nearest"), _REACH / 2.5)
    shift = np.zeros_like(t)
    shift[:, 1] = -raised * ends
    return R, t + shift
