"""Where a predicted hand is drawn: hands that have no place of their own are given one, for drawing only."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.predictions import HandPrediction, HandPredictions, Predictions, Space
from handbench.skeleton import OPENPOSE21
from handbench.types import Side

PALM = 0.095
"""Wrist to middle knuckle [m] that a hand without a scale is drawn with."""

PALM_ENDS = (OPENPOSE21.index("wrist"), OPENPOSE21.index("middle1"))
_NEAREST, _FARTHEST = 0.05, 20.0
_SHRUNK = 0.7
_LEAST, _MOST = 0.25, 3.0
_FIELDS = tuple(
    field.name for field in dataclasses.fields(HandPrediction) if field.name in ("joints", "vertices",
    "joints_2d", "score", "box", "pose", "betas", "transl")
)  # fmt: skip


@dataclass(frozen=True)
class PlacedHand:
    """A hand that can be drawn.

    Attributes:
        side: which hand.
        joints: (21, 3) [m], camera frame, or None.
        vertices: (V, 3) [m], camera frame, or None.
        pixels: (21, 2) [px] of the picture: as predicted, else the projected joints; or None.
        how: what placed it, in words.
    """

    side: Side
    joints: FloatArray | None
    vertices: FloatArray | None
    pixels: FloatArray | None
    how: str


def hand_at(predictions: Predictions, row: int, side: Side) -> HandPrediction | None:
    """Returns what is predicted of one hand of a row; None where that is nothing.

    Joints may hold NaN beside a wrist that is known: an oracle says what is annotated.
    """
    columns: HandPredictions | None = predictions.hands.get(side)
    found: dict[str, Any] = {}
    for name in _FIELDS:
        column = None if columns is None else getattr(columns, name)
        if column is None:
            continue
        told = np.isfinite(column[row])
        if told.all() or (name == "joints" and told[0].all()) or (name == "joints_2d" and told.any()):
            found[name] = np.asarray(column[row], np.float64)
    return HandPrediction(side, **found) if found else None


def place_hand(
    hand: HandPrediction,
    space: Space,
    K: FloatArray,
    box: npt.NDArray[Any] | None = None,
    root: FloatArray | None = None,
    palm: float = PALM,
) -> PlacedHand:
    """Gives a predicted hand a place in the camera frame.

    In ``camera`` space it is drawn where it is. Else its translation is, in this order: the root that is
    given; the one that brings its joints nearest to its own predicted pixels, in the least-squares sense
    (where these are a quarter to three times as large as the box); the one that brings its outline to the
    middle and the longer side of the box. Without a root, depth is for drawing only: it follows from the size
    of the hand model and the focal length.

    Args:
        hand: as predicted.
        space: of its joints and vertices.
        K: (3, 3) intrinsics [px].
        box: (4,) x, y, w, h [px] of the hand in the picture, or None.
        root: (3,) [m] where the wrist is, or None.
        palm: wrist to middle knuckle [m] that a ``scale_free`` hand is given.
    """
    solid = [values for values in (hand.joints, hand.vertices) if values is not None]
    pixels = None if hand.joints_2d is None else np.asarray(hand.joints_2d, np.float64)
    if not solid:
        return PlacedHand(hand.side, None, None, pixels, "2D only")
    scale = _scale_of(hand, palm) if space == "scale_free" else 1.0
    shift, how = _shift(hand, space, scale, K, box, root)
    if shift is None:
        return PlacedHand(hand.side, None, None, pixels, how)

    def moved(values: Any) -> FloatArray | None:
        return None if values is None else np.asarray(scale * values + shift)

    joints, vertices = moved(hand.joints), moved(hand.vertices)
    nearest = min(float(np.nanmin(v[:, 2])) for v in (joints, vertices) if v is not None)
    if nearest < _NEAREST / 10:
        return PlacedHand(hand.side, None, None, pixels, "not drawn: behind the camera")
    if pixels is None and joints is not None:
        pixels = project(joints, K)
    return PlacedHand(hand.side, joints, vertices, pixels, how)


def _scale_of(hand: HandPrediction, palm: float) -> float:
    """Returns the factor that gives a hand a palm of that length [m]."""
    if hand.joints is None:
        return 1.0
    length = float(np.linalg.norm(hand.joints[PALM_ENDS[1]] - hand.joints[PALM_ENDS[0]]))
    return palm / length if length > 0 else 1.0


def _shift(
    hand: HandPrediction,
    space: Space,
    scale: float,
    K: FloatArray,
    box: npt.NDArray[Any] | None,
    root: FloatArray | None,
) -> tuple[FloatArray | None, str]:
    """Returns the translation [m] and what it is from."""
    if space == "camera":
        return np.zeros(3), "drawn as predicted"
    joints = hand.joints
    if root is not None:
        return np.asarray(root), "drawn at the true wrist"
    own = box if box is not None and np.isfinite(box).all() else hand.box
    agree = hand.joints_2d is not None and _fills(_floats(hand.joints_2d), own)
    if joints is not None and hand.joints_2d is not None and agree:
        found = by_pixels(_floats(scale * joints), _floats(hand.joints_2d), K)
        if found is not None:
            return found, "placed by its 2D joints"
    outline = hand.vertices if hand.vertices is not None else joints
    if own is None or outline is None:
        return None, "not drawn: neither 2D joints nor a box"
    how = "placed by its box" + ("" if hand.joints_2d is None else ", which its 2D joints do not fill")
    known = _floats(outline[np.isfinite(outline).all(axis=1)])
    return by_box(scale * known, _floats(own), K), how


def _floats(values: npt.NDArray[Any]) -> FloatArray:
    return np.asarray(values, np.float64)


def _fills(pixels: FloatArray, box: npt.NDArray[Any] | None) -> bool:
    """Tells whether joints (21, 2) [px] are about as large as a box; a poor network says all in one place."""
    if box is None:
        return True
    pixels = pixels[np.isfinite(pixels).all(axis=1)]
    share = float(np.ptp(pixels, axis=0).max() / np.asarray(box)[2:].max())
    return _LEAST < share < _MOST


def project(points: FloatArray, K: FloatArray) -> FloatArray:
    """Projects points (N, 3) [m] before the camera to pixels (N, 2)."""
    image = points @ K.T
    return np.asarray(image[:, :2] / image[:, 2:])


def by_pixels(points: FloatArray, pixels: FloatArray, K: FloatArray) -> FloatArray | None:
    """Returns the translation (3,) [m] for which points project nearest to pixels.

    Gauss-Newton from a start whose size in the picture is that of the pixels. Where points and pixels
    disagree (another pose), least squares makes the hand small and far; then the start is kept.

    Args:
        points: (N, 3) [m] about any origin.
        pixels: (N, 2) [px].
        K: (3, 3) intrinsics [px].

    Returns:
        None where all pixels, or all points, are one.
    """
    known = np.isfinite(points).all(axis=1) & np.isfinite(pixels).all(axis=1)
    points, pixels = points[known], pixels[known]
    if not len(points):
        return None
    rays = np.concatenate([pixels, np.ones_like(pixels[:, :1])], axis=1) @ np.linalg.inv(K).T
    wanted = rays[:, :2]
    spread = np.sqrt(np.square(wanted - wanted.mean(axis=0)).sum())
    extent = np.sqrt(np.square(points[:, :2] - points[:, :2].mean(axis=0)).sum())
    if spread < 1e-9 or extent < 1e-9:
        return None
    depth = float(np.clip(extent / spread, _NEAREST, _FARTHEST)) - points[:, 2].mean()
    middle = wanted.mean(axis=0) * (depth + points[:, 2].mean()) - points[:, :2].mean(axis=0)
    start = np.array([*middle, max(depth, _NEAREST - points[:, 2].min())])
    shift = start
    for _ in range(12):
        moved = points + shift
        if moved[:, 2].min() < _NEAREST:
            return start
        seen = moved[:, :2] / moved[:, 2:]
        slope = np.zeros((len(points), 2, 3))
        slope[:, 0, 0] = slope[:, 1, 1] = 1 / moved[:, 2]
        slope[:, :, 2] = -seen / moved[:, 2:]
        step = np.linalg.lstsq(slope.reshape(-1, 3), (wanted - seen).ravel(), rcond=None)[0]
        shift = shift + step
    moved = points + shift
    if not _NEAREST <= moved[:, 2].min() <= moved[:, 2].max() <= _FARTHEST:
        return start
    seen = moved[:, :2] / moved[:, 2:]
    size = np.sqrt(np.square(seen - seen.mean(axis=0)).sum())
    return np.asarray(shift if size > _SHRUNK * spread else start)


def by_box(points: FloatArray, box: FloatArray, K: FloatArray) -> FloatArray:
    """Returns the translation (3,) [m] that brings the outline of points into a box.

    Args:
        points: (N, 3) [m] about any origin.
        box: (4,) x, y, w, h [px]; middle and longer side count.
        K: (3, 3) intrinsics [px].
    """
    centre, size = box[:2] + box[2:] / 2, float(box[2:].max())
    inverse = np.linalg.inv(K)
    ray = inverse @ np.append(centre, 1.0)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float(((high - low)[:2] * (K[0, 0], K[1, 1])).max())
    nearest = _NEAREST - float(low[2])
    middle = np.append((low + high)[:2] / 2, 0.0)
    depth = max(extent / size, _NEAREST + float((high - low)[2]) / 2)
    shift = ray * depth - middle - [0.0, 0.0, float((low + high)[2]) / 2]
    for _ in range(60):
        shift[2] = max(shift[2], nearest)
        seen = project(points + shift, K)
        low, high = seen.min(axis=0), seen.max(axis=0)
        depth = float(shift[2] + points[:, 2].mean())
        # Along the ray through the middle of the box the hand changes its size and hardly its place.
        step = depth * np.clip(float((high - low).max()) / size - 1, -0.5, 0.5)
        off = np.append(centre - (low + high) / 2, 0.0)
        shift += 0.7 * step * ray + inverse @ off * depth
    return np.asarray(shift)
