"""Recorded material chosen by person, so that no person is in two splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from handbench.arrays import IndexArray
from handbench.errors import HandbenchError

Mine = Callable[[str], bool]
"""Tells whether a person may be shown."""


def choose_persons(owners: Sequence[str], mine: Mine | None) -> tuple[IndexArray, dict[str, int]]:
    """Returns which rows belong to people who may be shown, and how many rows each of them has.

    Args:
        owners: (N,) whose each row is.
        mine: who may be shown; everybody by default.

    Raises:
        NobodyError: when no row is left.
    """
    counts = Counter(owners)
    if mine is not None:
        counts = Counter({person: count for person, count in counts.items() if mine(person)})
        if not counts:
            raise NobodyError("nothing usable of these people", f"there is: {', '.join(sorted(set(owners)))}")
    rows = [row for row, owner in enumerate(owners) if owner in counts]
    return np.array(rows, dtype=np.int64), dict(sorted(counts.items()))


class NobodyError(HandbenchError):
    """None of the people who may be shown has usable material."""
