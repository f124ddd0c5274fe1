"""The settings of HASM and its named variants. No torch here: ``handbench models`` lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from handbench.errors import HandbenchError

BRANCHES = ("l_amodal", "l_visible", "r_amodal", "r_visible")
"""The order of the four masks (specification section 2.1)."""

STEP = 32
"""Pixels of the picture that the last stage makes one place of."""


class Mit(NamedTuple):
    """A Mix Transformer: channels and blocks of its four stages."""

    widths: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]


MIT = {
    "tiny": Mit((32, 64, 160, 256), (1, 2, 3, 2)),
    "b0": Mit((32, 64, 160, 256), (2, 2, 2, 2)),
    "b1": Mit((64, 128, 320, 512), (2, 2, 2, 2)),
    "b2": Mit((64, 128, 320, 512), (3, 4, 6, 3)),
    "b3": Mit((64, 128, 320, 512), (3, 4, 18, 3)),
    "b4": Mit((64, 128, 320, 512), (3, 8, 27, 3)),
    "b5": Mit((64, 128, 320, 512), (3, 6, 40, 3)),
}
"""SegFormer's table 6; ``tiny`` is ours: B0 with a block less where maps are large, one more where not."""


class Mirror(NamedTuple):
    """A U-Net of mirror layers: channels of both halves, blocks, channels on the way up.

    The first stage is the stem: its blocks may be none, those of the others may not.
    """

    widths: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]
    up: tuple[int, int, int]


MIRROR = Mirror((32, 64, 128, 192), (0, 1, 2, 2), (96, 64, 32))
"""The only size there is."""


@dataclass(frozen=True)
class HasmConfig:
    """Settings of a mask network; the defaults are those of section 2.1 of the specification.

    Attributes:
        network: SegFormer, or our small one for few minutes of training (:data:`MIRROR`), which has no
            ``mit``, ``hidden``, ``dropout`` and ``drop_path``.
        mit: the encoder, a name of :data:`MIT`.
        size: side of the crop [px], a multiple of 32.
        crop: about both hands (``pair``), or the whole picture (``full``), which needs no boxes.
        scale: side of the crop over the longer side of the box about both hands.
        hidden: channels of the decoder.
        dropout: share of the decoder's channels that are dropped in training.
        drop_path: share of residual branches that are dropped in training, of the last block; earlier ones
            have less.
        least: a hand is there when this share of the picture's pixels is more likely it than not; below it,
            its masks are emptied. 0 keeps every pixel, as published.
        coarse: pixels a side whose labels are averaged in the loss: fewer logits to enlarge.
        boxes: the network is told where each hand's box is, and so its side; ``mirror`` only, and always.
    """

    network: Literal["segformer", "mirror"] = "segformer"
    mit: Literal["tiny", "b0", "b1", "b2", "b3", "b4", "b5"] = "b5"
    size: int = 256
    crop: Literal["pair", "full"] = "pair"
    scale: float = 2.0
    hidden: int = 256
    dropout: float = 0.1
    drop_path: float = 0.1
    least: float = 0.002
    coarse: int = 1
    boxes: bool = False

    def __post_init__(self) -> None:
        if self.size < STEP or self.size % STEP:
            raise HandbenchError(f"size={self.size}", f"give a multiple of {STEP}")
        if self.hidden < 1 or not self.scale > 0:
            raise HandbenchError(f"hidden={self.hidden}, scale={self.scale}", "each is above 0")
        for name in ("dropout", "drop_path", "least"):
            if not 0 <= getattr(self, name) < 1:
                raise HandbenchError(f"{name}={getattr(self, name)}", "a share is 0 to below 1")
        if self.coarse not in (1, 2, 4):
            raise HandbenchError(f"coarse={self.coarse}", "choose 1, 2 or 4")
        if self.boxes != (self.network == "mirror"):
            raise HandbenchError(
                f"{self.network} with boxes={self.boxes}", "mirror is told boxes, segformer not"
            )


SOFT = ("crop", "scale", "dropout", "drop_path", "least", "coarse")
"""Settings that change no layer: those of a file of weights hold unless others are asked for."""

FULL = HasmConfig()

NETWORKS: dict[str, HasmConfig] = {
    "hasm": FULL,
    "hasm:b0": HasmConfig(mit="b0"),
    "hasm:b1": HasmConfig(mit="b1"),
    "hasm:b2": HasmConfig(mit="b2"),
    "hasm:b3": HasmConfig(mit="b3"),
    "hasm:b4": HasmConfig(mit="b4"),
    "hasm:b5": FULL,
    "hasm-tiny": HasmConfig("mirror", size=128, scale=1.25, coarse=2, boxes=True),
}
"""Name -> settings."""
