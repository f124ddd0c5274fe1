"""The named pose networks of HDR's tables: SHPE, InterNet, and small ones. No torch: they are listed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from handbench.baselines.detnet_config import SOFT as DETNET_SOFT
from handbench.baselines.detnet_config import DetNetConfig
from handbench.baselines.internet_config import SOFT as INTERNET_SOFT
from handbench.baselines.internet_config import InterNetConfig
from handbench.config import build, merge, parse_overrides, to_dict
from handbench.errors import HandbenchError

PoseConfig = DetNetConfig | InterNetConfig

NETWORKS: dict[str, PoseConfig] = {
    "shpe": DetNetConfig(),
    "shpe-tiny": DetNetConfig(
        size=128, width=32, blocks=(1, 2, 3), features=96, pool=True, sigma=1.5, heat_centre="exact",
        decode="refined", loss="entropy", init="he",
    ),
    "internet": InterNetConfig(),
    "internet-tiny": InterNetConfig(
        size=128, backbone="resnet18", width=32, channels=48, bins=32, hidden=128, sigma=1.25,
        decode="refined",
    ),
}  # fmt: skip
"""Name -> settings."""

REPRODUCES = {
    "shpe": "SHPE of HDR (ECCV 2022), MinimalHand's DetNet",
    "internet": "InterNet (ECCV 2020), InterHand2.6M table 3",
}
"""Name -> paper and table."""


def soft(config: PoseConfig) -> tuple[str, ...]:
    """Returns the names of the settings that change no layer."""
    return DETNET_SOFT if isinstance(config, DetNetConfig) else INTERNET_SOFT


def asked_of(name: str, variant: str) -> dict[str, Any]:
    """Returns the settings that a user wrote after ``NAME:``.

    Raises:
        HandbenchError: for something that is no setting.
    """
    # Not at the commas of a list.
    words = [word for word in re.split(r",(?![^\[]*\])", variant) if word]
    rows = [word for word in words if "=" not in word]
    if rows:
        raise HandbenchError(f"model {name!r} has no variant {rows[0]!r}", "write KEY=VALUE after the colon")
    return parse_overrides(words)


def configure(name: str, *settings: Mapping[str, Any]) -> PoseConfig:
    """Returns the settings of a network of :data:`NETWORKS` with others over them, the last first.

    Raises:
        HandbenchError: for an unknown key, a value of the wrong kind, or settings that contradict each other.
    """
    default = NETWORKS[name]
    values: dict[str, Any] = to_dict(default)
    for some in settings:
        values = merge(values, some)
    return build(type(default), values)
