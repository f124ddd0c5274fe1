"""The blobs of a pasted sample: its two pictures as JPEG, its five masks as packed bits."""

from __future__ import annotations

import numpy as np

from handbench.arrays import BoolArray, ImageArray
from handbench.compose.composer import Composed
from handbench.compose.pictures import encode_jpeg
from handbench.store.masks import encode_mask

PICTURES = ("image", "target_image")
_HAND_MASKS = {
    "target_amodal": "target",
    "target_visible": "target_visible",
    "other_amodal": "other",
    "other_visible": "other_visible",
}
NAMES = (*PICTURES, "removed", *_HAND_MASKS)
"""In the order in which a record has them."""


def picture_of(composed: Composed, name: str) -> ImageArray:
    """Returns ``image`` or ``target_image`` (N, N, 3) uint8 RGB, before JPEG; not a copy.

    Raises:
        KeyError: for another name.
    """
    if name not in PICTURES:
        raise KeyError(name)
    picture: ImageArray = getattr(composed, name)
    return picture


def mask_of(composed: Composed, name: str) -> BoolArray:
    """Returns a mask (N, N) bool by the name of its blob; not a copy.

    Raises:
        KeyError: when there is no mask of this name.
    """
    if name == "removed":
        return composed.removed
    mask: BoolArray = getattr(composed.masks, _HAND_MASKS[name]).view(np.bool_)
    return mask


def encode_blob(composed: Composed, name: str, quality: int) -> bytes:
    """Encodes one blob.

    Args:
        composed: the sample.
        name: one of ``NAMES``.
        quality: of its JPEGs.

    Raises:
        KeyError: for another name.
    """
    if name in PICTURES:
        return encode_jpeg(picture_of(composed, name), quality)
    return encode_mask(mask_of(composed, name))


def encode_blobs(composed: Composed, quality: int) -> dict[str, bytes]:
    """Encodes all blobs of a record; see :func:`encode_blob`."""
    return {name: encode_blob(composed, name, quality) for name in NAMES}
