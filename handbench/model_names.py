"""The parts of a model's name, ``NAME[:VARIANT][@TRAINING]``."""

from __future__ import annotations

import re

_TRAINING = re.compile(r"@([a-z]+(?:\+[a-z]+)*)$")


def split_training(name: str) -> tuple[str, str]:
    """Splits ``NAME[:VARIANT]@TRAINING``: ``hdr:no-removal@sh+aih`` is ``hdr:no-removal`` and ``sh+aih``."""
    found = _TRAINING.search(name)
    return (name[: found.start()], found[1]) if found else (name, "")


def split_variant(name: str) -> tuple[str, str]:
    """Splits ``NAME:VARIANT`` without a training; the second is empty where there is none."""
    word, _, variant = name.partition(":")
    return word, variant


def base_name(name: str) -> str:
    """Returns the NAME under which a model is registered, whatever follows it."""
    return re.split("[:@+]", name, maxsplit=1)[0]
