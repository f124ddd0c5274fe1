"""Where the weights are that ship."""

from __future__ import annotations

from pathlib import Path

from handbench.baselines.weights import SUFFIX

SHIPPED = Path(__file__).parent / "assets"


def shipped(name: str, training: str = "") -> Path | None:
    """Returns the weights that ship for a name and what it was trained on, None where there are none."""
    label = f"@{training}" if training else ""
    path = SHIPPED / f"{name.replace(':', '-')}{label}{SUFFIX}"
    return path if path.is_file() else None
