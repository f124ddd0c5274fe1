"""Makes a register's entry of a network and its named variants; no torch here."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from handbench.models import Model, ModelEntry, ModelOptions, VariantEntry


@dataclass(frozen=True)
class Family:
    """Networks that are opened and trained the same way.

    Attributes:
        open: makes a model of ``NAME`` and what the user chose.
        trainable: makes a trainable of ``NAME`` and the text after its colon.
        counts: ``NAME`` and ``NAME:VARIANT`` -> parameters, and operations of an item (two a multiply-add).
        reproduces: the same names -> paper and table.
        home: the held-out set that they are evaluated on, see ``handbench.heldout``.
    """

    open: Callable[[str, ModelOptions], Model]
    trainable: Callable[[str, str], Any]
    counts: Mapping[str, tuple[int, int]]
    reproduces: Mapping[str, str]
    home: str = "ho3d"

    def entry(self, name: str, about: str) -> ModelEntry:
        """Returns what the register says of a network, by its name and one line about it."""
        rows = [full for full in self.counts if full.startswith(f"{name}:")]
        variants = {
            full.partition(":")[2]: VariantEntry(*self.counts[full], self.reproduces.get(full, ""))
            for full in rows
        }  # fmt: skip
        parameters, flops = self.counts[name]
        return ModelEntry(
            about, functools.partial(self.open, name), variant="VARIANT,KEY=VALUE" if rows else "KEY=VALUE",
            parameters=parameters, flops=flops, reproduces=self.reproduces.get(name, ""), variants=variants,
            trainable=functools.partial(self.trainable, name), home=self.home,
        )  # fmt: skip
