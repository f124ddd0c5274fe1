"""How the text after ``NAME:`` reads: a named row, settings, or both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from handbench.config import build, merge, parse_overrides, to_dict
from handbench.errors import HandbenchError
from handbench.registry import nearest

C = TypeVar("C")


def split_row(rows: Mapping[str, Any], name: str, text: str) -> tuple[str, dict[str, Any]]:
    """Splits the text after ``NAME:`` into a row's name and settings.

    Args:
        rows: ``NAME`` and ``NAME:ROW`` -> settings, of all that is known.
        name: of the model, e.g. ``hasm``.
        text: ``ROW``, ``ROW,KEY=VALUE,...`` or ``KEY=VALUE,...``.

    Returns:
        The row, and the settings that were asked for.

    Raises:
        HandbenchError: for an unknown row or something that is no setting.
    """
    # Not at the commas of a list.
    words = [word for word in re.split(r",(?![^\[\]]*\])", text) if word]
    row = name
    if words and "=" not in words[0]:
        row = f"{name}:{words.pop(0)}"
    if row not in rows:
        known = [key.partition(":")[2] for key in rows if key.startswith(f"{name}:")]
        hint = nearest(row.partition(":")[2], known) if known else "write KEY=VALUE after the colon"
        raise HandbenchError(f"model {name!r} has no variant {row.partition(':')[2]!r}", hint)
    return row, parse_overrides(words)


def configured(start: C, *settings: Mapping[str, Any]) -> C:
    """Returns settings with others over them, the last first.

    Raises:
        HandbenchError: for an unknown key, or a value that makes no sense.
    """
    values: dict[str, Any] = to_dict(start)
    for some in settings:
        values = merge(values, some)
    return build(type(start), values)
