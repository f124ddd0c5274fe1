"""The parts of a scene with the memory that goes with each, kept for the next scene with the same parts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from handbench.synth.raster_buffers import Mesh, mesh_buffers
from handbench.synth.raster_inputs import PartArrays, ReadOnlyCopies, part_arrays
from handbench.synth.raster_scan import F32
from handbench.synth.scene import Part

LightArrays = tuple[F32, F32, F32]


class DrawnPart:
    """One part's arrays and what the passes have made of them.

    Attributes:
        mesh: memory of the passes.
        drawn: how many faces are drawn.
        used: number of the set of shadows with which it was last coloured in this view, or -1.
    """

    __slots__ = (
        "closed", "colors", "drawn", "faces", "gloss", "mesh", "name", "skin", "smooth", "texels", "texture",
        "used", "uv", "vertices",
    )  # fmt: skip

    def __init__(self, arrays: PartArrays, mesh: Mesh) -> None:
        self.name, self.gloss, self.skin, self.closed = arrays.name, arrays.gloss, arrays.skin, arrays.closed
        self.vertices, self.faces, self.smooth = arrays.vertices, arrays.faces, arrays.smooth
        self.texture: npt.NDArray[np.uint8] = arrays.texture
        self.texels, self.uv, self.colors = arrays.texels, arrays.uv, arrays.colors
        self.mesh = mesh
        self.drawn, self.used = 0, -1


class PartMemory:
    """Memory of meshes, used again from scene to scene."""

    def __init__(self) -> None:
        self._copies = ReadOnlyCopies()
        self._meshes: list[Mesh] = []
        self._drawn: list[DrawnPart] = []
        # Holds the parts themselves: another object could otherwise take their address.
        self._parts: tuple[Part, ...] | None = None
        self._lights = b""

    def recall(self, parts: tuple[Part, ...], lights: LightArrays) -> list[DrawnPart] | None:
        """Gives the parts that ``keep`` was told of, if these are the same objects under the same lights."""
        last = self._parts
        if last is None or len(last) != len(parts) or self._lights != _bytes(lights):
            return None
        same = all(one is other for one, other in zip(last, parts, strict=True))
        return self._drawn if same else None

    def take(self, parts: tuple[Part, ...]) -> list[DrawnPart]:
        """Checks parts and gives them memory.

        Raises:
            HandbenchError: arrays that do not fit together.
        """
        self.forget()
        arrays = [part_arrays(part, self._copies) for part in parts]
        self._drawn = [DrawnPart(part, self._mesh(index, part)) for index, part in enumerate(arrays)]
        return self._drawn

    def keep(self, parts: tuple[Part, ...], lights: LightArrays) -> None:
        """Remembers that all is made for these parts and lights."""
        self._parts, self._lights = parts, _bytes(lights)

    def forget(self) -> None:
        """Forgets the parts."""
        self._parts = None

    def _mesh(self, index: int, part: PartArrays) -> Mesh:
        vertices, faces = part.vertices.shape[0], part.faces.shape[0]
        flat = faces - part.smooth
        if index == len(self._meshes):
            self._meshes.append(mesh_buffers(vertices, faces, flat))
        mesh = self._meshes[index]
        if (len(mesh.screen), len(mesh.drawn), len(mesh.points)) != (vertices, faces, vertices + flat):
            self._meshes[index] = mesh_buffers(vertices, faces, flat)
        return self._meshes[index]


def _bytes(lights: LightArrays) -> bytes:
    return b"".join(array.tobytes() for array in lights)
