"""The renderer ``raster``: a z-buffer in numba without GL, the same bits from run to run."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from handbench.errors import HandbenchError
from handbench.synth import raster_passes
from handbench.synth.layers import chosen_parts
from handbench.synth.raster_buffers import LayerBuffers, MeshBuffers
from handbench.synth.raster_compose import nearest_ids
from handbench.synth.raster_edges import STEP
from handbench.synth.raster_inputs import (
    PartArrays,
    ReadOnlyCopies,
    background_array,
    bad_index,
    light_arrays,
    not_finite,
    part_arrays,
)
from handbench.synth.scene import HandScene


class RasterRenderer:
    """Draws scenes with numba kernels on the caller's thread; one instance a thread."""

    name = "raster"

    def __init__(self) -> None:
        self._layers: LayerBuffers | None = None
        self._meshes: list[MeshBuffers] = []
        self._copies = ReadOnlyCopies()
        self._generation = 0

    def device(self) -> str:
        """Says that nothing but the CPU draws."""
        return "CPU"

    def render(self, scene: HandScene) -> RasterLayers:
        """Draws each part of the scene once.

        Triangles that reach within 1 mm of the camera, or behind it, are left out.

        Returns:
            the layers, valid until the next call.

        Raises:
            HandbenchError: vertices that are not finite, or arrays that do not fit together.
        """
        self._generation += 1
        buffers = self._buffers(len(scene.parts), scene.size)
        parts = [part_arrays(part, self._copies) for part in scene.parts]
        layers = RasterLayers(self, self._generation, scene, parts, buffers)
        for index, part in enumerate(parts):
            layers.draw(index, part, self._mesh(index, part))
        layers.draw_light_maps()
        return layers

    def is_current(self, generation: int) -> bool:
        """Tells whether layers of this generation still own the memory."""
        return generation == self._generation

    def _buffers(self, parts: int, size: tuple[int, int]) -> LayerBuffers:
        if self._layers is None or self._layers.size != size or self._layers.parts < parts:
            self._layers = LayerBuffers(max(parts, 4), size)
        return self._layers

    def _mesh(self, index: int, part: PartArrays) -> MeshBuffers:
        while len(self._meshes) <= index:
            self._meshes.append(MeshBuffers(0, 0, 0))
        shape = (part.vertices.shape[0], part.faces.shape[0], part.faces.shape[0] - part.smooth)
        if self._meshes[index].shape != shape:
            self._meshes[index] = MeshBuffers(*shape)
        return self._meshes[index]


class RasterLayers:
    """The layers of one scene drawn by ``RasterRenderer``; see ``RenderLayers``."""

    def __init__(
        self,
        renderer: RasterRenderer,
        generation: int,
        scene: HandScene,
        parts: list[PartArrays],
        buffers: LayerBuffers,
    ) -> None:
        self.names = tuple(part.name for part in scene.parts)
        self.size = scene.size
        self._renderer = renderer
        self._generation = generation
        self._parts = parts
        self._meshes: list[MeshBuffers] = []
        self._b = buffers
        self._K = np.array(scene.K, np.float64)
        self._focal = float(min(self._K[0, 0], self._K[1, 1]))
        self._ratio = float(STEP) / self._focal
        self._sh, self._directions, self._colors = light_arrays(scene.lights)
        buffers.maps.start(scene)

    def draw(self, index: int, part: PartArrays, mesh: MeshBuffers) -> None:
        """Draws one part into layer ``index`` and computes the light at its points."""
        b = self._b
        self._meshes.append(mesh)
        status, part.drawn = raster_passes.draw_part(
            part.vertices,
            part.faces,
            part.smooth,
            part.closed,
            part.skin,
            part.gloss,
            self._K,
            self._focal,
            index,
            b.keys,
            b.boxes,
            b.nearness,
            b.owner,
            b.slot,
            b.bits,
            b.flags,
            b.pixels,
            b.counts,
            b.near4,
            b.owner4,
            mesh.screen,
            mesh.drawn,
            mesh.corner,
            mesh.points,
            mesh.normals,
            self._sh,
            self._directions,
            self._colors,
            mesh.light,
            mesh.used,
            b.maps.basis,
            mesh.placed,
            b.maps.bounds,
            b.maps.means,
        )
        if status == raster_passes.BAD_INDEX:
            raise bad_index(part.name, len(part.vertices))
        if status == raster_passes.NOT_FINITE:
            raise not_finite(part.name)

    def draw_light_maps(self) -> None:
        """Draws each part as the first light sees it, on one grid."""
        self._b.maps.draw(self._parts, [mesh.placed for mesh in self._meshes])

    def mask(self, name: str) -> npt.NDArray[np.bool_]:
        """Gives the part's own mask at pixel centres, (h, w) bool."""
        return self._nearness(name) > 0.0

    def depth(self, name: str) -> npt.NDArray[np.float32]:
        """Gives the part's own depth at pixel centres, (h, w) float32 z [m], inf where it is not."""
        with np.errstate(divide="ignore"):
            return np.float32(1.0) / self._nearness(name)

    def visible(self, names: Collection[str]) -> npt.NDArray[np.int8]:
        """Gives the id map of these parts, (h, w) int8, -1 where there is none."""
        self._check()
        w, h = self.size
        ids = np.empty((h, w), np.int8)
        b = self._b
        nearest_ids(b.nearness, b.boxes, chosen_parts(self.names, names), b.best, ids)
        return ids

    def compose(self, scene: HandScene, names: Collection[str]) -> npt.NDArray[np.uint8]:
        """Gives the picture of the background and these parts, (h, w, 3) uint8 sRGB."""
        self._check()
        chosen = chosen_parts(self.names, names)
        b = self._b
        w, h = self.size
        out = np.empty((h, w, 3), np.uint8)
        b.maps.merge(scene, chosen)
        for index in chosen.tolist():
            self._shade(index, scene.lights.shadow_strength)
        raster_passes.paste(
            background_array(scene),
            b.maps.dark,
            chosen,
            b.boxes,
            b.nearness,
            b.rgb,
            b.slot,
            b.pixels,
            b.counts,
            b.near4,
            b.rgb4,
            b.best,
            b.color,
            b.flags,
            out,
        )
        return out

    def _shade(self, index: int, strength: float) -> None:
        part, mesh, b = self._parts[index], self._meshes[index], self._b
        height, width, _ = part.texture.shape
        rows, columns = b.maps.used
        raster_passes.shade_part(
            index,
            strength,
            self._ratio,
            self._directions[0],
            b.maps.merged,
            rows,
            columns,
            part.faces,
            part.smooth,
            part.drawn,
            part.uv,
            part.colors,
            part.texels,
            width,
            height,
            mesh.screen,
            mesh.drawn,
            mesh.corner,
            mesh.normals,
            mesh.placed,
            mesh.light,
            mesh.shadow,
            mesh.used,
            mesh.stale,
            mesh.lit,
            mesh.planes,
            b.boxes,
            b.nearness,
            b.owner,
            b.rgb,
            b.pixels,
            b.counts,
            b.near4,
            b.owner4,
            b.rgb4,
            b.values,
            b.ints,
            b.packed,
            b.ends,
            b.starts,
            b.lengths,
            b.wanted,
        )

    def _nearness(self, name: str) -> npt.NDArray[np.float32]:
        self._check()
        index = chosen_parts(self.names, (name,))[0]
        w, h = self.size
        full = np.zeros((h, w), np.float32)
        x0, y0, x1, y1 = self._b.boxes[index]
        full[y0:y1, x0:x1] = self._b.nearness[index, y0:y1, x0:x1]
        return full

    def _check(self) -> None:
        if not self._renderer.is_current(self._generation):
            raise HandbenchError(
                "these layers belong to an earlier render() call",
                "compose a scene before rendering the next one",
            )


def make() -> RasterRenderer:
    """Makes the renderer; the registry's entry."""
    return RasterRenderer()
