"""Names to things: lazy ``module:attr`` entries, open to third parties by entry points."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator
from importlib import metadata
from typing import Generic, TypeVar, cast

from handbench.errors import HandbenchError

T = TypeVar("T")


def nearest(name: str, known: list[str]) -> str:
    """Returns a hint for a misspelt name: the nearest known one, or all of them."""
    lower = {word.lower(): word for word in known}
    close = [lower[word] for word in difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.6)]
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known)) or 'none'}"


class Registry(Generic[T]):
    """A named collection whose members are imported when they are asked for.

    Args:
        kind: what the members are, for errors ("renderer").
        group: entry-point group that third parties fill ("handbench.renderers").
    """

    def __init__(self, kind: str, group: str) -> None:
        self.kind = kind
        self.group = group
        self._entries: dict[str, str] = {}

    def register(self, name: str, target: str) -> None:
        """Adds a name.

        Args:
            name: how the user spells it.
            target: ``module:attr``, imported on first use.

        Raises:
            HandbenchError: when the name already means something else.
        """
        known = self._entries.get(name)
        if known is not None and known != target:
            raise HandbenchError(f"{self.kind} {name!r} is both {known} and {target}", "rename one of them")
        self._entries[name] = target

    def _targets(self) -> dict[str, str]:
        found = {entry.name: entry.value for entry in metadata.entry_points(group=self.group)}
        return {**found, **self._entries}

    def names(self) -> list[str]:
        """Returns all names, sorted."""
        return sorted(self._targets())

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self._targets()

    def get(self, name: str) -> T:
        """Imports and returns a member.

        Raises:
            HandbenchError: for an unknown name, with the nearest known one.
        """
        targets = self._targets()
        if name not in targets:
            raise HandbenchError(f"unknown {self.kind} {name!r}", nearest(name, list(targets)))
        module, _, attribute = targets[name].partition(":")
        return cast(T, getattr(importlib.import_module(module), attribute))
