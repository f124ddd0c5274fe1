"""Results to rows, tables and pages. pandas is imported when a table is first asked for."""

from __future__ import annotations

import importlib
from typing import Any

_PLACES = {
    "read": "handbench.leaderboard.table",
    "write_csv": "handbench.leaderboard.table",
    "read_result": "handbench.leaderboard.results",
    "write_result": "handbench.leaderboard.results",
    "ResultAbout": "handbench.leaderboard.results",
    "rank": "handbench.leaderboard.ranking",
    "build": "handbench.leaderboard.board",
    "paper_tables": "handbench.leaderboard.paper",
}

__all__ = ["ResultAbout", "build", "paper_tables", "rank", "read", "read_result", "write_csv", "write_result"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)
