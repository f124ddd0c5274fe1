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
    "PA-MPJPE": Known("mm"), "PA-AUC-J": _SHARE, "PA-MPVPE": Known("mm"), "PA-AUC-V": _SHARE,
    "PA-F@5": _SHARE, "PA-F@15": _SHARE,
    "MPJPE": Known("mm"), "AUC-J": _SHARE, "MPVPE": Known("mm"), "AUC-V": _SHARE,
    "F@5": _SHARE, "F@15": _SHARE,
    "ST-MPJPE": Known("mm"), "ST-AUC-J": _SHARE, "MRRPE": Known("mm"), "handedness": _SHARE,
    "EPE-2D": Known("px"),
    "ACCEL": Known("mm/frame^2"),
    "latency": Known("ms"),
}  # fmt: skip
"""Metrics with one meaning everywhere, in the order of the papers' tables. A measured metric that is not here
is checked by its unit alone."""

UNITS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("mm", "px", "ms", "mm/frame", "mm/frame^2", "mm/frame^3", "m/s", "m/s^2", "m/s^3"),
                    (0.0, math.inf)),
    "%": (0.0, 100.0),
    "1": (-1.0, 1.0),
    "grey levels": (0.0, 255.0),
    "dB": (-math.inf, math.inf),
}  # fmt: skip
"""Units and the values that are possible in them; SSIM is in ``1``."""
