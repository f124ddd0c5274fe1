"""Layers made of whole pictures, as GL gives them: mask, depth, colour and coverage of each part."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from handbench.synth.layers import chosen_parts
from handbench.synth.raster_compose import CELL
from handbench.synth.raster_inputs import PartArrays
from handbench.synth.raster_light import GAMMA
from handbench.synth.scene import HandScene
from handbench.synth.shadow_maps import ShadowMaps


@dataclass(frozen=True, slots=True)
class PixelPart:
    """One part's pictures.

    Attributes:
        arrays: its mesh.
        mask: (h, w) bool at pixel centres.
        depth: (h, w) float32 [m], inf where it is not.
        rgba: (h, w, 4) uint8 sRGB, multiplied by the coverage, without cast shadows.
    """

    arrays: PartArrays
    mask: npt.NDArray[np.bool_]
    depth: npt.NDArray[np.float32]
    rgba: npt.NDArray[np.uint8]


class PixelLayers:
    """The layers of one scene; see ``RenderLayers``. They stay valid."""

    def __init__(self, scene: HandScene, names: tuple[str, ...], parts: list[PixelPart]) -> None:
        self.names = names
        self.size = scene.size
        self._parts = parts
        self._maps = ShadowMaps(max(len(parts), 1), scene.size)
        self._maps.start(scene)
        placed = []
        for index, part in enumerate(parts):
            placed.append(np.empty_like(part.arrays.vertices))
            self._maps.place(index, part.arrays.vertices.astype(np.float32), placed[-1])
        self._maps.draw([part.arrays for part in parts], placed)

    def mask(self, name: str) -> npt.NDArray[np.bool_]:
        """Gives the part's own mask at pixel centres, (h, w) bool."""
        return self._part(name).mask.copy()

    def depth(self, name: str) -> npt.NDArray[np.float32]:
        """Gives the part's own depth at pixel centres, (h, w) float32 z [m], inf where it is not."""
        return self._part(name).depth.copy()

    def visible(self, names: Collection[str]) -> npt.NDArray[np.int8]:
        """Gives the id map of these parts, (h, w) int8, -1 where there is none."""
        w, h = self.size
        best = np.full((h, w), np.inf, np.float32)
        ids = np.full((h, w), -1, np.int8)
        for index in chosen_parts(self.names, names):
            nearer = self._parts[index].depth < best
            ids[nearer] = index
            best = np.where(nearer, self._parts[index].depth, best)
        return ids

    def compose(self, scene: HandScene, names: Collection[str]) -> npt.NDArray[np.uint8]:
        """Gives the picture of the background and these parts, (h, w, 3) uint8 sRGB.

        Parts are laid over one another by depth with their coverage. Shadows on parts darken a pixel by the
        first light's share on a plane facing the camera, where ``raster`` knows each point's own.
        """
        chosen = chosen_parts(self.names, names)
        w, h = self.size
        self._maps.merge(scene, chosen)
        rows, columns = self._maps.dark.shape
        wide = cv2.resize(self._maps.dark, (columns * CELL, rows * CELL), interpolation=cv2.INTER_LINEAR)
        # Nodes stand at every CELL-th pixel; resize puts them at the middle of their cells.
        half = (CELL - 1) / 2
        shift = np.array([[1.0, 0.0, -half], [0.0, 1.0, -half]])
        dark = cv2.warpAffine(wide, shift, (w, h), borderMode=cv2.BORDER_REPLICATE)
        out = scene.background.astype(np.float32) * dark[..., None]
        if not chosen.size:
            return np.asarray(np.rint(out), np.uint8)
        depths, layers = [], []
        for index in chosen:
            part = self._parts[index]
            depths.append(np.where(part.rgba[..., 3] > 0, _spread(part.depth), np.inf))
            layers.append(self._shadowed(scene, part))
        order = np.argsort(-np.stack(depths), axis=0, kind="stable")
        stack = np.stack(layers)
        for k in range(chosen.size):
            layer = np.take_along_axis(stack, order[k][None, :, :, None], axis=0)[0]
            out = layer[..., :3] + out * (1.0 - layer[..., 3:] / 255.0)
        return np.asarray(np.rint(np.clip(out, 0.0, 255.0)), np.uint8)

    def _part(self, name: str) -> PixelPart:
        return self._parts[int(chosen_parts(self.names, (name,))[0])]

    def _shadowed(self, scene: HandScene, part: PixelPart) -> npt.NDArray[np.float32]:
        """Gives the part's (h, w, 4) with the shadows that the merged maps cast on it."""
        layer = part.rgba.astype(np.float32)
        ys, xs = np.nonzero(part.mask)
        if not ys.size:
            return layer
        rays = np.stack([xs, ys, np.ones_like(xs)], axis=1) @ np.linalg.inv(scene.K).T
        shadow = self._maps.at_points((rays * part.depth[ys, xs, None]).astype(np.float32))
        factor = np.zeros(part.mask.shape, np.float32)
        factor[ys, xs] = (1.0 - self._maps.fullness(scene) * shadow) ** (1.0 / GAMMA)
        known = part.mask.astype(np.float32)
        # Outline pixels whose centre is not covered take their neighbours' mean.
        mean = cv2.blur(factor, (3, 3)) / np.maximum(cv2.blur(known, (3, 3)), 1e-6)
        layer[..., :3] *= np.where(part.mask, factor, np.where(mean > 0.0, mean, 1.0))[..., None]
        return layer


def _spread(depth: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Gives pixels without a depth the least of their neighbours'."""
    near = cv2.erode(np.where(np.isfinite(depth), depth, 1e9).astype(np.float32), np.ones((3, 3), np.uint8))
    return np.where(np.isfinite(depth), depth, near).astype(np.float32)
