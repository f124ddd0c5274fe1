"""What a camera should see of a fitted hand: its mask and depth, where its forearm goes on, and its wrist."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.hands.model import HandMesh, HandModel
from handbench.synth.raster import RasterRenderer
from handbench.synth.scene import HandScene, Lights, Part

ARM_LENGTH = 0.12
"""How much of the forearm is looked at [m]."""

_LIGHTS = Lights(np.ones(3), np.zeros((0, 3)), np.zeros((0, 3)), shadow_strength=0.0)


@dataclass(frozen=True, slots=True)
class HandView:
    """A fitted hand as a picture of (h, w) shows it.

    Attributes:
        mask: (h, w) uint8 of 0 and 1.
        depth: (h, w) [m], inf where it is not.
        arm: (h, w) uint8, where the forearm is in front of the hand, or beside it.
        beyond: (h, w) uint8, where the hand cannot be: beyond its end, beside the forearm too.
    """

    mask: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float32]
    arm: npt.NDArray[np.uint8]
    beyond: npt.NDArray[np.uint8]


def arm_direction(joints: FloatArray) -> FloatArray:
    """Returns the (3,) unit vector from the wrist to the elbow of a straight wrist, of joints (21, 3)."""
    along = joints[0] - joints[[5, 9, 13, 17]].mean(axis=0)
    return np.asarray(along / np.linalg.norm(along))


def wrist_in_picture(model: HandModel, mesh: HandMesh, K: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns where a picture shows the end of a hand, and where its forearm would lead.

    Args:
        model: of the hand.
        mesh: one hand, camera frame.
        K: (3, 3) intrinsics [px].

    Returns:
        (2, 2) [px] both ends of the wrist's width, and (2,) [px] the way along ``ARM_LENGTH`` of a straight
        forearm.
    """
    loop = mesh.vertices[model.wrist_loop]
    centre, direction = loop.mean(axis=0), arm_direction(mesh.joints21)
    points = np.concatenate([loop, [centre, centre + ARM_LENGTH * direction]]) @ K.T
    pixels = points[:, :2] / points[:, 2:]
    along = pixels[-1] - pixels[-2]
    across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-9)
    offsets = (pixels[:-2] - pixels[-2]) @ across
    ends = pixels[-2] + np.outer([offsets.min(), offsets.max()], across)
    return np.asarray(ends), np.asarray(along)


def view_hand(
    renderer: RasterRenderer, model: HandModel, mesh: HandMesh, K: FloatArray, size: tuple[int, int]
) -> HandView:
    """Draws a hand and its forearm.

    Args:
        renderer: draws masks.
        model: of the hand.
        mesh: one hand, camera frame.
        K: (3, 3) intrinsics [px].
        size: (width, height) [px].
    """
    loop = mesh.vertices[model.wrist_loop]
    direction = arm_direction(mesh.joints21)
    grey = np.full((len(mesh.vertices), 3), 128, np.uint8)
    hand = Part("hand", mesh.vertices, model.closed_faces, is_hand=True, colors=grey)
    tube, faces = _tube(loop, direction)
    arm = Part("arm", tube, faces, colors=np.full((len(tube), 3), 128, np.uint8))
    background = np.zeros((size[1], size[0], 3), np.uint8)
    scene = HandScene(K, size, (hand, arm), _LIGHTS, background, 0.0)
    layers = renderer.render(scene)
    mask, depth = layers.mask("hand"), layers.depth("hand")
    beside = layers.visible(("hand", "arm")) == 1
    beyond = _beyond(loop, direction, K, size) & ~mask
    return HandView(mask.astype(np.uint8), depth, beside.astype(np.uint8), beyond.astype(np.uint8))


def _tube(loop: FloatArray, direction: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """Returns a forearm: the wrist's loop drawn out, a little wider at the far end."""
    centre = loop.mean(axis=0)
    far = centre + (loop - centre) * 1.25 + ARM_LENGTH * direction
    n = len(loop)
    a, b = np.arange(n), (np.arange(n) + 1) % n
    faces = np.concatenate([np.stack([a, b, n + a], 1), np.stack([b, n + b, n + a], 1)])
    return np.concatenate([loop, far]), faces.astype(np.int32)


def _beyond(
    loop: FloatArray, direction: FloatArray, K: FloatArray, size: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Fills the outline of the forearm's first piece, drawn wider than any arm."""
    centre = loop.mean(axis=0)
    wide = centre + (loop - centre) * 1.6
    points = np.concatenate([wide, wide + 0.4 * ARM_LENGTH * direction])
    pixels = points @ K.T
    hull = cv2.convexHull(np.asarray(pixels[:, :2] / pixels[:, 2:], np.float32))
    zone = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillConvexPoly(zone, np.asarray(np.rint(hull * 16), np.int32), 1, shift=4)
    return zone.view(np.bool_)
