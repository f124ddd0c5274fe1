"""From the bytes of a picture to a crop in the batch: decoded, warped, coloured; masks as packed bits."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.errors import BadSampleError
from handbench.formats.images import ImageFile, decode_image, image_size, read_bytes
from handbench.types import Ref, Side

_JPEG = b"\xff\xd8\xff"


class Picture(Protocol):
    """The pictures of one item, decoded on demand; :class:`BadSampleError` where one does not open."""

    @property
    def where(self) -> str:
        """What it is, for errors."""
        ...

    @property
    def target(self) -> Side | None:
        """The hand that the picture was made about, where the data say."""
        ...

    def pixels(self) -> ImageArray:
        """Returns (h, w, 4) or (h, w, 3) uint8 RGB(X); valid until the next picture is decoded."""
        ...

    def target_pixels(self, side: Side) -> ImageArray | None:
        """Returns the picture with that hand alone and whole, where there is one."""
        ...

    def mask(self, side: Side, kind: str) -> BoolArray | None:
        """Returns the ``amodal`` or ``visible`` mask (h, w) of a hand, where there is one."""
        ...

    def bits(self, side: Side, kind: str) -> tuple[npt.NDArray[np.uint8], tuple[int, int]] | None:
        """Returns the packed bits and (h, w) of a mask that is stored so."""
        ...


class _Scratch:
    """One buffer a process that pictures are decoded into: fresh memory costs more than decoding a tenth."""

    def __init__(self) -> None:
        self._buffer: npt.NDArray[np.uint8] = np.empty(0, np.uint8)

    def get(self, size: int) -> npt.NDArray[np.uint8]:
        """Returns at least ``size`` bytes."""
        if len(self._buffer) < size:
            self._buffer = np.empty(size, np.uint8)
        return self._buffer


_scratch, _warped = _Scratch(), _Scratch()


def decode_fast(data: bytes, where: str, size: tuple[int, int] | None = None) -> ImageArray:
    """Decodes a JPEG to (h, w, 4) RGBX in a buffer that the next call overwrites; a PNG to (h, w, 3).

    Four channels, as OpenCV warps these twice as fast as three. Decoding is strict: damage inside a JPEG,
    which OpenCV decodes to a wrong picture, is an error.

    Raises:
        BadSampleError: when it does not decode cleanly or has another size.
    """
    if not data.startswith(_JPEG):
        return decode_image(data, where, size)
    width, height = image_size(data, where)
    if size is not None and (width, height) != size:
        raise BadSampleError(
            f"{where}: {width} x {height} pixels, expected {size[0]} x {size[1]}", "copy it again"
        )
    try:
        buffer = _scratch.get(4 * width * height)
        return np.asarray(simplejpeg.decode_jpeg(data, "RGBX", buffer=buffer))
    except ValueError as error:
        raise BadSampleError(f"{where}: damaged JPEG: {error}", "copy it again") from None


def read_picture(ref: Ref[ImageArray]) -> ImageArray:
    """Reads a picture, files the fast way."""
    if isinstance(ref, ImageFile):
        return decode_fast(read_bytes(ref.path), str(ref.path), ref.size)
    return ref.read()


def is_shift(affine: FloatArray) -> bool:
    """Tells whether an affine (2, 3) moves by whole pixels only."""
    (a, b, x), (c, d, y) = affine.tolist()
    return (a, b, c, d) == (1.0, 0.0, 0.0, 1.0) and x == int(x) and y == int(y)


def show(picture: ImageArray, affine: FloatArray, out: ImageArray) -> None:
    """Draws a warped picture: bilinear, black beyond its border.

    Args:
        picture: (h, w, 4) or (h, w, 3) uint8.
        affine: (2, 3) picture pixel to shown pixel.
        out: (h', w', 3) uint8, contiguous; drawn over.
    """
    height, width = out.shape[:2]
    if is_shift(affine):
        _copy_shifted(picture, int(affine[0, 2]), int(affine[1, 2]), out)
    elif picture.shape[2] == 3:
        cv2.warpAffine(picture, affine, (width, height), dst=out)
    else:
        buffer = _warped.get(4 * width * height)[: 4 * width * height].reshape(height, width, 4)
        cv2.warpAffine(picture, affine, (width, height), dst=buffer)
        cv2.cvtColor(buffer, cv2.COLOR_RGBA2RGB, dst=out)


def _copy_shifted(picture: ImageArray, right: int, down: int, out: ImageArray) -> None:
    (height, width), (rows, columns) = picture.shape[:2], out.shape[:2]
    left, top = max(0, right), max(0, down)
    end, bottom = min(columns, width + right), min(rows, height + down)
    if (left, top, end, bottom) != (0, 0, columns, rows):
        out[:] = 0
    if end > left and bottom > top:
        piece = picture[top - down : bottom - down, left - right : end - right]
        if piece.shape == (rows, columns, 4):
            cv2.cvtColor(piece, cv2.COLOR_RGBA2RGB, dst=out)
            return
        if piece.shape[2] == 3:
            out[top:bottom, left:end] = piece
        else:
            out[top:bottom, left:end] = cv2.cvtColor(piece, cv2.COLOR_RGBA2RGB)


def recolour(image: ImageArray, colour: FloatArray) -> None:
    """Maps the colours of (h, w, 3) in place by an affine (3, 4) of values 0 to 255, clipped."""
    image[:] = cv2.transform(image, colour.astype(np.float32))


def show_mask(mask: BoolArray, affine: FloatArray, size: tuple[int, int]) -> BoolArray:
    """Returns a warped mask (h', w'), nearest pixel, False beyond the border; size is (width, height)."""
    return np.asarray(
        cv2.warpAffine(mask.view(np.uint8), affine, size, flags=cv2.INTER_NEAREST), np.uint8
    ).view(np.bool_)
