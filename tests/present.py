"""What must be there: tests use it as it is, and fail where it is missing."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def present(value: T | None) -> T:
    """Returns what is there."""
    assert value is not None
    return value
