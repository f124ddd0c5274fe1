"""Memory that the rasteriser uses again from scene to scene, in the bundles that its kernels take."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from handbench.synth.raster_scan import BLOCK, F32, F64, I32, I64
from handbench.synth.raster_texels import CHUNK, COLUMNS, QUANTITIES, ROW, RUN, U8, U32
from handbench.synth.shadow_maps import SETS, ShadowMaps

I8 = npt.NDArray[np.int8]
U64 = npt.NDArray[np.uint64]


class Layers(NamedTuple):
    """The layers of P parts; what is written lies inside each part's box.

    Args:
        boxes: (P, 4) x0, y0, x1, y1 (exclusive) of the pixels that each part may touch.
        nearness: (P, h, w) 1 / z at pixel centres, 0 where empty.
        owner: (P, h, w) face at pixel centres, -1 where empty.
        rgb: (P, h, w) packed colours, where a picture has shown them.
        bits: (P, h, words) which pixels are on an outline, 64 a word, and a word more that is 0.
        before: (P, h, words) how many outline pixels come before each word.
        pixels: (P, N) y * w + x of each outline pixel.
        counts: (P,) how many there are.
        near4: (P, N, 4) 1 / z at their samples, 0 where empty.
        owner4: (P, N, 4) face at their samples.
        rgb4: (P, N, 4) packed colours at their samples.
        ready: (P, N) 1 where these colours are made.
    """

    boxes: I32
    nearness: F32
    owner: I32
    rgb: U32
    bits: U64
    before: I32
    pixels: I32
    counts: I32
    near4: F32
    owner4: I32
    rgb4: U32
    ready: U8


class Scratch(NamedTuple):
    """What a kernel writes and forgets; see the kernels for the shapes."""

    keys: I64
    keys4: I64
    tiles: I32
    marked: U64
    flags: U8
    best: F32
    values: F32
    ints: I32
    packed: U32
    line: I32
    ends: I32
    starts: I32
    lengths: I32
    wanted: I32


class Mesh(NamedTuple):
    """What is known of one part's V vertices, F faces and N points of light (vertices, then flat faces).

    Args:
        screen: (V, 3) x, y [px] and 1 / z.
        corner: (V,) 3 * face + corner of a face that has the vertex.
        drawn: (F,) the faces that are drawn.
        stale: (F,) 1 where a face's colours no longer hold.
        planes: (F, 24) the quantities as planes on the screen.
        points: (N, 3) [m].
        normals: (N, 3) unit.
        light: (N, 8) with and without the first light.
        placed: (N, 3) as the first light sees the points.
        shadow: (SETS, N) share of the first light that each set of parts keeps away.
        lit: (SETS, N, 4) light under these shadows.
        total: (1,) sum of the vertices' coordinates, to notice when they change.
    """

    screen: F64
    corner: I32
    drawn: I32
    stale: U8
    planes: F32
    points: F32
    normals: F32
    light: F32
    placed: F64
    shadow: F32
    lit: F32
    total: F64


class LayerBuffers:
    """Layers of up to ``parts`` parts at one picture size; memory is touched only where a part is drawn."""

    def __init__(self, parts: int, size: tuple[int, int]) -> None:
        w, h = size
        self.parts = parts
        self.size = size
        words = (w + 63) // 64 + 1
        self.layers = Layers(
            boxes=np.zeros((parts, 4), np.int32),
            nearness=np.zeros((parts, h, w), np.float32),
            owner=np.zeros((parts, h, w), np.int32),
            rgb=np.zeros((parts, h, w), np.uint32),
            bits=np.zeros((parts, h, words), np.uint64),
            before=np.zeros((parts, h, words), np.int32),
            pixels=np.zeros((parts, h * w), np.int32),
            counts=np.zeros(parts, np.int32),
            near4=np.zeros((parts, h * w, 4), np.float32),
            owner4=np.zeros((parts, h * w, 4), np.int32),
            rgb4=np.zeros((parts, h * w, 4), np.uint32),
            ready=np.zeros((parts, h * w), np.uint8),
        )
        self.scratch = Scratch(
            keys=np.zeros((h, w + BLOCK), np.int64),
            keys4=np.zeros((h * w, 4), np.int64),
            tiles=np.zeros((1024, 3), np.int32),
            marked=np.zeros(1024, np.uint64),
            flags=np.zeros(64 * words, np.uint8),
            best=np.zeros(w, np.float32),
            values=np.ones(QUANTITIES * ROW, np.float32),
            ints=np.zeros(COLUMNS * ROW, np.int32),
            packed=np.zeros(ROW, np.uint32),
            line=np.zeros(w + RUN, np.int32),
            ends=np.zeros(w + 1, np.int32),
            starts=np.zeros(CHUNK, np.int32),
            lengths=np.zeros(CHUNK, np.int32),
            wanted=np.zeros(4 * CHUNK, np.int32),
        )
        self.maps = ShadowMaps(parts, size)
        # The nearest part at each pixel; what the picture to be made takes where; what the last one took.
        self.nearest: I8 = np.zeros((h, w), np.int8)
        self.source: I8 = np.zeros((h, w), np.int8)
        self.shown: I8 = np.zeros((h, w), np.int8)


def mesh_buffers(vertices: int, faces: int, flat: int) -> Mesh:
    """Makes the memory for a mesh of which the last ``flat`` faces are flat."""
    points = vertices + flat
    return Mesh(
        screen=np.zeros((vertices, 3), np.float64),
        corner=np.zeros(vertices, np.int32),
        drawn=np.zeros(faces, np.int32),
        stale=np.zeros(faces, np.uint8),
        planes=np.zeros((faces, 24), np.float32),
        points=np.zeros((points, 3), np.float32),
        normals=np.zeros((points, 3), np.float32),
        light=np.zeros((points, 8), np.float32),
        placed=np.zeros((points, 3), np.float64),
        shadow=np.zeros((SETS, points), np.float32),
        lit=np.zeros((SETS, points, 4), np.float32),
        total=np.zeros(1, np.float64),
    )
