"""The register's entries of SHPE and InterNet; nothing heavy is imported before one is opened."""

from __future__ import annotations

from typing import Any

from handbench.baselines.network_entry import Family
from handbench.baselines.pose_networks import REPRODUCES
from handbench.models import Model, ModelOptions

COUNTS: dict[str, tuple[int, int]] = {
    "shpe": (12_967_635, 110_119_354_368),
    "shpe:mask-input": (12_980_179, 110_530_396_160),
    "shpe-tiny": (1_346_483, 425_299_968),
    "shpe-tiny:mask-input": (1_352_755, 454_201_344),
    "internet": (47_305_474, 23_834_200_064),
    "internet-tiny": (3_480_290, 507_396_608),
}
"""Name -> parameters, and operations of an item (two a multiply-add), by ``counting.py``; tested."""


def _open(name: str, options: ModelOptions) -> Model:
    from handbench.baselines.pose_open import open_pose

    return open_pose(name, options)


def _trainable(name: str, variant: str) -> Any:
    from handbench.baselines.pose_open import make_pose

    return make_pose(name, variant)


_FAMILY = Family(_open, _trainable, COUNTS, REPRODUCES, home="aih")

SHPE = _FAMILY.entry("shpe", "one hand, its joints without a unit: heat, delta and location maps")
SHPE_TINY = _FAMILY.entry("shpe-tiny", "the same small: half the width and depth, 96 px")
INTERNET = _FAMILY.entry("internet", "both hands: 3D heat maps, relative depth of the wrists, handedness")
INTERNET_TINY = _FAMILY.entry("internet-tiny", "the same small: ResNet-18 at half width, 128 px")
