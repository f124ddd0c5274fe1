"""A scene's arrays as the kernels of ``raster`` take them."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from handbench.errors import HandbenchError
from handbench.synth.raster_scan import F32, F64, I32
from handbench.synth.scene import HandScene, Lights, Part

# Faces of MANO's mesh; those that follow close the wrist.
HAND_FACES = 1538

NO_TEXTURE: npt.NDArray[np.uint8] = np.full((2, 2, 3), 255, np.uint8)
NO_UV: npt.NDArray[np.float32] = np.zeros((0, 3, 2), np.float32)
NO_COLORS: npt.NDArray[np.uint8] = np.zeros((0, 3), np.uint8)

_Scalar = TypeVar("_Scalar", bound=np.generic)


class ReadOnlyCopies:
    """Writable copies of read-only arrays that come back with every scene (faces, texture coordinates).

    Numba would compile every kernel a second time for read-only arrays.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[npt.NDArray[Any], npt.NDArray[Any]]] = {}

    def get(self, array: npt.NDArray[Any], dtype: type[_Scalar]) -> npt.NDArray[_Scalar]:
        """Gives the array as contiguous, writable ``dtype``: itself where it is so already, else a copy."""
        if array.dtype == dtype and array.flags.c_contiguous and array.flags.writeable:
            return array
        base = array.base
        if array.flags.writeable or (isinstance(base, np.ndarray) and base.flags.writeable):
            return np.array(array, dtype, order="C")
        known = self._kept.get(id(array))
        if known is None or known[1].dtype != dtype:
            if len(self._kept) >= 16:
                self._kept.clear()
            known = (array, np.array(array, dtype, order="C"))
            self._kept[id(array)] = known
        return known[1]


class PartArrays:
    """One part's arrays, checked; ``smooth`` faces share vertex normals."""

    __slots__ = (
        "closed", "colors", "faces", "gloss", "name", "skin", "smooth", "texels", "texture", "uv",
        "vertices",
    )  # fmt: skip

    name: str
    vertices: F64
    faces: I32
    smooth: int
    closed: bool
    skin: bool
    gloss: float
    texture: npt.NDArray[np.uint8]
    texels: npt.NDArray[np.uint32]
    uv: F32
    colors: npt.NDArray[np.uint8]


def part_arrays(part: Part, copies: ReadOnlyCopies) -> PartArrays:
    """Checks a part and gives its arrays.

    Raises:
        HandbenchError: shapes that do not fit.
    """
    out = PartArrays()
    out.name, out.gloss = part.name, float(part.gloss)
    out.closed = part.is_hand
    out.skin = part.hand is not None
    out.vertices = _plain(part.vertices, np.float64)
    out.faces = copies.get(part.faces, np.int32)
    n = out.vertices.shape[0]
    if out.vertices.ndim != 2 or out.vertices.shape[1] != 3:
        raise HandbenchError(
            f"part {part.name!r}: vertices have shape {out.vertices.shape}", "expected (V, 3)"
        )
    if out.faces.ndim != 2 or out.faces.shape[1] != 3:
        raise HandbenchError(f"part {part.name!r}: faces have shape {out.faces.shape}", "expected (F, 3)")
    out.texture, out.uv, out.colors = NO_TEXTURE, NO_UV, NO_COLORS
    count = out.faces.shape[0]
    out.smooth = min(count, HAND_FACES) if part.is_hand else count
    if part.texture is not None and part.uv is not None:
        out.texture = copies.get(part.texture, np.uint8)
        out.uv = copies.get(part.uv, np.float32)
        if out.texture.ndim != 3 or out.texture.shape[2] != 3 or min(out.texture.shape[:2]) < 3:
            raise HandbenchError(
                f"part {part.name!r}: texture has shape {out.texture.shape}", "expected (S, S, 3) with S >= 3"
            )
        if out.uv.ndim != 3 or out.uv.shape[1:] != (3, 2) or not 0 < out.uv.shape[0] <= count:
            raise HandbenchError(
                f"part {part.name!r}: uv has shape {out.uv.shape}", f"expected (F, 3, 2), F at most {count}"
            )
        out.smooth = min(out.smooth, out.uv.shape[0])
    elif part.colors is not None:
        out.colors = copies.get(part.colors, np.uint8)
        if out.colors.shape != (n, 3):
            raise HandbenchError(
                f"part {part.name!r}: colors have shape {out.colors.shape}", f"expected ({n}, 3)"
            )
    else:
        raise HandbenchError(f"part {part.name!r} has no colour", "give texture and uv, or colors")
    out.texels = overlapping(out.texture)
    return out


def bad_index(name: str, vertices: int) -> HandbenchError:
    """Makes the error for faces that name vertices which do not exist."""
    return HandbenchError(f"part {name!r}: faces name vertices outside 0..{vertices - 1}", "check the mesh")


def not_finite(name: str) -> HandbenchError:
    """Makes the error for a part with NaN or infinity among its vertices."""
    return HandbenchError(f"part {name!r} has vertices that are not finite", "check its pose and shape")


def overlapping(texture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """Views a texture's bytes as little-endian groups of four, one from each byte on: one load a texel."""
    count = texture.size - 3
    return np.ndarray((count,), np.uint32, buffer=texture.data, strides=(1,))


def background_array(scene: HandScene) -> npt.NDArray[np.uint8]:
    """Gives the background as the kernels take it.

    Raises:
        HandbenchError: another shape or type than (h, w, 3) uint8.
    """
    w, h = scene.size
    picture = scene.background
    if picture.shape != (h, w, 3) or picture.dtype != np.uint8:
        raise HandbenchError(
            f"background is {picture.dtype} {picture.shape}", f"expected uint8 ({h}, {w}, 3) for this scene"
        )
    return _plain(picture, np.uint8)


def light_arrays(lights: Lights) -> tuple[F32, F32, F32]:
    """Gives (9, 3) ambient harmonics, (L, 3) directions and (L, 3) colours; a black light for none."""
    sh = np.zeros((9, 3), np.float32)
    if lights.sh is not None:
        sh[:] = lights.sh
    else:
        sh[0] = lights.ambient
    directions = np.array(lights.directions, np.float32).reshape(-1, 3)
    colors = np.array(lights.colors, np.float32).reshape(-1, 3)
    if directions.shape != colors.shape:
        raise HandbenchError(
            f"{len(directions)} light directions but {len(colors)} colours", "give one colour a light"
        )
    if not len(directions):
        return sh, np.array([[0.0, 0.0, -1.0]], np.float32), np.zeros((1, 3), np.float32)
    return sh, directions, colors


def light_basis(directions: F32) -> F32:
    """Gives rows a, b, d: d towards the first light, a x b = d, all unit."""
    x, y, z = directions[0].tolist()
    size = max(math.sqrt(x * x + y * y + z * z), 1e-12)
    x, y, z = x / size, y / size, z / size
    # b = d x u and a = b x d, where u is the axis x, or y where the light comes along x.
    bx, by, bz = (0.0, z, -y) if abs(x) < 0.7 else (-z, 0.0, x)
    size = math.sqrt(bx * bx + by * by + bz * bz)
    bx, by, bz = bx / size, by / size, bz / size
    a = (by * z - bz * y, bz * x - bx * z, bx * y - by * x)
    return np.array((a, (bx, by, bz), (x, y, z)), np.float32)


def _plain(array: npt.NDArray[Any], dtype: type[_Scalar]) -> npt.NDArray[_Scalar]:
    if array.dtype == dtype and array.flags.c_contiguous and array.flags.writeable:
        return array
    return np.array(array, dtype, order="C")
