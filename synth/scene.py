"""The description of one picture: what is drawn, how it is lit and what lies behind it.

A scene is data only. Renderers (``handbench.synth.renderers``) turn it into ``RenderLayers``.
All positions are in the camera frame (OpenCV: x right, y down, z forward) in metres; pixels have
integer centres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from handbench.types import Side

if TYPE_CHECKING:
    from handbench.synth.layers import RenderLayers

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Part:
    """One drawable: a hand, a forearm or sleeve, an object, a ring.

    Args:
        name: unique within the scene, such as ``right``, ``left_arm`` or ``object``.
        vertices: (V, 3) camera frame [m].
        faces: (F, 3) int32, counter-clockwise seen from outside. A hand is given with its wrist closed.
        hand: whose hand the part goes with and is removed with; None for an object of its own.
        is_hand: True for the hand itself, which gives the amodal and visible masks. It is closed: its back is
            never drawn. Other parts are drawn from both sides.
        texture: (S, S, 3) uint8 sRGB, with ``uv``; or None.
        uv: (F, 3, 2) float32 pixels of the texture (integer centres), for each corner of each face; or None.
            May be shorter than ``faces``: the faces that follow (the cap of the wrist) take the mean colour.
        colors: (V, 3) uint8 sRGB, used where there is no texture.
        gloss: strength of a soft highlight, 0 (matte) to 1.
    """

    name: str
    vertices: FloatArray
    faces: npt.NDArray[np.int32]
    hand: Side | None = None
    is_hand: bool = False
    texture: npt.NDArray[np.uint8] | None = None
    uv: npt.NDArray[np.float32] | None = None
    colors: npt.NDArray[np.uint8] | None = None
    gloss: float = 0.0


@dataclass(frozen=True, slots=True)
class Lights:
    """Light from all around, and directional lights of which the first casts shadows.

    Args:
        ambient: (3,) linear RGB irradiance over pi, the same from everywhere; 1 shows a colour as it is.
        directions: (L, 3) unit vectors towards the lights, camera frame (so -z is a light behind the camera).
        colors: (L, 3) linear RGB; 1 shows a surface that faces the light as it is.
        sh: (9, 3) real spherical harmonics of order 2 (1, y, z, x, xy, yz, 3z2-1, xz, x2-y2) of the ambient
            irradiance over pi, in the camera frame; takes the place of ``ambient`` when given.
        shadow_strength: share of the first light that a cast shadow takes away, 0 to 1.
    """

    ambient: FloatArray
    directions: FloatArray
    colors: FloatArray
    sh: FloatArray | None = None
    shadow_strength: float = 0.8


@dataclass(frozen=True, slots=True)
class HandScene:
    """All that one picture shows.

    Args:
        K: (3, 3) intrinsics [px], integer pixel centres.
        size: (width, height) [px].
        parts: what is drawn; the order does not matter.
        lights: the light.
        background: (h, w, 3) uint8 sRGB.
        background_depth: z of the plane on which shadows fall [m]; inf or 0 for none.
    """

    K: FloatArray
    size: tuple[int, int]
    parts: tuple[Part, ...]
    lights: Lights
    background: npt.NDArray[np.uint8]
    background_depth: float


class Renderer(Protocol):
    """Draws each part of a scene once, into layers that can be composed in any combination."""

    name: str

    def device(self) -> str:
        """Names what draws (GL device and version, or the CPU), for the manifest."""
        ...

    def render(self, scene: HandScene) -> RenderLayers:
        """Draws the scene.

        Returns:
            the layers, valid until the next call: a renderer uses its memory again.

        Raises:
            HandbenchError: vertices that are not finite, or arrays that do not fit together.
        """
        ...
