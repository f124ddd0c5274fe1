"""Makes annotated hands vanish from a photograph, so that it can lie behind other hands.

What covers the hands is found on a shrunken picture: the joints' hulls with their flesh, a piece of forearm,
and skin that goes on from there. Another part of the same picture whose rim fits is laid over it; where that
part shows hands too, or ends, the surroundings are spread in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.camera import Camera
from handbench.skeleton import OPENPOSE21
from handbench.types import HandAnnotation

WORK = 128
"""Longer side of the shrunken picture [px]."""

FLESH, ARM_LENGTH, ARM_RADIUS = 0.036, 0.12, 0.045
"""What is covered around the joints, how far along the forearm and how wide there [m]."""

SKIN_REACH = 0.24
"""Skin is followed this far from the hand [m]."""

SKIN_ALIKE = 40.0
"""A pixel is skin where its squared distance to the hand's colour is less, in deviations of the hand."""

SKIN_GROWTH = 1.7
"""Where skin would cover more than this many times the hand, clothes look alike, and it is not followed."""

MOST_COVERED = 0.8
"""A picture of which more would be covered is no background."""

FEWEST_JOINTS = 4
"""A hand with fewer known joints cannot be covered."""

_LAMP = np.uint8(
    12
)  # of brightness above the surroundings: what stands out more does not count in comparisons
_SHADE = 25.0  # of brightness: a larger difference is another thing, not another shade of the same
_LOST = 3000.0  # squared grey values: what it costs to lay nothing but hands over the hands
_REACH = 24  # how far beyond the picture's edge its other parts are looked for [px of the shrunken picture]
_RIM = np.ones((7, 7), np.uint8)
_BASES = [OPENPOSE21.index(f"{finger}1") for finger in ("index", "middle", "ring", "little")]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Cover:
    """What covers the hands on the shrunken picture.

    Attributes:
        mask: (h, w) uint8, 255 where the picture is replaced.
        core: (h, w) uint8, 255 inside the hulls of the joints.
        unit: pixels a metre at the hands' depth.
    """

    mask: ImageArray
    core: ImageArray
    unit: float


def erase_hands(image: ImageArray, camera: Camera, hands: Sequence[HandAnnotation]) -> ImageArray | None:
    """Returns a copy of a picture without its hands, or None where they cannot be covered.

    Args:
        image: (h, w, 3) uint8 RGB.
        camera: of the picture.
        hands: what is known of its hands; the joints count.
    """
    height, width = image.shape[:2]
    scale = WORK / max(height, width)
    size = (max(round(width * scale), 16), max(round(height * scale), 16))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    cover = cover_hands(hands, camera, (size[0] / width, size[1] / height), size)
    if cover is None:
        return None
    mask = with_skin(small, cover)
    if not 0.0 < (mask > 0).mean() <= MOST_COVERED:
        return image.copy() if not mask.any() else None
    return _replaced(image, small, mask)


def cover_hands(
    hands: Sequence[HandAnnotation], camera: Camera, scale: tuple[float, float], size: tuple[int, int]
) -> Cover | None:
    """Covers hands, their flesh and a piece of their forearms; None where a hand's place is not known.

    Args:
        hands: of the picture.
        camera: of the picture in its own size.
        scale: size of the shrunken picture over that of the picture, in x and y.
        size: (w, h) of the shrunken picture.
    """
    mask, core = (np.zeros(size[::-1], np.uint8) for _ in range(2))
    unit = 0.0
    for hand in hands:
        known = hand.joints_valid & (np.nan_to_num(hand.joints[:, 2]) > 0.05)
        if known.sum() < FEWEST_JOINTS:
            return None
        unit = float(scale[0] * abs(camera.K[0, 0]) / np.median(hand.joints[known, 2]))
        hull = cv2.convexHull(_pixels(camera, hand.joints[known], scale, size)[:, None])
        cv2.fillConvexPoly(core, hull, 255)
        cv2.polylines(mask, [hull], True, 255, max(2 * round(FLESH * unit), 1))
        bases = [i for i in _BASES if known[i]]
        if known[0] and bases:
            way = hand.joints[0] - hand.joints[bases].mean(axis=0)
            way *= ARM_LENGTH / max(float(np.linalg.norm(way)), 1e-6)
            wrist, end = _pixels(camera, np.stack([hand.joints[0], hand.joints[0] + way]), scale, size)
            cv2.line(mask, wrist.tolist(), end.tolist(), 255, max(2 * round(ARM_RADIUS * unit), 1))
    return Cover(np.bitwise_or(mask, core), core, unit)


def with_skin(small: ImageArray, cover: Cover) -> ImageArray:
    """Returns the mask (h, w) with the skin that goes on from it, e.g. a bent forearm.

    Args:
        small: (h, w, 3) uint8 RGB, the shrunken picture.
        cover: what covers its hands.
    """
    mask, inside = cover.mask, cover.core > 0
    if not inside.any():
        return mask
    calm = np.asarray(cv2.GaussianBlur(small, (3, 3), 0), np.float32)
    total = calm.sum(axis=2) + np.float32(24.0)
    look = np.stack([100 * calm[..., 0] / total, 100 * calm[..., 1] / total, 25 * np.log(total)], axis=-1)
    middle = np.median(look[inside], axis=0)
    spread = 1.48 * np.median(np.abs(look[inside] - middle), axis=0) + np.array([0.7, 0.7, 3.0])
    alike = ((((look - middle) / spread) ** 2).sum(axis=2) < SKIN_ALIKE).astype(np.uint8)
    alike = np.asarray(cv2.morphologyEx(alike, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
    alike[cv2.distanceTransform(255 - cover.core, cv2.DIST_L2, 3) > SKIN_REACH * cover.unit] = 0
    alike[mask > 0] = 1
    count, labels = cv2.connectedComponents(alike)
    joined = np.zeros(count, dtype=np.bool_)
    joined[labels[inside]] = True
    skin = joined[labels]
    if skin.sum() > SKIN_GROWTH * (mask > 0).sum():
        return mask
    reach = max(2, round(0.012 * cover.unit))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.max(mask, cv2.dilate(255 * skin.astype(np.uint8), disc)), np.uint8)


def _replaced(image: ImageArray, small: ImageArray, mask: ImageArray) -> ImageArray:
    """Lays another part of the picture over the masked part."""
    height, width = image.shape[:2]
    size = (small.shape[1], small.shape[0])
    ground = np.asarray(cv2.morphologyEx(small, cv2.MORPH_OPEN, _RIM), np.uint8)
    calm = np.minimum(small, np.minimum(ground, 255 - _LAMP) + _LAMP)
    rim = ((cv2.dilate(mask, _RIM) > 0) & (mask == 0)).astype(np.float32)
    dx, dy = _fitting_shift(calm, mask, rim)
    smooth = _inpainted(calm, mask)
    alpha = np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.0))
    moved = cv2.warpAffine(small, _shift(-dx, -dy), size, flags=cv2.INTER_NEAREST)
    moved_mask = cv2.warpAffine(mask, _shift(-dx, -dy), size, flags=cv2.INTER_NEAREST, borderValue=255)
    unseen = np.asarray(cv2.dilate(moved_mask, np.ones((5, 5), np.uint8)))
    lost = np.asarray(cv2.GaussianBlur(unseen, (0, 0), 1.5))
    # The other part has to meet the surroundings at the rim, and what is spread in where it ends.
    ends = ((cv2.dilate(unseen, _RIM) > 0) & (mask > 0)).astype(np.float32)
    wrong = cv2.subtract(np.where(mask[..., None] > 0, smooth, calm), moved, dtype=cv2.CV_32F)
    shade = np.clip(np.asarray(wrong, np.float32), -_SHADE, _SHADE)
    mend = _spread(shade, np.where(unseen > 0, np.float32(0), np.maximum(rim, ends)))
    x, y, w, h = cv2.boundingRect((alpha > 0).astype(np.uint8))
    fx, fy = width / size[0], height / size[1]
    left, top = round(x * fx), round(y * fy)
    box = (min(round(w * fx), width - left), min(round(h * fy), height - top))

    def enlarged(part: Any) -> Any:
        return cv2.resize(np.ascontiguousarray(part[y : y + h, x : x + w]), box)

    to_box = _shift(-round(dx * fx) - left, -round(dy * fy) - top)
    other = cv2.add(
        cv2.warpAffine(image, to_box, box, flags=cv2.INTER_NEAREST), enlarged(mend), dtype=cv2.CV_8U
    )
    filling = _mixed(other, enlarged(smooth), enlarged(lost))
    out = image.copy()
    window = out[top : top + box[1], left : left + box[0]]
    window[:] = _mixed(np.ascontiguousarray(window), filling, enlarged(alpha))
    return out


def _fitting_shift(calm: ImageArray, mask: ImageArray, rim: Floats) -> tuple[int, int]:
    """Finds the other part of the picture whose rim looks like the mask's: its offset (x, y) [px]."""
    grey = np.asarray(cv2.cvtColor(cv2.medianBlur(calm, 3), cv2.COLOR_RGB2GRAY), np.float32)
    x, y, w, h = cv2.boundingRect(cv2.dilate(mask, _RIM))
    window = (slice(y, y + h), slice(x, x + w))
    covered = np.asarray(mask, np.float32) / 255
    edges = (_REACH,) * 4
    around = cv2.copyMakeBorder(grey, *edges, cv2.BORDER_REPLICATE)
    hidden = cv2.copyMakeBorder(covered, *edges, cv2.BORDER_CONSTANT, value=1.0)
    part, weight = (np.ascontiguousarray(array[window]) for array in (grey, rim))
    differs = cv2.matchTemplate(around, part, cv2.TM_SQDIFF, mask=weight) / max(float(rim.sum()), 1.0)
    hides = cv2.matchTemplate(hidden, np.ascontiguousarray(covered[window]), cv2.TM_CCORR) / covered.sum()
    at = int(np.argmin(differs + _LOST * hides))
    row, column = divmod(at, differs.shape[1])
    return column - _REACH - x, row - _REACH - y


def _inpainted(calm: ImageArray, mask: ImageArray) -> ImageArray:
    """Spreads the surroundings smoothly over the masked part; half the size is fine enough for that."""
    size = (calm.shape[1], calm.shape[0])
    half = (size[0] // 2, size[1] // 2)
    part = cv2.resize(calm, half, interpolation=cv2.INTER_AREA)
    hole = np.asarray(cv2.resize(mask, half, interpolation=cv2.INTER_AREA) > 0, np.uint8)
    filled = cv2.GaussianBlur(cv2.inpaint(part, hole, 2, cv2.INPAINT_TELEA), (0, 0), 0.8)
    return np.asarray(cv2.resize(filled, size), np.uint8)


def _spread(values: Floats, weight: Floats) -> Floats:
    """Spreads values (h, w, 3) from where their weight (h, w) is above 0 smoothly over the picture."""
    pyramid: list[tuple[Any, Any]] = [(values * weight[..., None], weight)]
    while min(pyramid[-1][1].shape) > 3:
        pyramid.append((cv2.pyrDown(pyramid[-1][0]), cv2.pyrDown(pyramid[-1][1])))
    out: Any = None
    for summed, known in reversed(pyramid):
        mean = summed / np.maximum(known, 1e-4)[..., None]
        if out is not None:
            share = np.minimum(4 * known, 1)[..., None]
            mean = share * mean + (1 - share) * cv2.pyrUp(out, dstsize=known.shape[::-1])
        out = mean
    return np.asarray(out, np.float32)


def _mixed(below: Any, above: Any, alpha: Any) -> Any:
    """Lays a picture over another, as far as alpha (h, w) uint8 says."""
    share = alpha.astype(np.float32) / np.float32(255)
    return cv2.blendLinear(above, below, share, 1 - share)


def _shift(x: float, y: float) -> Floats:
    return np.array([[1, 0, x], [0, 1, y]], dtype=np.float32)


def _pixels(
    camera: Camera, points: FloatArray, scale: tuple[float, float], size: tuple[int, int]
) -> npt.NDArray[np.int32]:
    """Projects points (N, 3) [m] to the shrunken picture; far outside they stop at three of its widths."""
    most = 3.0 * max(size)
    pixels = np.nan_to_num((camera.project(points) + 0.5) * scale - 0.5, posinf=most, neginf=-most)
    return np.clip(np.rint(pixels), -most, most).astype(np.int32)
