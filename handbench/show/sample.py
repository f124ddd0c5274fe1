"""One sample of any dataset as a picture: masks, boxes, objects and joints over the image."""

from __future__ import annotations

import cv2
import numpy as np

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.camera import resize_affine
from handbench.show import draw
from handbench.skeleton import OPENPOSE21
from handbench.types import HandAnnotation, ObjectAnnotation, Sample, Side

SIDE_COLORS = {Side.RIGHT: (64, 140, 235), Side.LEFT: (235, 140, 50)}
"""Of boxes and masks: right blue, left orange."""

_BOX, _OBJECT = (235, 235, 235), (120, 220, 120)
_FINE = 8  # cv2 draws at 1/8 px with shift=3
_CORNERS = [(i, j) for i in range(8) for j in range(i + 1, 8)]


def draw_sample(sample: Sample, width: int, height: int, zoom: bool = False) -> ImageArray:
    """Draws a sample to fit into (height, width) pixels, its picture's proportions kept.

    Masks are tinted (whole: outline, seen: filled), the hands' boxes coloured by side, the sample's box is
    white, the corners of objects are joined, joints are filled where valid and hollow where not valid but
    known; a dark centre says that a joint is covered.

    Args:
        sample: of any dataset.
        width: of the tile [px].
        height: of the tile [px].
        zoom: cut the picture to its hands.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        BadSampleError: when the picture does not open.
    """
    image = sample.image.read()
    x0, y0, x1, y1 = window = _window(sample, image.shape, zoom)
    image = image[y0:y1, x0:x1]
    h, w = image.shape[:2]
    scale = min(width / w, height / h)
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    affine = resize_affine(size[0] / w, size[1] / h)
    affine[:, 2] -= affine[:, :2] @ [x0, y0]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.ascontiguousarray(cv2.resize(image, size, interpolation=how), dtype=np.uint8)
    for hand in sample.hands:
        _draw_masks(canvas, hand, window)
    for thing in sample.objects:
        _draw_object(canvas, thing, sample, affine)
    if sample.box is not None:
        _draw_box(canvas, sample.box, affine, _BOX)
    for hand in sample.hands:
        if hand.box is not None:
            _draw_box(canvas, hand.box, affine, SIDE_COLORS[hand.side])
        _draw_hand(canvas, hand, sample, affine)
    tile = np.full((height, width, 3), draw.INK, np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = canvas
    return tile


def _map(points: FloatArray, affine: FloatArray) -> FloatArray:
    return np.asarray(points @ affine[:, :2].T + affine[:, 2])


def _fine(point: FloatArray) -> tuple[int, int]:
    x, y = np.clip(np.round(point * _FINE), -(1 << 20), 1 << 20).astype(int)
    return int(x), int(y)


def _window(sample: Sample, shape: tuple[int, ...], zoom: bool) -> tuple[int, int, int, int]:
    """Returns x0, y0, x1, y1 of what is drawn: the picture, or a square about its hands inside it."""
    height, width = shape[:2]
    points = [joint_pixels(hand, sample) for hand in sample.hands]
    boxes = [sample.box, *(hand.box for hand in sample.hands)]
    points += [np.array([box[:2], box[:2] + box[2:]]) for box in boxes if box is not None]
    every = np.concatenate(points) if points else np.zeros((0, 2))
    every = every[np.isfinite(every).all(axis=1)]
    if not zoom or not len(every):
        return 0, 0, width, height
    low = np.clip(every.min(axis=0), 0, [width - 1, height - 1])
    high = np.clip(every.max(axis=0), 0, [width - 1, height - 1])
    half = max(16.0, 0.65 * float((high - low).max()))
    middle = 0.5 * (low + high)
    x0, y0 = np.maximum(middle - half, 0).astype(int)
    x1, y1 = np.minimum(middle + half + 1, [width, height]).astype(int)
    return int(x0), int(y0), int(x1), int(y1)


def joint_pixels(hand: HandAnnotation, sample: Sample) -> FloatArray:
    """Returns (21, 2) [px]: the projected joints, else the labelled pixels, else NaN."""
    camera = hand.camera or sample.camera
    with np.errstate(all="ignore"):
        pixels = np.where(hand.joints[:, 2:] > 0, camera.project(hand.joints), np.nan)
    if hand.joints_2d is not None:
        pixels = np.where(np.isfinite(pixels), pixels, hand.joints_2d)
    return np.asarray(pixels)


def _draw_masks(canvas: ImageArray, hand: HandAnnotation, window: tuple[int, int, int, int]) -> None:
    color = SIDE_COLORS[hand.side]
    if hand.visible_mask is not None:
        seen = _fit(hand.visible_mask.read(), canvas, window)
        canvas[seen] = (0.7 * canvas[seen] + 0.3 * np.array(color)).astype(np.uint8)
    if hand.amodal_mask is not None:
        whole = _fit(hand.amodal_mask.read(), canvas, window).astype(np.uint8)
        edges, _ = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(canvas, edges, -1, color, 1, cv2.LINE_AA)


def _fit(mask: BoolArray, canvas: ImageArray, window: tuple[int, int, int, int]) -> BoolArray:
    x0, y0, x1, y1 = window
    size = (canvas.shape[1], canvas.shape[0])
    small = cv2.resize(mask[y0:y1, x0:x1].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(small, dtype=np.bool_)


def _draw_box(canvas: ImageArray, box: FloatArray, affine: FloatArray, color: tuple[int, int, int]) -> None:
    if np.isfinite(box).all():
        low, high = _map(np.array([box[:2], box[:2] + box[2:]]), affine)
        cv2.rectangle(canvas, _fine(low), _fine(high), color, 1, cv2.LINE_AA, shift=3)


def _draw_object(canvas: ImageArray, thing: ObjectAnnotation, sample: Sample, affine: FloatArray) -> None:
    if thing.corners is None or np.any(thing.corners[:, 2] <= 0):
        return
    points = _map(sample.camera.project(thing.corners), affine)
    rest = thing.corners if thing.corners_rest is None else thing.corners_rest
    for i, j in _edges(rest):
        cv2.line(canvas, _fine(points[i]), _fine(points[j]), _OBJECT, 1, cv2.LINE_AA, shift=3)


def _edges(corners: FloatArray) -> list[tuple[int, int]]:
    """Returns the 12 edges of a box whose corners (8, 3) are in any order: no pair with a shorter detour."""
    apart = np.linalg.norm(corners[:, None] - corners[None], axis=2)
    found = []
    for i, j in _CORNERS:
        detour = apart[i] ** 2 + apart[j] ** 2
        detour[[i, j]] = np.inf
        # Along a diagonal a third corner sees both ends at a right angle.
        if detour.min() > apart[i, j] ** 2 * (1 + 1e-3):
            found.append((i, j))
    return found


def _draw_hand(canvas: ImageArray, hand: HandAnnotation, sample: Sample, affine: FloatArray) -> None:
    points = _map(joint_pixels(hand, sample), affine)
    known: BoolArray = np.asarray(np.isfinite(points).all(axis=1))
    bare = canvas.copy()
    for parent, child in OPENPOSE21.bones:
        if known[parent] and known[child]:
            color = draw.FINGER_COLORS[(child - 1) // 4]
            cv2.line(canvas, _fine(points[parent]), _fine(points[child]), color, 1, cv2.LINE_AA, shift=3)
    for joint in np.flatnonzero(known):
        color = SIDE_COLORS[hand.side] if joint == 0 else draw.FINGER_COLORS[(joint - 1) // 4]
        if hand.joints_valid[joint]:
            cv2.circle(canvas, _fine(points[joint]), 5 * _FINE // 2, color, -1, cv2.LINE_AA, shift=3)
        else:
            disc = np.zeros(canvas.shape[:2], np.uint8)
            cv2.circle(disc, _fine(points[joint]), 3 * _FINE, (1,), -1, shift=3)
            canvas[disc > 0] = bare[disc > 0]
            cv2.circle(canvas, _fine(points[joint]), 3 * _FINE, color, 1, cv2.LINE_AA, shift=3)
            continue
        if hand.visibility is not None and hand.visibility[joint] <= 0.5:
            cv2.circle(canvas, _fine(points[joint]), 3 * _FINE // 2, draw.INK, -1, cv2.LINE_AA, shift=3)
