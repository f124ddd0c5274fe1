"""The rasteriser's passes: the kernels joined into a few calls: each call from Python costs microseconds.

Numba's cache looks at the file of the outermost function alone. The functions here carry a stamp of the other
kernel files in a closure, which is part of the cache's key: after a change in any of them they compile anew.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numba as nb

from handbench.synth.raster_compose import paste_centres, paste_edges, shade_background
from handbench.synth.raster_edges import find_edges, keep_edges, sample_edges
from handbench.synth.raster_light import apply_shadow, light_points, mark_stale, surface_points
from handbench.synth.raster_scan import F32, F64, I32, I64, draw_faces, project
from handbench.synth.raster_shade import face_planes, shade_pixels, shade_samples
from handbench.synth.raster_shadow import light_frame, point_shadows
from handbench.synth.raster_texels import U8, U32

OK, BAD_INDEX, NOT_FINITE = 0, 1, 2


def _stamp() -> int:
    """Gives a number that changes with the kernels' sources."""
    digest = hashlib.blake2b(digest_size=7)
    for path in sorted(Path(__file__).parent.glob("raster_*.py")):
        digest.update(path.read_bytes())
    return int.from_bytes(digest.digest(), "little")


def _make_draw_part(stamp: int) -> Any:
    @nb.njit(cache=True, nogil=True, error_model="numpy")
    def draw_part(
        vertices: F64,
        faces: I32,
        n_smooth: int,
        closed: bool,
        skin: bool,
        gloss: float,
        K: F64,
        focal: float,
        index: int,
        keys: I64,
        boxes: I32,
        nearness: F32,
        owner: I32,
        slot: I32,
        bits: Any,
        flags: U8,
        pixels: I32,
        counts: I32,
        near4: F32,
        owner4: I32,
        screen: F64,
        drawn: I32,
        corner: I32,
        points: F32,
        normals: F32,
        sh: F32,
        directions: F32,
        colors: F32,
        light: F32,
        used: F32,
        basis: F32,
        placed: F64,
        bounds: F64,
        means: F64,
    ) -> tuple[int, int]:
        """Draws one part into layer ``index`` and computes the light at its points.

        Arguments are those of the kernels; layers come as stacks (P, ...).

        Returns:
            OK, BAD_INDEX or NOT_FINITE; and the number of drawn faces.
        """
        stamp  # noqa: B018
        for f in range(faces.shape[0]):
            for k in range(3):
                if faces[f, k] < 0 or faces[f, k] >= vertices.shape[0]:
                    return BAD_INDEX, 0
        finite, front = project(vertices, K, screen)
        if not finite:
            return NOT_FINITE, 0
        box, near, own = boxes[index], nearness[index], owner[index]
        n = draw_faces(screen, faces, closed and front, keys, box, near, own, drawn)
        count = find_edges(near, own, focal, box, flags, slot[index], bits, pixels[index])
        sample_edges(screen, faces, drawn, n, slot[index], bits, count, near4[index], owner4[index])
        counts[index] = keep_edges(
            near, focal, slot[index], pixels[index], count, near4[index], owner4[index]
        )
        surface_points(vertices, faces, n_smooth, points, normals, corner)
        light_points(points, normals, sh, directions, colors, gloss, skin, light)
        used[:] = -1.0
        means[index] = light_frame(points, basis, placed, bounds)
        return OK, n

    return draw_part


def _make_shade_part(stamp: int) -> Any:
    @nb.njit(cache=True, nogil=True, error_model="numpy")
    def shade_part(
        index: int,
        strength: float,
        ratio: float,
        direction: F32,
        merged: F32,
        rows: int,
        columns: int,
        faces: I32,
        n_smooth: int,
        n_drawn: int,
        uv: F32,
        colors: U8,
        texels: U32,
        width: int,
        height: int,
        screen: F64,
        drawn: I32,
        corner: I32,
        normals: F32,
        placed: F64,
        light: F32,
        shadow: F32,
        used: F32,
        stale: U8,
        lit: F32,
        planes: F32,
        boxes: I32,
        nearness: F32,
        owner: I32,
        rgb: U32,
        pixels: I32,
        counts: I32,
        near4: F32,
        owner4: I32,
        rgb4: U32,
        values: F32,
        ints: I32,
        packed: U32,
        ends: I32,
        starts: I32,
        lengths: I32,
        wanted: I32,
    ) -> None:
        """Colours what of layer ``index`` is not yet coloured under the merged shadows."""
        stamp  # noqa: B018
        point_shadows(placed, normals, direction, merged, rows, columns, shadow)
        if not mark_stale(faces, n_smooth, screen.shape[0], shadow, used, stale):
            return
        apply_shadow(light, shadow, strength, lit)
        face_planes(screen, faces, n_smooth, drawn, n_drawn, stale, lit, uv, colors, corner, planes)
        shade_pixels(
            planes,
            texels,
            width,
            height,
            stale,
            boxes[index],
            owner[index],
            values,
            ints,
            packed,
            ends,
            starts,
            lengths,
            rgb[index],
        )
        shade_samples(
            planes,
            texels,
            width,
            height,
            ratio,
            pixels[index],
            counts[index],
            nearness[index],
            rgb[index],
            near4[index],
            owner4[index],
            values,
            ints,
            packed,
            wanted,
            rgb4[index],
        )

    return shade_part


def _make_paste(stamp: int) -> Any:
    @nb.njit(cache=True, nogil=True, error_model="numpy")
    def paste(
        background: U8,
        dark: F32,
        chosen: I32,
        boxes: I32,
        nearness: F32,
        rgb: U32,
        slot: I32,
        pixels: I32,
        counts: I32,
        near4: F32,
        rgb4: U32,
        best: F32,
        color: U32,
        flags: U8,
        out: U8,
    ) -> None:
        """Lays the chosen parts over the darkened background."""
        stamp  # noqa: B018
        shade_background(background, dark, out)
        paste_edges(nearness, rgb, boxes, slot, pixels, counts, near4, rgb4, chosen, out)
        paste_centres(nearness, rgb, boxes, slot, chosen, best, color, flags, out)

    return paste


_STAMP = _stamp()
draw_part = _make_draw_part(_STAMP)
shade_part = _make_shade_part(_STAMP)
paste = _make_paste(_STAMP)
