"""The options of a reference: texts turned into the types that a loader declares."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

from handbench.errors import HandbenchError


def whole_number(value: Any, key: str) -> int | None:
    """Returns a number of 1 or more, or None; raises HandbenchError for anything else."""
    if value is None:
        return None
    try:
        number = int(value)
    except ValueError:
        number = 0
    if number < 1:
        raise HandbenchError(f"{key}={value}", "give a whole number of 1 or more")
    return number


def typed(options: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Turns the texts of a reference into the types that the options declare."""
    hints = typing.get_type_hints(options)
    return {key: _from_text(hints.get(key), value, key) for key, value in values.items()}


_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _from_text(hint: Any, value: Any, key: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        if hint is bool:
            return _WORDS[value.lower()]
        if hint in (int, float):
            return hint(value)
    except (ValueError, KeyError):
        wanted = "true or false" if hint is bool else "a number"
        raise HandbenchError(f"{key}={value}", f"give {wanted}") from None
    return value
