"""The rasteriser's passes: the kernels joined into a few calls: each call from Python costs microseconds.

Numba's cache looks at the file of the outermost function alone. The functions here carry a stamp of the other
kernel files in a closure, which is part of the cache's key: after a change in any of them they compile anew.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numba as nb

from handbench.synth.raster_buffers import I8, Layers, Mesh, Scratch
from handbench.synth.raster_compose import mark_mixed, paste_centres, paste_edges, shade_background
from handbench.synth.raster_edges import find_edges, keep_edges
from handbench.synth.raster_light import apply_shadow, light_points, mark_stale, surface_points
from handbench.synth.raster_samples import sample_edges
from handbench.synth.raster_scan import F32, F64, I32, draw_faces, project
from handbench.synth.raster_shade import face_planes, shade_pixels, shade_samples
from handbench.synth.raster_shadow import light_frame, point_shadows
from handbench.synth.raster_texels import U8, U32

OK, BAD_INDEX, NOT_FINITE, CHANGED = 0, 1, 2, 3


def _stamp() -> int:
    """Gives a number that changes with the kernels' sources."""
    digest = hashlib.blake2b(digest_size=7)
    for path in sorted(Path(__file__).parent.glob("raster_*.py")):
        digest.update(path.read_bytes())
    return int.from_bytes(digest.digest(), "little")


def _make_draw_part(stamp: int) -> Any:
    @nb.njit(cache=True, nogil=True, error_model="numpy")
    def draw_part(
        vertices: F64, faces: I32, closed: bool, K: F64, focal: float, index: int, known: bool,
        layers: Layers, scratch: Scratch, mesh: Mesh,
    ) -> tuple[int, int]:  # fmt: skip
        """Draws one part into layer ``index``.

        Args:
            vertices: (V, 3) camera frame [m].
            faces: (F, 3).
            closed: True when back faces can never be seen.
            K: (3, 3) intrinsics [px].
            focal: the smaller focal length [px].
            index: of the part.
            known: whether ``mesh`` comes from these vertices and faces.
            layers: all parts' layers.
            scratch: memory.
            mesh: the part's own memory.

        Returns:
            OK, BAD_INDEX, NOT_FINITE, or CHANGED (known, but the vertices are others); and how many faces are
            drawn.
        """
        stamp  # noqa: B018
        if not known:
            for f in range(faces.shape[0]):
                for k in range(3):
                    if faces[f, k] < 0 or faces[f, k] >= vertices.shape[0]:
                        return BAD_INDEX, 0
        finite, front, total = project(vertices, K, mesh.screen)
        if not finite:
            return NOT_FINITE, 0
        if known and total != mesh.total[0]:
            return CHANGED, 0
        mesh.total[0] = total
        box, near, own = layers.boxes[index], layers.nearness[index], layers.owner[index]
        bits, before, pixels = layers.bits[index], layers.before[index], layers.pixels[index]
        near4, owner4 = layers.near4[index], layers.owner4[index]
        n = draw_faces(mesh.screen, faces, closed and front, scratch.keys, box, near, own, mesh.drawn)
        count = find_edges(near, own, focal, box, scratch.flags, bits, before, pixels)
        keys4, width = scratch.keys4, near.shape[1]
        sample_edges(
            mesh.screen, faces, mesh.drawn, n, width, bits, before, count, scratch.tiles,
            scratch.marked, keys4,
        )  # fmt: skip
        count = keep_edges(near, focal, box, bits, before, pixels, count, keys4, near4, owner4)
        layers.counts[index] = count
        layers.ready[index, :count] = 0
        return OK, n

    return draw_part


def _make_light_part(stamp: int) -> Any:
    @nb.njit(cache=True, nogil=True, error_model="numpy")
    def light_part(
        vertices: F64, faces: I32, n_smooth: int, skin: bool, gloss: float, index: int, sh: F32,
        directions: F32, colors: F32, basis: F32, bounds: F64, means: F64, mesh: Mesh,
    ) -> None:  # fmt: skip
        """Computes the light at a part's points, and where the first light sees them.

        Arguments are those of the kernels.
        """
        stamp  # noqa: B018
        surface_points(vertices, faces, n_smooth, mesh.points, mesh.normals, mesh.corner)
        light_points(mesh.points, mesh.normals, sh, directions, colors, gloss, skin, mesh.light)
        means[index] = light_frame(mesh.points, basis, mesh.placed, bounds)

    return light_part


def _make_shade_part(stamp: int) -> Any:
    @nb.njit(cache=True, nogil=True, error_model="numpy")
    def shade_part(
        index: int, number: int, known: bool, used: int, kept: bool, strength: float, ratio: float,
        direction: F32, merged: F32, rows: int, columns: int, faces: I32, n_smooth: int, n_drawn: int,
        uv: F32, colors: U8, texels: U32, width: int, height: int, mesh: Mesh, layers: Layers,
        scratch: Scratch, source: I8, shown: I8,
    ) -> None:  # fmt: skip
        """Colours what the picture takes of layer ``index`` and is not yet coloured under its shadows.

        Args are those of the kernels, and

        Args:
            number: of the set of parts that cast shadows.
            known: whether the light under these shadows is known.
            used: number of the set with which the part was last coloured, or -1.
            kept: whether it was coloured for the picture before.
        """
        stamp  # noqa: B018
        shadow, lit, stale = mesh.shadow[number], mesh.lit[number], mesh.stale
        if not known:
            point_shadows(mesh.placed, mesh.normals, direction, merged, rows, columns, shadow)
            apply_shadow(mesh.light, shadow, strength, lit)
        if used < 0:
            stale[:] = 1
        elif used == number or not mark_stale(
            faces, n_smooth, mesh.screen.shape[0], shadow, mesh.shadow[used], stale
        ):
            stale[:] = 0
        face_planes(
            mesh.screen,
            faces,
            n_smooth,
            mesh.drawn,
            n_drawn,
            stale,
            lit,
            uv,
            colors,
            mesh.corner,
            mesh.planes,
        )
        box, owner, rgb = layers.boxes[index], layers.owner[index], layers.rgb[index]
        shade_pixels(
            mesh.planes, texels, width, height, stale, index, source, shown, kept, box, owner, scratch, rgb
        )
        shade_samples(
            mesh.planes, texels, width, height, ratio, stale, source, layers.pixels[index],
            layers.counts[index], layers.nearness[index], owner, rgb, layers.near4[index],
            layers.owner4[index], scratch, layers.rgb4[index], layers.ready[index],
        )  # fmt: skip

    return shade_part


def _make_plan_picture(stamp: int) -> Any:
    @nb.njit(cache=True, nogil=True, error_model="numpy")
    def plan_picture(layers: Layers, chosen: I32, nearest: I8, source: I8) -> None:
        """Tells what each pixel of a picture of the chosen parts is made from."""
        stamp  # noqa: B018
        mark_mixed(
            layers.nearness, layers.boxes, layers.bits, layers.before, layers.pixels, layers.counts,
            layers.near4, chosen, nearest, source,
        )  # fmt: skip

    return plan_picture


def _make_paste(stamp: int) -> Any:
    @nb.njit(cache=True, nogil=True, error_model="numpy")
    def paste(background: U8, dark: F32, chosen: I32, layers: Layers, source: I8, out: U8) -> None:
        """Lays the chosen parts over the darkened background."""
        stamp  # noqa: B018
        shade_background(background, dark, out)
        paste_centres(layers.rgb, source, out)
        paste_edges(
            layers.nearness, layers.rgb, layers.boxes, layers.bits, layers.before, layers.pixels,
            layers.counts, layers.near4, layers.rgb4, chosen, source, out,
        )  # fmt: skip

    return paste


_STAMP = _stamp()
draw_part = _make_draw_part(_STAMP)
light_part = _make_light_part(_STAMP)
shade_part = _make_shade_part(_STAMP)
plan_picture = _make_plan_picture(_STAMP)
paste = _make_paste(_STAMP)
