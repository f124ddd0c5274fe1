"""The register's entries of SHPE and InterNet; nothing heavy is imported before one is opened."""

from __future__ import annotations

import functools
from typing import Any

from handbench.baselines.pose_networks import NETWORKS, REPRODUCES
from handbench.models import Model, ModelEntry, ModelOptions, VariantEntry

COUNTS: dict[str, tuple[int, int]] = {
    "shpe": (12_967_635, 110_119_354_368),
    "shpe:mask-input": (12_967_635 + 12_544, 110_119_354_368 + 411_041_792),
    "shpe-tiny": (1_949_171, 1_063_747_584),
    "shpe-tiny:mask-input": (1_949_171 + 6_272, 1_063_747_584 + 51_380_224),
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


def _entry(name: str, about: str) -> ModelEntry:
    variants = {}
    for full in NETWORKS:
        base, _, variant = full.partition(":")
        if base == name and variant:
            variants[variant] = VariantEntry(*COUNTS[full], REPRODUCES.get(full, ""))
    parameters, flops = COUNTS[name]
    return ModelEntry(
        about, functools.partial(_open, name), variant="VARIANT,KEY=VALUE" if variants else "KEY=VALUE",
        parameters=parameters, flops=flops, reproduces=REPRODUCES.get(name, ""), variants=variants,
        trainable=functools.partial(_trainable, name),
    )  # fmt: skip


SHPE = _entry("shpe", "one hand, its joints without a unit: heat, delta and location maps")
SHPE_TINY = _entry("shpe-tiny", "the same small: half the width and depth, 128 px")
INTERNET = _entry("internet", "both hands: 3D heat maps, relative depth of the wrists, handedness")
INTERNET_TINY = _entry("internet-tiny", "the same small: ResNet-18 at half width, 128 px")
