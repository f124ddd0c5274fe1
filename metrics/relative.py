"""What is said of two hands together: where one wrist is from the other, and which hands are there."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray

Values = npt.NDArray[np.floating[Any]]


def relative_root(right: Values, left: Values) -> Values:
    """Returns the (N, 3) vectors [m] from the right wrists (N, 3) to the left ones."""
    difference: Values = left - right
    return difference


def relative_root_error(predicted: Values, true: Values) -> Values:
    """Returns the (N,) errors [m] of relative roots: their mean is MRRPE.

    The vector from the right wrist to the left one is compared with nothing aligned (InterHand2.6M's
    ``dataset.py``, evaluate). NaN where either has none.

    Args:
        predicted: (N, 3) [m] left wrist minus right wrist.
        true: (N, 3) [m] the same.
    """
    error: Values = np.linalg.norm(predicted - true, axis=1)
    return error


def handedness_correct(probabilities: Values, right: BoolArray, left: BoolArray) -> BoolArray:
    """Tells (N,) whether the predicted hands are those that are there, as InterHand2.6M's evaluator does.

    A hand that is there needs a probability above 0.5, one that is not below it; both bounds are strict, so
    exactly 0.5 is always wrong, and so is NaN. Samples without any hand are judged the same way, which the
    official data never ask.

    Args:
        probabilities: (N, 2) right, left.
        right: (N,) whether the right hand is there.
        left: (N,) the same of the left hand.
    """
    there = np.stack([right, left], axis=1)
    fits = np.where(there, probabilities > 0.5, probabilities < 0.5)
    return np.asarray(fits.all(axis=1))
