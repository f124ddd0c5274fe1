"""How a photograph was held: the orientation that a camera writes into a JPEG instead of turning its pixels.

The eight values and where they stand are those of the Exif standard (CIPA DC-008, tag 0x0112).
"""

from __future__ import annotations

import struct

import numpy as np

from handbench.arrays import ImageArray

_TAG, _SHORT = 0x0112, 3
_APP1, _SCAN = 0xE1, 0xDA


def exif_orientation(data: bytes) -> int:
    """Returns the orientation (1 to 8) of a JPEG's bytes; 1 where it states none, or is no JPEG."""
    if not data.startswith(b"\xff\xd8"):
        return 1
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == _SCAN:
            break
        length = int(struct.unpack_from(">H", data, at + 2)[0])
        if marker == _APP1 and data[at + 4 : at + 10] == b"Exif\0\0":
            return _first_directory(data[at + 10 : at + 2 + length])
        at += 2 + length
    return 1


def _first_directory(tiff: bytes) -> int:
    """Returns the orientation of a TIFF header's first directory; 1 where anything in it makes no sense."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(count):
            tag, kind = struct.unpack_from(f"{order}HH", tiff, start + 2 + 12 * entry)
            if (tag, kind) == (_TAG, _SHORT):
                (value,) = struct.unpack_from(f"{order}H", tiff, start + 10 + 12 * entry)
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def is_turned(orientation: int) -> bool:
    """Tells whether width and height change places."""
    return orientation >= 5


def upright(image: ImageArray, orientation: int) -> ImageArray:
    """Returns a picture as it was seen.

    Args:
        image: (h, w, C) as its pixels are stored.
        orientation: 1 to 8.

    Returns:
        (h, w, C), or (w, h, C) where it was turned.
    """
    if orientation in (2, 3, 7, 8):
        image = image[:, ::-1]
    if orientation in (3, 4, 6, 7):
        image = image[::-1]
    if is_turned(orientation):
        image = image.transpose(1, 0, 2)
    return np.ascontiguousarray(image)
