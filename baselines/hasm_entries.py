"""The register's entries of HASM; nothing heavy is imported before one is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handbench.baselines.hasm_config import NETWORKS, SOFT
from handbench.baselines.network_entry import Family
from handbench.models import Model, ModelOptions

if TYPE_CHECKING:
    from handbench.baselines.hasm_trainable import HasmTrainable

COUNTS: dict[str, tuple[int, int]] = {
    "hasm": (82_758_856, 39_770_652_672),
    "hasm:b0": (4_504_168, 9_948_495_872),
    "hasm:b1": (14_467_272, 13_303_545_856),
    "hasm:b2": (25_512_136, 17_524_850_688),
    "hasm:b3": (45_387_976, 25_082_462_208),
    "hasm:b4": (62_158_536, 32_415_809_536),
    "hasm:b5": (82_758_856, 39_770_652_672),
    "hasm-tiny": (1_153_762, 296_763_392),
}
"""Name -> parameters, and operations of an item (two a multiply-add), by ``counting.py``; tested."""

REPRODUCES = {"hasm": "HASM of HDR (ECCV 2022), specification section 2.1", "hasm:b5": "the same"}
"""Name -> paper."""


def _open(name: str, options: ModelOptions) -> Model:
    from handbench.baselines.hasm_trainable import make_trainable
    from handbench.baselines.open_trained import open_trained
    from handbench.baselines.variants import split_row

    row, asked = split_row(NETWORKS, name, options.variant)
    return open_trained(make_trainable(name, options.variant), options, row, asked, SOFT)


def _trainable(name: str, variant: str) -> HasmTrainable:
    from handbench.baselines.hasm_trainable import make_trainable

    return make_trainable(name, variant)


_FAMILY = Family(_open, _trainable, COUNTS, REPRODUCES, home="aih")

HASM = _FAMILY.entry("hasm", "whole and visible masks of both hands: SegFormer with four branches")
HASM_TINY = _FAMILY.entry("hasm-tiny", "the same by a small U-Net that is told boxes, 128 px")
