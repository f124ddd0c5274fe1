"""What a record says of its hands: joints, masks, visibility, occlusion, depth order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray
from handbench.hands.visibility import CAUSES, joint_visibility
from handbench.synth.layers import RenderLayers
from handbench.synth.poses import PlacedHand
from handbench.synth.scene import HandScene, Part
from handbench.types import Side

_ALL = np.ones(21, dtype=np.bool_)


@dataclass(frozen=True)
class Overlap:
    """The masks of both hands at pixel centres, and what they count.

    Attributes:
        amodal: (h, w) bool of each side: the whole hand inside the picture; empty where there is none.
        visible: (h, w) bool of each side: what is seen of it.
        depth: (h, w) [m] of each side's own layer, inf where it is not.
        occlusion: 1 - |visible| / |amodal|; None where the hand is not in the picture.
        order: the hand in front where both are: ``right``, ``left``, ``mixed`` or ``apart``. A hand is in
            front when it is nearer in nine tenths of the overlap.
    """

    amodal: dict[Side, BoolArray]
    visible: dict[Side, BoolArray]
    depth: dict[Side, npt.NDArray[np.float32]]
    occlusion: dict[Side, float | None]
    order: str


def measure_overlap(layers: RenderLayers, nearest: npt.NDArray[np.int8]) -> Overlap:
    """Measures how the hands of a picture lie over each other.

    Args:
        layers: of the scene.
        nearest: (h, w) index of the nearest part, -1 for none.
    """
    index = {side: _index(layers.names, side) for side in Side}
    depth = {
        side: layers.depth(side.value) if at >= 0 else np.full(nearest.shape, np.inf, np.float32)
        for side, at in index.items()
    }
    masks, counts = _overlap(
        depth[Side.RIGHT], depth[Side.LEFT], nearest, index[Side.RIGHT], index[Side.LEFT]
    )
    *totals, both, right_nearer = counts.tolist()
    whole, seen = totals[:2], totals[2:]
    share = right_nearer / both if both else 0.0
    order = "apart" if not both else "right" if share >= 0.9 else "left" if share <= 0.1 else "mixed"
    sides = (Side.RIGHT, Side.LEFT)
    return Overlap(
        amodal={side: masks[i].view(np.bool_) for i, side in enumerate(sides)},
        visible={side: masks[2 + i].view(np.bool_) for i, side in enumerate(sides)},
        depth=depth,
        occlusion={side: 1 - seen[i] / whole[i] if whole[i] else None for i, side in enumerate(sides)},
        order=order,
    )


def _index(names: tuple[str, ...], side: Side) -> int:
    return names.index(side.value) if side.value in names else -2


@nb.njit(cache=True, nogil=True)
def _overlap(right: Any, left: Any, nearest: Any, right_index: int, left_index: int) -> Any:
    height, width = nearest.shape
    masks = np.empty((4, height, width), dtype=np.uint8)
    counts = np.zeros(6, dtype=np.int64)
    one, two = np.int8(right_index), np.int8(left_index)
    # Without a branch, rows as slices: the loop then runs in SIMD.
    for y in range(height):
        in_right, in_left, seen = right[y], left[y], nearest[y]
        row0, row1, row2, row3 = masks[0, y], masks[1, y], masks[2, y], masks[3, y]
        whole0 = whole1 = seen0 = seen1 = both = nearer = np.int64(0)
        for x in range(width):
            a, b = np.uint8(in_right[x] < np.inf), np.uint8(in_left[x] < np.inf)
            row0[x], row1[x] = a, b
            c, d = a & np.uint8(seen[x] == one), b & np.uint8(seen[x] == two)
            row2[x], row3[x] = c, d
            whole0 += a
            whole1 += b
            seen0 += c
            seen1 += d
            both += a & b
            nearer += a & b & np.uint8(in_right[x] < in_left[x])
        row = (whole0, whole1, seen0, seen1, both, nearer)
        for k in range(6):
            counts[k] += row[k]
    return masks, counts


def annotate_hand(
    hand: PlacedHand,
    scene: HandScene,
    layers: RenderLayers,
    nearest: npt.NDArray[np.int8],
    overlap: Overlap,
    box: FloatArray,
    flesh: FloatArray,
) -> dict[str, Any]:
    """Returns the fields of one hand, as docs/formats.md lists them.

    Args:
        hand: in the camera frame.
        scene: the picture's scene.
        layers: of the scene.
        nearest: (h, w) index of the nearest part.
        overlap: of the hands.
        box: (4,) x, y, w, h [px] of the whole hand.
        flesh: (21,) from :func:`handbench.hands.visibility.flesh_thickness`.
    """
    own = layers.names.index(hand.side.value)
    owners = np.array([_cause(part, hand.side) for part in scene.parts], dtype=np.int8)
    depth = overlap.depth[hand.side]
    seen = joint_visibility(hand.joints, flesh, scene.K, nearest, depth, own, owners)
    occlusion = overlap.occlusion[hand.side]
    return {
        "side": hand.side.value,
        "K": scene.K,
        "pose": hand.params.pose.astype(np.float32),
        "betas": hand.params.betas.astype(np.float32),
        "transl": hand.params.transl.astype(np.float32),
        "joints": hand.joints.astype(np.float32),
        "joints_2d": seen.pixels,
        "joints_valid": _ALL,
        "box": box.astype(np.float32),
        "occlusion": 1.0 if occlusion is None else occlusion,
        "visibility": seen.joints,
        "visibility_causes": seen.causes,
        "finger_visibility": seen.fingers,
        "covered_by": seen.main_cause(),
    }


def _cause(part: Part, side: Side) -> int:
    if part.hand is None:
        return CAUSES.index("object")
    return CAUSES.index("self" if part.hand is side else "other")
