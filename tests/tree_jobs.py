"""Jobs for the tests of trees: classes that a worker imports by name."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handbench.errors import HandbenchError
from handbench.synth.trees import MakeUnit, Unit


@dataclass(frozen=True)
class Writes:
    """Writes one file into each folder, after a pause.

    Attributes:
        pause: seconds before each unit but the first.
        bad: name of the unit that fails.
        how: ``user``, ``bug``, ``full``, ``die`` or ``absent``.
    """

    pause: float = 0.0
    bad: str = ""
    how: str = "user"

    def __call__(self) -> MakeUnit:
        return self.make

    def make(self, unit: Unit, place: Path) -> dict[str, Any]:
        time.sleep(self.pause if unit.name != "u0" else 0.0)
        if unit.name == self.bad:
            self.fail()
        for folder in unit.folders if unit.name != self.bad else ():
            (place / folder).mkdir()
            (place / folder / "what").write_text(unit.name)
        return {"name": unit.name}

    def fail(self) -> None:
        if self.how == "user":
            raise HandbenchError("the object is too small", "choose another")
        if self.how == "bug":
            raise ValueError("a slip")
        if self.how == "full":
            Path("/dev/full").write_text("x")
        if self.how == "die":
            os._exit(9)
