"""The register's entries of HDR's networks; nothing heavy is imported before one is opened."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from handbench.baselines.hdrnet_config import HDRNETS, REPRODUCES
from handbench.models import Model, ModelEntry, ModelOptions, VariantEntry

if TYPE_CHECKING:
    from handbench.baselines.hdrnet_trainable import HDRNetTrainable

HDRNET_COUNTS: dict[str, tuple[int, int]] = {
    "hdrnet": (42_211_611, 27_547_009_024),
    "hdrnet:original": (42_211_611, 27_547_009_024),
    "hdrnet:no-transformer": (32_875_547, 19_528_286_208),
    "hdrnet:no-discriminator": (42_211_611, 27_547_009_024),
    "hdrnet:no-removal": (42_211_611, 27_547_009_024),
    "hdrnet:no-deocclusion": (42_211_611, 27_547_009_024),
    "hdrnet-tiny": (1_732_459, 452_313_088),
    "hdrnet-tiny:original": (1_732_459, 452_313_088),
    "hdrnet-tiny:no-transformer": (1_176_235, 358_252_544),
    "hdrnet-tiny:no-removal": (1_732_459, 452_313_088),
    "hdrnet-tiny:no-deocclusion": (1_732_459, 452_313_088),
}
"""Name -> parameters of the generator, and operations of an item (two a multiply-add); tested."""


def _open_hdrnet(name: str, options: ModelOptions) -> Model:
    from handbench.baselines.hdrnet_trainable import open_hdrnet

    return open_hdrnet(name, options)


def _train_hdrnet(name: str, variant: str) -> HDRNetTrainable:
    from handbench.baselines.hdrnet_trainable import make_trainable

    return make_trainable(name, variant)


def _hdrnet(name: str, about: str) -> ModelEntry:
    variants = {}
    for full in HDRNETS:
        base, _, variant = full.partition(":")
        if base == name and variant:
            variants[variant] = VariantEntry(*HDRNET_COUNTS[full], REPRODUCES.get(full, ""))
    parameters, flops = HDRNET_COUNTS[name]
    return ModelEntry(
        about, functools.partial(_open_hdrnet, name), variant="VARIANT,KEY=VALUE", parameters=parameters,
        flops=flops, reproduces=REPRODUCES.get(name, ""), variants=variants,
        trainable=functools.partial(_train_hdrnet, name),
    )  # fmt: skip


HDRNET = _hdrnet(
    "hdrnet", "the target hand completed, the other one painted over; masks are the annotation's"
)
HDRNET_TINY = _hdrnet("hdrnet-tiny", "the same small: six levels from 16 channels, 128 px")
