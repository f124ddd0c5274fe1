"""One thing that is wrong with a file of predictions, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """What diagnosis found.

    Attributes:
        kind: ``keys``, ``dataset``, ``shape``, ``nan``, ``zero``, ``absent``, ``unit``, ``space``, ``order``,
            ``frame``, ``sides``, ``mirror``, ``mesh``, ``tips``, ``count``, ``members``, ``twice``,
            ``shifted`` or ``shuffled``.
        severity: ``error`` where a score would be meaningless, else ``warning``.
        what: one line: what is wrong, with the numbers that say so.
        remedy: what to do.
    """

    kind: str
    severity: Literal["error", "warning"]
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.what} ({self.remedy})"

    def of(self, file: str) -> str:
        """Returns what is wrong with the file's name before it, once."""
        return self.what if self.what.startswith(file) else f"{file}: {self.what}"
