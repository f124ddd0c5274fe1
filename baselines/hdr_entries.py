"""The register's entries of HDRNet and of the pipeline; nothing heavy is imported before one is opened."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from handbench.baselines.hdr_config import HDRS
from handbench.baselines.hdr_config import REPRODUCES as HDR_REPRODUCES
from handbench.baselines.hdrnet_config import REPRODUCES
from handbench.baselines.network_entry import Family
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
    "hdrnet-tiny": (2_402_400, 773_423_104),
    "hdrnet-tiny:no-transformer": (2_267_104, 754_253_824),
    "hdrnet-tiny:no-removal": (2_402_400, 773_423_104),
    "hdrnet-tiny:no-deocclusion": (2_402_400, 773_423_104),
}
"""Name -> parameters of the generator, and operations of an item (two a multiply-add); tested."""


def _open_hdrnet(name: str, options: ModelOptions) -> Model:
    from handbench.baselines.hdrnet_trainable import open_hdrnet

    return open_hdrnet(name, options)


def _train_hdrnet(name: str, variant: str) -> HDRNetTrainable:
    from handbench.baselines.hdrnet_trainable import make_trainable

    return make_trainable(name, variant)


_HDRNETS = Family(_open_hdrnet, _train_hdrnet, HDRNET_COUNTS, REPRODUCES, home="aih")

HDRNET = _HDRNETS.entry(
    "hdrnet", "the target hand completed, the other one painted over; masks are the annotation's"
)
HDRNET_TINY = _HDRNETS.entry(
    "hdrnet-tiny", "the same small: a coarse fill, corrected; also finds forearms and shadows; 128 px"
)


def _open_hdr(name: str, options: ModelOptions) -> Model:
    from handbench.baselines.hdr_model import HdrModel
    from handbench.baselines.hdr_stages import open_stages

    full = f"{name}:{options.variant}" if options.variant else name
    return HdrModel(open_stages(name, options), full, options.device)


def _hdr(name: str, about: str) -> ModelEntry:
    variants = {
        full.partition(":")[2]: VariantEntry(None, None, HDR_REPRODUCES.get(full, ""))
        for full in HDRS
        if full.startswith(f"{name}:")
    }  # fmt: skip
    return ModelEntry(
        about, functools.partial(_open_hdr, name), variant="VARIANT,KEY=VALUE", stages=True, home="aih",
        reproduces=HDR_REPRODUCES.get(name, ""), variants=variants,
    )  # fmt: skip


HDR = _hdr("hdr", "the pipeline: masks, each hand completed, the pose of each")
HDR_TINY = _hdr("hdr-tiny", "the same of hasm-tiny, hdrnet-tiny and shpe-tiny")
