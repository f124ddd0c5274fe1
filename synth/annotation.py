"""What a record says of its hands: joints, masks, visibility, occlusion, depth order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray
from handbench.camera import Camera
from handbench.synth.crop import points_box
from handbench.synth.layers import RenderLayers
from handbench.synth.poses import PlacedHand
from handbench.synth.scene import HandScene, Part
from handbench.synth.visibility import CAUSES, joint_visibility
from handbench.types import Side


@dataclass(frozen=True)
class SideMasks:
    """The two masks of one hand at pixel centres, (h, w) bool, and what they give.

    Attributes:
        amodal: the whole hand inside the picture.
        visible: what is seen of it.
    """

    amodal: BoolArray
    visible: BoolArray

    @property
    def occlusion(self) -> float | None:
        """1 - |visible| / |amodal| inside the picture; None where the hand is outside it."""
        whole = int(np.count_nonzero(self.amodal))
        return 1.0 - int(np.count_nonzero(self.visible)) / whole if whole else None


def side_masks(layers: RenderLayers, nearest: npt.NDArray[np.int8], side: Side) -> SideMasks:
    """Returns the masks of one side; empty where the scene has no such hand.

    Args:
        layers: of the scene.
        nearest: (h, w) index of the nearest part, -1 for none.
        side: which hand.
    """
    if side.value not in layers.names:
        empty = np.zeros(nearest.shape, dtype=np.bool_)
        return SideMasks(empty, empty)
    index = layers.names.index(side.value)
    return SideMasks(layers.mask(side.value), nearest == index)


def annotate_hand(
    hand: PlacedHand,
    scene: HandScene,
    layers: RenderLayers,
    nearest: npt.NDArray[np.int8],
    masks: SideMasks,
    flesh: FloatArray,
) -> dict[str, Any]:
    """Returns the fields of one hand, as docs/formats.md lists them.

    Args:
        hand: in the camera frame.
        scene: the picture's scene.
        layers: of the scene.
        nearest: (h, w) index of the nearest part.
        masks: of this hand.
        flesh: (21,) from :func:`handbench.synth.visibility.flesh_thickness`.
    """
    own = layers.names.index(hand.side.value)
    owners = np.array([_cause(part, hand.side) for part in scene.parts], dtype=np.int8)
    seen = joint_visibility(hand.joints, flesh, scene.K, nearest, layers.depth(hand.side.value), own, owners)
    camera = Camera(scene.K, scene.size)
    occlusion = masks.occlusion
    return {
        "side": hand.side.value,
        "K": scene.K,
        "pose": hand.params.pose.astype(np.float32),
        "betas": hand.params.betas.astype(np.float32),
        "transl": hand.params.transl.astype(np.float32),
        "joints": hand.joints.astype(np.float32),
        "joints_2d": camera.project(hand.joints).astype(np.float32),
        "joints_valid": np.ones(21, dtype=np.bool_),
        "box": points_box(camera.project(hand.vertices)).astype(np.float32),
        "occlusion": 1.0 if occlusion is None else occlusion,
        "visibility": seen.joints,
        "visibility_causes": seen.causes,
        "finger_visibility": seen.fingers,
        "covered_by": seen.main_cause(),
    }


def depth_order(layers: RenderLayers, masks: dict[Side, SideMasks]) -> str:
    """Returns which hand is in front where the two overlap: ``right``, ``left``, ``mixed`` or ``apart``.

    A hand is in front when it is nearer in nine tenths of the overlap.
    """
    both = masks[Side.RIGHT].amodal & masks[Side.LEFT].amodal
    count = int(np.count_nonzero(both))
    if count == 0:
        return "apart"
    nearer = layers.depth(Side.RIGHT.value)[both] < layers.depth(Side.LEFT.value)[both]
    share = int(np.count_nonzero(nearer)) / count
    if share >= 0.9:
        return Side.RIGHT.value
    return Side.LEFT.value if share <= 0.1 else "mixed"


def _cause(part: Part, side: Side) -> int:
    if part.hand is None:
        return CAUSES.index("object")
    return CAUSES.index("self" if part.hand is side else "other")
