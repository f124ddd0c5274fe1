"""The metrics of the board: unit, direction and the values that are possible."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """What is known of a metric.

    Attributes:
        unit: e.g. ``mm``.
        higher_is_better: the direction.
        low: the least value that is possible.
        high: the greatest.
    """

    unit: str
    higher_is_better: bool = False
    low: float = 0.0
    high: float = math.inf


_SHARE = Known("%", True, 0.0, 100.0)

CATALOGUE: dict[str, Known] = {
    **dict.fromkeys(("PA-MPJPE", "PA-MPVPE", "MPJPE", "MPVPE", "ST-MPJPE", "MRRPE"), Known("mm")),
    **dict.fromkeys(("PA-AUC-J", "PA-AUC-V", "AUC-J", "AUC-V", "ST-AUC-J"), _SHARE),
    **dict.fromkeys(("PA-F@5", "PA-F@15", "F@5", "F@15", "handedness"), _SHARE),
    "EPE-2D": Known("px"),
    "ACCEL": Known("mm/frame^2"),
    "latency": Known("ms"),
}
"""Metrics with one meaning everywhere. A metric that is not here is checked by its unit alone."""

UNITS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("mm", "px", "ms", "mm/frame", "mm/frame^2", "mm/frame^3", "m/s", "m/s^2", "m/s^3"),
                    (0.0, math.inf)),
    "%": (0.0, 100.0),
    "dB": (-math.inf, math.inf),
    "": (-1.0, math.inf),
}  # fmt: skip
"""Units and the values that are possible in them; a metric without unit (SSIM, L1 of grey levels) has ''."""
