"""The register's entries of the networks; nothing heavy is imported before one is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handbench.baselines.network_entry import Family
from handbench.baselines.networks import REPRODUCES
from handbench.models import Model, ModelOptions

if TYPE_CHECKING:
    from handbench.baselines.hand_trainable import HandTrainable

COUNTS: dict[str, tuple[int, int]] = {
    "handoccnet": (39_319_352, 33_905_288_212),
    "handoccnet-v": (39_328_760, 34_213_569_556),
    "handoccnet-v:siamese": (57_917_900, 84_736_297_000),
    "ifvonet": (58_538_984, 61_294_131_240),
    "ifvonet:iv-tf": (32_503_436, 22_962_386_984),
    "ifvonet:iv-gor": (32_503_464, 22_693_951_528),
    "ifvonet:iv-gor-pdv": (58_505_448, 61_227_022_376),
    "ifvonet:v-softmax-softmax": (58_538_956, 61_562_566_696),
    "ifvonet:v-fit": (58_538_956, 61_025_695_784),
    "ifvonet:v-softmax-bn": (58_538_984, 61_294_131_240),
    "ifvonet:vi-none": (57_816_040, 56_193_857_576),
    "ifvonet:vi-3": (58_800_764, 82_932_583_484),
    "ifvonet:vii-add": (58_439_912, 61_092_804_648),
    "ifvonet:vii-mul": (58_439_912, 61_092_804_648),
    "ifvonet-tiny": (3_594_632, 984_800_296),
    "handoccnet-v-tiny": (3_926_348, 713_743_400),
}
"""Name -> parameters, and operations of an item (two a multiply-add), by ``counting.py``; tested."""


def _open(name: str, options: ModelOptions) -> Model:
    from handbench.baselines.open_network import open_network

    return open_network(name, options)


def _trainable(name: str, variant: str) -> HandTrainable:
    from handbench.baselines.hand_trainable import make_trainable

    return make_trainable(name, variant)


_FAMILY = Family(_open, _trainable, COUNTS, REPRODUCES)

HANDOCCNET = _FAMILY.entry("handoccnet", "one frame: necessity gate, FIT and SET")
HANDOCCNET_V = _FAMILY.entry("handoccnet-v", "HandOccNet on two frames, side by side in channels")
HANDOCCNET_V_TINY = _FAMILY.entry("handoccnet-v-tiny", "the same small: ResNet-18 at half width, 128 px")
IFVONET = _FAMILY.entry("ifvonet", "two frames: pixel variation, occlusion reasoning, dynamic fusion")
IFVONET_TINY = _FAMILY.entry("ifvonet-tiny", "the same small: ResNet-18 at half width for all frames, 128 px")
