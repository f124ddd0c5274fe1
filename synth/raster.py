"""The renderer ``raster``: a z-buffer in numba without GL, the same bits from run to run."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from handbench.errors import HandbenchError
from handbench.synth import raster_passes
from handbench.synth.layers import chosen_parts
from handbench.synth.raster_buffers import LayerBuffers
from handbench.synth.raster_compose import nearest_ids
from handbench.synth.raster_edges import STEP
from handbench.synth.raster_inputs import background_array, bad_index, light_arrays, not_finite
from handbench.synth.raster_meshes import DrawnPart, PartMemory
from handbench.synth.scene import HandScene


class RasterRenderer:
    """Draws scenes with numba kernels on the caller's thread; one instance a thread.

    What does not depend on the camera (light at vertices, shadows) is kept for a next scene with the same
    parts (the same objects) and lights.
    """

    name = "raster"

    def __init__(self) -> None:
        self._layers: LayerBuffers | None = None
        self._memory = PartMemory()
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
        lights = light_arrays(scene.lights)
        parts = self._memory.recall(scene.parts, lights)
        if parts is not None:
            layers = RasterLayers(self, self._generation, scene, parts, buffers)
            if layers.draw(known=True):
                return layers
            self._memory.forget()
        parts = self._memory.take(scene.parts)
        layers = RasterLayers(self, self._generation, scene, parts, buffers)
        layers.draw(known=False)
        buffers.maps.start(scene)
        for index, part in enumerate(parts):
            raster_passes.light_part(
                part.vertices, part.faces, part.smooth, part.skin, part.gloss, index, *lights,
                buffers.maps.basis, buffers.maps.bounds, buffers.maps.means, part.mesh,
            )  # fmt: skip
        buffers.maps.draw(parts, [part.mesh.placed for part in parts])
        self._memory.keep(scene.parts, lights)
        return layers

    def is_current(self, generation: int) -> bool:
        """Tells whether layers of this generation still own the memory."""
        return generation == self._generation

    def _buffers(self, parts: int, size: tuple[int, int]) -> LayerBuffers:
        if self._layers is None or self._layers.size != size or self._layers.parts < parts:
            self._memory.forget()
            self._layers = LayerBuffers(max(parts, 4), size)
        return self._layers


class RasterLayers:
    """The layers of one scene drawn by ``RasterRenderer``; see ``RenderLayers``."""

    def __init__(
        self,
        renderer: RasterRenderer,
        generation: int,
        scene: HandScene,
        parts: list[DrawnPart],
        buffers: LayerBuffers,
    ) -> None:
        self.names = tuple(part.name for part in scene.parts)
        self.size = scene.size
        self._renderer = renderer
        self._generation = generation
        self._parts = parts
        self._b = buffers
        self._K = np.array(scene.K, np.float64)
        self._focal = float(min(self._K[0, 0], self._K[1, 1]))
        # The parts whose nearest are known, and those of the last picture.
        self._known: npt.NDArray[np.int32] | None = None
        self._last: list[int] = []

    def draw(self, known: bool) -> bool:
        """Draws the parts; when ``known``, gives False if vertices have changed since."""
        b = self._b
        for index, part in enumerate(self._parts):
            status, part.drawn = raster_passes.draw_part(
                part.vertices, part.faces, part.closed, self._K, self._focal, index, known,
                b.layers, b.scratch, part.mesh,
            )  # fmt: skip
            part.used = -1
            if status == raster_passes.CHANGED:
                return False
            if status == raster_passes.BAD_INDEX:
                raise bad_index(part.name, len(part.vertices))
            if status == raster_passes.NOT_FINITE:
                raise not_finite(part.name)
        return True

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
        return self._nearest(chosen_parts(self.names, names)).copy()

    def compose(self, scene: HandScene, names: Collection[str]) -> npt.NDArray[np.uint8]:
        """Gives the picture of the background and these parts, (h, w, 3) uint8 sRGB."""
        self._check()
        background = background_array(scene)
        chosen = chosen_parts(self.names, names)
        b = self._b
        number, known = b.maps.choose(scene, chosen)
        b.maps.darken(scene, chosen, number)
        raster_passes.plan_picture(b.layers, chosen, self._nearest(chosen), b.source)
        if not known:
            for part in self._parts:
                part.used = -1 if part.used == number else part.used
        indices = chosen.tolist()
        for index in indices:
            self._shade(index, number, known, scene.lights.shadow_strength)
        w, h = self.size
        out = np.empty((h, w, 3), np.uint8)
        raster_passes.paste(background, b.maps.dark, chosen, b.layers, b.source, out)
        self._last = indices
        b.source, b.shown = b.shown, b.source
        return out

    def _shade(self, index: int, number: int, known: bool, strength: float) -> None:
        part, b = self._parts[index], self._b
        height, width, _ = part.texture.shape
        raster_passes.shade_part(
            index, number, known, part.used, index in self._last, strength, float(STEP) / self._focal,
            b.maps.basis[2], b.maps.merged, *b.maps.used, part.faces, part.smooth, part.drawn, part.uv,
            part.colors, part.texels, width, height, part.mesh, b.layers, b.scratch, b.source, b.shown,
        )  # fmt: skip
        part.used = number

    def _nearest(self, chosen: npt.NDArray[np.int32]) -> npt.NDArray[np.int8]:
        """Gives the nearest of these parts at each pixel, (h, w); the memory is used again."""
        b = self._b
        if self._known is None or not np.array_equal(self._known, chosen):
            nearest_ids(b.layers.nearness, b.layers.boxes, chosen, b.scratch.best, b.nearest)
            self._known = chosen
        return b.nearest

    def _nearness(self, name: str) -> npt.NDArray[np.float32]:
        self._check()
        index = chosen_parts(self.names, (name,))[0]
        w, h = self.size
        full = np.zeros((h, w), np.float32)
        x0, y0, x1, y1 = self._b.layers.boxes[index]
        full[y0:y1, x0:x1] = self._b.layers.nearness[index, y0:y1, x0:x1]
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
