"""Settings as frozen dataclasses: filled from TOML and ``--set a.b=3``, checked by name and type, hashed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from handbench.errors import HandbenchError
from handbench.registry import nearest

C = TypeVar("C")


def load_toml(path: Path) -> dict[str, Any]:
    """Reads a TOML file.

    Raises:
        HandbenchError: when it is missing or does not parse, naming the line.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise HandbenchError(f"no file {path}", "check the path") from None
    except tomllib.TOMLDecodeError as error:
        raise HandbenchError(f"{path} is not valid TOML: {error}") from None


def build(kind: type[C], values: Mapping[str, Any], where: str = "") -> C:
    """Makes a settings dataclass from nested mappings; missing keys keep their defaults.

    Args:
        kind: a dataclass type; its fields may be dataclasses, numbers, strings, bools or tuples of them.
        values: what to set.
        where: dotted prefix, for errors.

    Raises:
        HandbenchError: for an unknown key (with the nearest known one) or a value of the wrong type.
    """
    hints = typing.get_type_hints(kind)
    fields = [field.name for field in dataclasses.fields(typing.cast(Any, kind))]
    for key in values:
        if key not in fields:
            hint = nearest(key, fields).replace("mean '", f"mean '{where}")
            raise HandbenchError(f"unknown key {where + key!r}", hint)
    return kind(**{key: _convert(hints[key], value, where + key) for key, value in values.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if dataclasses.is_dataclass(value):
            return value
        if not isinstance(value, Mapping):
            raise HandbenchError(f"{where!r} is a table of keys, got {value!r}")
        return build(typing.cast(type[Any], hint), value, where + ".")
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        return _convert(next(arg for arg in args if arg is not type(None)), value, where)
    if origin is tuple:
        if not isinstance(value, (list, tuple)) or (args[-1] is not Ellipsis and len(value) != len(args)):
            raise HandbenchError(f"{where!r} takes {_words(hint)}, got {value!r}")
        inner = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
        return tuple(_convert(a, v, where) for a, v in zip(inner, value, strict=True))
    if origin in (dict, Mapping):
        return {str(key): _convert(args[1], item, f"{where}.{key}") for key, item in dict(value).items()}
    if origin is typing.Literal:
        if value not in args:
            raise HandbenchError(f"{where!r} is {value!r}", nearest(str(value), [str(arg) for arg in args]))
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise HandbenchError(f"{where!r} takes {_words(hint)}, got {value!r}")
    return value


def _words(hint: Any) -> str:
    if typing.get_origin(hint) is tuple:
        args = typing.get_args(hint)
        return f"a list of {_words(args[0])}" if args[-1] is Ellipsis else f"{len(args)} values"
    return {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}.get(
        hint, str(hint)
    )


def parse_overrides(assignments: Iterable[str]) -> dict[str, Any]:
    """Turns ``["a.b=3", "c=[1, 2]"]`` into nested mappings; values are TOML, bare words are text.

    Raises:
        HandbenchError: for an assignment without ``=``.
    """
    tree: dict[str, Any] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path.strip():
            raise HandbenchError(f"cannot read {assignment!r}", "write it as section.key=value")
        try:
            value = tomllib.loads(f"x = {text}")["x"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
        node = tree
        *parents, last = path.strip().split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return tree


def merge(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """Returns ``base`` with the values of ``top`` over it, table by table."""
    out = dict(base)
    for key, value in top.items():
        below = out.get(key)
        out[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return out


def to_dict(config: Any) -> dict[str, Any]:
    """Returns a settings dataclass as plain nested values, ready for JSON or TOML."""
    return typing.cast(dict[str, Any], json.loads(json.dumps(dataclasses.asdict(config))))


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Gives the leaves of nested plain values with their dotted keys."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def content_hash(value: Any) -> str:
    """Returns 16 hex digits that depend on the content of plain values alone."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
