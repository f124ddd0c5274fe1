"""What all composed pictures share: a camera that records two of them, and JPEG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, ImageArray
from handbench.compose.effects import Effects, apply_effects
from handbench.errors import HandbenchError


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture: rows ``top`` to ``bottom``, columns ``left`` to ``right``, ends not included."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Cuts the window out of a picture."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) [px]."""
        return self.right - self.left, self.bottom - self.top

    def grown(self, by: int, size: int) -> Window:
        """Returns the window with a rim of ``by`` pixels, inside a picture of (size, size)."""
        return Window(
            max(self.top - by, 0),
            min(self.bottom + by, size),
            max(self.left - by, 0),
            min(self.right + by, size),
        )

    def snapped(self, step: int, size: int) -> Window:
        """Returns the least window about this one with edges at multiples of ``step``, or the picture's."""
        bottom, right = (-(-edge // step) * step for edge in (self.bottom, self.right))
        return Window(self.top // step * step, min(bottom, size), self.left // step * step, min(right, size))

    def inside(self, outer: Window) -> tuple[slice, slice]:
        """Cuts the window out of a larger one that was cut out before."""
        top, left = self.top - outer.top, self.left - outer.left
        return slice(top, top + self.size[1]), slice(left, left + self.size[0])


def window_of(mask: npt.NDArray[np.uint8]) -> Window:
    """Returns the least window with all pixels of a mask (h, w); of a pixel where there are none."""
    x, y, w, h = cv2.boundingRect(mask)
    return Window(y, y + max(h, 1), x, x + max(w, 1))


def record_two(
    first: ImageArray, second: ImageArray, effects: Effects, window: Window | None = None,
    changed: npt.NDArray[np.uint8] | None = None,
) -> tuple[ImageArray, ImageArray, BoolArray]:  # fmt: skip
    """Records two pictures that differ in a part, by one camera at one moment.

    Beyond what differs, and what blur carries on, both come out equal: that is made once.

    Args:
        first: (N, N, 3) uint8.
        second: (N, N, 3) uint8.
        effects: of the camera.
        window: outside it the two are equal; all of the picture by default.
        changed: (h, w) 0 or 1, where in the window they may differ; found where it is not given.

    Returns:
        both as recorded, (N, N, 3) uint8, and (N, N) bool where they may differ.
    """
    size, reach = len(first), effects.blur_radius
    found = np.zeros(first.shape[:2], np.bool_)
    place = (slice(None), slice(None)) if window is None else window.slices
    found[place] = (_differ(first[place], second[place]) if changed is None else changed).view(np.bool_)
    exact = window_of(found.view(np.uint8))
    wide = exact.grown(reach, size)
    if reach:
        found[wide.slices] = _spread(found[wide.slices], reach)
    recorded = apply_effects(second, effects)
    whole = recorded.copy()
    padded = wide.grown(reach, size)
    part = apply_effects(first[padded.slices], effects, (padded.top, padded.left))
    whole[wide.slices] = part[wide.inside(padded)]
    return whole, recorded, found


def _spread(mask: BoolArray, reach: int) -> BoolArray:
    """Returns a mask (h, w) grown by ``reach`` pixels in rows and columns."""
    side = 2 * reach + 1
    grown = cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8))
    return np.asarray(grown).view(np.bool_)


@nb.njit(cache=True, nogil=True)
def _differ(first: Any, second: Any) -> Any:
    height, width = first.shape[:2]
    out = np.zeros((height, width), dtype=np.uint8)
    for y in range(height):
        for x in range(width):
            if (
                first[y, x, 0] != second[y, x, 0]
                or first[y, x, 1] != second[y, x, 1]
                or first[y, x, 2] != second[y, x, 2]
            ):
                out[y, x] = 1
    return out


def encode_jpeg(image: ImageArray, quality: int) -> bytes:
    """Encodes RGB as JPEG, 4:2:0; without OPTIMIZE, which triples the time for a twentieth of the bytes."""
    ok, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not ok:
        raise HandbenchError("a picture could not be encoded as JPEG")
    return bytes(data.tobytes())
