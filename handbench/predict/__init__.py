"""Runs a model over data and writes a prediction file; predict once, score many times."""

from __future__ import annotations

from handbench.predict.existing import OnExisting, is_current
from handbench.predict.identity import identity_of
from handbench.predict.job import Report
from handbench.predict.names import open_any, split_name
from handbench.predict.run import predict, run

__all__ = [
    "OnExisting",
    "Report",
    "identity_of",
    "is_current",
    "open_any",
    "predict",
    "run",
    "split_name",
]
