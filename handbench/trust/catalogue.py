"""The registered datasets: their keys with defaults and meanings, and how to get them."""

from __future__ import annotations

import dataclasses
import inspect
import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

from handbench.datasets import DATASETS, Loader
from handbench.errors import HandbenchError


@dataclass(frozen=True)
class Key:
    """One key of a reference.

    Attributes:
        name: as it is typed.
        default: as it would be typed.
        meaning: from the docstring of the loader's options.
    """

    name: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Entry:
    """One dataset of the register.

    Attributes:
        name: as it is typed.
        about: one line.
        keys: of its references.
    """

    name: str
    about: str
    keys: tuple[Key, ...]


COMMON = (
    Key("every", "1", "take each k-th sample"),
    Key("limit", "", "take the first n of these"),
)
"""Keys of every dataset."""


def catalogue() -> list[Entry]:
    """Returns all registered datasets; one whose loader does not import says so instead of its keys."""
    entries = []
    for name in DATASETS.names():
        try:
            loader = DATASETS.get(name)
        except (ImportError, AttributeError) as error:
            entries.append(Entry(name, f"does not import: {error}", ()))
            continue
        entries.append(Entry(name, loader.about, tuple(option_keys(loader.options))))
    return entries


def option_keys(options: type[Any]) -> list[Key]:
    """Returns the keys of an options dataclass; each has a paragraph ``key: meaning`` in its docstring."""
    fields = dataclasses.fields(options)
    meanings = _meanings(inspect.getdoc(options) or "", {field.name for field in fields})
    keys = []
    for field in fields:
        default = "" if field.default is dataclasses.MISSING else field.default
        keys.append(Key(field.name, _typed(default), meanings.get(field.name, "")))
    return keys


def _typed(default: Any) -> str:
    if default is None:
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


def _meanings(docstring: str, names: set[str]) -> dict[str, str]:
    """Returns the paragraphs ``name: text`` by name, each as one line without markup."""
    found: dict[str, str] = {}
    name, depth = "", 0
    for line in docstring.splitlines():
        head = re.match(r"( *)(\w+): (.*)", line)
        if head and head[2] in names:
            depth, name = len(head[1]), head[2]
            found[name] = head[3]
        elif name and line.startswith(" " * (depth + 4)):
            found[name] += " " + line.strip()
        else:
            name = ""
    return {name: text.replace("``", "") for name, text in found.items()}


def howto_text(name: str) -> str:
    """Returns the text that tells licence, source and tree of a dataset.

    Raises:
        HandbenchError: for an unknown name, or a loader without its text.
    """
    loader: Loader = DATASETS.get(name)
    package, _, path = loader.howto.partition(":")
    try:
        return resources.files(package).joinpath(path).read_text(encoding="utf-8").rstrip()
    except (OSError, ImportError):
        raise HandbenchError(f"{name}: no text {loader.howto}", "install handbench again") from None
