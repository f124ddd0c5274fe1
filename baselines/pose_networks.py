"""The named pose networks of HDR's tables: SHPE, InterNet, and small ones. No torch: they are listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from handbench.baselines.detnet_config import SOFT as DETNET_SOFT
from handbench.baselines.detnet_config import DetNetConfig
from handbench.baselines.internet_config import SOFT as INTERNET_SOFT
from handbench.baselines.internet_config import InterNetConfig
from handbench.baselines.variants import configured, split_row

PoseConfig = DetNetConfig | InterNetConfig

# 96 px at 1.5 boxes are the middle of a crop of 128 px at 2.0, pixel by pixel: half the work.
SHPE_TINY = DetNetConfig(
    size=96, width=32, blocks=(1, 2, 2), features=64, pool=True, sigma=1.5, heat_centre="exact",
    decode="refined", read="heat", loss="entropy", loss_weights=(1.0, 0.1, 0.3), init="he", crop_scale=1.5,
)  # fmt: skip

NETWORKS: dict[str, PoseConfig] = {
    "shpe": DetNetConfig(),
    "shpe:mask-input": DetNetConfig(mask_input=True),
    "shpe-tiny": SHPE_TINY,
    "shpe-tiny:mask-input": replace(SHPE_TINY, mask_input=True),
    "internet": InterNetConfig(),
    "internet-tiny": InterNetConfig(
        size=128, backbone="resnet18", width=32, channels=48, bins=32, hidden=128, sigma=1.25,
        decode="refined",
    ),
}  # fmt: skip
"""Name, or name and variant -> settings."""

REPRODUCES = {
    "shpe": "SHPE of HDR (ECCV 2022), MinimalHand's DetNet",
    "shpe:mask-input": "control of HDR: told the masks, nothing painted",
    "internet": "InterNet (ECCV 2020), InterHand2.6M table 3",
}
"""Name -> paper and table."""


def soft(config: PoseConfig) -> tuple[str, ...]:
    """Returns the names of the settings that change no layer."""
    return DETNET_SOFT if isinstance(config, DetNetConfig) else INTERNET_SOFT


def split_pose(name: str, text: str) -> tuple[str, dict[str, Any]]:
    """Splits the text after ``NAME:`` into a row of :data:`NETWORKS` and the settings that were asked for.

    Raises:
        HandbenchError: for an unknown row or something that is no setting.
    """
    return split_row(NETWORKS, name, text)


def configure(row: str, *settings: Mapping[str, Any]) -> PoseConfig:
    """Returns the settings of a network of :data:`NETWORKS` with others over them, the last first.

    Raises:
        HandbenchError: for an unknown key, a value of the wrong kind, or settings that contradict each other.
    """
    return configured(NETWORKS[row], *settings)
