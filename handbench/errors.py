"""Errors that a user can cause, each with its remedy and its exit code."""

from __future__ import annotations


class HandbenchError(Exception):
    """An error with one clear line for the user.

    Args:
        message: what is wrong, naming the file, key or value.
        hint: what to do about it; appended to the line.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class BadSampleError(HandbenchError):
    """One sample of a dataset cannot be used: its picture does not open, or a value makes no sense.

    Loaders raise it when the value is read, so that a caller may count it and go on.
    """


class PartialError(HandbenchError):
    """Some of the work is done and kept; the same command continues."""

    exit_code = 3


class CorruptError(HandbenchError):
    """Stored data differ from what was written."""

    exit_code = 4
