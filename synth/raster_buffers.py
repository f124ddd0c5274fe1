"""Memory that the rasteriser uses again from scene to scene."""

from __future__ import annotations

import numpy as np

from handbench.synth.raster_scan import BLOCK
from handbench.synth.raster_texels import CHUNK, COLUMNS, QUANTITIES, ROW
from handbench.synth.shadow_maps import ShadowMaps


class LayerBuffers:
    """Layers of up to ``parts`` parts at one picture size; memory is touched only where a part is drawn."""

    def __init__(self, parts: int, size: tuple[int, int]) -> None:
        w, h = size
        self.parts = parts
        self.size = size
        self.keys = np.zeros((h, w + BLOCK), np.int64)
        self.nearness = np.zeros((parts, h, w), np.float32)
        self.owner = np.zeros((parts, h, w), np.int32)
        self.slot = np.zeros((parts, h, w), np.int32)
        self.bits = np.zeros((h, (w + 63) // 64), np.uint64)
        self.rgb = np.zeros((parts, h, w), np.uint32)
        self.boxes = np.zeros((parts, 4), np.int32)
        self.pixels = np.zeros((parts, h * w), np.int32)
        self.counts = np.zeros(parts, np.int32)
        self.near4 = np.zeros((parts, h * w, 4), np.float32)
        self.owner4 = np.zeros((parts, h * w, 4), np.int32)
        self.rgb4 = np.zeros((parts, h * w, 4), np.uint32)
        self.maps = ShadowMaps(parts, size)
        self.best = np.zeros(w, np.float32)
        self.color = np.zeros(w, np.uint32)
        self.values = np.ones(QUANTITIES * ROW, np.float32)
        self.ints = np.zeros(COLUMNS * ROW, np.int32)
        self.packed = np.zeros(ROW, np.uint32)
        self.starts = np.zeros(CHUNK, np.int32)
        self.lengths = np.zeros(CHUNK, np.int32)
        self.ends = np.zeros(w + 1, np.int32)
        self.wanted = np.zeros(4 * CHUNK, np.int32)
        self.flags = np.zeros(w, np.uint8)


class MeshBuffers:
    """What is known of one part's vertices and faces; grows to the largest mesh that it has held."""

    def __init__(self, vertices: int, faces: int, flat: int) -> None:
        points = vertices + flat
        self.shape = (vertices, faces, flat)
        self.screen = np.zeros((vertices, 3), np.float64)
        self.corner = np.zeros(vertices, np.int32)
        self.drawn = np.zeros(faces, np.int32)
        self.stale = np.zeros(faces, np.uint8)
        self.planes = np.zeros((faces, 24), np.float32)
        self.points = np.zeros((points, 3), np.float32)
        self.normals = np.zeros((points, 3), np.float32)
        self.light = np.zeros((points, 8), np.float32)
        self.lit = np.zeros((points, 4), np.float32)
        self.placed = np.zeros((points, 3), np.float64)
        self.shadow = np.zeros(points, np.float32)
        self.used = np.zeros(points, np.float32)
