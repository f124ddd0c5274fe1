"""The skin of a hand: one atlas for every mesh of MANO's topology, and a texture for every person.

`atlas_uv` and `skin_channels` belong to a hand model and are made once; `make_skin_texture` paints one
person's skin from them in a quarter of a millisecond.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from numba import njit

from handbench.hands.skin_atlas import ATLAS_SIZE, atlas_uv
from handbench.hands.skin_bake import CENTRED, CHANNELS, skin_channels
from handbench.hands.skin_tone import TONE_NAMES, SkinTone, sample_skin_tone, tone_colours

__all__ = [
    "ATLAS_SIZE", "CHANNELS", "TONE_NAMES", "SkinTone",
    "atlas_uv", "make_skin_texture", "sample_skin_tone", "skin_channels",
]  # fmt: skip

_CENTRED = np.array([name in CENTRED for name in CHANNELS])
_SWING = np.where(_CENTRED, 127.5, 255.0)[:, None]
_ONE = 1 << 14


@njit(cache=True, nogil=True)
def _paint(
    channels: npt.NDArray[np.uint8],
    base: npt.NDArray[np.int32],
    rows: npt.NDArray[np.int32],
    out: npt.NDArray[np.uint8],
) -> None:
    """Adds channel times row in fixed point (14 bits), a line of the atlas at a time."""
    count, height, width = channels.shape
    line = np.empty(width, dtype=np.int32)
    zero, white = np.int32(0), np.int32(255)
    for y in range(height):
        for c in range(3):
            line[:] = base[c]
            for k in range(count):
                gain = rows[k, c]
                if gain != 0:
                    source = channels[k, y]
                    for x in range(width):
                        line[x] += gain * np.int32(source[x])
            # Planes, not interleaved colours: the store then runs in SIMD.
            target = out[c, y]
            for x in range(width):
                value = line[x] >> np.int32(14)
                value = zero if value < zero else value
                target[x] = np.uint8(white if value > white else value)


def make_skin_texture(channels: npt.NDArray[np.uint8], tone: SkinTone) -> npt.NDArray[np.uint8]:
    """Paints one person's skin, (S, S, 3) uint8 sRGB.

    Args:
        channels: (C, S, S) from `skin_channels`.
        tone: the person.
    """
    colour, rows = tone_colours(tone)
    gains = rows / _SWING
    fixed = np.rint(gains * _ONE).astype(np.int32)
    centre = 128 * fixed[_CENTRED].sum(axis=0)
    base = (np.rint(colour * _ONE) - centre + _ONE // 2).astype(np.int32)
    planes = np.empty((3, *channels.shape[1:]), dtype=np.uint8)
    _paint(channels, base, fixed, planes)
    return np.asarray(cv2.merge(list(planes)), dtype=np.uint8)
