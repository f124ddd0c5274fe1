"""Reading pictures that others wrote: checked before they are decoded, and named when they do not open."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from handbench.arrays import ImageArray
from handbench.errors import BadSampleError

MAX_PIXELS = 64_000_000
"""A header that promises more is refused before memory is reserved for it."""

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"


def read_bytes(path: Path) -> bytes:
    """Returns a file's bytes.

    Raises:
        BadSampleError: when it is missing, empty or cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadSampleError(f"{path}: {error.strerror or error}", "is the download complete?") from None
    if not data:
        raise BadSampleError(f"{path}: the file is empty", "copy it again")
    return data


def image_size(data: bytes, where: str) -> tuple[int, int]:
    """Returns (width, height) as the header of a JPEG or PNG says, without decoding.

    Raises:
        BadSampleError: when it is neither, with its first bytes, or promises too many pixels.
    """
    if data.startswith(_PNG) and len(data) >= 24:
        width, height = struct.unpack_from(">II", data, 16)
    elif data.startswith(_JPEG):
        width, height = _jpeg_size(data, where)
    else:
        raise BadSampleError(f"{where}: not a picture: it starts with {data[:12]!r}", "copy it again")
    if width * height > MAX_PIXELS or width < 1 or height < 1:
        raise BadSampleError(f"{where}: a picture of {width} x {height} pixels is refused", "copy it again")
    return width, height


def _jpeg_size(data: bytes, where: str) -> tuple[int, int]:
    at = 2
    while at + 9 < len(data):
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        else:
            at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    raise BadSampleError(f"{where}: a JPEG without a picture: cut short?", "copy it again")


def decode_image(
    data: bytes, where: str, size: tuple[int, int] | None = None, flags: int = cv2.IMREAD_COLOR_RGB
) -> ImageArray:
    """Decodes a JPEG or PNG.

    Args:
        data: the file's bytes.
        where: what it is, for errors.
        size: (width, height) that it must have, or None.
        flags: how OpenCV decodes; RGB by default.

    Returns:
        (h, w, 3) uint8 RGB, or what ``flags`` says.

    Raises:
        BadSampleError: when it is no picture, is cut short, promises too many pixels or has another size.
    """
    found = image_size(data, where)
    if size is not None and found != size:
        raise BadSampleError(
            f"{where}: {found[0]} x {found[1]} pixels, expected {size[0]} x {size[1]}", "copy it again"
        )
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise BadSampleError(f"{where}: does not decode: cut short or damaged", "copy it again")
    return np.asarray(image)


def decode_strictly(data: bytes, where: str) -> ImageArray:
    """Decodes a picture to (h, w, 3) RGB; damage inside a JPEG, which OpenCV passes over, is an error.

    Raises:
        BadSampleError: when it does not decode cleanly.
    """
    if not data.startswith(_JPEG):
        return decode_image(data, where)
    image_size(data, where)
    try:
        return np.asarray(simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True))
    except ValueError as error:
        raise BadSampleError(f"{where}: damaged JPEG: {error}", "copy it again") from None


def check_image(data: bytes, where: str) -> None:
    """Decodes a picture strictly, see :func:`decode_strictly`, and forgets it.

    Raises:
        BadSampleError: when it does not decode cleanly.
    """
    if data.startswith(_JPEG):
        decode_strictly(data, where)
    else:
        decode_image(data, where, flags=cv2.IMREAD_UNCHANGED)


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A reference to a picture on disk.

    Attributes:
        path: of a JPEG or PNG.
        size: (width, height) that it must have, or None.
    """

    path: Path
    size: tuple[int, int] | None = None

    def read(self) -> ImageArray:
        """Returns (h, w, 3) uint8 RGB; a grey picture has three equal channels.

        Raises:
            BadSampleError: naming the file, when it does not open or has another size.
        """
        return decode_image(read_bytes(self.path), str(self.path), self.size)
