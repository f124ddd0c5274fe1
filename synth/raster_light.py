"""Light at points of a surface: smooth normals, ambient and directional light, a soft look of skin (numba).

Light is computed at the vertices (a hand has 778 on some 12,000 pixels) and interpolated. Colours are kept as
sRGB numbers and treated as a power law of 2.2, under which ``srgb(albedo * light)`` is
``srgb(albedo) * light ** (1 / 2.2)``: the product is linear light, and no pixel needs a table.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.synth.raster_scan import F32, F64, I32

U8 = npt.NDArray[np.uint8]

GAMMA = 2.2
# How far the light of each channel (R, G, B) bends around skin: red travels furthest below the surface.
WRAP = (0.32, 0.14, 0.08)

_ROOT = np.linspace(0.0, 2.0, 2049)
GAMMA_TABLE = (_ROOT ** (2.0 / GAMMA)).astype(np.float32)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def surface_points(vertices: F64, faces: I32, n_smooth: int, points: F32, normals: F32, corner: I32) -> None:
    """Finds where light is computed: at each vertex, and at the middle of each flat face.

    Args:
        vertices: (V, 3) camera frame [m].
        faces: (F, 3); those from ``n_smooth`` on (the cap of a wrist) are flat and bend no vertex normal.
        n_smooth: number of smooth faces.
        points: (V + F - n_smooth, 3) gives positions [m].
        normals: (V + F - n_smooth, 3) gives unit normals, area-weighted at vertices.
        corner: (V,) gives, for each vertex, 3 * face + corner of a smooth face that has it, or -1.
    """
    n_vertices = vertices.shape[0]
    for i in range(n_vertices):
        corner[i] = -1
        for k in range(3):
            points[i, k] = vertices[i, k]
            normals[i, k] = 0.0
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        if f >= n_smooth:
            row = n_vertices + f - n_smooth
            normals[row, 0], normals[row, 1], normals[row, 2] = nx, ny, nz
            for k in range(3):
                points[row, k] = (points[a, k] + points[b, k] + points[c, k]) / np.float32(3.0)
            continue
        for i in (a, b, c):
            normals[i, 0] += nx
            normals[i, 1] += ny
            normals[i, 2] += nz
        corner[a], corner[b], corner[c] = 3 * f, 3 * f + 1, 3 * f + 2
    tiny = np.float32(1e-30)
    for i in range(n_vertices + faces.shape[0] - n_smooth):
        x, y, z = normals[i, 0], normals[i, 1], normals[i, 2]
        scale = np.float32(1.0) / max(np.float32(math.sqrt(x * x + y * y + z * z)), tiny)
        normals[i, 0], normals[i, 1], normals[i, 2] = x * scale, y * scale, z * scale


@nb.njit(cache=True, nogil=True, error_model="numpy")
def light_points(
    points: F32, normals: F32, sh: F32, directions: F32, colors: F32, gloss: float, skin: bool, light: F32
) -> None:
    """Computes the light that reaches each point and goes on to the camera.

    Args:
        points: (N, 3) camera frame [m].
        normals: (N, 3) unit.
        sh: (9, 3) ambient light, see ``Lights``.
        directions: (L, 3) unit, towards the lights.
        colors: (L, 3) linear.
        gloss: strength of the highlight.
        skin: True lets light bend around the surface, red most.
        light: (N, 8) gives linear R, G, B without the first light; R, G, B of the first light alone; the
            highlight without the first light, and of the first light.
    """
    one, zero = np.float32(1.0), np.float32(0.0)
    for i in range(points.shape[0]):
        x, y, z = normals[i, 0], normals[i, 1], normals[i, 2]
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        inv = one / max(np.float32(math.sqrt(px * px + py * py + pz * pz)), np.float32(1e-12))
        vx, vy, vz = -px * inv, -py * inv, -pz * inv
        for c in range(3):
            flat = sh[0, c] + sh[1, c] * y + sh[2, c] * z + sh[3, c] * x + sh[4, c] * x * y + sh[5, c] * y * z
            bent = sh[6, c] * (np.float32(3.0) * z * z - one) + sh[7, c] * x * z + sh[8, c] * (x * x - y * y)
            light[i, c] = max(flat + bent, zero)
            light[i, 3 + c] = zero
        light[i, 6] = zero
        light[i, 7] = zero
        for j in range(directions.shape[0]):
            dx, dy, dz = directions[j, 0], directions[j, 1], directions[j, 2]
            facing = x * dx + y * dy + z * dz
            at = 3 if j == 0 else 0
            for c in range(3):
                lit = max(facing, zero)
                if skin:
                    # Light wraps around the terminator; value and slope meet the cosine at facing = wrap.
                    wrap = np.float32(WRAP[c])
                    if facing < wrap:
                        rest = max(facing + wrap, zero)
                        lit = rest * rest / (np.float32(4.0) * wrap)
                light[i, at + c] += colors[j, c] * lit
            if gloss > 0.0 and facing > zero:
                hx, hy, hz = dx + vx, dy + vy, dz + vz
                size = np.float32(math.sqrt(hx * hx + hy * hy + hz * hz))
                s = max((x * hx + y * hy + z * hz) / max(size, np.float32(1e-6)), zero)
                s = s * s
                s = s * s
                s = s * s
                s = s * s * min(facing * np.float32(4.0), one)
                light[i, 7 if j == 0 else 6] += np.float32(gloss) * s * colors[j, 1]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def to_gamma(linear: np.float32) -> np.float32:
    """Gives linear ** (1 / 2.2) of a light between 0 and 4."""
    at = np.float32(math.sqrt(min(max(linear, np.float32(0.0)), np.float32(3.99)))) * np.float32(1024.0)
    k = int(at)
    part = at - np.float32(k)
    return np.float32(GAMMA_TABLE[k] + (GAMMA_TABLE[k + 1] - GAMMA_TABLE[k]) * part)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def apply_shadow(light: F32, shadow: F32, strength: float, lit: F32) -> None:
    """Puts the light at each point together.

    Args:
        light: (N, 8) of ``light_points``.
        shadow: (N,) share of the first light kept away.
        strength: how much of it a full shadow takes.
        lit: (N, 4) gives R, G, B factors of sRGB numbers, and the highlight's share 0 to 1.
    """
    for i in range(light.shape[0]):
        kept = np.float32(1.0) - np.float32(strength) * shadow[i]
        for c in range(3):
            lit[i, c] = to_gamma(light[i, c] + light[i, 3 + c] * kept)
        shine = light[i, 6] + light[i, 7] * kept
        lit[i, 3] = shine if shine < np.float32(1.0) else np.float32(1.0)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def mark_stale(faces: I32, n_smooth: int, n_vertices: int, shadow: F32, used: F32, stale: U8) -> bool:
    """Marks the faces whose shadows differ from those that their colours were made with.

    Args:
        faces: (F, 3).
        n_smooth: faces from here on are flat.
        n_vertices: number of vertices V.
        shadow: (N,) wanted shadows at points.
        used: (N,) shadows that the colours were made with.
        stale: (F,) gives 1 for the faces to shade again.

    Returns:
        whether there are any.
    """
    count = 0
    for f in range(faces.shape[0]):
        if f >= n_smooth:
            i = n_vertices + f - n_smooth
            changed = shadow[i] != used[i]
        else:
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            changed = (shadow[a] != used[a]) | (shadow[b] != used[b]) | (shadow[c] != used[c])
        stale[f] = np.uint8(changed)
        count += changed
    return count > 0
