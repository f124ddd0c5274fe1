"""What is predicted at a time and kept for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from handbench.predictions import Predictions


@dataclass(frozen=True)
class Part:
    """Predictions of the next samples.

    Attributes:
        rows: in the dataset's order.
        bad: key -> what is wrong, of those that could not be read.
    """

    rows: Predictions
    bad: Mapping[str, str]
