"""Hand meshes as pictures: shaded over a panel, and from the side."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.show import marks
from handbench.show.mesh_faces import MeshFaces
from handbench.show.placement import PlacedHand, project
from handbench.types import Side

if TYPE_CHECKING:
    from handbench.synth.scene import Renderer

SKIN: dict[Side, marks.Color] = {Side.RIGHT: (142, 190, 232), Side.LEFT: (240, 186, 110)}
"""Of meshes: right pale blue, left pale orange."""

TRUE_SKIN: marks.Color = (206, 206, 202)
"""Of annotated meshes."""

GROUND: marks.Color = (246, 246, 244)
_DISTANCE = 2.0
_TURN = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
_NEAR = 0.02


@dataclass(frozen=True)
class Mesh:
    """A mesh in a camera frame.

    Attributes:
        vertices: (V, 3) [m].
        faces: (F, 3), or None where only the vertices are known; they are drawn as dots.
        color: RGB.
    """

    vertices: FloatArray
    faces: npt.NDArray[np.int32] | None
    color: marks.Color


def meshes_of(
    hands: Sequence[PlacedHand], faces: MeshFaces, named: str = "", color: marks.Color | None = None
) -> list[Mesh]:
    """Returns the meshes of hands; hands without vertices have none.

    Args:
        hands: placed.
        faces: finds triangles.
        named: hand model that the prediction says.
        color: of all; by default the side's.
    """
    return [
        Mesh(hand.vertices, faces.of(hand.vertices, hand.side, named), color or SKIN[hand.side])
        for hand in hands
        if hand.vertices is not None and hand.vertices[:, 2].min() > _NEAR
    ]


def draw_meshes(image: ImageArray, K: FloatArray, meshes: Sequence[Mesh], alpha: float = 0.85) -> ImageArray:
    """Returns a panel with meshes over it, smoothly shaded.

    Args:
        image: (h, w, 3) uint8 RGB.
        K: (3, 3) intrinsics of the panel [px].
        meshes: in its camera frame.
        alpha: share of the mesh where it covers the picture.
    """
    out = np.ascontiguousarray(image)
    solid = [mesh for mesh in meshes if mesh.faces is not None]
    if solid:
        drawn = _render(out, K, solid).astype(np.float32)
        out = np.round(out + alpha * (drawn - out)).astype(np.uint8)
    for mesh in meshes:
        if mesh.faces is None:
            out = _dots(out, project(mesh.vertices, K), mesh.color)
    return out


def _render(image: ImageArray, K: FloatArray, meshes: Sequence[Mesh]) -> ImageArray:
    from handbench.synth.scene import HandScene, Part

    parts = tuple(
        Part(
            f"hand{i}", np.ascontiguousarray(mesh.vertices, np.float64), mesh.faces, is_hand=True,
            colors=np.tile(np.array(mesh.color, np.uint8), (len(mesh.vertices), 1)), gloss=0.12,
        )
        for i, mesh in enumerate(meshes)
        if mesh.faces is not None
    )  # fmt: skip
    scene = HandScene(K, (image.shape[1], image.shape[0]), parts, _lights(), image, 0.0)
    return np.asarray(_renderer().render(scene).compose(scene, [part.name for part in parts]))


@functools.lru_cache(maxsize=1)
def _renderer() -> Renderer:
    from handbench.synth.renderers import make_renderer

    return make_renderer("raster")


@functools.lru_cache(maxsize=1)
def _lights() -> Any:
    from handbench.synth.scene import Lights

    toward = np.array([[-0.45, -0.65, -0.75], [0.8, 0.1, -0.5]])
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    return Lights(np.full(3, 0.22), toward, np.array([[0.8] * 3, [0.18] * 3]), shadow_strength=0.0)


def _dots(image: ImageArray, points: FloatArray, color: marks.Color) -> ImageArray:
    out = image.copy()
    radius = max(min(image.shape[:2]) / 300, 1.0)
    for point in points:
        marks.disc(out, point, radius, color)
    return out


@dataclass(frozen=True)
class SideView:
    """Looks at hands from the right of the camera, level with it; the camera is on the left of the panel.

    Attributes:
        centre: (3,) [m], camera frame, in the middle of the panel.
        K: (3, 3) intrinsics [px]: as large as the hand is in the panel beside it, nearly without perspective.
        size: (width, height) [px].
    """

    centre: FloatArray
    K: FloatArray
    size: tuple[int, int]

    @classmethod
    def beside(cls, points: FloatArray, K: FloatArray, size: tuple[int, int]) -> SideView:
        """Looks at points (N, 3) [m] that another panel shows by ``K``."""
        centre = (points.min(axis=0) + points.max(axis=0)) / 2
        focal = K[1, 1] * _DISTANCE / max(float(centre[2]), 1e-3)
        reach = float(np.ptp(points[:, 1:], axis=0).max())
        focal = min(focal, 0.9 * min(size) * _DISTANCE / max(reach, 1e-6))
        middle = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1.0]])
        return cls(centre, middle, size)

    def turned(self, points: FloatArray) -> FloatArray:
        """Returns points (N, 3) [m] in the frame of this view."""
        return np.asarray((points - self.centre) @ _TURN.T + [0.0, 0.0, _DISTANCE])

    def pixels(self, points: FloatArray) -> FloatArray:
        """Returns points (N, 3) [m] in pixels (N, 2) of the panel."""
        return project(self.turned(points), self.K)

    def draw(self, meshes: Sequence[Mesh]) -> ImageArray:
        """Returns the panel."""
        ground = np.full((self.size[1], self.size[0], 3), GROUND, np.uint8)
        turned = [Mesh(self.turned(mesh.vertices), mesh.faces, mesh.color) for mesh in meshes]
        return draw_meshes(ground, self.K, turned, alpha=1.0)
